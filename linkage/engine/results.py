"""The steps after the rounds: SQL text that turns labels and the dendrogram into the published tables."""

from __future__ import annotations

from collections.abc import Callable

from linkage.engine import places
from linkage.model.explanation import BEHAVIOUR, COVERAGE, DIFFERENCE, SIGN_UP, STANDING

#: Bits from which on what a value's holders are like is told.
TELLING_SHIFT = 0.5


def memberships() -> str:
    """Every subject with its cluster."""
    return """
        SELECT s.subject_type, s.subject_id, CAST(l.label AS BIGINT) AS label, CAST(l.size AS BIGINT) AS size,
               l.confidence
        FROM subjects s JOIN labels l USING (subject) ORDER BY s.subject"""


def merges() -> str:
    """The dendrogram; `evidence` a JSON list of the pieces, strongest first, then what counts besides."""
    return f"""
        WITH pieces AS (
            SELECT e.merge, sum(e.bits) AS bits,
                   list({{'kind': v.kind, 'value': v.value, 'bits': round(e.bits, 2),
                         'full_bits': round(e.full_bits, 2), 'holder_clusters': e.holders}}
                        ORDER BY e.bits DESC, v.v) AS evidence
            FROM merge_evidence e JOIN shared_values v ON v.v = e.value GROUP BY 1)
        SELECT CAST(ll.label AS BIGINT) AS label, CAST(m.round AS BIGINT) AS round,
               l.subject_type || ':' || l.subject_id AS "left", r.subject_type || ':' || r.subject_id AS "right",
               CAST(m.left_size AS BIGINT) AS left_size, CAST(m.right_size AS BIGINT) AS right_size,
               m.bits, m.posterior,
               CAST(CASE WHEN m.stated IS NOT NULL THEN to_json([{{'stated': m.stated}}])
                         ELSE to_json(list_concat(coalesce(p.evidence, []), list_filter([
                              {{'kind': '{SIGN_UP}', 'value': '', 'bits': round(m.sign_up, 2),
                               'full_bits': round(m.sign_up, 2), 'holder_clusters': 2}},
                              {{'kind': '{BEHAVIOUR}', 'value': '', 'bits': round(m.behaviour, 2),
                               'full_bits': round(m.behaviour, 2), 'holder_clusters': 2}},
                              {{'kind': '{COVERAGE}', 'value': '', 'bits': -round(m.uncovered, 2),
                               'full_bits': -round(m.uncovered, 2), 'holder_clusters': 2}},
                              {{'kind': '{DIFFERENCE}', 'value': '', 'bits': -round(m.differing, 2),
                               'full_bits': -round(m.differing, 2), 'holder_clusters': 2}},
                              {{'kind': '{STANDING}', 'value': '', 'bits': round(m.standing, 2),
                               'full_bits': round(m.standing, 2), 'holder_clusters': 2}}],
                              lambda piece: piece.bits <> 0))) END
                    AS VARCHAR) AS evidence
        FROM merge_list m JOIN subjects l ON l.subject = m.left JOIN subjects r ON r.subject = m.right
        JOIN labels ll ON ll.subject = m.left LEFT JOIN pieces p USING (merge)
        ORDER BY m.merge"""


def cluster_values() -> str:
    """Shared values inside each cluster of two or more, with the members that hold them."""
    return """
        SELECT l.label, h.value, count(*) AS members FROM holding_rows h JOIN labels l USING (subject)
        WHERE l.size > 1 GROUP BY ALL HAVING count(*) > 1"""


