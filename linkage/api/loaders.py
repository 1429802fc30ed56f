"""Loaders: whatever the fields of a page ask for one by one is read in one query for all of them.

A key is what a field asks for, arguments included; keys with the same arguments go into one query. So a page of
clusters with members and identifiers costs as many queries as the document has such fields, however long the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from strawberry.dataloader import DataLoader

from linkage.findings.hypotheses import Hypothesis
from linkage.graph.reads import Page, Reader, clusters, decisions, identifiers, subjects
from linkage.graph.reads.page import Slice
from linkage.ledger import Ledger
from linkage.model import Merge
from linkage.service import judging, past
from linkage.service.judging import WeakestCut

if TYPE_CHECKING:
    from linkage.api.work import Work

Row = Mapping[str, Any]
Key = tuple[str, str]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

NOTHING = Slice(rows=(), more=False, earlier=False)
#: So many ids in one query at most.
BATCH = 1_000


def _loader(load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], missing: V) -> DataLoader[K, V]:
    async def in_order(keys: list[K]) -> list[V]:
        found = await load(list(dict.fromkeys(keys)))
        return [found.get(key, missing) for key in keys]

    return DataLoader(load_fn=in_order, max_batch_size=BATCH)


def _grouped(load: Callable[..., Awaitable[Mapping[K, V]]], missing: V) -> DataLoader[tuple[Any, ...], V]:
    """A loader whose keys are (id, argument, …): one query for each distinct set of arguments."""

    async def in_order(keys: list[tuple[Any, ...]]) -> list[V]:
        groups: dict[tuple[Any, ...], dict[K, None]] = defaultdict(dict)
        for identity, *arguments in keys:
            groups[tuple(arguments)][identity] = None
        found = {arguments: await load(list(ids), *arguments) for arguments, ids in groups.items()}
        return [found[tuple(arguments)].get(identity, missing) for identity, *arguments in keys]

    return DataLoader(load_fn=in_order, max_batch_size=BATCH)


Merges = Callable[[Sequence[str]], Awaitable[Mapping[str, list[Merge]]]]


class PastLoaders:
    """The loaders of what held at a moment, with which every key ends: questions to the ledger's history."""

    def __init__(self, work: Work) -> None:
        async def clusters_then(ids: Sequence[str], moment: datetime) -> dict[str, Row]:
            return {**await work.past(lambda ledger: past.clusters(ledger, moment, ids))}

        async def subjects_then(keys: Sequence[Key], moment: datetime) -> dict[Key, Row]:
            found: dict[Key, Row] = {}
            for kind in sorted({kind for kind, _ in keys}):
                ids = [identity for of, identity in keys if of == kind]
                rows = await work.past(partial(past.subjects, moment=moment, type_name=kind, ids=ids))
                found |= {(kind, identity): row for identity, row in rows.items()}
            return found

        async def places_then(keys: Sequence[Key], moment: datetime) -> dict[Key, Row]:
            return {**await work.past(lambda ledger: past.places(ledger, moment, keys))}

        def of_cluster(
            question: Callable[[Ledger, datetime, str], list[Any]],
        ) -> DataLoader[tuple[Any, ...], list[Any]]:
            async def asked(ids: Sequence[str], moment: datetime) -> dict[str, list[Any]]:
                def ask(identity: str) -> Callable[[Ledger], list[Any]]:
                    return lambda ledger: question(ledger, moment, identity)

                return {identity: await work.past(ask(identity)) for identity in ids}

            return _grouped(asked, [])

        self.cluster: DataLoader[tuple[Any, ...], Row | None] = _grouped(clusters_then, None)
        self.members = of_cluster(past.members)
        self.evidence = of_cluster(past.evidence)
        self.merges = of_cluster(past.merges)
        self.lineage = of_cluster(past.lineage)
        self.successors = of_cluster(past.living)
        self._subject: DataLoader[tuple[Any, ...], Row | None] = _grouped(subjects_then, None)
        self._place: DataLoader[tuple[Any, ...], Row | None] = _grouped(places_then, None)

    async def subject(self, key: Key, moment: datetime) -> Row | None:
        """A subject with its attributes of then; None: nothing was known of it."""
        return await self._subject.load((key, moment))

    async def subjects(self, keys: Sequence[Key], moment: datetime) -> list[Row | None]:
        """The same for several."""
        return list(await self._subject.load_many([(key, moment) for key in keys]))

    async def place(self, key: Key, moment: datetime) -> Row | None:
        """Membership and cluster of a subject; None: it stood alone."""
        return await self._place.load((key, moment))


