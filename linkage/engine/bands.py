"""How many members of clusters are to be acted on, looked at and left alone, under a model's costs."""

from __future__ import annotations

import numpy as np

from linkage.engine.tables import Bits
from linkage.model.band import BANDS, Costs


def count_bands(confidence: Bits, costs: Costs) -> dict[str, int]:
    """How many of these confidences fall into each band, the surest band first."""
    places = np.searchsorted(costs.edges, confidence, side="right")
    counts = np.bincount(places, minlength=len(BANDS))
    return {band.value: int(counts[place]) for place, band in reversed(list(enumerate(BANDS)))}
