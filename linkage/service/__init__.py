"""The flows: each joins the stages for one job. The stages do not know each other; they meet here.

    loading     files → ledger
    recording   rows of an API call → ledger
    projecting  ledger → graph: catch up, rebuild, check
    resolving   ledger → engine → identity → ledger, then projected like everything else
    filing      files → engine → files, without a server
    explaining  graph → engine: why two subjects are linked, or not
    judging     graph, ledger → how a cluster came to be, what it would fall into, what else could stand behind it
    rejecting   rejected rows: list, replay

`Service` holds the parts that the flows need, opened and closed together.
"""

from linkage.service.service import Service

__all__ = ["Service"]
