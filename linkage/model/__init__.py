"""The nouns of the field: frozen, slotted, valid once built. Standard library only.

Bulk data travels as Arrow tables (`linkage.ledger.tables` has their columns); these objects are for single
things: what an investigator asks about, what a person decided, what a row was rejected for.
"""

from linkage.model.band import BANDS, Band, Costs
from linkage.model.decision import Decision, End, Judgement
from linkage.model.explanation import Evidence, Explanation
from linkage.model.identifier import Identifier
from linkage.model.merge import Merge, MergePiece
from linkage.model.publication import PublicationKind, ReviewState
from linkage.model.rejection import Rejection
from linkage.model.sharing_class import SharingClass
from linkage.model.subject import Subject, SubjectType

__all__ = [
    "BANDS",
    "Band",
    "Costs",
    "Decision",
    "End",
    "Evidence",
    "Explanation",
    "Identifier",
    "Judgement",
    "Merge",
    "MergePiece",
    "PublicationKind",
    "Rejection",
    "ReviewState",
    "SharingClass",
    "Subject",
    "SubjectType",
]
