"""Reads of the graph: one file a concern. Each function is one Cypher query for a whole batch of ids.

Texts stand as constants beside the functions that run them; labels, relationship types and orders come from
tables, everything a caller says is a parameter. `Reader` is the one runner: it bounds the time of a query, on the
server too, and turns the driver's errors into ours.
"""

from linkage.graph.reads.frame import Frame
from linkage.graph.reads.own import OwnReads
from linkage.graph.reads.page import Page, Place
from linkage.graph.reads.reader import Reader

__all__ = ["Frame", "OwnReads", "Page", "Place", "Reader"]
