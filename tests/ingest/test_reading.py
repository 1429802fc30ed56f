"""Files in, ledger rows and rejections out."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage import ingest
from linkage.errors import BadInput, UnreadableFile
from linkage.ingest.columns import RECORDS, REJECTIONS
from linkage.ingest.readers import columnar
from linkage.ledger import tables
from linkage.model import Decision, Rejection

CARD = "4111 1111 1111 1111"


def load(*paths: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All rows and all rejections."""
    batches = list(ingest.read(paths))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    return rows, [row for batch in batches for row in batch.rejections.to_pylist()]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("record", RECORDS)
def test_the_rows_have_the_ledgers_columns(record: str) -> None:
    assert RECORDS[record].ledger == tables.TABLES[record].schema
    assert tables.REJECTIONS.schema == REJECTIONS


def test_a_data_set_is_a_folder_of_record_files_in_any_format(tmp_path: Path) -> None:
    written(tmp_path / "accounts.csv", "Account ID,created_at,tier,empty\na1,2026-01-01,gold,\na2,,,\n")
    written(
        tmp_path / "observations-2026.jsonl.gz",
        gzip.compress(b'{"account_id": 1, "kind": "ip", "value": "10.0.0.1"}\n'),
    )
    pq.write_table(pa.table({"account_id": ["a1"], "window_start": [0]}).cast(_USAGE), tmp_path / "usage.parquet")
    (tmp_path / "decisions").mkdir()
    written(tmp_path / "decisions" / "part-0.csv", "left,right,judgement\na1,account:a2,Same\n")
    written(tmp_path / "truth.csv", "account_id,actor_id\na1,x\n")
    written(tmp_path / "README.md", "words")
    plan = ingest.plan([tmp_path])
    assert {path.name: why for path, why in plan.passed_over} == {
        "README.md": "not a record file",
        "truth.csv": "the truth, which only an evaluation reads",
    }
    batches = {batch.record: batch for batch in ingest.read(plan)}
    assert batches["accounts"].rows["attributes"].to_pylist() == ['{"tier": "gold"}', None]
    assert batches["observations"].rows["subject_id"].to_pylist() == ["1"]
    assert batches["usage"].rows["requests"].to_pylist() == [0]
    assert batches["decisions"].rows.select(["left", "right", "judgement"]).to_pylist() == [
        {"left": "account:a1", "right": "account:a2", "judgement": "same"}
    ]
    (decided,) = batches["decisions"].rows.to_pylist()
    assert decided == Decision.of(decided).row
    for batch in batches.values():
        assert batch.rows.schema == tables.TABLES[batch.record].schema
        assert batch.rejections.schema == tables.REJECTIONS.schema


_USAGE = pa.schema([("account_id", pa.string()), ("window_start", pa.timestamp("ns"))])


@pytest.mark.parametrize(
    ("columns", "record"),
    [
        ("account_id,kind,value", "observations"),
        ("account_id,window_start,requests", "usage"),
        ("left,right,judgement", "decisions"),
        ("account_id,plan,tier", "accounts"),
        ("organisation_id,name", "organisations"),
    ],
)
def test_a_file_of_any_name_is_known_by_its_columns(tmp_path: Path, columns: str, record: str) -> None:
    plan = ingest.plan([written(tmp_path / "export.csv", columns + "\n")])
    assert plan.sources[0].shapes[0].record.name == record


def test_all_files_that_cannot_be_read_are_told_together(tmp_path: Path) -> None:
    bad = [
        written(tmp_path / "observations.csv", "kind,value\nip,10.0.0.1\n"),
        written(tmp_path / "usage.parquet", b"junk"),
        written(tmp_path / "strange.csv", "a,b\n1,2\n"),
        written(tmp_path / "picture.png", b"\x89PNG"),
        tmp_path / "nothing.csv",
    ]
    with pytest.raises(UnreadableFile) as caught:
        ingest.read(bad)
    told = caught.value.details
    assert len(told) == 5
    for words in (
        "lacks the column account_id or organisation_id",
        "no readable Parquet",
        "by its name or by its columns",
    ):
        assert any(words in line for line in told)
    assert "mapping" in (caught.value.next_step or "")


