"""What an operator's reference files say of the shared values, and what that takes off their worth.

A class that somebody knows goes before a class that a pattern suggests, and it alone may move weights: what the
pattern shows of a value's holders is weighed already (`classes`), and must not count twice.
"""

from __future__ import annotations

import numpy as np

from linkage.engine.model import Model
from linkage.engine.reference import Reference
from linkage.engine.runner import Runner
from linkage.engine.tables import Flags, Values
from linkage.engine.weigh import Weights


def look_up(runner: Runner, reference: Reference | None) -> None:
    """Make `known_classes`: shared value, class, because; nothing where there are no reference files."""
    if reference is None:
        runner.table("known_classes", "SELECT 0 AS value, '' AS class, '' AS because WHERE false")
        return
    for name in ("networks", "systems", "domains", "identifiers"):
        runner.connection.register(f"reference_{name}", getattr(reference, name))
    runner.table("shared_addresses", shared_addresses())
    runner.table("known_classes", known_classes())


def shared_addresses() -> str:
    """Shared addresses as family and number (`address_ranges`); IPv6 values are canonical, and end in `::/64`."""
    four = [f"CAST(split_part(value, '.', {at}) AS UBIGINT) * {256 ** (4 - at)}" for at in range(1, 5)]
    group = "coalesce(TRY_CAST('0x' || nullif(split_part(value, ':', {at}), '') AS UBIGINT), 0)"
    six = [f"{group.format(at=at)} * {65536 ** (4 - at)}::UBIGINT" for at in range(1, 5)]
    return rf"""
        SELECT v AS value, 4 AS family, {" + ".join(four)} AS number FROM shared_values
        WHERE kind = 'ip' AND regexp_full_match(value, '\d{{1,3}}(\.\d{{1,3}}){{3}}')
        UNION ALL
        SELECT v, 6, {" + ".join(six)} FROM (
            SELECT v, replace(value, '::/64', ':') AS value FROM shared_values
            WHERE kind = 'ip' AND regexp_full_match(value, '[0-9a-f]+(:[0-9a-f]+){{0,3}}::/64'))"""


def known_classes() -> str:
    """By the most particular file that knows a value: single values, networks, autonomous systems, mail domains."""
    return f"""
        WITH said AS (
            SELECT s.v AS value, r.class, r.because, 0 AS place, 0 AS length
            FROM shared_values s JOIN reference_identifiers r USING (kind, value)
            UNION ALL ({_covered_by("networks")})
            UNION ALL ({_covered_by("systems")})
            UNION ALL
            SELECT s.v, r.class, r.because, 3, length(r.domain)
            FROM (
                SELECT v, unnest(list_transform(range(1, len(parts) + 1),
                                         lambda head: array_to_string(parts[head:], '.')))
                          AS domain
                FROM (SELECT v, string_split(value, '.') AS parts FROM shared_values
                      WHERE kind IN ('email_domain', 'domain'))) s
            JOIN reference_domains r USING (domain))
        SELECT value, class, because FROM said
        QUALIFY row_number() OVER (PARTITION BY value ORDER BY place, length DESC) = 1"""


def _covered_by(ranges: str) -> str:
    place = {"networks": 1, "systems": 2}[ranges]
    return f"""
        SELECT a.value, r.class, r.because, {place}, 0 FROM shared_addresses a
        ASOF JOIN reference_{ranges} r ON a.family = r.family AND a.number >= r.start WHERE r.class IS NOT NULL"""


def doubt_known(runner: Runner, values: Values, weights: Weights, model: Model) -> tuple[Values, Flags]:
    """The worth of the values after what the model takes off for known classes, and which values that concerns.

    A value of such a class is never worth more than its kind, whatever its holders are like. The fade is multiplied by
    ln(d − 1), d in clusters: a hub whose holders turn out to be one cluster regains what it lost by it.
    """
    rows = runner.arrays("SELECT value, class FROM known_classes")
    effect = {name: (one.doubt, one.fade) for name, one in model.classes.items() if one.doubt or one.fade}
    doubt, fade = np.zeros((2, len(values.kind)), np.float32)
    for name, (lost, faded) in effect.items():
        of_class = np.asarray(rows["value"])[np.asarray(rows["class"]) == name]
        doubt[of_class], fade[of_class] = lost, faded
    doubted = (doubt > 0) | (fade > 0)
    if not doubted.any():
        return values, doubted
    alpha, beta = weights.alpha[values.kind], weights.beta[values.kind]
    return (
        Values(
            values.kind,
            np.where(doubted, np.minimum(values.alpha, alpha) - doubt, values.alpha).astype(np.float32),
            np.where(doubted, np.maximum(values.beta, beta) + fade, values.beta).astype(np.float32),
        ),
        doubted,
    )
