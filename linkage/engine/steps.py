"""The steps before and after the rounds: each a function that returns SQL text for one named table.

Facts → `subjects`, `holdings`, `shared_values` (the input of the rounds); labels and dendrogram → results.
"""

from __future__ import annotations

from linkage.engine.model import Model

#: What an organisation (`f` of the facts) says it is.
ORGANISATION_TYPE = "lower(coalesce(f.attributes->>'$.kind', f.attributes->>'$.type', f.attributes->>'$.category', ''))"


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values) or "NULL"


def subject_ids() -> str:
    """Every subject that any fact names."""
    return """
        SELECT DISTINCT subject_type, subject_id FROM (
            SELECT 'account' AS subject_type, account_id AS subject_id FROM accounts
            UNION ALL SELECT 'organisation', organisation_id FROM accounts
            UNION ALL SELECT 'organisation', organisation_id FROM organisations
            UNION ALL SELECT subject_type, subject_id FROM observations
            UNION ALL SELECT DISTINCT 'account', account_id FROM usage
            UNION ALL SELECT subject_type, subject_id FROM decided_subjects
        ) WHERE subject_id IS NOT NULL AND subject_id <> ''"""


#: What both sides of a decision are called, `side` 0 and 1.
SIDES = ("left", "right")


def _named(side: str) -> str:
    """A side of a decision as `account:ID`, `organisation:ID`, or the name of a group; a bare id is an account's."""
    whole = f"{side}_members IS NOT NULL OR \"{side}\" LIKE 'organisation:_%' OR \"{side}\" LIKE 'account:_%'"
    return f'CASE WHEN {whole} THEN "{side}" ELSE \'account:\' || "{side}" END'


def _subjects_of(side: str) -> str:
    """The subjects that a side of a decision stands for, a row each."""
    return f"unnest(coalesce(from_json({side}_members, '[\"VARCHAR\"]'), [{_named(side)}]))"


def _taken_apart(text: str) -> str:
    """`type:id` as two columns."""
    return f"split_part({text}, ':', 1) AS subject_type, substr({text}, strpos({text}, ':') + 1) AS subject_id"


def decided_subjects() -> str:
    """Every subject that a decision is about."""
    sides = " UNION ALL ".join(f"SELECT {_subjects_of(side)} AS text FROM decisions" for side in SIDES)
    return f"SELECT DISTINCT {_taken_apart('text')} FROM ({sides}) WHERE text IS NOT NULL"


def subjects() -> str:
    """Subjects with their number, in the order of type and id: the order that makes labels deterministic."""
    return """
        SELECT CAST(row_number() OVER (ORDER BY subject_type, subject_id) - 1 AS INTEGER) AS subject,
               subject_type, subject_id
        FROM subject_ids"""


def all_observations() -> str:
    """Observations, and what an organisation's own record says of it."""
    return """
        SELECT subject_type, subject_id, kind, value, first_seen, last_seen FROM observations
        WHERE kind IS NOT NULL AND value IS NOT NULL AND subject_id IS NOT NULL
        UNION ALL SELECT 'organisation', organisation_id, 'organisation_name', name, NULL, NULL
        FROM organisations WHERE name <> '' AND organisation_id IS NOT NULL
        UNION ALL SELECT 'organisation', organisation_id, 'domain', domain, NULL, NULL
        FROM organisations WHERE domain <> '' AND organisation_id IS NOT NULL
        UNION ALL SELECT 'organisation', organisation_id, 'registration_number', registration_number, NULL, NULL
        FROM organisations WHERE registration_number <> '' AND organisation_id IS NOT NULL"""


def repeated_hashes() -> str:
    """Hashes of the values that stand in more than one row: nine in ten values do not, and never matter."""
    return """
        SELECT hash(kind, value) AS h FROM all_observations GROUP BY 1 HAVING count(*) > 1"""


def periods() -> str:
    """Subject × value with the period of use, for values in more than one row."""
    return """
        SELECT s.subject, o.kind, o.value,
               min(coalesce(o.first_seen, o.last_seen)) AS first_seen,
               max(coalesce(o.last_seen, o.first_seen)) AS last_seen
        FROM all_observations o SEMI JOIN repeated_hashes r ON hash(o.kind, o.value) = r.h
        JOIN subjects s ON s.subject_type = o.subject_type AND s.subject_id = o.subject_id
        GROUP BY ALL"""


def private_counts(model: Model) -> str:
    """How many telling identifiers each subject has that nobody else holds."""
    named = f"kind IN ({_listed(model.telling_kinds)})"
    return f"""
        WITH once AS (
            SELECT s.subject FROM all_observations o ANTI JOIN repeated_hashes r ON hash(o.kind, o.value) = r.h
            JOIN subjects s ON s.subject_type = o.subject_type AND s.subject_id = o.subject_id WHERE {named}),
        again AS (SELECT min(subject) AS subject FROM periods WHERE {named}
                  GROUP BY kind, value HAVING count(*) = 1)
        SELECT subject, CAST(count(*) AS INTEGER) AS own FROM (FROM once UNION ALL FROM again) GROUP BY 1"""


def shared_values() -> str:
    """Values with two holders or more, numbered in the order of kind and value."""
    return """
        SELECT CAST(row_number() OVER (ORDER BY kind, value) - 1 AS INTEGER) AS v, kind, value, holders FROM (
            SELECT kind, value, count(*) AS holders FROM periods GROUP BY ALL HAVING count(*) > 1)"""