@pytest.mark.parametrize("content", ["", "account_id,actor_id\n"])
def test_a_folder_with_nothing_to_load_is_an_error_that_says_why(tmp_path: Path, content: str) -> None:
    written(tmp_path / ("truth.csv" if content else "accounts.csv"), content)
    with pytest.raises(UnreadableFile, match=r"nothing to load was found: .*(empty|truth)"):
        ingest.read([tmp_path])


def test_the_truth_alone_is_no_table_of_accounts(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="by its name or by its columns"):
        ingest.read([written(tmp_path / "labels.csv", "account_id,actor_id,country\n")])


OBSERVATIONS = """\
account_id,organisation_id,kind,value,first_seen,last_seen,count,source
a1,,E-Mail,J.Doe+x@GMail.com,2026-01-01T10:00:00+02:00,2026-01-02,3,crm
,o1,website,https://www.example.org/,,2026-01-02 10:00:00.123456789Z,,
a1,,badge,B 17,,,,
"""


def test_values_are_normalised_and_the_raw_kept_where_it_differs(tmp_path: Path) -> None:
    (batch,) = ingest.read([written(tmp_path / "observations.csv", OBSERVATIONS)])
    email, domain, badge = batch.rows.to_pylist()
    assert (email["kind"], email["value"], email["raw"]) == ("email", "jdoe@gmail.com", "J.Doe+x@GMail.com")
    assert email["first_seen"].isoformat() == "2026-01-01T08:00:00+00:00"
    assert email["count"] == 3
    assert (domain["subject_type"], domain["subject_id"], domain["value"]) == ("organisation", "o1", "example.org")
    assert domain["first_seen"] == domain["last_seen"]
    assert (badge["value"], badge["raw"], badge["count"], badge["first_seen"]) == ("B 17", None, 1, None)
    assert batch.unknown_kinds == {"badge"}


FAULTS = {
    "a1,ip,999.1.1.1,,,": ("value", "BAD_VALUE"),
    "a1,ip,,,,": ("value", "MISSING_VALUE"),
    ",ip,10.0.0.1,,,": ("account_id", "MISSING_VALUE"),
    "a1,,10.0.0.1,,,": ("kind", "MISSING_VALUE"),
    "a1,9lives,x,,,": ("kind", "BAD_KIND"),
    "a1,ip,10.0.0.1,2026-02-30,,": ("first_seen", "BAD_TIME"),
    "a1,ip,10.0.0.1,01/02/2026,,": ("first_seen", "BAD_TIME"),
    "a1,ip,10.0.0.1,,1767225600,": ("last_seen", "BAD_TIME"),
    "a1,ip,10.0.0.1,,0001-01-01,": ("last_seen", "BAD_TIME"),
    "a1,ip,10.0.0.1,2026-02-02,2026-02-01,": ("last_seen", "BAD_PERIOD"),
    "a1,ip,10.0.0.1,,,0": ("count", "BAD_NUMBER"),
    "a1,ip,10.0.0.1,,,many": ("count", "BAD_NUMBER"),
    "a1,ip,10.0.0.1,,,99999999999999999999": ("count", "BAD_NUMBER"),
    f"a1,payment_method,{CARD},,,": ("value", "CARD_NUMBER"),
    f"{'x' * 600},ip,10.0.0.1,,,": ("account_id", "TOO_LONG"),
    "a\ufffd1,ip,10.0.0.1,,,": ("account_id", "BINARY_DATA"),
}


