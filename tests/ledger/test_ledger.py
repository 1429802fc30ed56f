"""What is accepted is there, once, whole and in order, whoever writes beside and whatever is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkage.errors import BadInput, LedgerDamaged, LedgerUnavailable, NotFound
from linkage.ledger import Appended, Ledger, Part
from linkage.ledger import ledger as ledger_module
from linkage.ledger.place import TablePlace
from linkage.ledger.tables import TABLES
from tests.ledger.facts import START, account, observations, rows_of, values


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    # A path as users have them: a space, a bracket and an equals sign mean nothing special.
    return Ledger(str(tmp_path / "le dger [1] a=b"))


def changed(ledger: Ledger, after: int | None = None) -> list[tuple[int, list[str]]]:
    return [
        (change.version, [value for batch in change.batches for value in batch.column("value").to_pylist()])
        for change in ledger.changes("observations", after)
    ]


# -- append -------------------------------------------------------------------------------------------------


def test_an_empty_ledger_has_no_versions_and_empty_tables(ledger: Ledger) -> None:
    assert ledger.versions() == {}
    assert ledger.version("usage") is None
    assert ledger.snapshot().table("usage").schema == TABLES["usage"].schema
    assert list(ledger.changes("usage", None)) == []
    assert ledger.history("usage") == []
    assert ledger.compact() == []
    assert ledger.verify() == []


def test_a_fact_is_its_content_and_stands_in_the_ledger_once(ledger: Ledger) -> None:
    first = ledger.append("observations", observations([1, 2, 1]))
    assert first == Appended(accepted=2, duplicate=1, version=1)
    assert ledger.append("observations", observations([2, 3])) == Appended(1, 1, 2)
    assert ledger.append("observations", observations([1, 2, 3])) == Appended(0, 3, None)
    assert values(ledger.snapshot().table("observations")) == ["v1", "v2", "v3"]


@pytest.mark.parametrize(
    "column", [name for name in TABLES["observations"].schema.names if name not in ("subject_type", "source")]
)
def test_rows_that_differ_in_one_column_are_two_facts_and_null_equals_null(ledger: Ledger, column: str) -> None:
    rows = observations([1])
    field = rows.schema.field(column)
    empty = rows.set_column(rows.schema.get_field_index(column), field, pa.nulls(1, field.type))
    expected = 1 if rows.column(column).null_count == 0 else 0
    ledger.append("observations", rows)
    assert ledger.append("observations", empty).accepted == expected
    assert ledger.append("observations", empty).accepted == 0


def test_an_empty_text_is_not_null(ledger: Ledger) -> None:
    ledger.append("observations", observations([1], raw=None))
    assert ledger.append("observations", observations([1], raw="")).accepted == 1


def test_results_and_refusals_are_kept_as_often_as_they_are_said(ledger: Ledger) -> None:
    row = rows_of("replays", {"rejection_id": "x"})
    assert ledger.append("replays", pa.concat_tables([row, row])).accepted == 2
    assert ledger.append("replays", row).accepted == 1


def test_a_batch_id_that_is_known_writes_nothing(ledger: Ledger) -> None:
    assert ledger.append("replays", rows_of("replays", {"rejection_id": "x"}), batch_id="b1").accepted == 1
    again = ledger.append("replays", rows_of("replays", {"rejection_id": "x"}), batch_id="b1")
    assert again == Appended(0, 0, None, repeated=True)
    assert ledger.append("replays", rows_of("replays", {"rejection_id": "y"}), batch_id="b2").accepted == 1


def test_nothing_to_append_makes_no_version(ledger: Ledger) -> None:
    assert ledger.append("observations", observations([])) == Appended(0, 0, None)
    assert ledger.append("observations", iter([])) == Appended(0, 0, None)
    assert ledger.versions() == {}


def test_batches_are_taken_as_a_stream_and_become_one_version(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "SLICE", 10)
    stream = (batch for start in range(0, 100, 7) for batch in observations(range(start, start + 14)).to_batches())
    appended = ledger.append("observations", stream)
    assert appended == Appended(accepted=112, duplicate=98, version=1)
    assert values(ledger.snapshot().table("observations")) == [f"v{n}" for n in range(112)]
    assert len(ledger.snapshot().files("observations")) > 5


def test_other_types_are_cast_and_columns_may_come_in_any_order(ledger: Ledger) -> None:
    rows = observations([1])
    other = rows.select(rows.column_names[::-1]).cast(
        pa.schema(
            [
                (
                    name,
                    {"count": pa.int16(), "last_seen": pa.timestamp("ns", tz="UTC"), "value": pa.large_string()}.get(
                        name, rows.schema.field(name).type
                    ),
                )
                for name in rows.column_names[::-1]
            ]
        )
    )
    assert ledger.append("observations", other).accepted == 1
    assert ledger.append("observations", rows).duplicate == 1


def test_wrong_columns_are_all_named(ledger: Ledger) -> None:
    rows = observations([1]).drop_columns(["raw", "kind"]).append_column("colour", pa.array(["red"]))
    with pytest.raises(BadInput) as caught:
        ledger.append("observations", rows)
    assert caught.value.details == ("missing column: kind", "missing column: raw", "unknown column: colour")


def test_values_that_do_not_fit_are_refused(ledger: Ledger) -> None:
    rows = observations([1])
    rows = rows.set_column(rows.schema.get_field_index("count"), "count", pa.array(["many"]))
    with pytest.raises(BadInput, match="no rows of table observations"):
        ledger.append("observations", rows)


def test_an_unknown_table_is_refused_and_the_known_ones_named(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="observations"):
        ledger.append("observation", observations([1]))


def test_a_stream_that_breaks_leaves_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "SLICE", 3)

    def broken() -> object:
        yield from observations(range(9)).to_batches(max_chunksize=3)
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError, match="went away"):
        ledger.append("observations", broken())  # type: ignore[arg-type]
    assert ledger.snapshot().table("observations").num_rows == 0
    assert not list(Path(ledger.place.url).rglob("*.parquet"))


def test_a_new_process_knows_what_was_accepted_before(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ledger.novelty.WORTH_KEEPING", 10)
    ledger.append("observations", observations(range(50)))
    ledger.append("observations", observations(range(50, 55)))
    kept = Path(ledger.place.url) / "_seen" / "observations.arrow"
    assert kept.exists()
    assert Ledger(ledger.place.url).append("observations", observations(range(60))) == Appended(5, 55, 3)
    # The file is only a shortcut: whatever happens to it, nothing is lost or doubled.
    for damage in (b"", b"nonsense", kept.read_bytes()[:100]):
        kept.write_bytes(damage)
        assert Ledger(ledger.place.url).append("observations", observations(range(60))).duplicate == 60
    assert Ledger(ledger.place.url).append("observations", observations(range(61))).accepted == 1


def test_hashes_kept_for_another_table_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ledger.novelty.WORTH_KEEPING", 1)
    old, new = Ledger(str(tmp_path / "old")), Ledger(str(tmp_path / "new"))
    old.append("observations", observations(range(10)))
    new.append("observations", observations([99]))
    (tmp_path / "old/_seen/observations.arrow").rename(tmp_path / "new/_seen/observations.arrow")
    assert Ledger(new.place.url).append("observations", observations(range(10))).accepted == 10


facts = st.lists(
    st.fixed_dictionaries(
        {
            "subject_type": st.sampled_from(["account", None]),
            "subject_id": st.sampled_from(["a", "b", "", None]),
            "value": st.sampled_from(["", "a", "b", "é", "a\x00b", None]),
            "raw": st.sampled_from(["", "a", None]),
            "last_seen": st.sampled_from([START, START + timedelta(microseconds=1), None]),
            "count": st.sampled_from([0, 1, -1, None]),
        }
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(facts, min_size=1, max_size=4))
def test_whatever_is_said_in_whatever_batches_every_distinct_row_is_there_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[dict[str, object]]]
) -> None:
    ledger = Ledger(str(tmp_path_factory.mktemp("ledger")))
    said: list[dict[str, object]] = []
    for batch in batches:
        rows = rows_of("observations", *batch)
        new = [row for i, row in enumerate(rows.to_pylist()) if row not in said and row not in rows.to_pylist()[:i]]
        appended = ledger.append("observations", rows)
        assert (appended.accepted, appended.duplicate) == (len(new), rows.num_rows - len(new))
        said += new
    assert ledger.snapshot().table("observations").to_pylist() == said


# -- snapshots, changes, history ----------------------------------------------------------------------------


def test_a_snapshot_by_versions_and_by_time_shows_what_stood_then(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    ledger.append("observations", observations([1]))
    time.sleep(0.01)
    between = datetime.now(UTC)
    time.sleep(0.01)
    ledger.append("observations", observations([2]))
    ledger.append("accounts", account("a", "open"))

    assert ledger.snapshot(at=before).versions == {}
    assert values(ledger.snapshot(at=between).table("observations")) == ["v1"]
    assert values(ledger.snapshot({"observations": 1}).table("observations")) == ["v1"]
    assert ledger.snapshot({"observations": 1}).table("accounts").num_rows == 0
    assert ledger.snapshot().versions == {"observations": 2, "accounts": 1}
    assert values(ledger.snapshot(at=datetime.now(UTC)).table("observations")) == ["v1", "v2"]


def test_a_snapshot_keeps_its_rows_while_others_write(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    snapshot = ledger.snapshot()
    ledger.append("observations", observations([2]))
    ledger.compact()
    assert values(snapshot.table("observations")) == ["v1"]


def test_a_snapshot_that_cannot_be_is_refused(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    with pytest.raises(NotFound, match="observations: 7"):
        ledger.snapshot({"observations": 7})
    with pytest.raises(NotFound, match="no table"):
        ledger.snapshot({"nothing": 1})
    with pytest.raises(BadInput, match="not both"):
        ledger.snapshot({"observations": 1}, at=datetime.now(UTC))
    with pytest.raises(BadInput, match="time zone"):
        ledger.snapshot(at=datetime(2026, 1, 1))  # noqa: DTZ001 - the fault


def test_changes_give_each_versions_rows_in_order(ledger: Ledger) -> None:
    ledger.append("observations", observations([3, 1, 2]))
    ledger.append("observations", observations([2, 9, 4]))
    assert changed(ledger) == [(1, ["v3", "v1", "v2"]), (2, ["v9", "v4"])]
    assert changed(ledger, 1) == [(2, ["v9", "v4"])]
    assert changed(ledger, 2) == []


def test_changes_have_the_contracts_columns(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    (change,) = ledger.changes("observations", 0)
    assert [batch.schema for batch in change.batches] == [TABLES["observations"].schema]


def test_a_reader_ahead_of_the_ledger_is_told_to_rebuild(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    with pytest.raises(LedgerDamaged, match="linkage graph rebuild"):
        list(ledger.changes("observations", 5))


def test_history_says_when_what_and_how_much(ledger: Ledger) -> None:
    ledger.append("observations", observations([1, 2]), batch_id="b1")
    ledger.append("observations", observations([3]))
    ledger.compact()
    commits = ledger.history("observations")
    assert [(c.version, c.operation, c.rows, c.batch_ids) for c in commits] == [
        (0, "create table", 0, ()),
        (1, "append", 2, ("b1",)),
        (2, "append", 1, ()),
        (3, "compact", 0, ()),
    ]
    assert all(abs((datetime.now(UTC) - commit.at).total_seconds()) < 60 for commit in commits)


# -- several writers, killed writers, failing storage -------------------------------------------------------

_WRITER = """
import sys
from linkage.ledger import Ledger
from tests.ledger.facts import account, observations
url, name = sys.argv[1:3]
ledger = Ledger(url)
print("ready", flush=True)
sys.stdin.readline()
accepted = 0
for n in range(25):
    accepted += ledger.append("observations", observations(range(10 * n, 10 * n + 15))).accepted
    ledger.append("accounts", account("shared", f"{name}{n}"))
