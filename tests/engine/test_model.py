"""The model table: complete by default, overridable number by number, all faults told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkage.engine import Model
from linkage.errors import BadModel

#: Kinds the outer interface promises out of the box.
KINDS = (
    "email", "email_domain", "phone", "payment_method", "bank_account", "ip", "device", "user_agent",
    "tls_fingerprint", "organisation", "organisation_name", "domain", "postal_address", "api_key", "prompt_template",
    "referral_code", "signup_cohort",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_promised_kind_has_parameters(kind: str) -> None:
    assert kind in Model.load().kinds


def test_a_kind_nobody_named_is_weighed_cautiously() -> None:
    model = Model.load()
    assert model.kind("never heard of") is model.unknown
    assert model.unknown.purity < 0.5


def test_a_file_overrides_single_numbers_and_changes_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[kinds.email]\npurity = 0.5\n")
    mine, default = Model.load(path), Model.load()
    assert mine.kinds["email"].purity == 0.5
    assert mine.kinds["email"].family == default.kinds["email"].family
    assert mine.kinds["phone"] == default.kinds["phone"]
    assert mine.fingerprint != default.fingerprint


def test_other_costs_change_the_bands_and_no_cluster(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[bands]\nwrong = 100\n")
    mine, default = Model.load(path), Model.load()
    assert (mine.bands.costs.edges[1], default.bands.costs.edges[1]) == (0.99, 0.95)
    assert mine.bands.missed == default.bands.missed
    assert mine.fingerprint == default.fingerprint


@pytest.mark.parametrize("line", ["wrong = 0", "missed = -1", "review = -0.1", "wrong = inf", "review = nan"])
def test_costs_that_make_no_sense_are_faults(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f"[bands]\n{line}\n")
    with pytest.raises(BadModel) as caught:
        Model.load(path)
    assert [fault.split(":")[0] for fault in caught.value.details] == [f"bands.{line.split(maxsplit=1)[0]}"]


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[kinds.email]\npurity = 1.5\nfades = 1\n[prior]\nthreshold = 0\n")
    with pytest.raises(BadModel) as caught:
        Model.load(path)
    assert [fault.split(":")[0] for fault in caught.value.details] == [
        "prior.threshold", "kinds.email.purity", "kinds.email.fades",
    ]  # fmt: skip


def test_a_family_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[kinds.email]\nfamily = "nobody"\n')
    with pytest.raises(BadModel, match="fault"):
        Model.load(path)


@pytest.mark.parametrize("text", ["kinds = [", "\xff"])
def test_a_file_that_is_not_toml_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadModel):
        Model.load(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="cannot be read"):
        Model.load(tmp_path / "none.toml")
