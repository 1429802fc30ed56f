"""Who calls, and what they may do.

roles     what a caller is to the service
caller    a caller whose identity is proven
keys      API keys: made, checked, revoked, rotated; kept beside the ledger
admission a request's credentials → a caller; the one place where another way to prove who one is comes in
provider  an identity provider on the network: where it is, which keys it signs with
tokens    its tokens, checked
identities  its claims → a caller
sessions  browsers that are signed in
table     role × (field, argument, mutation, subscription, endpoint) → allow, mask, deny
"""
