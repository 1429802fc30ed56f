"""compose.yaml: no default secret, nothing published beyond the machine, every name a setting that exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from linkage.graph.jars import VERSION
from linkage.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker" / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICE = COMPOSE["services"]["linkage"]
NEO4J = COMPOSE["services"]["neo4j"]
SETTINGS = {f"LINKAGE_{name.upper()}" for name in Settings.model_fields}


def interpolated(value: object) -> list[tuple[str, str]]:
    """Each `${NAME…}` of a value as (name, what follows it)."""
    return re.findall(r"\$\{(\w+)([^}]*)\}", str(value))


def test_every_variable_of_the_service_is_a_setting() -> None:
    assert set(SERVICE["environment"]) <= SETTINGS


def test_a_secret_has_no_default_and_must_be_given() -> None:
    uses = [rest for found, rest in re.findall(r"\$\{(\w+)([^}]*)\}", TEXT) if found == "LINKAGE_NEO4J_PASSWORD"]
    assert uses
    assert all(rest.startswith(":?") for rest in uses)


def test_both_sides_know_the_same_password() -> None:
    (password,) = interpolated(SERVICE["environment"]["LINKAGE_NEO4J_PASSWORD"])
    user, _, secret = NEO4J["environment"]["NEO4J_AUTH"].partition("/")
    assert user == SERVICE["environment"]["LINKAGE_NEO4J_USER"]
    assert interpolated(secret) == [password]


def test_the_example_environment_holds_every_variable_and_no_secret() -> None:
    example = (ROOT / "docker" / ".env.example").read_text()
    asked = {name for name, _ in re.findall(r"\$\{(\w+)([^}]*)\}", TEXT)}
    assert set(re.findall(r"^(?:# )?(\w+)=", example, re.MULTILINE)) == asked
    assert all(not value for value in re.findall(r"^\w+=(.*)$", example, re.MULTILINE))


def test_only_the_service_is_published_and_only_on_this_machine() -> None:
    assert "ports" not in NEO4J
    assert all(port.startswith("127.0.0.1:") for port in SERVICE["ports"])
    assert COMPOSE["networks"]["graph"]["internal"]
    assert NEO4J["networks"] == ["graph"]


def test_the_service_writes_to_its_volume_and_nowhere_else() -> None:
    assert SERVICE["read_only"]
    assert SERVICE["cap_drop"] == ["ALL"]
    targets = {volume.rsplit(":")[-1] for volume in SERVICE["volumes"] if not volume.endswith(":ro")}
    assert targets == {"/data"}


@pytest.mark.parametrize("service", [SERVICE, NEO4J], ids=["linkage", "neo4j"])
def test_each_service_is_watched_and_bounded(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"]
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert "no-new-privileges:true" in service["security_opt"]


def test_the_neo4j_is_the_version_that_the_tests_run_against() -> None:
    assert NEO4J["image"] == f"neo4j:{VERSION}-community"


def test_the_settings_of_the_service_load() -> None:
    environment = {
        name: re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)\}", lambda found: found[1] or "", str(value)) or "given"
        for name, value in SERVICE["environment"].items()
        if name != "LINKAGE_PHONE_REGION"
    }
    settings = Settings.load(environment)
    assert settings.neo4j_uri == "bolt://neo4j:7687"
    assert settings.memory_limit == "2GB"
