"""The audit: who asked what, why, and what came back. Kept beside the ledger, never in the graph.

record    what is written down of one operation
chain     how records hold each other: HMACs, each over the one before
log       files of records that only grow, and the head that says how far they go
reading   records, oldest or newest first
writing   many callers, one write: what waits while the disk is busy goes into the next write together
checking  finds what was changed, removed, reordered, inserted or cut
"""
