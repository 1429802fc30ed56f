"""Trusted documents: the operations that programs may send, known before they do, each by the SHA-256 of its text.

Hiding a schema keeps nobody from it; a list of what may be asked does. Where there is such a list, callers with the
role `service` send what stands in it, by its id or as the same text, and nothing else. People ask what they like, and
are bound by what it costs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from linkage.access.caller import Caller
from linkage.access.roles import Role
from linkage.api.guard import Refused, price
from linkage.api.limits import Limits
from linkage.errors import BadSettings, Forbidden, LinkageError, UnknownDocument

#: Roles that the list binds.
BOUND = frozenset({Role.SERVICE})
#: Stands for a document whose id is in no list; whoever sends it is told so.
UNKNOWN = "query PersistedQueryNotFound { __typename }"


def document_id(text: str) -> str:
    """The id of a document: the SHA-256 of its text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """Texts by id; `listed`: there is a list, which may be empty."""

    texts: Mapping[str, str] = field(default_factory=dict)
    listed: bool = True

    @classmethod
    def of(cls, texts: Iterable[str]) -> TrustedDocuments:
        """A list of these."""
        return cls({document_id(text): text for text in texts})

    def text(self, identity: str) -> str:
        """The text that an id names; where it names none, one that is refused as unknown."""
        return self.texts.get(identity.lower().removeprefix("sha256:"), UNKNOWN)

    def fault(self, caller: Caller, text: str | None) -> LinkageError | None:
        """Why a caller may not send a document; None: it may."""
        if text == UNKNOWN:
            return UnknownDocument(
                "no trusted document has that id", next_step="Send the text, or have its operator list it."
            )
        if self.listed and caller.role in BOUND and document_id(text or "") not in self.texts:
            return Forbidden(
                f"the role {caller.role} sends trusted documents only, and this is none",
                next_step="Have the operator list it (LINKAGE_TRUSTED_DOCUMENTS), or use a person's key.",
            )
        return None


#: No list: nobody is bound by one.
NONE = TrustedDocuments(listed=False)


def named_document(given: Mapping[str, Any]) -> str | None:
    """The id of a document that a request names, as GraphQL over HTTP or as Apollo writes it; None: it names none."""
    identity = given.get("documentId")
    if identity is None:
        extensions = given.get("extensions")
        persisted = extensions.get("persistedQuery") if isinstance(extensions, Mapping) else None
        identity = persisted.get("sha256Hash") if isinstance(persisted, Mapping) else None
    return identity if isinstance(identity, str) else None


def read_documents(path: Path, schema: GraphQLSchema, limits: Limits) -> TrustedDocuments:
    """Read a folder of `.graphql` files, or a JSON file of texts by id (as `linkage documents` writes it).

    Raises `BadSettings` with everything that is wrong with it.
    """
    texts: dict[str, str] = {}
    faults: list[str] = []
    try:
        for name, text in _found(path):
            texts[name] = text
            faults += [f"{name}: {fault}" for fault in _faults(text, schema, limits)]
            if path.is_file() and name != document_id(text):
                faults.append(f"{name}: the SHA-256 of its text is {document_id(text)}")
    except (OSError, ValueError) as error:
        raise BadSettings(
            f"{path} is no list of trusted documents: {error}",
            next_step="Name a folder of .graphql files, or what `linkage documents FOLDER --out FILE` wrote.",
        ) from error
    if faults:
        raise BadSettings(
            f"trusted documents in {path} cannot be run", details=faults, next_step="Mend them, or leave them out."
        )
    return TrustedDocuments.of(texts.values())


def _found(path: Path) -> Iterator[tuple[str, str]]:
    """Names and texts: of files, or of members of the one file."""
    if path.is_dir():
        for file in sorted(path.rglob("*.graphql")):
            yield str(file.relative_to(path)), file.read_text(encoding="utf-8")
        return
    listed = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(listed, dict) or not all(isinstance(text, str) for text in listed.values()):
        raise ValueError("it holds no JSON object of texts")
    yield from listed.items()


def _faults(text: str, schema: GraphQLSchema, limits: Limits) -> list[str]:
    try:
        document = parse(text, max_tokens=limits.tokens)
        if not any(isinstance(part, OperationDefinitionNode) for part in document.definitions):
            return ["it has no operation"]
        price(schema, document, {}, limits)
    except GraphQLError as error:
        return [error.message]
    except Refused as refused:
        return [str(refused)]
    return [error.message for error in validate(schema, document)]
