"""Room on the disk: a Neo4j whose disk is full stops reading too, until it is restarted. What writes is refused before
it comes to that, and reads go on."""

from __future__ import annotations

import shutil
from pathlib import Path

from linkage.errors import StorageFull

#: Below this nothing more is taken (bytes): what is under way, the audit and Neo4j's own log still find room.
FLOOR = 512 * 2**20


def check_room(folder: Path) -> None:
    """Raise `StorageFull` where less than the floor is left beside the project's data."""
    free = shutil.disk_usage(folder).free
    if free < FLOOR:
        raise StorageFull(
            f"{folder} has {free // 2**20:,} MiB left; nothing is taken below {FLOOR // 2**20:,}",
            next_step="Make room on the disk; writes are taken again at once.",
        )
