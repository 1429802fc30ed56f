"""Where each key of a TOML text stands, so that a fault can be told with line and column.

Python's own TOML reader gives values without places; the tree-sitter grammar gives places without values.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]
Place = tuple[int, int]


def places(text: str) -> dict[Path, Place]:
    """Line and column (from 1) of every key and element, by its path as pydantic writes it."""
    found = _Places(text.encode())
    found.document(Parser(Language(tree_sitter_toml.language())).parse(found.source).root_node)
    return found.by_path


def nearest(found: dict[Path, Place], path: Path) -> Place:
    """The place of a path, or of the nearest thing around it that stands in the text."""
    while path and path not in found:
        path = path[:-1]
    return found.get(path, (1, 1))


class _Places:
    def __init__(self, source: bytes) -> None:
        self.source = source
        self.lines = source.split(b"\n")
        self.by_path: dict[Path, Place] = {}
        self.counts: defaultdict[Path, int] = defaultdict(int)

    def document(self, root: Node) -> None:
        for node in root.named_children:
            if node.type == "pair":
                self.pair(node, ())
            elif node.type in {"table", "table_array_element"}:
                self.table(node)

    def table(self, node: Node) -> None:
        head, *pairs = [child for child in node.named_children if child.type != "comment"]
        path = self.resolved(self.keys(head))
        self.by_path.setdefault(path, self.place(head))
        if node.type == "table_array_element":
            path = (*path, self.counts[path])
            self.counts[path[:-1]] += 1
            self.by_path[path] = self.place(head)
        for pair in pairs:
            self.pair(pair, path)

    def resolved(self, keys: list[str]) -> Path:
        """A header's path with the number of the last element of each array of tables it goes through."""
        path: Path = ()
        for place, key in enumerate(keys):
            path = (*path, key)
            if place < len(keys) - 1 and self.counts[path]:
                path = (*path, self.counts[path] - 1)
        return path

    def pair(self, node: Node, path: Path) -> None:
        key, value = [child for child in node.named_children if child.type != "comment"][:2]
        for part in self.keys(key):
            path = (*path, part)
            self.by_path.setdefault(path, self.place(key))
        self.value(value, path)

    def value(self, node: Node, path: Path) -> None:
        if node.type == "inline_table":
            for child in node.named_children:
                if child.type == "pair":
                    self.pair(child, path)
        elif node.type == "array":
            for number, child in enumerate(child for child in node.named_children if child.type != "comment"):
                self.by_path[(*path, number)] = self.place(child)
                self.value(child, (*path, number))

    def keys(self, node: Node) -> list[str]:
        if node.type == "dotted_key":
            return [key for child in node.named_children for key in self.keys(child)]
        text = self.source[node.start_byte : node.end_byte].decode()
        return [next(iter(tomllib.loads(f"{text} = 0")))]

    def place(self, node: Node) -> Place:
        row, column = node.start_point.row, node.start_point.column
        return row + 1, len(self.lines[row][:column].decode()) + 1
