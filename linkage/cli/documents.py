"""`linkage documents`: the list of operations that programs may send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("documents")(documents)


def documents(
    path: Annotated[Path, typer.Argument(help="Folder of .graphql files, or a list that this command wrote.")],
    out: Annotated[Path | None, typer.Option(help="Write the list, texts by id, as JSON.")] = None,
) -> None:
    """List trusted documents with their ids, and check that this version can run them.

    An id is the SHA-256 of a document's text. LINKAGE_TRUSTED_DOCUMENTS names the folder, or the list written here:
    then keys with the role service may send these and nothing else.

    Examples:

      linkage documents web/investigations

      linkage documents web/investigations --out trusted.json

      LINKAGE_TRUSTED_DOCUMENTS=trusted.json linkage serve
    """
    import json

    from linkage.api.documents import read_documents
    from linkage.api.limits import Limits
    from linkage.api.schema import build_schema

    found = read_documents(path, build_schema()._schema, Limits())
    if out is not None:
        out.write_text(json.dumps(dict(found.texts), indent=1) + "\n", encoding="utf-8")
    for identity, text in found.texts.items():
        typer.echo(f"{identity}  {' '.join(text.split())[:80]}")
