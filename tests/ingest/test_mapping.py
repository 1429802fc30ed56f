"""Mappings: every fault at once, with its place; every example of the documentation loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linkage import ingest
from linkage.errors import BadMapping, UnreadableFile
from linkage.ingest.columns import RECORDS
from linkage.ingest.mapping import FileMapping, Mapping

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "mappings"

BAD = """\
phone_region = "usa"
colour = "red"

[[file]]
name = "logins*"
delimiter = ";;"
encoding = "latin-99"

[[file.observations]]
kind = "9lives"
value = { column = "ip", constant = "x" }
first_seen = { column = "at", format = "sometimes" }
last_seen = { column = "at", format = "%" }

[[file.observations]]
account_id = "user"
kind = { column = "type", rename = { a = "?" } }

[[file.accounts]]
account_id = 7

[[file]]
name = "empty"
"""


def faults(text: str) -> list[str]:
    with pytest.raises(BadMapping) as caught:
        Mapping.parse(text, name="bad.toml")
    assert "docs/mappings.md" in (caught.value.next_step or "")
    return list(caught.value.details)


def test_every_fault_is_told_at_once_with_line_and_column() -> None:
    found = faults(BAD)
    places = {tuple(map(int, re.findall(r"\d+", line)[:2])) for line in found}
    assert places >= {
        (1, 1),
        (2, 1),
        (6, 1),
        (7, 1),
        (10, 1),
        (11, 1),
        (12, 31),
        (13, 30),
        (15, 3),
        (17, 1),
        (20, 1),
        (22, 3),
    }
    assert any("colour: is no key that this table has" in line for line in found)
    assert any("neither one of epoch" in line for line in found)
    assert any("either a column or a constant" in line for line in found)
    assert any("no encoding is called latin-99" in line for line in found)
    assert any("file.1.observations.2.value: is missing" in line for line in found)
    assert any("the file makes nothing" in line for line in found)


def test_an_observation_needs_a_subject() -> None:
    (told,) = faults('[[file]]\nname = "x"\n[[file.observations]]\nkind = "ip"\nvalue = "a"\n')
    assert told == "line 3, column 3: file.1.observations.1: account_id or organisation_id is needed"


def test_keys_are_found_in_every_way_toml_writes_them() -> None:
    text = 'file = [\n { name="x", observations = [\n    { account_id = "a", kind = "ip", value.colum = "b" } ] },\n]\n'
    assert any(told.startswith("line 3, column 38: ") for told in faults(text))


def test_a_text_that_is_no_toml_is_told_with_its_place() -> None:
    with pytest.raises(BadMapping, match=r"bad.toml is no TOML: .*line 2"):
        Mapping.parse("a = 1\nb = \n", name="bad.toml")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_mapping_that_cannot_be_read_is_told_by_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "m.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadMapping, match=r"m.toml cannot be read"):
        Mapping.load(path)


@pytest.mark.parametrize("record", RECORDS)
def test_a_mapping_can_fill_every_column_of_every_record(record: str) -> None:
    annotation = FileMapping.model_fields[record].annotation
    (model,) = annotation.__args__  # type: ignore[union-attr]
    assert {column.name for column in RECORDS[record].columns} == set(model.model_fields) - {"where", "attributes"}
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required == set(RECORDS[record].required)


def test_the_guide_lists_the_fields_there_are() -> None:
    guide = (ROOT / "docs" / "mappings.md").read_text()
    listed = guide.partition("<!-- fields -->")[2].partition("<!-- /fields -->")[0]
    for record in RECORDS.values():
        (line,) = [line for line in listed.splitlines() if line.startswith(f"| `{record.name}`")]
        named = set(re.findall(r"[a-z_]+", line.split("|")[2])) - {"or", "attributes"}
        assert named == {column.name for column in record.columns}
        assert set(re.findall(r"\*\*([a-z_]+)\*\*", line)) == set(record.required)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_a_good_mapping_and_stands_in_the_guide(example: Path) -> None:
    assert Mapping.load(example).about
    assert f"mappings/{example.name}" in (ROOT / "docs" / "mappings.md").read_text()


def test_the_guides_own_example_is_a_good_mapping() -> None:
    guide = (ROOT / "docs" / "mappings.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert len(Mapping.parse(block).file[0].shapes) == 3


LOGINS = """\
user_id,signup,cc,beta,at,remote_ip,device_id,browser,mobile,outcome
7,31/12/2025,UK,yes,1767225600,203.0.113.7,dev-0000cd66805c539f98be,Mozilla/5.0,07700 900123,ok
,,,,1767225601,203.0.113.8,dev-1111cd66805c539f98be,curl/8,,failed
8,01/13/2025,FR,,1767225602,203.0.113.9,,Mozilla/5.0,,ok-2fa
"""


def test_a_table_of_logins_makes_accounts_and_observations(tmp_path: Path) -> None:
    (tmp_path / "logins-2026.csv").write_text(LOGINS)
    batches = list(ingest.read([tmp_path], mapping=Mapping.load(EXAMPLES / "logins.toml")))
    accounts = [row for batch in batches if batch.record == "accounts" for row in batch.rows.to_pylist()]
    assert [(row["account_id"], row["country"], row["attributes"]) for row in accounts] == [
        ("web-7", "GB", '{"beta_tester": "yes"}')
    ]
    observations = [row for batch in batches if batch.record == "observations" for row in batch.rows.to_pylist()]
    assert [(row["subject_id"], row["kind"], row["value"]) for row in observations] == [
        ("web-7", "ip", "203.0.113.7"),
        ("web-8", "ip", "203.0.113.9"),
        ("web-7", "device", "dev-0000cd66805c539f98be"),
        ("web-7", "user_agent", "Mozilla/5.0"),
        ("web-8", "user_agent", "Mozilla/5.0"),
        ("web-7", "phone", "+447700900123"),
    ]
    assert {row["first_seen"].isoformat()[:16] for row in observations} == {"2026-01-01T00:00"}
    assert {row["source"] for row in observations} == {"logins"}
    rejections = [row for batch in batches for row in batch.rejections.to_pylist()]
    assert [(row["line"], row["column"], row["code"]) for row in rejections] == [(4, "signup", "BAD_TIME")]
    assert rejections[0]["mapping"] == (EXAMPLES / "logins.toml").read_text()


BILLING = """\
Kunde;Firma;Konto;Tarif;Zahlart;Zahlmittel;Datum;Modell;Anfragen
k1;Müller GmbH;a1;2;SEPA;DE89 3704 0044 0532 0130 00;01.02.2026 13:00;gross;17
k1;Müller GmbH;a2;;Karte;4111 1111 1111 1111;01.02.2026 14:00;klein;3
"""


def test_a_billing_export_makes_organisations_payments_and_usage(tmp_path: Path) -> None:
    (tmp_path / "billing-02.csv").write_bytes(BILLING.encode("latin-1"))
    batches = {
        batch.record: batch for batch in ingest.read([tmp_path], mapping=Mapping.load(EXAMPLES / "payments.toml"))
    }
    assert batches["organisations"].rows["name"].to_pylist() == ["Müller GmbH"] * 2
    assert batches["accounts"].rows["plan"].to_pylist() == ["team", "unknown"]
    assert batches["usage"].rows["requests"].to_pylist() == [17, 3]
    (paid,) = batches["observations"].rows.to_pylist()
    assert (paid["subject_type"], paid["kind"], paid["value"]) == (
        "organisation",
        "bank_account",
        "DE89370400440532013000",
    )
    (refused,) = batches["observations"].rejections.to_pylist()
    assert refused["code"] == "CARD_NUMBER"
    assert "4111 1111" not in str(refused)
    assert "****1111" in refused["raw"]


def test_both_sides_of_a_transfer_used_the_others_account(tmp_path: Path) -> None:
    (tmp_path / "transfers.csv").write_text(
        "time,action,amount,orig,origType,dest,destType,fraud\n"
        "2024-01-01T00:00:00Z,TRANSFER,19611.67,4868555703212478,MULE,4790841090768451,MULE,true\n"
    )
    batches = list(ingest.read([tmp_path], mapping=Mapping.load(EXAMPLES / "paysim_first_party.toml")))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    assert [(row["subject_id"], row["value"]) for row in rows] == [
        ("4868555703212478", "4790841090768451"),
        ("4790841090768451", "4868555703212478"),
    ]
    assert len({batch.batch_id for batch in batches}) == 2


def test_a_mapping_can_leave_out_columns_of_junk(tmp_path: Path) -> None:
    (tmp_path / "observations.csv").write_text(
        "account_id,kind,value,first_seen,last_seen,count\n"
        '1,org_name,"Chicago Commons\nAssociation",,,1\n1,fax,"(847)\n245-6715",,,1\n'
        "1,website,No,,,1\n2,website,www.cps.edu,,,1\n"
    )
    batches = list(ingest.read([tmp_path], mapping=Mapping.load(EXAMPLES / "chicago_ece_sites.toml")))
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    assert [(row["kind"], row["value"]) for row in rows] == [
        ("organisation_name", "chicago commons association"),
        ("phone", "+18472456715"),
        ("domain", "cps.edu"),
    ]
    assert sum(batch.rejections.num_rows for batch in batches) == 0


def test_a_region_goes_for_canonical_files_too(tmp_path: Path) -> None:
    (tmp_path / "observations.csv").write_text("account_id,kind,value\nC:1,phone,702-919-1300\nC:1,dob,12/11/1978\n")
    (batch,) = ingest.read([tmp_path], mapping=Mapping.load(EXAMPLES / "senzing_truthset.toml"), phone_region="GB")
    assert batch.rows["value"].to_pylist() == ["+17029191300", "1978-12-11"]


def test_a_column_that_the_file_lacks_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "logins.csv").write_text("user_id,at\n1,2\n")
    with pytest.raises(UnreadableFile, match=r"lacks the column .*remote_ip.* of the mapping; it has user_id, at"):
        ingest.read([tmp_path], mapping=Mapping.load(EXAMPLES / "logins.toml"))


def test_a_preview_tells_what_the_first_rows_make(tmp_path: Path) -> None:
    (tmp_path / "logins.csv").write_text(LOGINS)
    (tried,) = ingest.preview(tmp_path, Mapping.load(EXAMPLES / "logins.toml"))
    assert tried.records == {"accounts": 1, "observations": 6}
    assert "1 accounts, 6 observations, 1 rejected (signup: not in the format %d/%m/%Y)" in tried.told()


def test_a_preview_misses_the_file_that_a_mapping_names(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("account_id\n1\n")
    with pytest.raises(BadMapping, match=r"has no file called logins\*"):
        ingest.preview(tmp_path, Mapping.load(EXAMPLES / "logins.toml"))
