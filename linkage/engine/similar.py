"""Similar values as evidence: names and addresses that are not equal and yet most likely mean the same.

Equality finds `st agnes nursery` twice; it never finds `st agnes nursery school`. Here two values of one kind that are
much alike become one shared value of a kind of its own (`similar_organisation_name`, value `a ~ b`), held by the
holders of either. The invariant is that a *pair* is evidence and never a group: where A ~ B and B ~ C, holders of A and
of C share nothing unless A ~ C. Holders of equal values share those, and beside them a pair counts nothing (`beside`
of its kind is 0). Which kinds are compared, and how, is said by the model's table `similarity`.

How alike two values are: a word weighs ln(1 + N/df) (N values of the kind, df of them with the word), so that what
everybody's name has in common says little; and no more than ln(1 + df(before) / df(both)) after a word that it often
follows, since `henry booth house` on the sites of one agency is one thing said and not three. A rare word one letter
off a commoner one (Damerau 1964) is taken for it, at its Jaro–Winkler likeness: soft TF-IDF (Cohen, Ravikumar and
Fienberg 2003) on sets. With M the weight that matches, L and R what is left over on either side,

    degree = sqrt(M / (M + L + R) · M / (M + min(L, R)))

the geometric mean of the weighted Jaccard coefficient and of the overlap coefficient (Szymkiewicz 1934), since a name
within a longer one says more than its share of the words. Numbers are never nearly right: 12 is not 21.

Who is compared with whom: two values of degree `least` or more must share one of the rarest words of the lighter one,
those that make up 1 - least of its weight (prefix filter: Chaudhuri, Ganti and Kaushik 2006). Keys are these words
together with the value's number. A key of more than `crowd` values proposes nobody by itself; two of them together do
where no more have both. What is not compared that way shares nothing but words that every other value has.
"""

from __future__ import annotations

from linkage.engine.model import Model
from linkage.engine.runner import Runner
from linkage.model.identifier import AND, SIMILAR

#: A shorter word is never taken for another one: one letter makes a different word of it.
LEAST_LETTERS = 4
#: A word is taken for a commoner one if no more values than this have it, or no more than this share of the other's.
SLIPS, SHARE_OF_SLIPS = 2, 0.05
#: A word that follows another one in so many values is part of a phrase.
OFTEN = 3
#: So many crowded words of a value, its rarest, make keys of two.
SECOND_WORDS = 6


def add_similar(runner: Runner, model: Model) -> None:
    """Add pairs of similar values to `periods`; make `similar_values`: kind, value, degree, and the logits lost by it.

    Where no compared kind is among the observations this costs one look at their kinds.
    """
    runner.table("compared", compared(model))
    runner.table("text_uses", text_uses())
    some = bool(runner.rows("SELECT 1 FROM text_uses LIMIT 1"))
    steps = _steps(model) if some else {"similar_pairs": no_pairs()}
    for name, sql in steps.items():
        runner.table(name, sql)
    runner.table("similar_values", similar_values())
    if some:
        with runner.step("similar_uses"):
            runner.connection.execute(f"INSERT INTO periods {similar_uses()}")
    runner.drop("compared", "text_uses", *steps)


def _steps(model: Model) -> dict[str, str]:
    crowd = model.similarity.crowd
    return {
        "text_values": text_values(),
        "spellings": spellings(),
        "slips": slips(crowd),
        "roots": roots(),
        "word_places": word_places(),
        "word_weights": word_weights(),
        "text_words": text_words(),
        "word_keys": word_keys(),
        "crowded_keys": crowded_keys(crowd),
        "text_keys": text_keys(crowd),
        "similar_candidates": similar_candidates(),
        "similar_pairs": similar_pairs(model),
    }


def compared(model: Model) -> str:
    """The compared kinds, as the model has them."""
    rows = ", ".join(
        f"('{kind}', {how.least!r}, {how.per_degree!r}, '{how.numbers}')"
        for kind, how in model.similarity.kinds.items()
    )
    return f"""
        SELECT * FROM (VALUES ('', 1.0, 0.0, 'all'){", " if rows else ""}{rows}) AS t(kind, least, per_degree, numbers)
        WHERE kind <> ''"""


def text_uses() -> str:
    """Subject × value of the compared kinds, with the period of use."""
    return """
        SELECT s.subject, o.kind, o.value,
               min(coalesce(o.first_seen, o.last_seen)) AS first_seen,
               max(coalesce(o.last_seen, o.first_seen)) AS last_seen
        FROM all_observations o SEMI JOIN compared c ON c.kind = o.kind
        JOIN subjects s ON s.subject_type = o.subject_type AND s.subject_id = o.subject_id
        GROUP BY ALL"""


def no_pairs() -> str:
    """Pairs where there is nothing to compare."""
    return """
        SELECT NULL::VARCHAR AS kind, NULL::VARCHAR AS "left", NULL::VARCHAR AS "right", 0.0 AS degree,
               0.0 AS per_degree WHERE false"""