def evidence() -> str:
    """What holds each cluster together: each shared value with the bits it had at the merge it decided most."""
    return """
        WITH counted AS (
            SELECT l.label, e.value, max(e.bits) AS bits, max(e.full_bits) AS full_bits
            FROM merge_evidence e JOIN merge_list m USING (merge) JOIN labels l ON l.subject = m.left GROUP BY ALL)
        SELECT CAST(c.label AS BIGINT) AS label, v.kind, v.value, round(coalesce(e.bits, 0), 3) AS bits,
               round(coalesce(e.full_bits, 0), 3) AS full_bits, CAST(c.members AS BIGINT) AS members,
               CAST(v.holders AS BIGINT) AS holders, CAST(u.clusters AS BIGINT) AS holder_clusters,
               CASE WHEN e.value IS NULL AND u.clusters > 50
                        THEN '0 bits: ' || concat_ws(', ', p.called, format('{:,} holders in {:,} clusters', v.holders,
                                                                           u.clusters))
                    WHEN e.value IS NULL THEN 'shared, decided no merge'
                    WHEN e.bits < e.full_bits - 0.01
                        THEN 'counted ' || round(e.bits, 1) || ' of ' || round(e.full_bits, 1)
                             || ' bits: ' || CASE WHEN u.clusters > 1 THEN coalesce(p.called || ', ', '') ELSE '' END
                             || 'time between uses, size of the clusters, or other pieces of its family'
                    ELSE 'counted in full' END AS reason
        FROM cluster_values c JOIN shared_values v ON v.v = c.value JOIN uses u ON u.value = c.value
        JOIN value_places p ON p.value = c.value
        LEFT JOIN counted e ON e.label = c.label AND e.value = c.value
        ORDER BY c.label, bits DESC, v.v"""


def identifiers() -> str:
    """Shared identifiers with their holders, their sharing class and its reason, and what shifts their weight."""
    return f"""
        WITH shifted AS (
            SELECT v.v, v.kind, v.value, v.holders, u.clusters AS holder_clusters, p.sharing_class, p.because,
                   round((c.alpha_shift - c.beta_shift * ln(greatest(u.clusters - 1, 1))) / ln(2), 2)
                       AS class_bits,
                   concat_ws(', ',
                       CASE WHEN s.degree IS NOT NULL
                            THEN round(100 * s.degree)::BIGINT || ' % of their words agree' END,
                       CASE WHEN c.doubted THEN 'known as ' || p.called END,
                       CASE WHEN abs(c.beta_shift) > 0.01
                            THEN 'holders signed up within ' || ceil(2 * c.spread)::BIGINT || ' days' END,
                       CASE WHEN abs(c.alpha_shift) > 0.01
                            THEN round(100 * c.separate)::BIGINT || ' % of what they own is theirs alone' END
                   ) AS shift
            FROM shared_values v JOIN uses u ON u.value = v.v JOIN value_classes c ON c.value = v.v
            JOIN value_places p ON p.value = v.v
            LEFT JOIN similar_values s ON s.kind = v.kind AND s.value = v.value)
        SELECT kind, value, CAST(holders AS BIGINT) AS holders, CAST(holder_clusters AS BIGINT) AS holder_clusters,
               sharing_class, class_bits,
               concat_ws('; ', because,
                   CASE WHEN abs(class_bits) >= {TELLING_SHIFT} AND shift <> ''
                        THEN replace(format('{{:+.1f}}', class_bits), '-', '−') || ' bits: ' || shift END
               ) AS class_reason
        FROM shifted ORDER BY v"""


def weakest() -> str:
    """The merge with the least evidence of each cluster: what it would fall into without it."""
    return """
        WITH ranked AS (
            SELECT m.*, l.label, l.size FROM merge_list m JOIN labels l ON l.subject = m.left
            QUALIFY row_number() OVER (PARTITION BY l.label ORDER BY m.bits NULLS LAST, m.merge) = 1),
        pieces AS (
            SELECT e.merge, list({'kind': v.kind, 'value': v.value, 'bits': round(e.bits, 2)} ORDER BY e.bits DESC, v.v)
                   FILTER (e.bits > 0) AS identifiers
            FROM merge_evidence e JOIN ranked USING (merge) JOIN shared_values v ON v.v = e.value GROUP BY 1)
        SELECT CAST(r.label AS BIGINT) AS label,
               CAST(to_json({'bits': round(r.bits, 2), 'stated': r.stated, 'parts': [r.left_size, r.right_size],
                             'identifiers': coalesce(p.identifiers, [])}) AS VARCHAR) AS weakest
        FROM ranked r LEFT JOIN pieces p USING (merge) ORDER BY r.label"""


def published(make: Callable[[str, str], None]) -> list[tuple[str, str]]:
    """Make the tables that several results read; answers each result's name and query."""
    make("cluster_values", cluster_values())
    make("uses", places.uses())
    make("value_places", places.value_places())
    return [
        ("memberships", memberships()),
        ("evidence", evidence()),
        ("merges", merges()),
        ("identifiers", identifiers()),
        ("weakest", weakest()),
    ]
