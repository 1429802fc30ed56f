"""Role × field → allow, mask, deny. What has no row is denied.

A row is named `Type.field`, or `Type` for all fields of a type that have none of their own; `Type.field(argument)` for
an argument that not everybody who may ask for the field may switch on; `METHOD /path` for an endpoint. The three roots
have no row for all their fields: each has its own, so that nothing new is open by oversight. Arguments without a row
are their field's. A field of an interface is as open as it is on every type behind it.

`mask`: the field answers with what its kind shows to everybody. Where it has the argument `reveal`, those who may
switch that on, for a purpose, are shown the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from linkage.access.roles import ADMINS, DECIDERS, EVERYONE, REVEALERS, SENDERS, Role


class Action(StrEnum):
    """What becomes of a question."""

    ALLOW = "allow"
    MASK = "mask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may, and for whom it is masked; `accounted`: it is written into the audit whatever it answers with."""

    allow: frozenset[Role] = frozenset()
    mask: frozenset[Role] = frozenset()
    accounted: bool = False

    def action(self, role: Role) -> Action:
        """What becomes of it for a role."""
        if role in self.allow:
            return Action.ALLOW
        return Action.MASK if role in self.mask else Action.DENY


NOBODY = Rule()
ALL = Rule(EVERYONE)
READERS = Rule(EVERYONE - {Role.SERVICE})
REVEALING = Rule(REVEALERS)
#: Masked for everybody; shown whole to those who may switch `reveal` on.
MASKED = Rule(mask=EVERYONE)
#: What people wrote in their own words, which may quote anything.
PROSE = Rule(allow=REVEALERS, mask=EVERYONE - REVEALERS)
SENDING = Rule(SENDERS)
DECIDING = Rule(DECIDERS, accounted=True)
ADMINISTERING = Rule(ADMINS, accounted=True)

_ROOTS: dict[str, Rule] = {
    "Query.node": ALL,
    "Query.account": ALL,
    "Query.organisation": ALL,
    "Query.identifier": ALL,
    "Query.cluster": ALL,
    "Query.clusters": ALL,
    "Query.accounts": READERS,
    "Query.clusterChanges": ALL,
    "Query.resolutions": ALL,
    "Query.resolution": ALL,
    "Query.decisions": READERS,
    "Query.decision": READERS,
    # Whole names and values only, for those who may not have values shown: parts would let them be guessed.
    "Query.search": Rule(allow=REVEALERS, mask=frozenset({Role.VIEWER})),
    "Query.why": READERS,
    "Query.whyNot": READERS,
    "Query.path": READERS,
    "Query.neighbourhood": READERS,
    "Query.bands": ALL,
    "Query.statistics": ALL,
    # Previews weigh what could be: they are for those who look into a case.
    "Query.previewDecision": REVEALING,
    "Query.previewRetraction": REVEALING,
    "Query.previewUndo": REVEALING,
    "Query.previewWithdrawal": REVEALING,
    "Query.previewErasure": ADMINISTERING,
    "Query.audit": ADMINISTERING,
    "Query.apiKeys": ADMINISTERING,
    # Programs know what they ask for: the schema is published beside the code.
    "Query.__schema": READERS,
    "Query.__type": READERS,
    "Mutation.recordObservations": SENDING,
    "Mutation.recordUsage": SENDING,
    "Mutation.recordAccounts": SENDING,
    "Mutation.decide": DECIDING,
    "Mutation.decideMany": DECIDING,
    "Mutation.retractDecision": DECIDING,
    "Mutation.undoMerge": DECIDING,
    "Mutation.withdrawObservations": DECIDING,
    "Mutation.reinstateObservations": DECIDING,
    "Mutation.startResolution": DECIDING,
    "Mutation.approveResolution": DECIDING,
    "Mutation.refuseResolution": DECIDING,
    "Mutation.requestErasure": ADMINISTERING,
    "Mutation.createApiKey": ADMINISTERING,
    "Mutation.rotateApiKey": ADMINISTERING,
    "Mutation.revokeApiKey": ADMINISTERING,
    "Subscription.clusterChanged": ALL,
    "Subscription.resolutionProgress": ALL,
}

