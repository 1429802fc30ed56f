"""Places and pools: what the holders of a value are like, and what that makes of its worth."""

from __future__ import annotations

import numpy as np
import pytest

from linkage.engine import Facts, Model, resolve
from linkage.engine.classes import look_at_holders, separateness, weigh_classes
from linkage.engine.weigh import Weights
from tests.engine.conftest import accounts, clusters, day, observed

MODEL = Model.load()
HOLDERS = 12
SPAN = 180.0


def _weights(span: float = SPAN) -> Weights:
    return Weights.of(MODEL, ["device", "ip"], span)


def test_separateness_is_the_share_of_telling_things_that_nobody_else_has() -> None:
    subject, kind = np.array([0, 1, 0, 2], np.int32), np.array([0, 0, 1, 1], np.int32)
    private = np.array([1, 0, 0, 0], np.int32)
    share = separateness(subject, kind, private, _weights())
    # the first has one device of its own beside a shared one, the second only the shared one; an address tells nothing
    assert share[:2].tolist() == [0.5, 0.0]
    assert np.isnan(share[2])


def _worth(created: list[float], separate: list[float], span: float = SPAN) -> tuple[float, float]:
    """α and β of a device with these holders."""
    subject = np.arange(len(created), dtype=np.int32)
    value = np.zeros(len(created), np.int32)
    holders = look_at_holders(value, subject, 1, np.array(separate, np.float32), np.array(created, np.float32))
    values = weigh_classes(np.zeros(1, np.int32), holders, _weights(span))
    return float(values.alpha[0]), float(values.beta[0])


KNOWN = (_weights().alpha[0], _weights().beta[0])


def test_a_machine_of_people_with_machines_of_their_own_is_worth_less() -> None:
    assert _worth([0, 90], [0.9, 0.9])[0] < KNOWN[0] < _worth([0, 90], [0.0, 0.1])[0]


def test_sign_ups_over_months_fade_faster_and_those_of_one_day_slower() -> None:
    assert _worth([0, 60, 120, 180], [0.5] * 4)[1] > KNOWN[1] > _worth([50, 50.1, 50.2, 50.3], [0.5] * 4)[1]


@pytest.mark.parametrize(
    ("created", "separate", "span"),
    [([np.nan] * 3, [np.nan] * 3, SPAN), ([0, 60, 120], [0.5] * 3, 0.0), ([60, np.nan, np.nan], [0.5] * 3, SPAN)],
)
def test_what_is_not_known_shifts_nothing(created: list[float], separate: list[float], span: float) -> None:
    assert _worth(created, separate, span) == pytest.approx(KNOWN, rel=1e-5)


def _place(spread: float, own: bool) -> Facts:
    """People who share a machine, an address and a template, with or without things of their own; and a crowd."""
    rows: list[tuple[object, ...]] = []
    for n in range(HOLDERS):
        rows += [(f"p{n:02}", kind, f"shared {kind}", 0, 170) for kind in ("device", "ip", "prompt_template")]
        if own:
            rows += [(f"p{n:02}", kind, f"{kind} of {n}", 0, 170) for kind in ("device", "email", "phone")]
    people = [{"account_id": f"p{n:02}", "created_at": day(n * spread)} for n in range(HOLDERS)]
    crowd = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(180)]
    return Facts(observations=observed(rows), accounts=accounts([*people, *crowd]))


def test_people_of_one_place_with_lives_of_their_own_stay_apart() -> None:
    assert not clusters(resolve(_place(spread=14, own=True)))


def test_accounts_out_of_one_pool_are_one_actor_s() -> None:
    assert clusters(resolve(_place(spread=0.1, own=False))) == {frozenset(f"p{n:02}" for n in range(HOLDERS))}


def test_the_shift_is_told_with_its_reason() -> None:
    told = {row["kind"]: row for row in resolve(_place(spread=14, own=True)).identifiers.to_pylist()}
    assert told["device"]["class_bits"] < -1
    assert "holders signed up within" in told["device"]["class_reason"]
    assert "75 % of what they own is theirs alone" in told["device"]["class_reason"]