class Loaders:
    """The loaders of one operation; what was loaded once in it is not loaded again."""

    def __init__(self, reader: Reader, work: Work, merges: Merges) -> None:
        self.account: DataLoader[str, Row | None] = _loader(lambda ids: subjects.by_ids(reader, "Account", ids), None)
        self.organisation: DataLoader[str, Row | None] = _loader(
            lambda ids: subjects.by_ids(reader, "Organisation", ids), None
        )
        self.identifier: DataLoader[str, Row | None] = _loader(lambda ids: identifiers.by_ids(reader, ids), None)
        self.identifier_by_key: DataLoader[str, Row | None] = _loader(
            lambda keys: identifiers.by_keys(reader, keys), None
        )
        self.cluster: DataLoader[str, Row | None] = _loader(lambda ids: clusters.by_ids(reader, ids), None)
        self.successors: DataLoader[str, list[dict[str, Any]]] = _loader(
            lambda ids: clusters.successors(reader, ids), []
        )
        self.lineage: DataLoader[str, list[dict[str, Any]]] = _loader(lambda ids: clusters.lineage(reader, ids), [])
        self.cluster_of: DataLoader[Key, Row | None] = _loader(lambda keys: subjects.clusters_of(reader, keys), None)
        self.organisation_of: DataLoader[str, Row | None] = _loader(
            lambda ids: subjects.organisations_of(reader, ids), None
        )

        #: from the ledger: one question for all clusters of a page
        self.merges: DataLoader[str, list[Merge]] = _loader(merges, [])
        self.hypotheses: DataLoader[str, list[Hypothesis]] = _loader(lambda ids: judging.hypotheses_of(reader, ids), [])

        async def cuts(ids: Sequence[str]) -> dict[str, WeakestCut | None]:
            its = await self.merges.load_many(ids)
            return {**await judging.weakest_cuts(reader, dict(zip(ids, its, strict=True)))}

        self.weakest_cut: DataLoader[str, WeakestCut | None] = _loader(cuts, None)

        self.decision: DataLoader[str, Row | None] = _loader(lambda ids: decisions.by_ids(reader, ids), None)

        async def counts(ids: Sequence[str]) -> dict[str, bool]:
            return dict.fromkeys(await work.counting(ids), True)

        async def contradictions(ids: Sequence[str]) -> dict[str, list[str]]:
            return await work.contradictions()

        async def decided(ids: Sequence[str], side: str, limit: int) -> dict[str, list[str]]:
            return await decisions.members(reader, ids, side, limit)

        #: from the ledger
        self.counts: DataLoader[str, bool] = _loader(counts, False)
        self.contradictions: DataLoader[str, list[str]] = _loader(contradictions, [])
        self.decided: DataLoader[tuple[Any, ...], list[str]] = _grouped(decided, [])

        async def members(ids: Sequence[str], page: Page, type_name: str | None) -> dict[str, Slice]:
            return await clusters.members(reader, ids, page, type_name=type_name)

        async def evidence(ids: Sequence[str], page: Page, kinds: tuple[str, ...] | None) -> dict[str, Slice]:
            return await clusters.evidence(reader, ids, page, kinds=kinds)

        async def used(
            keys: Sequence[Key], page: Page, kinds: tuple[str, ...] | None, minimum: int
        ) -> dict[Key, Slice]:
            return await subjects.identifiers_of(reader, keys, page, kinds=kinds, minimum_holders=minimum)

        async def holders(ids: Sequence[str], page: Page) -> dict[str, Slice]:
            return await identifiers.holders(reader, ids, page)

        async def tied(ids: Sequence[str], limit: int) -> dict[str, list[dict[str, Any]]]:
            return await identifiers.clusters(reader, ids, limit)

        async def accounts(ids: Sequence[str], page: Page) -> dict[str, Slice]:
            return await subjects.members_of_organisations(reader, ids, page)

        self.members = _grouped(members, NOTHING)
        self.evidence = _grouped(evidence, NOTHING)
        self.identifiers_of = _grouped(used, NOTHING)
        self.holders = _grouped(holders, NOTHING)
        self.clusters_of_identifier: DataLoader[tuple[Any, ...], list[dict[str, Any]]] = _grouped(tied, [])
        self.accounts_of_organisation = _grouped(accounts, NOTHING)

    def of_type(self, type_name: str) -> DataLoader[str, Row | None] | None:
        """The loader of the nodes of a type, by the id within it; None where the type has none."""
        return {
            "Account": self.account,
            "Organisation": self.organisation,
            "Identifier": self.identifier,
            "Cluster": self.cluster,
            "Decision": self.decision,
        }.get(type_name)
