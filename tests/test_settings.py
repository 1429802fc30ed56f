import os
import stat
from pathlib import Path
from typing import get_args

import pytest

from linkage.access.roles import Role
from linkage.errors import BadSettings
from linkage.settings import RoleName, Settings, project_secret


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "linkage.toml"
    config.write_text('port = 9000\nhost = "127.0.0.2"\n')
    settings = Settings.load({"LINKAGE_CONFIG": str(config), "LINKAGE_PORT": "9100"})
    assert (settings.port, settings.host) == (9100, "127.0.0.2")


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.load({"LINKAGE_NEO4J_URI": ""}).neo4j_uri is None


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.load({"LINKAGE_PORT": "no", "LINKAGE_PHONE_REGION": "germany"})
    assert [detail.split(":")[0] for detail in caught.value.details] == ["port", "phone_region"]


IDENTITIES = {"LINKAGE_OIDC_ISSUER": "https://id.example/realm", "LINKAGE_OIDC_AUDIENCE": "linkage"}


def test_an_identity_provider_and_what_its_people_are_here(tmp_path: Path) -> None:
    settings = Settings.load({**IDENTITIES, "LINKAGE_OIDC_ROLES": "fraud=analyst, fraud leads = admin,"})
    assert settings.oidc_roles == {"fraud": "analyst", "fraud leads": "admin"}
    config = tmp_path / "linkage.toml"
    config.write_text('[oidc_roles]\nfraud = "viewer"\n')
    assert Settings.load({**IDENTITIES, "LINKAGE_CONFIG": str(config)}).oidc_roles == {"fraud": "viewer"}


def test_every_fault_of_an_identity_provider_is_told_at_once() -> None:
    wrong = {
        "LINKAGE_OIDC_ISSUER": "http://id.example",
        "LINKAGE_OIDC_ROLES": "fraud=boss",
        "LINKAGE_OIDC_CLIENT_SECRET": "x",
        "LINKAGE_PUBLIC_URL": "https://linkage.example/explorer",
        "LINKAGE_PORT": "no",
    }
    with pytest.raises(BadSettings) as caught:
        Settings.load(wrong)
    named = [detail.split(":")[0] for detail in caught.value.details]
    assert named == ["port", "public_url", "oidc_issuer", "oidc_roles.fraud", "oidc_client_secret", "oidc_issuer"]


@pytest.mark.parametrize("name", ["AUDIENCE", "CLIENT_ID", "CLIENT_SECRET", "ROLE_CLAIM", "ROLES", "NAME_CLAIM"])
def test_what_is_said_of_no_identity_provider_is_a_fault(name: str) -> None:
    with pytest.raises(BadSettings, match="needs oidc_"):
        Settings.load({f"LINKAGE_OIDC_{name}": "a=viewer"})


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example",
        "id.example",
        "https://",
        "https://id.example?x",
        "https://a:b@id.example",
        "ftp://x",
        "https://[",
    ],
)
def test_an_address_that_others_could_read_or_that_is_none_is_a_fault(address: str) -> None:
    for name in ("LINKAGE_OIDC_ISSUER", "LINKAGE_PUBLIC_URL"):
        with pytest.raises(BadSettings, match=name.removeprefix("LINKAGE_").lower()):
            Settings.load({**IDENTITIES, name: address})


def test_where_browsers_reach_the_service_is_an_origin() -> None:
    assert Settings.load({"LINKAGE_PUBLIC_URL": "https://Linkage.example/"}).public_url == "https://linkage.example"


def test_roles_are_those_of_the_table() -> None:
    assert list(get_args(RoleName)) == [role.value for role in Role]


def test_an_unknown_key_of_the_file_is_a_fault(tmp_path: Path) -> None:
    config = tmp_path / "linkage.toml"
    config.write_text("prot = 1\n")
    with pytest.raises(BadSettings, match="prot"):
        Settings.load({"LINKAGE_CONFIG": str(config)})


def test_a_broken_file_and_a_missing_one_are_told(tmp_path: Path) -> None:
    config = tmp_path / "linkage.toml"
    with pytest.raises(BadSettings, match="does not exist"):
        Settings.load({"LINKAGE_CONFIG": str(config)})
    config.write_text("port = = 1")
    with pytest.raises(BadSettings, match="no readable TOML"):
        Settings.load({"LINKAGE_CONFIG": str(config)})


def test_a_password_does_not_show_in_the_settings_text() -> None:
    settings = Settings.load({"LINKAGE_NEO4J_PASSWORD": "hunter2"})
    assert "hunter" not in repr(settings)


def test_the_project_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = project_secret(tmp_path / "data")
    assert len(first) == 32
    assert project_secret(tmp_path / "data") == first
    path = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "data") == ["secret.key"]  # noqa: PTH208 - no draft is left behind


def test_hashed_kinds_need_a_key_that_lies_elsewhere_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    data, key = tmp_path / "data", tmp_path / "hash.key"
    given = {"LINKAGE_DATA": str(data), "LINKAGE_HASHED_KINDS": "E-Mail, ip"}
    with pytest.raises(BadSettings, match="make no sense") as caught:
        Settings.load(given)
    assert "hashed_kinds need hash_key_file" in caught.value.details[0]
    with pytest.raises(BadSettings) as caught:
        Settings.load({**given, "LINKAGE_HASH_KEY_FILE": str(data / "hash.key")})
    assert "lies in the data folder" in caught.value.details[0]
    with pytest.raises(BadSettings) as caught:
        Settings.load({**given, "LINKAGE_HASHED_KINDS": "email, 1?"})
    assert "no names of kinds: 1?" in caught.value.details[0]
    settings = Settings.load({**given, "LINKAGE_HASH_KEY_FILE": str(key)})
    with pytest.raises(BadSettings, match="cannot be read"):
        _ = settings.hashing
    key.write_bytes(b"short")
    with pytest.raises(BadSettings, match="fewer than 32 bytes"):
        _ = settings.hashing
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    with pytest.raises(BadSettings, match="others than its owner"):
        _ = settings.hashing
    key.chmod(0o600)
    assert settings.hashing.kinds == {"email", "ip"}
    assert "key=" not in repr(settings.hashing)
