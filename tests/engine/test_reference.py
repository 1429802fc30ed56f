"""Reference files: what they may say, what is a fault, and what they make of a resolution."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from linkage.engine import Facts, Model, Reference, resolve
from linkage.engine.reference import FILES, version
from linkage.errors import BadModel, BadReference
from tests.engine.conftest import accounts, clusters, day, observed

ROOT = Path(__file__).parents[2]


def _written(folder: Path, **files: str) -> Path:
    """The files of a folder, by name without `.csv`."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def _faults(folder: Path, **files: str) -> list[str]:
    with pytest.raises(BadReference) as caught:
        Reference.load(_written(folder, **files))
    return list(caught.value.details)


def _told(reference: Reference, *held: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """Class and reason of each (kind, value) that two accounts hold."""
    rows = [(who, kind, value, 0, 30) for kind, value in held for who in ("a", "b")]
    found = resolve(Facts(observations=observed(rows)), reference=reference).identifiers.to_pylist()
    return {row["value"]: (row["sharing_class"], row["class_reason"].split(";")[0]) for row in found}


# -- reading


def test_columns_stand_in_any_order_and_further_ones_are_ignored(tmp_path: Path) -> None:
    folder = _written(tmp_path, networks="note,Class,network\n,VPN,203.0.113.0/24\n")
    told = _told(Reference.load(folder), ("ip", "203.0.113.9"))
    assert told == {"203.0.113.9": ("vpn", "203.0.113.0/24 is in networks.csv")}


def test_every_fault_of_every_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    told = _faults(
        tmp_path,
        # A blank line, and a quoted name over two lines: lines are those of the file, not rows.
        networks='network,class,name\n\n1.0.0.0/8,vpn,x,y\n203.0.113.0/24,vpn,"Two\nlines"\n203.0.113.7/24,vpn,x\n10.0.0.0/8,castle,\n',
        asn="first_address,last_address,class\n10.0.0.0,10.0.0.9,mobile\n10.0.0.5,10.0.0.20,mobile\n9.9.9.9,1.1.1.1,\n",
        email_domains="domain,class\nexample.org,free\nexample.org,relay\nexample.com,office\nnot a domain,free\n",
        identifiers="kind,value,class\nip,example,office\n***,x,office\n"
        "phone,+49301234567,home\nphone,+49 30 1234567,vpn\n",
    )
    assert [line.split(":")[0] for line in told] == [
        "identifiers.csv, line 2", "identifiers.csv, line 3", "identifiers.csv, line 5",
        "networks.csv, line 3", "networks.csv, line 6", "networks.csv, line 7",
        "asn.csv, line 3",
        "email_domains.csv, line 3", "email_domains.csv, line 4", "email_domains.csv, line 5",
    ]  # fmt: skip
    text = "\n".join(told)
    for what in (
        "is no IP",
        "name of a kind",
        "'castle' is no class",
        "bits set",
        "crosses",
        "further up",
        "no domain",
    ):
        assert what.lower() in text.lower()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"net,class\n10.0.0.0/8,vpn\n", "its columns are net, class; it needs network, class"),
        (b"network,class\n10.0.0.0/8,\xff\n", "line 2: it is not UTF-8"),
        (b"network,class,class\n", "its columns are network, class, class"),
        (b"network,class\r\n10.0.0.0/8,vpn\n11.0.0.0/8,vpn\r\n", "line 1: it is no readable CSV"),
        (b"", "its columns are missing; it needs network, class"),
    ],
)
def test_a_file_that_is_no_such_table_is_told(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "networks.csv").write_bytes(content)
    with pytest.raises(BadReference, match=what):
        Reference.load(tmp_path)


def test_the_same_network_in_two_classes_is_a_fault_and_twice_in_one_is_not(tmp_path: Path) -> None:
    twice = "network,class\n10.0.0.0/8,vpn\n10.0.0.0/8,vpn\n"
    assert Reference.load(_written(tmp_path, networks=twice)).rows == {"networks.csv": 2}
    (fault,) = _faults(tmp_path, networks=twice + "10.0.0.0/8,office\n")
    assert fault == "networks.csv, line 4: the same addresses are vpn further up, and office here"


