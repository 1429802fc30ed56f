"""Splink, set up as its documentation advises: one record an account, comparisons by kind, m by EM, u by sampling.

Splink compares records. Accounts hold several values of a kind, so that a kind becomes an array column wherever an
account has more than one; two arrays are compared by what they share, rare values above common ones, which is how
its guide takes term frequencies into account for arrays. Columns of one value get the comparison that its library
has for them, with term frequencies. What was chosen and why is told in docs/benchmarks.md.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink import comparison_level_library as levels
from splink import comparison_library as library

from benchmarks.datasets import Dataset
from benchmarks.records import Kind, Records, lay_out

THRESHOLDS = (0.5, 0.95)
#: Pairs for u and, for each session of EM, for m, at most.
SAMPLED_PAIRS, TRAINED_PAIRS = 1e7, 2e6
#: The share of all matches that the deterministic rules are taken to find.
ASSUMED_RECALL = 0.7
SEED = 1

#: What the library has for a column of one value of this kind: its name there, and how it is called. All but dates
#: of birth take term frequencies into account.
_Comparison = tuple[str, dict[str, Any]]
_NAME: _Comparison = ("NameComparison", {})
_NUMBER: _Comparison = ("DamerauLevenshteinAtThresholds", {"distance_threshold_or_thresholds": [1, 2]})
_COMPARISONS: dict[str, _Comparison] = {
    **dict.fromkeys(("person_name", "given_name", "surname", "organisation_name", "employer"), _NAME),
    **dict.fromkeys(("phone", "national_id", "soc_sec_id", "passport", "drivers_license", "tax_id"), _NUMBER),
    "postal_address": ("JaroWinklerAtThresholds", {}),
    "postcode": _NUMBER,
    "postcode_fake": ("PostcodeComparison", {}),  # of Splink's own historical records: British
    "email": ("EmailComparison", {}),
    "date_of_birth": ("DateOfBirthComparison", {"input_is_string": True}),
}
#: For any other kind of one value.
_EXACT: _Comparison = ("ExactMatch", {})
#: Kinds that say who somebody is nearly by themselves, and pairs of kinds that do together.
_DETERMINISTIC = (
    ("email",),
    ("national_id",),
    ("soc_sec_id",),
    ("passport",),
    ("drivers_license",),
    ("tax_id",),
    ("device", "payment_method"),
    ("device", "phone"),
    ("payment_method", "phone"),
    ("person_name", "date_of_birth"),
    ("given_name", "surname", "date_of_birth"),
    ("organisation_name", "postal_address"),
    ("organisation_name", "phone"),
)
#: How two arrays agree, best first: so many values in common, of those that at most so many hold (None: of all).
_AGREEMENT = ((2, 10), (1, 3), (1, 10), (1, 100), (1, None))


def run(dataset: Dataset) -> dict[str, pa.Table]:
    """Train on the data set, predict, and cluster at each threshold; confidence is an account's best match."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    with duckdb.connect() as connection:
        records = lay_out(dataset, connection, similar=list(_COMPARISONS))
        table = DuckDBAPI(connection=connection).register(connection.table("account_records"))
        linker = Linker(table, _settings(records), log_level=None)
        _train(linker, records)
        pairs = linker.inference.predict(threshold_match_probability=min(THRESHOLDS), warning_mode="never")
        return {f"at {threshold}": _clusters(linker, pairs, threshold, connection) for threshold in THRESHOLDS}


def _settings(records: Records) -> SettingsCreator:
    opened = library.AbsoluteTimeDifferenceAtThresholds(
        "created_at", input_is_string=False, metrics=["day", "day"], thresholds=[1, 7]
    )
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[*(_arrays(kind) if kind.several else _single(kind.name) for kind in records.kinds), opened],
        blocking_rules_to_generate_predictions=[_block([block]) for block in records.blocks],
        retain_matching_columns=False,
    )


def _single(name: str) -> Any:
    comparison, options = _COMPARISONS.get(name, _EXACT)
    made = getattr(library, comparison)(name, **options)
    return made if name == "date_of_birth" else made.configure(term_frequency_adjustments=True)


def _arrays(kind: Kind) -> Any:
    """Levels of what two arrays share: the more and the rarer, the higher."""
    return library.CustomComparison(
        output_column_name=kind.name,
        comparison_levels=[
            levels.NullLevel(kind.name),
            *(levels.ArrayIntersectLevel(kind.within(most), least) for least, most in _AGREEMENT),
            levels.ElseLevel(),
        ],
    )


def _block(columns: list[str]) -> Any:
    return block_on(*columns, arrays_to_explode=columns)


def _train(linker: Linker, records: Records) -> None:
    """The prior from deterministic rules, u from random pairs, m from a session of EM for each column that can."""
    rules = [[f"{kind}_block" for kind in kinds] for kinds in _DETERMINISTIC]
    rules = [columns for columns in rules if set(columns) <= set(records.blocks)]
    if rules:
        linker.training.estimate_probability_two_random_records_match(
            [_block(columns) for columns in rules], recall=ASSUMED_RECALL
        )
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=SEED)
    for column in records.trained:
        with suppress(ValueError):  # a session that finds no matches runs to m = 0, which Splink refuses
            linker.training.estimate_parameters_using_expectation_maximisation(
                block_on(column), estimate_without_term_frequencies=True, max_pairs=TRAINED_PAIRS
            )


def _clusters(linker: Linker, pairs: Any, threshold: float, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold_match_probability=threshold)
    connection.register("clustered", found.as_duckdbpyrelation().to_arrow_table())
    connection.register("linked", pairs.as_duckdbpyrelation().to_arrow_table())
    clusters: pa.Table = connection.sql(
        """
        select unique_id as account_id, cluster_id, max(match_probability) as confidence
        from clustered left join (
            select unique_id_l as unique_id, match_probability from linked
            union all select unique_id_r, match_probability from linked) using (unique_id)
        group by all"""
    ).to_arrow_table()
    return clusters