@pytest.mark.parametrize("row", FAULTS)
def test_a_row_that_cannot_be_taken_is_kept_with_place_and_reason(tmp_path: Path, row: str) -> None:
    header = "account_id,kind,value,first_seen,last_seen,count"
    good = "a0,ip,10.0.0.9,,,1"
    rows, rejections = load(written(tmp_path / "observations.csv", f"{header}\n{good}\n{row}\n{good}\n"))
    assert len(rows) == 2
    (refused,) = rejections
    column, code = FAULTS[row]
    assert (refused["line"], refused["column"], refused["code"]) == (3, column, code)
    assert refused["file"].endswith("observations.csv")
    assert refused["reason"]
    assert CARD not in str(refused)


def test_all_that_is_wrong_with_a_row_is_told_at_once(tmp_path: Path) -> None:
    content = f"account_id,kind,value,first_seen,count\na1,payment_method,{CARD},soon,-1\n"
    _rows, (refused,) = load(written(tmp_path / "observations.csv", content))
    assert refused["reason"].count(";") == 2
    assert json.loads(refused["raw"])["value"] == "****1111"


def test_other_records_have_faults_too(tmp_path: Path) -> None:
    written(
        tmp_path / "decisions.csv", "left,right,judgement\na,b,maybe\na,account:a,same\n,b,same\na,cluster:cl_b,same\n"
    )
    written(tmp_path / "usage.csv", "account_id,window_start,requests\na,,1\na,2026-01-01T00:00,-1\n")
    written(
        tmp_path / "accounts.jsonl", '{"account_id": {"x": 1}}\n{"account_id": 1, "note": "\\ud800 x"}\n{"tier": 1}\n'
    )
    rows, rejections = load(tmp_path)
    assert [row["attributes"] for row in rows] == ['{"note": "? x"}']
    assert Counter(refused["code"] for refused in rejections) == {
        **{"BAD_JUDGEMENT": 1, "SAME_SUBJECT": 1, "NO_SUBJECT": 1, "MISSING_VALUE": 3, "BAD_NUMBER": 1, "BAD_TYPE": 1}
    }


def test_card_numbers_are_masked_wherever_else_they_stand(tmp_path: Path) -> None:
    written(tmp_path / "accounts.csv", f"account_id,display_name,note\n1,paid {CARD},card {CARD} on file\n")
    (account,), _none = load(tmp_path)
    assert account["display_name"] == "paid ****1111"
    assert account["attributes"] == '{"note": "card ****1111 on file"}'


def test_secrets_are_kept_by_their_fingerprint_only(tmp_path: Path) -> None:
    key = "sk-live-51H8aFQ2eZvKYlo2C"
    path = written(
        tmp_path / "observations.csv", f"account_id,kind,value,count\n1,api_key,{key},1\n1,apikey,{key},-1\n"
    )
    rows, rejections = load(path)
    assert key not in str((rows, rejections))
    assert json.loads(rejections[0]["raw"])["value"] == rows[0]["value"]


def test_parquet_types_are_taken_as_they_are(tmp_path: Path) -> None:
    table = pa.table(
        {
            "account_id": pa.array([4000200289284091.0, 2.0, None]),
            "kind": pa.array(["ip", "ip", "ip"]).dictionary_encode(),
            "value": pa.array([b"10.0.0.1", b"10.0.0.2", b"10.0.0.3"]),
            "first_seen": pa.array([0, 1, 2], pa.date32()),
            "last_seen": pa.array([86_400_000, 86_400_000, 2], pa.timestamp("ms", "Europe/Berlin")),
            "count": pa.array([1, 0, 3], pa.uint8()),
        }
    )
    pq.write_table(table, tmp_path / "observations.parquet")
    rows, rejections = load(tmp_path)
    assert [(row["subject_id"], row["value"], row["last_seen"].isoformat()) for row in rows] == [
        ("4000200289284091", "10.0.0.1", "1970-01-02T00:00:00+00:00")
    ]
    assert [(refused["line"], refused["code"]) for refused in rejections] == [(2, "BAD_NUMBER"), (3, "MISSING_VALUE")]