def test_a_thousand_faults_are_summed_up(tmp_path: Path) -> None:
    told = _faults(tmp_path, networks="network,class\n" + "x,vpn\n" * 1000)
    assert (len(told), told[-1]) == (101, "and 900 more")


def test_a_folder_without_reference_files_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadReference, match="holds no reference files"):
        Reference.load(tmp_path)


def test_a_change_of_the_files_is_another_version(tmp_path: Path) -> None:
    first = Reference.load(_written(tmp_path, networks="network,class\n10.0.0.0/8,vpn\n"))
    other = Reference.load(_written(tmp_path, networks="network,class\n10.0.0.0/8,mobile\n"))
    assert version("m", None) == "m"
    assert version("m", first) == f"m+{first.fingerprint}" != version("m", other)


def test_the_files_shown_in_the_paper_load(tmp_path: Path) -> None:
    paper = (ROOT / "docs" / "reference-files.md").read_text()
    shown = [block.partition("```")[0] for block in paper.split("```csv\n")[1:]]
    assert len(shown) == 3
    names = {"network": "networks", "first_address": "asn", "kind": "identifiers"}
    reference = Reference.load(_written(tmp_path, **{names[text.split(",")[0]]: text for text in shown}))
    assert reference.rows == {"identifiers.csv": 2, "networks.csv": 3, "asn.csv": 2}
    assert all(name in paper for name in FILES)


# -- looking up


def test_the_most_particular_file_and_prefix_counts(tmp_path: Path) -> None:
    folder = _written(
        tmp_path,
        networks="network,class,name\n203.0.113.0/24,vpn,ExampleVPN\n203.0.113.64/28,office,Us\n2001:db8::/32,hosting,\n"
        "2001:db8:0:7::/64,home,\n198.51.100.0/30,unknown,\n",
        asn="network,asn,organisation,class\n203.0.0.0/8,AS64500,Wide,mobile\n198.51.100.0/24,64501,,hosting\n192.0.2.0/24,,,\n",
        identifiers="kind,value,class,note\nip,203.0.113.66,reseller,our reseller\nip,2001:db8:0:8::1,campus,\n",
    )
    held = [
        "203.0.113.9", "203.0.113.65", "203.0.113.66", "203.0.112.1", "198.51.100.3", "198.51.100.4", "192.0.2.1",
        "2001:db8:0:6::/64", "2001:db8:0:7::/64", "2001:db8:0:8::/64", "2001:db9::/64",
    ]  # fmt: skip
    told = _told(Reference.load(folder), *(("ip", value) for value in held))
    known = {value: said for value, said in told.items() if ".csv" in said[1]}
    assert known == {
        "203.0.113.9": ("vpn", "203.0.113.0/24 is in networks.csv as ExampleVPN"),
        "203.0.113.65": ("office", "its network is in networks.csv as Us"),
        "203.0.113.66": ("reseller", "it is in identifiers.csv: our reseller"),
        "203.0.112.1": ("mobile", "its network is in asn.csv as AS64500 Wide"),
        "198.51.100.3": ("unknown", "its network is in networks.csv"),
        "198.51.100.4": ("hosting", "its network is in asn.csv as AS64501"),
        "2001:db8:0:6::/64": ("hosting", "2001:db8::/32 is in networks.csv"),
        "2001:db8:0:7::/64": ("home", "its network is in networks.csv"),
        "2001:db8:0:8::/64": ("campus", "it is in identifiers.csv"),
    }


def test_a_mail_domain_stands_for_its_subdomains(tmp_path: Path) -> None:
    text = "domain,class\nExample.org,disposable\nkept.example.org,relay\n"
    reference = Reference.load(_written(tmp_path, email_domains=text))
    held = [("email_domain", name) for name in ("a.example.org", "b.kept.example.org", "notexample.org")]
    told = _told(reference, *held, ("domain", "example.org"))
    assert [told[value][0] for value in ("a.example.org", "b.kept.example.org", "example.org")] == [
        "disposable", "relay", "disposable",
    ]  # fmt: skip
    assert told["notexample.org"][0] not in {"disposable", "relay"}


# -- what it is for