def text_values() -> str:
    """Distinct values, numbered in their order: words, numbers, and a hash of the kind with the number that both of a
    pair must have."""
    return """
        WITH worded AS (
            SELECT kind, value, count(*) AS holders, string_split(value, ' ') AS words,
                   list_filter(words, lambda word: regexp_matches(word, '[0-9]')) AS numbers
            FROM text_uses GROUP BY kind, value)
        SELECT CAST(row_number() OVER (ORDER BY kind, value) - 1 AS INTEGER) AS t, kind, value, holders,
               w.words, list_sort(list_distinct(w.numbers)) AS numbers,
               hash(kind, CASE c.numbers WHEN 'first' THEN [w.numbers[1]]
                                         ELSE list_sort(list_distinct(w.numbers)) END) AS ground
        FROM worded w JOIN compared c USING (kind)"""


def spellings() -> str:
    """The words of each kind, numbered in their order, with how many values have them."""
    return """
        SELECT CAST(row_number() OVER (ORDER BY kind, word) AS INTEGER) AS spelling, kind, word, df
        FROM (SELECT kind, word, count(*) AS df
              FROM (SELECT kind, unnest(list_distinct(words)) AS word FROM text_values) GROUP BY ALL)"""


def slips(crowd: int) -> str:
    """Words that are taken for a commoner one a letter off.

    Words a letter apart (one more, one less, another, two changed over) have a form in common that lacks one letter
    of either or is one of them: the keys here. A form of too many words is as good as none, and is left out.
    """
    return f"""
        WITH forms AS (
            SELECT DISTINCT spelling, kind, word, df,
                   unnest(list_concat([word], list_transform(range(1, length(word) + 1),
                          lambda i: substr(word, 1, i - 1) || substr(word, i + 1)))) AS form
            FROM spellings WHERE length(word) >= {LEAST_LETTERS} AND NOT regexp_matches(word, '[0-9]')),
        shared AS (FROM forms QUALIFY count(*) OVER (PARTITION BY kind, form) BETWEEN 2 AND {crowd})
        SELECT a.spelling, arg_max(b.spelling, (b.df, b.spelling)) AS root
        FROM shared a JOIN shared b ON a.kind = b.kind AND a.form = b.form AND a.spelling <> b.spelling
        WHERE (a.df, a.spelling) < (b.df, b.spelling) AND a.df <= greatest({SLIPS}, {SHARE_OF_SLIPS} * b.df)
          AND damerau_levenshtein(a.word, b.word) = 1
        GROUP BY ALL"""


def roots() -> str:
    """Every word with the one it is taken for (most often itself; of a slip's slip the last), and its likeness."""
    return """
        SELECT s.kind, s.word, s.spelling, coalesce(r.spelling, s.spelling) AS root,
               CAST(coalesce(jaro_winkler_similarity(s.word, r.word), 1) AS FLOAT) AS likeness
        FROM spellings s LEFT JOIN slips once USING (spelling) LEFT JOIN slips twice ON twice.spelling = once.root
        LEFT JOIN spellings r ON r.spelling = coalesce(twice.root, once.root)"""


def word_places() -> str:
    """Value × word at its first place, with its root and the root of the word before it."""
    return """
        WITH placed AS (
            SELECT t, kind, ground, unnest(words) AS word, generate_subscripts(words, 1) AS place FROM text_values),
        rooted AS (
            SELECT p.t, p.ground, r.root, arg_min(r.spelling, place) AS spelling,
                   arg_min(r.likeness, place) AS likeness, min(place) AS place
            FROM placed p JOIN roots r ON r.kind = p.kind AND r.word = p.word GROUP BY ALL)
        SELECT *, lag(root) OVER (PARTITION BY t ORDER BY place) AS before FROM rooted"""


def word_weights() -> str:
    """What each word weighs by itself (`before` null), and after another one that it often follows."""
    return f"""
        WITH known AS (SELECT kind, count(*) AS n FROM text_values GROUP BY kind),
        counted AS (SELECT root, count(*) AS df FROM word_places GROUP BY root),
        following AS (SELECT before, root, count(*) AS df FROM word_places WHERE before IS NOT NULL
                      GROUP BY ALL HAVING count(*) >= {OFTEN})
        SELECT NULL::INTEGER AS before, c.root, CAST(ln(1 + k.n / c.df) AS FLOAT) AS weight
        FROM counted c JOIN spellings s ON s.spelling = c.root JOIN known k USING (kind)
        UNION ALL
        SELECT f.before, f.root, CAST(ln(1 + c.df / f.df) AS FLOAT)
        FROM following f JOIN counted c ON c.root = f.before"""


