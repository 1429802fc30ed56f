"""The GraphQL API: code-first strawberry types, Relay ids and connections, guarded and masked.

limits, guard      what a document may cost, decided before anything runs
ids, connections   global ids, keyset cursors, pages
errors             the one place where an error becomes a GraphQL error
context, loaders   what a request holds; batches, so that a page costs a fixed number of Cypher queries
types/             one file a noun
queries, mutations, subscriptions, schema, export
"""
