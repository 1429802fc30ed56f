"""The server: one Starlette application, everything it holds opened and closed in its lifespan.

app          routes, middleware, lifespan
graphql      GraphQL over HTTP, SSE and WebSocket
records      POST /v1/…: facts in bulk
following    ledger → graph → links in the background, through every outage of Neo4j
health       /healthz, /readyz, /metrics
pages        GraphiQL and the way to it
doors        who may come in: hosts, keys, body sizes, security headers
entrance     what a connection shows of who calls: a key, a token, a session's cookie
session      signing in with a key, and out; provider_session: at an identity provider
signing_in   the ways to sign in that the settings open
answers      JSON answers and errors as HTTP
listening    the HTTP server around the application
"""