def text_words() -> str:
    """Value × word with its weight, the weight of the whole value, and whether the word is among its `rare` ones: the
    rarest, which together make up 1 - least of it."""
    return """
        WITH weighed AS (
            SELECT p.*, least(w.weight, a.weight) AS weight
            FROM word_places p JOIN word_weights w ON w.root = p.root AND w.before IS NULL
            LEFT JOIN word_weights a ON a.root = p.root AND a.before = p.before),
        added AS (
            SELECT *, sum(weight) OVER own AS until, sum(weight) OVER (PARTITION BY t) AS whole FROM weighed
            WINDOW own AS (PARTITION BY t ORDER BY weight DESC, root ROWS UNBOUNDED PRECEDING))
        SELECT x.t, x.ground, x.root, x.spelling, x.likeness, x.weight, CAST(x.whole AS FLOAT) AS whole,
               x.until - x.weight < (1 - c.least) * x.whole AS rare
        FROM added x JOIN text_values v USING (t) JOIN compared c USING (kind)"""


def word_keys() -> str:
    """Value × key of one word."""
    return "SELECT t, hash(ground, root) AS key, rare, whole, weight, ground, root FROM text_words"


def crowded_keys(crowd: int) -> str:
    """Keys of one word that more values have than are compared with each other."""
    return f"SELECT key FROM word_keys GROUP BY key HAVING count(*) > {crowd}"


def text_keys(crowd: int) -> str:
    """Value × key that proposes pairs: a word that is no crowd's, or two that are and together are not."""
    return f"""
        WITH crowded AS (
            SELECT * FROM word_keys SEMI JOIN crowded_keys USING (key)
            QUALIFY row_number() OVER (PARTITION BY t ORDER BY weight DESC, root) <= {SECOND_WORDS}),
        two AS (
            SELECT a.t, hash(a.ground, a.root, b.root) AS key, a.rare OR b.rare AS rare, a.whole
            FROM crowded a JOIN crowded b ON a.t = b.t AND a.root < b.root),
        keys AS (
            SELECT t, key, rare, whole FROM word_keys ANTI JOIN crowded_keys USING (key) UNION ALL FROM two),
        busy AS (SELECT key FROM keys GROUP BY key HAVING count(*) BETWEEN 2 AND {crowd} AND bool_or(rare))
        SELECT * FROM keys SEMI JOIN busy USING (key)"""


def similar_candidates() -> str:
    """Pairs of values that share a rare key of the lighter one, where their weights let them be alike enough."""
    return """
        SELECT DISTINCT a.t AS l, b.t AS r
        FROM text_keys a JOIN text_keys b ON a.key = b.key AND a.t < b.t
        WHERE CASE WHEN a.whole <= b.whole THEN a.rare ELSE b.rare END
          AND least(a.whole, b.whole) >= greatest(a.whole, b.whole) * (SELECT min(least * least) FROM compared)"""


def similar_pairs(model: Model) -> str:
    """Pairs alike enough, the values in their order; of numbers none may contradict the other value's."""
    return f"""
        WITH matched AS (
            SELECT c.l, c.r, any_value(a.whole) AS l_whole, any_value(b.whole) AS r_whole,
                   sum(a.weight) AS l_paired, sum(b.weight) AS r_paired,
                   sum(least(a.weight, b.weight)) AS paired,
                   sum(least(a.weight, b.weight)
                       * CASE WHEN a.spelling = b.spelling THEN 1 ELSE a.likeness * b.likeness END) AS alike
            FROM similar_candidates c JOIN text_words a ON a.t = c.l JOIN text_words b ON b.t = c.r AND b.root = a.root
            GROUP BY c.l, c.r),
        left_over AS (
            SELECT l, r, paired, alike, l_whole - l_paired AS l_rest, r_whole - r_paired AS r_rest FROM matched),
        degrees AS (
            SELECT l, r, alike / sqrt((paired + l_rest + r_rest) * (paired + least(l_rest, r_rest))) AS degree
            FROM left_over)
        SELECT a.kind, a.value AS "left", b.value AS "right", least(round(d.degree, 3), 1) AS degree, c.per_degree
        FROM (FROM degrees WHERE degree >= (SELECT min(least) FROM compared)) d
        JOIN text_values a ON a.t = d.l JOIN text_values b ON b.t = d.r
        JOIN compared c ON c.kind = a.kind AND d.degree >= c.least
        WHERE len(list_intersect(a.numbers, b.numbers)) = least(len(a.numbers), len(b.numbers))
          AND a.holders + b.holders <= {model.rounds.candidate_holders}"""


def similar_values() -> str:
    """The pairs as values of their kind, and the logits that each is worth less than two equal ones would be."""
    return f"""
        SELECT '{SIMILAR}' || kind AS kind, "left" || '{AND}' || "right" AS value, degree,
               -per_degree * (1 - degree) AS shift
        FROM similar_pairs"""


def similar_uses() -> str:
    """Subject × pair of which it holds one value or both, with the period of use."""
    return f"""
        SELECT u.subject, '{SIMILAR}' || p.kind, p."left" || '{AND}' || p."right",
               min(u.first_seen), max(u.last_seen)
        FROM (SELECT *, "left" AS value FROM similar_pairs UNION ALL SELECT *, "right" FROM similar_pairs) p
        JOIN text_uses u ON u.kind = p.kind AND u.value = p.value
        GROUP BY ALL"""
