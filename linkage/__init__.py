"""linkage finds clusters of accounts tied to a single actor."""

__version__ = "0.1.0"
