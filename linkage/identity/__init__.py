"""Identity over time: random ids that clusters keep from one resolution to the next, and the record of the rest."""

from linkage.identity.carrying import carry_over
from linkage.identity.ids import random_id
from linkage.identity.lineage import successors
from linkage.identity.publishing import Published, assign

__all__ = ["Published", "assign", "carry_over", "random_id", "successors"]
