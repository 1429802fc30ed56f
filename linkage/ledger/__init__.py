"""The ledger: what was said, decided and published, append-only, on disk."""

from linkage.ledger.ledger import Appended, Change, Commit, Ledger, Part
from linkage.ledger.snapshot import Snapshot

__all__ = ["Appended", "Change", "Commit", "Ledger", "Part", "Snapshot"]