print(accepted, flush=True)
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_processes_that_write_at_once_all_succeed_and_no_fact_is_doubled(ledger: Ledger) -> None:
    writers = [start(_WRITER, ledger.place.url, name) for name in ("left", "right")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sum(int(output) for output in outputs) == 255
    found = values(ledger.snapshot().table("observations"))
    assert Counter(found) == Counter(f"v{n}" for n in range(255))
    assert ledger.verify() == []

    # The last version of an account is the one that every way of reading holds to be the last.
    order = [b.column("status")[0].as_py() for c in ledger.changes("accounts", None) for b in c.batches]
    assert len(order) == 50
    assert ledger.snapshot().table("accounts").column("status").to_pylist() == order


def test_threads_that_write_at_once_all_succeed_and_no_fact_is_doubled(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda n: ledger.append("observations", observations(range(n, n + 10))), range(20)))
    assert sum(appended.accepted for appended in done) == 29
    assert Counter(values(ledger.snapshot().table("observations"))) == Counter(f"v{n}" for n in range(29))


def test_two_writers_that_took_the_same_rows_at_once_do_not_double_them(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append("observations", observations([0]))
    other = Ledger(ledger.place.url)
    honest = ledger_module._Batch.commit

    def overtaken(batch: ledger_module._Batch, batch_id: str | None) -> Appended:
        monkeypatch.setattr(ledger_module._Batch, "commit", honest)
        assert other.append("observations", observations([1, 2]), batch_id="other").accepted == 2
        return honest(batch, batch_id)

    monkeypatch.setattr(ledger_module._Batch, "commit", overtaken)
    assert ledger.append("observations", observations([2, 3, 4])) == Appended(2, 1, 3)
    assert values(ledger.snapshot().table("observations")) == ["v0", "v1", "v2", "v3", "v4"]
    assert ledger.append("observations", observations([1, 2, 3, 4])).accepted == 0

    monkeypatch.setattr(ledger_module._Batch, "commit", overtaken_by_the_same_batch(ledger, honest, monkeypatch))
    assert ledger.append("observations", observations([7]), batch_id="b7").repeated
    assert changed(ledger, 3) == [(4, ["v7"])]
    assert ledger.verify() == []


def overtaken_by_the_same_batch(ledger: Ledger, honest: object, monkeypatch: pytest.MonkeyPatch) -> object:
    def commit(batch: ledger_module._Batch, batch_id: str | None) -> Appended:
        monkeypatch.setattr(ledger_module._Batch, "commit", honest)
        assert Ledger(ledger.place.url).append("observations", observations([7]), batch_id=batch_id).accepted == 1
        return honest(batch, batch_id)  # type: ignore[operator, no-any-return]

    return commit


def test_a_writer_that_never_gets_its_turn_says_so_and_leaves_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_late(batch: ledger_module._Batch, batch_id: str | None) -> Appended:
        raise ledger_module.Overtaken

    monkeypatch.setattr(ledger_module, "PATIENCE", 0.05)
    monkeypatch.setattr(ledger_module._Batch, "commit", always_late)
    with pytest.raises(LedgerUnavailable, match="written by others"):
        ledger.append("observations", observations([1]))
    assert not list(Path(ledger.place.url).rglob("*.parquet"))


_KILLED = """
import os, signal, sys
from linkage.ledger import Ledger
from linkage.ledger import ledger as module, stored
from tests.ledger.facts import observations
url, moment = sys.argv[1:3]
module.SLICE = 10

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "after the first file":
    writes, write = [], stored.StoredTable.write
    def once(*given):
        if writes:
            die()
        writes.append(1)
        return write(*given)
    stored.StoredTable.write = once
if moment == "before the commit":
    stored.StoredTable.commit_append = die
if moment == "right after the commit":
    write_new = stored.TablePlace.write_new
    stored.TablePlace.write_new = lambda *given: die(write_new(*given))
if moment == "while the commit is being written":
    os.link = die
Ledger(url).append("observations", observations(range(100, 140)), batch_id="killed")
"""


@pytest.mark.parametrize(
    ("moment", "taken"),
    [
        ("after the first file", False),
        ("before the commit", False),
        ("while the commit is being written", False),
        ("right after the commit", True),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_writer_killed_in_the_middle_leaves_nothing_or_the_whole_batch(
    ledger: Ledger, moment: str, taken: bool, first: bool
) -> None:
    if not first:
        ledger.append("observations", observations(range(5)))
    before = 0 if first else 5
    process = start(_KILLED, ledger.place.url, moment)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert ledger.snapshot().table("observations").num_rows == before + 40 * taken
    assert ledger.verify() == []
    # The batch comes again, as after any crash: now it is there, once.
    again = ledger.append("observations", observations(range(100, 140)), batch_id="killed")
    assert (again.repeated, again.accepted) == (taken, 0 if taken else 40)
    assert Counter(values(ledger.snapshot().table("observations"))) == Counter(
        [f"v{n}" for n in range(before)] + [f"v{n}" for n in range(100, 140)]
    )


_LOADER = """
import sys
from linkage.ledger import Ledger
from tests.ledger.facts import observations
ledger = Ledger(sys.argv[1])
for n in range(40):
    ledger.append("observations", observations(range(50 * n, 50 * n + 60)), batch_id=f"chunk {n}")
    print(n, flush=True)
"""


def test_a_loader_killed_again_and_again_ends_like_an_undisturbed_one(ledger: Ledger, tmp_path: Path) -> None:
    for survived in (1, 7, 4, 11):
        process = start(_LOADER, ledger.place.url)
        assert process.stdout is not None
        for _ in range(survived):
            process.stdout.readline()
        process.kill()
        process.communicate(timeout=60)
        assert ledger.verify(deep=True) == []
        chunks = [len(rows) for _, rows in changed(ledger)]
        assert all(size in (50, 60) for size in chunks), "a batch is there as a whole or not at all"
    process = start(_LOADER, ledger.place.url)
    process.communicate(timeout=120)
    assert process.returncode == 0

    undisturbed = Ledger(str(tmp_path / "undisturbed"))
    for n in range(40):
        undisturbed.append("observations", observations(range(50 * n, 50 * n + 60)), batch_id=f"chunk {n}")
    assert changed(ledger) == changed(undisturbed)
    assert ledger.snapshot().table("observations").equals(undisturbed.snapshot().table("observations"))


def test_a_folder_that_cannot_be_made_says_who_must_act() -> None:
    # The kernel refuses this to everybody, root included.
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger("/sys/ledger").append("observations", observations([1]))
    assert "refuses access" in caught.value.message
    assert caught.value.next_step is not None


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("not a folder")
    with pytest.raises(LedgerUnavailable, match="not a folder"):
        Ledger(str(tmp_path / "ledger")).append("observations", observations([1]))


_LIMITED = """
import resource, signal, sys
from linkage.errors import LedgerUnavailable
from linkage.ledger import Ledger
from tests.ledger.facts import observations
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger(sys.argv[1])
ledger.append("observations", observations(range(10)))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    ledger.append("observations", observations(range(10, 1000)))
except LedgerUnavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(ledger.append("observations", observations(range(1000))).accepted)
"""


def test_storage_that_takes_no_more_is_an_error_with_a_next_step_and_works_again_with_room(ledger: Ledger) -> None:
    output, _ = start(_LIMITED, ledger.place.url).communicate(timeout=60)
    assert "the ledger's disk is full" in output
    assert "Free some space" in output
    assert output.endswith("\n990\n")
    assert len(list(Path(ledger.place.url).rglob("*.parquet"))) == 2, "half a file is not left lying"
    assert ledger.verify(deep=True) == []


@pytest.mark.parametrize("error", [OSError("the answer was lost"), CommitFailedError("taken, by our first try")])
def test_a_commit_whose_answer_was_lost_is_there_and_its_files_stay(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ledger.append("observations", observations([1]))
    honest = TablePlace.write_new

    def lost(place: TablePlace, path: str, content: bytes) -> None:
        honest(place, path, content)
        raise error

    monkeypatch.setattr(TablePlace, "write_new", lost)
    assert ledger.append("observations", observations([2])) == Appended(1, 0, 2)
    assert ledger.verify() == []


@pytest.mark.parametrize("answered", [True, False])
def test_a_commit_knows_its_own_version_where_another_follows_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    ledger.append("rejections", rejections([1]))
    honest, other = TablePlace.write_new, Ledger(ledger.place.url)

    def followed(place: TablePlace, path: str, content: bytes) -> None:
        honest(place, path, content)
        monkeypatch.setattr(TablePlace, "write_new", honest)
        other.append("rejections", rejections([3]))
        if not answered:
            raise OSError("the answer was lost")

    monkeypatch.setattr(TablePlace, "write_new", followed)
    assert ledger.append("rejections", rejections([2])) == Appended(1, 0, 2)
    for reader in (ledger, Ledger(ledger.place.url)):
        told = [
            (c.version, [row["line"] for b in c.batches for row in b.to_pylist()]) for c in reader.changes("rejections")
        ]
        assert told == [(1, [1]), (2, [2]), (3, [3])]


def rejections(lines: Sequence[int]) -> pa.Table:
    """Rows of a table that takes the same row as often as it is said."""
    return pa.Table.from_pylist([{"line": line} for line in lines], schema=TABLES["rejections"].schema)


def test_files_stay_where_nobody_knows_whether_their_commit_is_there(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append("observations", observations([1]))
    honest = TablePlace.write_new

    def gone(*_: object, **__: object) -> None:
        raise OSError("the network is gone")

    def lost(place: TablePlace, path: str, content: bytes) -> None:
        honest(place, path, content)
        monkeypatch.setattr(TablePlace, "has", gone)
        gone()

    with monkeypatch.context() as patch:
        patch.setattr(TablePlace, "write_new", lost)
        with pytest.raises(LedgerUnavailable, match="does not answer"):
            ledger.append("observations", observations([2]), batch_id="b2")
    monkeypatch.undo()
    assert ledger.verify() == []
    assert ledger.append("observations", observations([2]), batch_id="b2").repeated


def test_files_are_removed_where_the_commit_was_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.append("observations", observations([1]))

    def refused(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TablePlace, "write_new", refused)
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        ledger.append("observations", observations([2]))
    ledger.append("observations", observations([1]))
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        ledger.append("observations", observations([3]))
    assert len(list(Path(ledger.place.url).rglob("*.parquet"))) == 1


def test_a_missing_file_is_damage_and_not_a_stack_trace(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    Path(ledger.snapshot().files("observations")[0]).unlink()
    again = Ledger(ledger.place.url)
    with pytest.raises(LedgerDamaged, match="linkage ledger verify"):
        again.append("observations", observations([2]))
    with pytest.raises(LedgerDamaged):
        again.snapshot().table("observations")
    with pytest.raises(LedgerDamaged):
        changed(again)


def test_a_broken_log_is_damage_and_not_a_stack_trace(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    ledger.append("observations", observations([2]))
    entry = Path(ledger.place.url) / "observations/_delta_log/00000000000000000001.json"
    whole = entry.read_text()
    entry.write_text(json.dumps({"commitInfo": {}}))
    with pytest.raises(LedgerDamaged, match="version 1"):
        Ledger(ledger.place.url).history("observations")
    entry.write_text("{broken")
    with pytest.raises(LedgerDamaged):
        Ledger(ledger.place.url).versions()
    entry.write_text(whole)
    assert Ledger(ledger.place.url).verify() == []


def test_a_ledger_by_file_url_is_the_same_ledger(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    assert Ledger(Path(ledger.place.url).as_uri()).snapshot().table("observations").num_rows == 1


def test_views_of_a_snapshot_answer_in_duckdb(ledger: Ledger) -> None:
    ledger.append("observations", observations([1, 2]))
    with duckdb.connect() as connection:
        ledger.snapshot().register(connection)
        counted = connection.execute("SELECT count(*), count(DISTINCT value) FROM observations").fetchone()
        assert counted == (2, 2)
        for name, table in TABLES.items():
            described = connection.execute(f"DESCRIBE {name}").fetchall()
            assert [row[0] for row in described] == table.schema.names
        types = {row[1] for name in TABLES for row in connection.execute(f"DESCRIBE {name}").fetchall()}
        assert types == {"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP WITH TIME ZONE"}


def test_the_log_is_one_that_the_library_reads(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.ledger.stored.CHECKPOINT_EVERY", 3)
    for number in range(4):
        ledger.append("observations", observations([number]), batch_id=f"b{number}")
    ledger.compact()
    delta = DeltaTable(f"{ledger.place.url}/observations")
    assert (delta.version(), delta.to_pyarrow_table().num_rows, len(delta.file_uris())) == (5, 4, 1)
    assert delta.transaction_version("b2") == 1
    assert [entry["linkage_rows"] for entry in delta.history() if "linkage_rows" in entry] == ["1"] * 4
    for thread in threading.enumerate():
        if thread.name.endswith("-checkpoint"):
            thread.join()
    assert list(Path(ledger.place.url).rglob("*.checkpoint.parquet"))
    # Another writer goes on where we were, and we go on where it was.
    delta.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert ledger.append("observations", observations([9])).accepted == 1
    assert ledger.append("observations", observations([2]), batch_id="b2").repeated
    assert Ledger(ledger.place.url).append("observations", observations([3]), batch_id="b3").repeated


def test_nothing_but_the_ledgers_own_files_is_written(ledger: Ledger) -> None:
    here = set(Path().iterdir())
    ledger.append("observations", observations(range(100)))
    ledger.compact()
    assert set(Path().iterdir()) == here
    assert {path.name for path in Path(ledger.place.url).iterdir()} == {"observations", "writers.lock"}


def test_rows_of_several_callers_are_one_commit_and_each_is_told_of_its_own(ledger: Ledger) -> None:
    ledger.append("observations", observations([1]))
    parts = [Part(observations([1, 2]), "x"), Part(observations([2, 3]), "y"), Part(observations([3]), "z")]
    assert ledger.append_together("observations", parts) == [
        Appended(1, 1, 2),
        Appended(1, 1, 2),
        Appended(0, 1, None),
    ]
    assert ledger.history("observations")[-1].batch_ids == ("x", "y")
    assert ledger.snapshot().table("observations").num_rows == 3


def test_a_caller_whose_batch_id_is_known_writes_nothing_beside_others(ledger: Ledger) -> None:
    first = [Part(observations([1]), "x"), Part(observations([2]), "y")]
    ledger.append_together("observations", first)
    again = ledger.append_together("observations", [Part(observations([9]), "x"), Part(observations([3]), "w")])
    assert [(one.accepted, one.repeated) for one in again] == [(0, True), (1, False)]
    twice = ledger.append_together("observations", [Part(observations([4]), "v"), Part(observations([5]), "v")])
    assert [(one.accepted, one.repeated) for one in twice] == [(1, False), (0, True)]


def test_callers_together_that_are_overtaken_lose_and_double_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append("observations", observations([0]))
    honest = ledger_module._Batch._commit_new

    def overtaken(batch: ledger_module._Batch, batch_ids: Sequence[str]) -> int:
        monkeypatch.setattr(ledger_module._Batch, "_commit_new", honest)
        Ledger(ledger.place.url).append("observations", observations([1]))
        return honest(batch, batch_ids)

    monkeypatch.setattr(ledger_module._Batch, "_commit_new", overtaken)
    told = ledger.append_together("observations", [Part(observations([1]), "x"), Part(observations([2]), "y")])
    assert [(one.accepted, one.duplicate) for one in told] == [(0, 1), (1, 0)]
    assert sorted(ledger.snapshot().table("observations")["value"].to_pylist()) == sorted(
        observations([0, 1, 2])["value"].to_pylist()
    )


def test_what_was_appended_since_a_version_is_one_relation_wherever_its_rows_lie_by_now(ledger: Ledger) -> None:
    def counts(after: int | None) -> list[int]:
        source = ledger.appended_since("observations", after)
        if source is None:
            return []
        with duckdb.connect() as connection:
            ledger.place.attach(connection)
            return [row[0] for row in connection.sql(f'SELECT "count" FROM {source} ORDER BY 1').fetchall()]

    assert counts(None) == []
    first = ledger.append("observations", observations([1])).version
    ledger.append("observations", observations([2]))
    last = ledger.append("observations", observations([3, 4])).version
    expected = [counts(None), counts(first), counts(last)]
    assert [len(each) for each in expected] == [4, 3, 0]
    ledger.compact()
    assert [counts(None), counts(first), counts(last)] == expected
