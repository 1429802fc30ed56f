"""The graph: a projection of the ledger in Neo4j. It holds nothing that cannot be made again from the ledger.

kinds        what stands in the graph, declared once: labels, properties, keys, indexes
schema       constraints and indexes derived from the kinds
connection   where Neo4j is, and how our errors name what is wrong with it
local        a Neo4j of our own as a child process, for machines without one
jars         its jars, fetched once into the user's cache
projection   ledger versions → graph, exactly once
checksums    whether the graph says what the ledger says
reads/       questions to the graph, one file a concern
"""
