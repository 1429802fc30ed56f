"""Compiling ahead: what the made-up resolution reaches is all that a real one calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from linkage.engine.compiled import warm_up, warm_up_links
from linkage.scenario.world import generate

COMPILED_BY = """
import sys
from linkage.engine import Facts, resolve
from linkage.engine.compiled import warm_up, warm_up_links
folder = sys.argv[1]
warm_up()
warm_up_links()
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
LINKED_BY = """
from linkage.engine import forest, pairs, standing, tables, weigh
from linkage.engine.compiled import warm_up_links
warm_up_links()
def signatures():
    return {name: len(kernel.signatures) for module in (forest, pairs, standing, tables, weigh)
            for name, kernel in vars(module).items() if hasattr(kernel, "signatures")}
before = signatures()
from tests.engine import test_online as worlds
groups = {"cl_a": worlds.Group(3, 10.0, 1.0), "cl_b": worlds.Group(3, 10.0, 1.0)} | worlds.RING
both = [worlds.used(kind, "x", *(worlds.fellow(f"{side}{n}", f"cl_{side}") for side in "ab" for n in range(3)))
        for kind in ("email", "device", "phone")]
worlds.look(worlds.newcomer("a0", *both, cluster="cl_a"), worlds.newcomer("new", worlds.CARD, worlds.DEVICE),
            worlds.newcomer("lone"), groups=groups)
assert signatures() == before, (before, signatures())
"""


def test_the_made_up_facts_make_one_cluster_and_keep_the_fourth_apart() -> None:
    sizes = [row["size"] for row in warm_up().memberships.to_pylist()]
    assert sizes == [3, 3, 3, 1]


def test_a_newcomer_is_linked_without_compiling_anything_that_was_not_reached() -> None:
    assert [placed.subject for placed in warm_up_links().placed] == ["account:new"]
    done = subprocess.run([sys.executable, "-c", LINKED_BY], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_real_resolution_compiles_nothing_that_was_not_reached(tmp_path: Path) -> None:
    generate("mixed", 1000, 3, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", COMPILED_BY, str(tmp_path)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