def _behind_one_vpn() -> Facts:
    """Two strangers with three accounts each, opened in one week, behind the same exits; and a crowd."""
    rows: list[tuple[object, ...]] = []
    for who in ("a", "b"):
        for n in range(3):
            rows += [(f"{who}{n}", kind, f"{kind} of {who}", 60, 90) for kind in ("email", "phone")]
            rows.append((f"{who}{n}", "ip", f"203.0.113.{n}", 60, 61))
    rows += [(f"z{n}", "ip", f"203.0.113.{n % 3}", n, n + 1) for n in range(9)]
    crowd = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(180)]
    two = [{"account_id": f"{who}{n}", "created_at": day(60 + n)} for who in ("a", "b") for n in range(3)]
    return Facts(observations=observed(rows), accounts=accounts([*crowd, *two]))


TWO = {frozenset(f"{who}{n}" for n in range(3)) for who in ("a", "b")}


def test_networks_csv_undoes_a_wrong_merge_behind_a_vpn(tmp_path: Path) -> None:
    assert clusters(resolve(_behind_one_vpn())) == {frozenset().union(*TWO)}
    reference = Reference.load(_written(tmp_path, networks="network,class,name\n203.0.113.0/24,vpn,ExampleVPN\n"))
    resolution = resolve(_behind_one_vpn(), reference=reference)
    assert clusters(resolution) == TWO
    assert resolution.summary["reference_rows"] == {"networks.csv": 1}
    told = next(row for row in resolution.identifiers.to_pylist() if row["kind"] == "ip")
    assert told["sharing_class"] == "vpn"
    assert told["class_bits"] < -2
    assert "; " in told["class_reason"]
    assert "known as VPN exit" in told["class_reason"]


def test_a_hub_whose_holders_turn_out_to_be_one_cluster_regains_its_fade(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = []
    for who in "abcd":
        rows += [(who, kind, f"shared {kind}", 0, 9) for kind in ("email", "phone")]
        rows.append((who, "ip", "203.0.113.5", 0, 9))
    reference = Reference.load(_written(tmp_path, networks="network,class\n203.0.113.0/24,vpn\n"))
    vpn = Model.load().classes["vpn"]  # type: ignore[index]
    (told,) = [
        row
        for row in resolve(Facts(observations=observed(rows)), reference=reference).identifiers.to_pylist()
        if row["kind"] == "ip"
    ]
    # In one cluster only the doubt is left, which does not grow with the holders.
    assert (told["holders"], told["holder_clusters"]) == (4, 1)
    assert told["class_bits"] == pytest.approx(-vpn.doubt / 0.6931, abs=0.7)


def test_a_known_class_never_adds_weight(tmp_path: Path) -> None:
    """Accounts of one day with nothing of their own make a machine of many worth more; a known one is never."""
    rows = [(f"p{n:02}", "device", "lab-4f0e9a1c", 0, 90) for n in range(12)]
    people = [{"account_id": f"p{n:02}", "created_at": day(90 + n / 100)} for n in range(12)]
    crowd = [{"account_id": f"z{n}", "created_at": day(n)} for n in range(180)]
    facts = Facts(observations=observed(rows), accounts=accounts([*people, *crowd]))
    (unknown,) = resolve(facts).identifiers.to_pylist()
    reference = Reference.load(_written(tmp_path, identifiers="kind,value,class\ndevice,lab-4f0e9a1c,public\n"))
    (known,) = resolve(facts, reference=reference).identifiers.to_pylist()
    assert known["class_bits"] < 0 <= unknown["class_bits"]


@pytest.mark.parametrize("name", ["home", "private", "pool", "unknown"])
def test_a_class_that_the_model_does_not_name_moves_no_weight(tmp_path: Path, name: str) -> None:
    reference = Reference.load(_written(tmp_path, networks=f"network,class\n203.0.113.0/24,{name}\n"))
    assert _merges(resolve(_behind_one_vpn(), reference=reference).merges) == _merges(resolve(_behind_one_vpn()).merges)


def _merges(merges: pa.Table) -> list[tuple[str, str, float]]:
    return [(row["left"], row["right"], row["bits"]) for row in merges.to_pylist()]


def test_a_class_that_does_not_exist_is_a_fault_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text("[classes]\ncastle = { doubt = 1.0 }\nvpn = { doubt = -1.0 }\n")
    with pytest.raises(BadModel) as caught:
        Model.load(tmp_path / "model.toml")
    assert [line.split(":")[0] for line in caught.value.details] == ["classes.vpn.doubt", "classes.castle.[key]"]
