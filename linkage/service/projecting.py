"""Ledger → graph: catch up, rebuild, check. Each commit of the ledger reaches the graph exactly once."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from linkage.graph.projection import Projector
from linkage.ledger import Ledger, Snapshot, results
from linkage.ledger.tables import FACTS
from linkage.model.progress import Progress, silent
