"""docs/kinds.md: adding a kind is a file and a row, and the table of kinds is the code's."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from linkage import ingest
from linkage.normalise import KINDS, Cards, Kind, Strength, kinds

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "kinds.md").read_text()


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Kind:
    """The guide's own example, added as the guide says."""
    rule_file, row = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    module = ModuleType("imei")
    exec(compile(rule_file, "imei.py", "exec"), module.__dict__)  # noqa: S102 - the guide's own text
    names = {"Kind": Kind, "Strength": Strength, "Cards": Cards, "imei": SimpleNamespace(**module.__dict__)}
    kind: Kind = eval(row, names)  # noqa: S307 - the guide's own text
    monkeypatch.setitem(KINDS, kind.name, kind)
    for name in (kind.name, *kind.aliases):
        monkeypatch.setitem(kinds._NAMES, name, kind.name)
    return kind


def test_a_kind_added_as_the_guide_says_is_read_and_no_longer_unknown(added: Kind, tmp_path: Path) -> None:
    path = tmp_path / "observations.csv"
    path.write_text(
        "account_id,kind,value\na1,IMEI,35-686800-004141-8\na1,imei_number,356868000041418\na1,imei,356868000041419\n"
    )
    (batch,) = ingest.read([path])
    assert batch.rows["value"].to_pylist() == ["356868000041418"] * 2
    assert batch.unknown_kinds == frozenset()
    assert batch.rejections["reason"].to_pylist() == [f"the value is not {added.wanted}"]


def test_nothing_but_the_table_and_its_file_names_a_kind() -> None:
    """A kind that no formula is about: its name stands in the table only, so a new one would too."""
    naming = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "linkage").rglob("*.py"))
        if re.search(r"[\"'](signup_cohort|SignupCohort)[\"']", path.read_text()) and "scenario" not in path.parts
    ]
    assert naming == ["linkage/normalise/kinds.py"]


def test_the_table_of_kinds_is_the_codes() -> None:
    listed = GUIDE.partition("<!-- kinds -->\n")[2].partition("<!-- /kinds -->")[0]
    rows = ["| kind | also called | what it is |", "|---|---|---|"]
    rows += [
        f"| `{kind.name}` | {', '.join(f'`{alias}`' for alias in kind.aliases)} | {kind.about} |"
        for kind in KINDS.values()
    ]
    assert listed == "\n".join(rows) + "\n"


def test_every_field_of_a_kind_is_explained() -> None:
    explained = set(re.findall(r"^\| (`.*?`) \|", GUIDE.partition("| field |")[2], re.MULTILINE))
    named = {name for cell in explained for name in re.findall(r"`(\w+)`", cell)}
    assert {"label", "wanted", "family", "strength", "mask", "cards", "secret", "name", "aliases"} <= named
    for name in named & set(Kind.__dataclass_fields__):
        assert name in Kind.__dataclass_fields__