#: Types all of whose fields are open, but for those named below.
_OPEN_TYPES = (
    "Account",
    "AccountConnection",
    "AccountEdge",
    "Bands",
    "ChainStep",
    "ChangeEvidence",
    "ChangedCluster",
    "Cluster",
    "ClusterBridge",
    "ClusterChange",
    "ClusterChangeConnection",
    "ClusterChangeEdge",
    "ClusterConnection",
    "ClusterEdge",
    "ClusterEvidence",
    "Decision",
    "DecisionConnection",
    "DecisionEdge",
    "DecisionEffect",
    "DecisionEnd",
    "EventCount",
    "Explanation",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "HolderConnection",
    "HolderEdge",
    "Hypothesis",
    "HypothesisFinding",
    "Identifier",
    "KindStatistics",
    "Lineage",
    "LinkedCluster",
    "MemberConnection",
    "MemberEdge",
    "Membership",
    "Merge",
    "MergeConnection",
    "MergeEdge",
    "MergeEvidence",
    "Organisation",
    "PageInfo",
    "PairEvidence",
    "Path",
    "RecordResult",
    "RejectedRow",
    "Resolution",
    "ResolutionConnection",
    "ResolutionEdge",
    "ResolutionReport",
    "Review",
    "SearchConnection",
    "SearchEdge",
    "SharedIdentifierConnection",
    "SharedIdentifierEdge",
    "StatedDecision",
    "Statistics",
    "Succession",
    "TouchedCluster",
    "Usage",
    "UsageOverTime",
    "UsedIdentifierConnection",
    "UsedIdentifierEdge",
    "WeakestCut",
    "WeakestLink",
    "WithdrawalEffect",
)

#: What only admins come to see.
_ADMIN_TYPES = (
    "ApiKey",
    "AuditConnection",
    "AuditEdge",
    "AuditRecord",
    "ErasedRows",
    "ErasureEffect",
    "IssuedKey",
)

_FIELDS: dict[str, Rule] = {
    "Identifier.value": MASKED,
    "Identifier.value(reveal)": REVEALING,
    "Account.label": MASKED,
    "Account.displayName": MASKED,
    "Account.displayName(reveal)": REVEALING,
    "Account.attributes": MASKED,
    "Account.attributes(reveal)": REVEALING,
    "Organisation.label": MASKED,
    "Organisation.name": MASKED,
    "Organisation.name(reveal)": REVEALING,
    "Organisation.registrationNumber": MASKED,
    "Organisation.registrationNumber(reveal)": REVEALING,
    "Organisation.attributes": MASKED,
    "Organisation.attributes(reveal)": REVEALING,
    "GraphNode.label": MASKED,
    "Decision.reason": PROSE,
    "Decision.retraction": PROSE,
    "Resolution.reviewReason": PROSE,
}

_ENDPOINTS: dict[str, Rule] = {
    "POST /graphql": ALL,
    "GET /graphql": ALL,
    "WEBSOCKET /graphql": ALL,
    "POST /v1/{record}": SENDING,
    "GET /metrics": ALL,
}

#: Endpoints that need no caller: they hold no data, or are where one becomes a caller.
OPEN_ENDPOINTS = frozenset(
    {
        "GET /",
        "GET /healthz",
        "GET /readyz",
        "GET /static",
        "GET /session",
        "POST /session",
        "DELETE /session",
        "GET /session/provider",
        "GET /session/callback",
    }
)

TABLE: dict[str, Rule] = {
    **_ROOTS,
    **dict.fromkeys(_OPEN_TYPES, ALL),
    **dict.fromkeys(_ADMIN_TYPES, Rule(ADMINS)),
    **_FIELDS,
    **_ENDPOINTS,
}


def rule_of(row: str) -> Rule:
    """The rule of `Type.field`, `Type.field(argument)` or `METHOD /path`."""
    found = TABLE.get(row)
    if found is not None:
        return found
    if row.endswith(")"):
        return rule_of(row.partition("(")[0])
    return TABLE.get(row.partition(".")[0], NOBODY)


def action_of(role: Role, row: str) -> Action:
    """What becomes of a question for a role."""
    return rule_of(row).action(role)


def roles_for(*rows: str) -> str:
    """Who may ask for all of that, masked or not: `analyst or admin`; empty: nobody."""
    able = [role for role in Role if all(action_of(role, row) is not Action.DENY for row in rows)]
    return " or ".join(filter(None, (", ".join(able[:-1]), *able[-1:])))
