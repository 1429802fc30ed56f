"""What makes published rows hold: one row in `publications`, written last."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from linkage.ledger import Ledger
from linkage.ledger.tables import PUBLICATIONS
from linkage.model import PublicationKind


def publish(ledger: Ledger, publication_id: str, kind: PublicationKind) -> None:
    """Let the rows that were appended under that id hold from now on."""
    row = {"publication_id": publication_id, "kind": kind.value, "at": datetime.now(UTC)}
    # Only a resolution is published again, where whoever approved it was cut off.
    batch_id = publication_id if kind is PublicationKind.RESOLUTION else None
    ledger.append("publications", pa.Table.from_pylist([row], schema=PUBLICATIONS.schema), batch_id=batch_id)
