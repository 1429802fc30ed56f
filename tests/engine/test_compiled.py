"""Compiling ahead: what the made-up resolution reaches is all that a real one calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from linkage.engine.compiled import warm_up
from linkage.scenario.world import generate

COMPILED_BY = """
import sys
from linkage.engine import Facts, resolve
from linkage.engine.compiled import warm_up
folder = sys.argv[1]
warm_up()
import duckdb
observations = duckdb.sql(f"SELECT 'account' AS subject_type, account_id AS subject_id, kind, value, first_seen, "
                          f"last_seen FROM '{folder}/observations.parquet'").to_arrow_table()
from linkage.engine import behaviour, forest, pairs, second_look, standing, tables, weigh
def signatures():
    return {name: len(kernel.signatures) for module in (behaviour, forest, pairs, second_look, standing, tables, weigh)
            for name, kernel in vars(module).items() if hasattr(kernel, "signatures")}
before = signatures()
resolve(Facts(observations=observations, accounts=[f"{folder}/accounts.parquet"], usage=[f"{folder}/usage.parquet"]))
assert signatures() == before, (before, signatures())
"""


def test_the_made_up_facts_make_one_cluster_and_keep_the_fourth_apart() -> None:
    sizes = [row["size"] for row in warm_up().memberships.to_pylist()]
    assert sizes == [3, 3, 3, 1]


def test_a_real_resolution_compiles_nothing_that_was_not_reached(tmp_path: Path) -> None:
    generate("mixed", 1000, 3, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", COMPILED_BY, str(tmp_path)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
