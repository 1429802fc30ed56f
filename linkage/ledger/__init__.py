"""The ledger: what was said, decided and published, append-only, on disk."""