def test_nested_columns_become_attributes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"account_id": ["1"], "tags": [["x", "y"]], "n": [7]}), tmp_path / "accounts.parquet")
    (account,), _none = load(tmp_path)
    assert json.loads(account["attributes"]) == {"tags": ["x", "y"], "n": 7}


def test_the_same_load_gives_the_same_ids_wherever_the_files_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"account_id": [str(n) for n in range(10)], "window_start": ["x"] * 10})
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        pq.write_table(table, tmp_path / folder / "usage.parquet")
    monkeypatch.setattr(columnar.read, "__kwdefaults__", {"rows": 4})
    first, second = (list(ingest.read([tmp_path / folder])) for folder in ("one", "two"))
    assert [batch.batch_id for batch in first] == [batch.batch_id for batch in second]
    assert len({batch.batch_id for batch in first}) == 3
    ids = [
        [one for batch in batches for one in batch.rejections["rejection_id"].to_pylist()]
        for batches in (first, second)
    ]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 10
    other_region = list(ingest.read([tmp_path / "one"], phone_region="US"))
    assert {batch.batch_id for batch in other_region}.isdisjoint(batch.batch_id for batch in first)


def test_progress_counts_the_bytes_of_all_files(tmp_path: Path) -> None:
    path = written(tmp_path / "accounts.csv", "account_id\n1\n")
    told: list[tuple[str, int, int | None]] = []
    list(ingest.read([path], progress=lambda step, done, total=None: told.append((step, done, total))))
    assert told[0] == ("read", 0, path.stat().st_size)
    assert told[-1] == ("read", path.stat().st_size, path.stat().st_size)


def test_the_api_has_the_same_rules() -> None:
    rows = [
        {"account_id": 1, "kind": "ip", "value": "10.0.0.1", "first_seen": "2026-01-01T00:00:00Z", "count": 2},
        {"account_id": "2", "kind": "phone", "value": "020 7946 0018"},
        {"account_id": "3", "kind": "payment_method", "value": CARD},
    ]
    table, rejections = ingest.records("observations", rows, source="api", phone_region="GB")
    assert table.schema == tables.OBSERVATIONS.schema
    assert table["value"].to_pylist() == ["10.0.0.1", "+442079460018"]
    (refused,) = rejections
    assert (refused.line, refused.code, refused.file) == (3, "CARD_NUMBER", "api")
    assert CARD not in refused.raw


def test_an_empty_request_makes_nothing_and_an_unknown_record_is_refused() -> None:
    table, rejections = ingest.records("usage", [])
    assert (table.num_rows, rejections) == (0, [])
    assert table.schema == tables.USAGE.schema
    with pytest.raises(BadInput, match="no records called 'truth'"):
        ingest.records("truth", [{}])


def replayed(rejections: Iterable[dict[str, Any]], **mended: str) -> list[ingest.Replayed]:
    return list(ingest.replay([{**row, **mended} for row in rejections]))


def test_rejected_rows_are_taken_once_the_rule_is_mended(tmp_path: Path) -> None:
    content = 'account_id,kind,value,count\n1,ip,10.0.0.1,x\n2,9lives,z,1\n3,payment_method,4111111111111111,1\n4,"ip\n'
    _rows, rejections = load(written(tmp_path / "observations.csv", content))
    assert len(rejections) == 4
    assert [found.settled for found in replayed(rejections)] == [()]
    rejections[0]["raw"] = rejections[0]["raw"].replace('"x"', '"1"')
    (found,) = replayed(rejections)
    assert found.settled == (rejections[0]["rejection_id"],)
    assert found.rows["value"].to_pylist() == ["10.0.0.1"]


def test_rejected_rows_of_a_mapped_file_are_tried_under_their_mapping(tmp_path: Path) -> None:
    mapping = ingest.Mapping.parse(
        '[[file]]\nname = "x*"\n[[file.observations]]\naccount_id = "u"\nkind = "ip"\nvalue = "i"\nfirst_seen = "t"\n'
    )
    (batch,) = ingest.read([written(tmp_path / "x1.csv", "u,i,t\n1,10.0.0.1,soon\n")], mapping=mapping)
    (refused,) = batch.rejections.to_pylist()
    (found,) = replayed([refused], raw='{"u": "1", "i": "10.0.0.1", "t": "2026-01-01"}')
    assert found.settled == (refused["rejection_id"],)
    assert found.rows["subject_id"].to_pylist() == ["1"]