def holdings() -> str:
    """Subject × shared value, periods in days; a value that an organisation owns counts as its, not its members'."""
    return """
        SELECT p.subject, v.v AS value,
               CAST(coalesce(p.first_seen / 86400e6, '-infinity') AS FLOAT) AS first,
               CAST(coalesce(p.last_seen / 86400e6, 'infinity') AS FLOAT) AS last
        FROM periods p JOIN shared_values v ON p.kind = v.kind AND p.value = v.value
        WHERE NOT EXISTS (FROM owned w WHERE w.subject = p.subject AND w.kind = p.kind AND w.value = p.value)
        ORDER BY v.v, p.subject"""


def stated(model: Model) -> str:
    """Subjects with the families of which they have any value, as bits by the family's place in the model; only those
    families that speak against a link where nothing of them is shared."""
    places = list(model.families)
    rows = ", ".join(f"('{kind}', {1 << places.index(model.kind(kind).family)})" for kind in model.differing_kinds)
    return f"""
        SELECT s.subject, CAST(bit_or(f.bit) AS BIGINT) AS families
        FROM all_observations o JOIN (VALUES {rows or "(NULL, 0)"}) AS f(kind, bit) ON f.kind = o.kind
        JOIN subjects s ON s.subject_type = o.subject_type AND s.subject_id = o.subject_id GROUP BY 1"""


def members() -> str:
    """Accounts with the organisation they declare; the last organisation by creation counts."""
    return """
        SELECT DISTINCT a.subject, o.subject AS organisation
        FROM accounts f
        JOIN subjects a ON a.subject_type = 'account' AND a.subject_id = f.account_id
        JOIN subjects o ON o.subject_type = 'organisation' AND o.subject_id = f.organisation_id"""


def closed_organisations(model: Model) -> str:
    """Organisations whose membership links by itself: not of an open kind, not too large."""
    return f"""
        SELECT m.organisation FROM members m GROUP BY 1
        HAVING count(*) <= {model.organisations.largest_declared} AND m.organisation NOT IN (
            SELECT s.subject FROM organisations f
            JOIN subjects s ON s.subject_type = 'organisation' AND s.subject_id = f.organisation_id
            WHERE {ORGANISATION_TYPE} IN ({_listed(model.organisations.open_kinds)})
               OR lower(coalesce(f.attributes->>'$.open', 'false')) = 'true')"""


def declared() -> str:
    """Memberships that link by themselves, in the order of their subjects."""
    return """
        SELECT m.subject, m.organisation FROM members m SEMI JOIN closed_organisations USING (organisation)
        ORDER BY 1, 2"""


def owned(model: Model) -> str:
    """Holdings of members in values that their organisation itself holds and that are its own by kind."""
    return f"""
        SELECT DISTINCT p.subject, p.kind, p.value FROM members m
        JOIN periods o ON o.subject = m.organisation AND o.kind IN ({_listed(model.organisations.own_kinds)})
        JOIN periods p ON p.subject = m.subject AND p.kind = o.kind AND p.value = o.value"""


def decided() -> str:
    """The last decision on each pair of ends, numbered in the order in which they were said: a later one takes an
    earlier one back, `undecided` too.

    One without a time is the oldest; of several said at once the most cautious counts, whatever the order of rows.
    """
    return f"""
        WITH named AS (
            SELECT decision_id, {_named("left")} AS "left", {_named("right")} AS "right", left_members, right_members,
                   judgement, coalesce(decided_at, 0) AS said
            FROM decisions WHERE "left" IS NOT NULL AND "right" IS NOT NULL),
        last AS (
            FROM named QUALIFY row_number() OVER (
                PARTITION BY least("left", "right"), greatest("left", "right")
                ORDER BY said DESC, list_position(['same', 'undecided', 'different'], judgement) DESC,
                         decision_id, "left", left_members, right_members) = 1)
        SELECT CAST(row_number() OVER (ORDER BY said, least("left", "right"), greatest("left", "right")) - 1 AS INTEGER)
                   AS decision, *
        FROM last"""


def decided_members() -> str:
    """Decision × side × subject; who is on both sides counts on the left."""
    sides = " UNION ALL ".join(
        f"SELECT decision, {number} AS side, {_subjects_of(side)} AS text FROM decided"
        for number, side in enumerate(SIDES)
    )
    return f"""
        SELECT t.decision, CAST(min(t.side) AS INTEGER) AS side, s.subject
        FROM (SELECT decision, side, {_taken_apart("text")} FROM ({sides})) t
        JOIN subjects s ON s.subject_type = t.subject_type AND s.subject_id = t.subject_id
        GROUP BY t.decision, s.subject ORDER BY t.decision, side, s.subject"""


def active_hours() -> str:
    """Hours (since 1970) in which each account worked, and its requests in each (NaN: not known)."""
    return """
        SELECT s.subject, CAST(u.window_start // 3600000000 AS INTEGER) AS hour,
            coalesce(CAST(sum(u.requests) AS DOUBLE), CAST('NaN' AS DOUBLE)) AS requests
        FROM usage u JOIN subjects s ON s.subject_type = 'account' AND s.subject_id = u.account_id
        WHERE u.window_start IS NOT NULL GROUP BY ALL ORDER BY s.subject, hour"""


def created() -> str:
    """When each account was opened, in days; of several rows the earliest."""
    return """
        SELECT s.subject, CAST(min(f.created_at) / 86400e6 AS FLOAT) AS created
        FROM accounts f JOIN subjects s ON s.subject_type = 'account' AND s.subject_id = f.account_id
        WHERE f.created_at IS NOT NULL GROUP BY 1"""
