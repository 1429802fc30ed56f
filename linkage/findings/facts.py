"""What is known of a cluster when its benign explanations are weighed: a small record, and the shares made of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredOrganisation:
    """An organisation that `members` of the cluster's accounts declare; `type` as the provider has it."""

    id: str
    members: int
    name: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class SharedKind:
    """What members share of one kind.

    `identifiers` are shared by two members or more and bring `bits` in all; `members` hold the most shared of them,
    which has so many holders in so many clusters, a sharing class, and was used by members within so many days.
    """

    kind: str
    identifiers: int
    bits: float
    members: int
    holders: int
    holder_clusters: int
    sharing_class: str | None = None
    days: float | None = None


@dataclass(frozen=True, slots=True)
class OwnKind:
    """Of `known` accounts with an identifier of the kind, `own` have one that nobody else ever used."""

    kind: str
    known: int
    own: int


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What is known of a cluster. Days are those within which four in five of its accounts signed up, and of all."""

    accounts: int
    organisations: tuple[DeclaredOrganisation, ...] = ()
    shared: tuple[SharedKind, ...] = ()
    own: tuple[OwnKind, ...] = ()
    sign_up_days: float | None = None
    sign_up_span: float | None = None

    @property
    def declared(self) -> float:
        """Share of the accounts that declare an organisation."""
        return self._share(sum(organisation.members for organisation in self.organisations))

    @property
    def largest_declared(self) -> float:
        """Share of the accounts that declare the commonest organisation."""
        return self._share(max((organisation.members for organisation in self.organisations), default=0))

    def declared_as(self, types: frozenset[str]) -> float:
        """Share of the accounts that declare an organisation of one of these types."""
        return self._share(sum(one.members for one in self.organisations if (one.type or "").lower() in types))

    def holding(self, kind: str) -> float:
        """Share of the accounts that hold the most shared identifier of a kind."""
        return self._share(max((one.members for one in self.shared if one.kind == kind), default=0))

    def pool(self, kind: str) -> int:
        """How many identifiers of a kind members share."""
        return sum(one.identifiers for one in self.shared if one.kind == kind)

    def classes(self, kind: str) -> frozenset[str]:
        """The sharing classes of the most shared identifiers of a kind."""
        return frozenset(one.sharing_class for one in self.shared if one.kind == kind and one.sharing_class)

    def bits_in(self, kinds: frozenset[str]) -> float | None:
        """Share of the evidence that these kinds bring; None where there is none."""
        total = sum(one.bits for one in self.shared)
        return sum(one.bits for one in self.shared if one.kind in kinds) / total if total > 0 else None

    def own_share(self, kind: str) -> float | None:
        """Share of the accounts with an identifier of the kind that have one to themselves; None: too few known."""
        known = sum(one.known for one in self.own if one.kind == kind)
        enough = known >= 2 and known >= 0.3 * self.accounts
        return sum(one.own for one in self.own if one.kind == kind) / known if enough else None

    @property
    def sign_up_share(self) -> float | None:
        """Days of the cluster's sign-ups as a share of those of all."""
        if self.sign_up_days is None or not self.sign_up_span:
            return None
        return min(self.sign_up_days / self.sign_up_span, 1.0)

    def _share(self, members: int) -> float:
        return min(members / self.accounts, 1.0) if self.accounts else 0.0
