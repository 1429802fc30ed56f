"""Normalisation: one value type a file, one contract (`kind.Kind`), one table of kinds (`kinds.KINDS`)."""

from linkage.normalise.kind import Cards, Context, Kind, Strength
from linkage.normalise.kinds import KINDS, canonical_name, kind_of

#: Counts up whenever a rule changes what it makes of a value, so that files loaded before can be loaded again.
VERSION = 1

__all__ = ["KINDS", "VERSION", "Cards", "Context", "Kind", "Strength", "canonical_name", "kind_of"]
