"""Print the schema: `python -m linkage.api.export > schema/schema.graphql`."""

from __future__ import annotations

from linkage.api.schema import build_schema


def sdl() -> str:
    """The schema in the schema definition language, as published in `schema/schema.graphql`."""
    return build_schema().as_str() + "\n"


if __name__ == "__main__":
    print(sdl(), end="")
