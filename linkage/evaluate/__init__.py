"""How well clusters match the truth: pairwise, B-cubed, rings, bystanders, calibration, bands."""

from linkage.evaluate.measures import evaluate
from linkage.evaluate.partition import actors_of
from linkage.evaluate.report import Bands, BandShare, Bin, Calibration, Estimate, Group, Report, Scores
from linkage.evaluate.tables import read_table

__all__ = [
    "BandShare",
    "Bands",
    "Bin",
    "Calibration",
    "Estimate",
    "Group",
    "Report",
    "Scores",
    "actors_of",
    "evaluate",
    "read_table",
]
