"""Compile the engine's kernels once and keep them: `python -m linkage.engine.compiled`, said by `make install`.

Numba compiles a kernel when it is first called with arrays of some type, some 15 s in all, and keeps the machine code
beside the source. Done at installation, nobody waits for it in their first resolution. A minute made-up resolution
reaches every kernel with the very types that real facts have, so that no list of signatures can fall behind; a made-up
newcomer does the same for links between resolutions.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from linkage.engine.decisions import decide_among
from linkage.engine.facts import Facts
from linkage.engine.model import Model
from linkage.engine.online import Fellow, Group, Newcomer, Outcome, Period, Surroundings, Used, link
from linkage.engine.replay import Held, name_by_holders, replay, take_out_withdrawn
from linkage.engine.resolve import Resolution, resolve

START = datetime(2026, 1, 1, tzinfo=UTC)


def warm_up() -> Resolution:
    """Resolve three accounts of one actor, and one that a decision keeps apart; replay a merge as decisions do."""
    ids = ["a", "b", "c", "d"]
    held = [
        *((subject, kind, f"{kind}-1") for subject in ("a", "b", "c") for kind in ("email", "phone", "ip")),
        *((subject, "device", "device-1") for subject in ("b", "c", "d")),
    ]
    observations = pa.table(
        {
            "subject_type": ["account"] * len(held),
            "subject_id": [subject for subject, _, _ in held],
            "kind": [kind for _, kind, _ in held],
            "value": [value for _, _, value in held],
            "first_seen": [START] * len(held),
            "last_seen": [START + timedelta(days=1)] * len(held),
        }
    )
    accounts = pa.table(
        {
            "account_id": ids,
            "created_at": [START + timedelta(days=10 * number) for number in range(len(ids))],
            "organisation_id": pa.nulls(len(ids), pa.string()),
        }
    )
    usage = pa.table({"account_id": ids, "window_start": [START] * len(ids)})
    decisions = pa.table({"left": ["c"], "right": ["d"], "judgement": ["different"], "decided_at": [START]})
    facts = Facts(observations=observations, accounts=accounts, usage=usage, decisions=decisions)
    alone = np.array([0], np.int32), np.array([1], np.int32)
    both = np.array([0, 2]), np.array([0, 1], np.int32)
    rests = Held(np.array([0, 1]), np.zeros(1, np.int32), np.zeros(1), *both, np.zeros(1, np.bool_))
    decided, no_bits = decide_among(None, decisions)[0], np.zeros(1)
    named = name_by_holders(*alone, no_bits, 0.0, rests, decided, 2)
    take_out_withdrawn(*named, no_bits, 0.0, rests, 2)
    replay(2, decided, *named)
    return resolve(facts, threads=1)


def warm_up_links() -> Outcome:
    """Link a newcomer to the cluster that it shares all with; another, opened much later, shares little with any."""
    period = Period(1.0, 2.0)

    def fellows(cluster: str, count: int) -> tuple[Fellow, ...]:
        return tuple(Fellow(f"account:{cluster}-{number}", cluster, 1.0, period) for number in range(count))

    near, far = fellows("near", 4), fellows("far", 1)
    uses = tuple(Used(kind, "x", period, 2, None, near) for kind in ("email", "phone", "device"))
    crowded = Used("ip", "x", period, 3, 0.0, (), {"near": 2})
    newcomers = (
        Newcomer("account:new", None, 1.0, 0, (*uses, crowded)),
        Newcomer("account:other", None, 60.0, 1, (Used("device", "y", period, 3, 0.0, (*near[:2], *far)),)),
    )
    groups = {"near": Group(4, 1.0, 1.0), "far": Group(3, 9.0, 1.0)}
    return link(Surroundings(newcomers, groups, sign_up_span=100.0, apart={"account:new": {"far"}}), Model.load())


if __name__ == "__main__":
    warm_up()
    warm_up_links()