def test_cells_that_were_cut_are_not_tried_again(tmp_path: Path) -> None:
    content = f"account_id,kind,value,count\n1,badge,{'x' * 5_000},1\n"
    _rows, (refused,) = load(written(tmp_path / "observations.csv", content))
    assert "… (5,000 characters)" in refused["raw"]
    assert replayed([refused]) == []


def test_a_large_file_with_every_kind_of_breakage_loads_the_rest(tmp_path: Path) -> None:
    """A file of some megabytes, one row in a hundred broken, and a cell of ten megabytes."""
    chance = random.Random(7)  # noqa: S311 - no secret
    breakages = (
        lambda n: f"acct-{n},ip,10.1.2.{n % 250},2026-13-45T00:00:00Z,2026-02-01T00:00:00Z,1".encode(),
        lambda n: f"acct-{n},ip,10.1.999.1,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,1".encode(),
        lambda n: chance.randbytes(80).replace(b"\n", b"\xff").replace(b"\r", b"\xfe").replace(b'"', b"\x00"),
        lambda n: f"acct-{n},ip".encode(),
        lambda n: f"acct-{n},payment_method,{CARD},2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,1".encode(),
        lambda n: f'acct-{n},"ip,10.1.2.3,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,1'.encode(),
    )
    lines, broken = [b"account_id,kind,value,first_seen,last_seen,count"], []
    for n in range(30_000):
        if n == 15_000:
            lines.append(b"acct-15000,badge," + b"x" * 10_000_000 + b",,,1")
            broken.append(len(lines))
        elif n % 100 == 50:
            lines.append(chance.choice(breakages)(n))
            broken.append(len(lines))
        else:
            lines.append(f"acct-{n},ip,10.1.{n % 256}.7,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,1".encode())
    path = written(tmp_path / "observations.csv", b"\n".join(lines) + b"\n")
    rows, rejections = load(path)
    assert len(rows) == 30_000 - len(broken)
    assert [refused["line"] for refused in sorted(rejections, key=lambda row: int(row["line"]))] == broken
    assert CARD not in str(rejections)
    assert max(len(refused["raw"]) for refused in rejections) < 10_000


def test_calls_made_together_are_what_each_is_alone() -> None:
    fine = {"account_id": "a1", "kind": "email", "value": "Ann@Example.com", "first_seen": "2026-01-01"}
    calls = [
        ("one", [fine, {**fine, "value": ""}]),
        ("two", []),
        ("three", [{**fine, "kind": None}, {**fine, "value": 5, "kind": "phone"}, {**fine, "count": "x"}]),
        ("four", [{**fine, "account_id": "a2", "value": ["list"]}, fine]),
    ]
    assert told_together("observations", calls) == told_alone("observations", calls)
    opened = [
        ("one", [{"account_id": "a1", "plan": "pro", "Country": "NL"}]),
        ("two", [{"account_id": "a2", "Country": "NL", "plan": {"name": "pro"}}, {"account_id": "", "city": "Ede"}]),
    ]
    assert told_together("accounts", opened) == told_alone("accounts", opened)


Calls = list[tuple[str, list[dict[str, Any]]]]


def told_alone(record: str, calls: Calls) -> list[Any]:
    return [told(*ingest.records(record, rows, source=source)) for source, rows in calls]


def told_together(record: str, calls: Calls) -> list[Any]:
    return [told(*made) for made in ingest.records_together(record, calls)]


def told(table: pa.Table, rejections: list[Rejection]) -> Any:
    return table.to_pylist(), [replace(one, raw=str(sorted(json.loads(one.raw).items()))) for one in rejections]
