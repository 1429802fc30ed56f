"""The resolved world, with values planted in it that hide elsewhere than in identifiers; and what finds them again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from linkage.access.roles import Role
from linkage.findings.words import masked
from linkage.model import Judgement
from linkage.service import Service
from linkage.service.deciding import Statement
from linkage.settings import Settings
from tests.every_field import decoded
from tests.resolved_world import settings as resolved
from tests.small_service import keys_of

__all__ = ["resolved"]

NAME, ORGANISATION, REGISTERED = "Zerlinda Quastenflosser", "Vogelweide Feinmechanik", "HRB-4477-9182"
SAID, NOTED = "she is quastenflosser@example.com", {"mail": "zq@vogelweide.example", "deep": [{"phone": "+4930901820"}]}
PLANTED = [NAME, "Quastenflosser", ORGANISATION, "Feinmechanik", REGISTERED, SAID, "zq@vogelweide", "+4930901820"]
#: Shorter values are found in any text by chance.
SHORTEST = 7


class Secrets:
    """Values that nobody may see without asking for them; looked for in a text at once, however many they are."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = sorted({value for value in values if len(value) >= SHORTEST})
        self._beginnings = {value[:SHORTEST] for value in self.values}

    def leaks(self, text: str) -> list[str]:
        """Those that stand in the text, or in what it holds in base64."""
        whole = decoded(text)
        pieces = {whole[start : start + SHORTEST] for start in range(len(whole) - SHORTEST + 1)}
        begun = pieces & self._beginnings
        return [value for value in self.values if value[:SHORTEST] in begun and value in whole] if begun else []


@pytest.fixture(scope="module")
def settings(resolved: Settings) -> Settings:
    """The project of the resolved world, with what was planted in it."""
    with Service.open(resolved) as service:
        cluster = service.largest_clusters(limit=1)[0]["cluster_id"]
        held = service.clusters_of_accounts().to_pylist()
        account, other = [row["account_id"] for row in held if row["cluster_id"] == cluster][:2]
        named = {"display_name": NAME, "organisation_id": "o-planted", **NOTED}
        service.record("accounts", [{"account_id": account, **named}, {"account_id": other, "display_name": NAME}])
        service.record(
            "organisations", [{"organisation_id": "o-planted", "name": ORGANISATION, "registration_number": REGISTERED}]
        )
        service.decide([Statement(f"account:{account}", f"account:{other}", Judgement.SAME, "ann", SAID)])
        service.catch_up()
    return resolved


@pytest.fixture(scope="module")
def shown(settings: Settings) -> dict[Role, str]:
    """A key of each role, as its header."""
    return keys_of(settings)


@pytest.fixture(scope="module")
def secrets(settings: Settings) -> Secrets:
    """Every value of the world that its kind masks, and what was planted."""
    return Secrets([*PLANTED, *_values(settings.data.parent / "world")])


def _values(world: Path) -> set[str]:
    table = pq.read_table(world / "observations.parquet", columns=["kind", "value"]).to_pylist()
    pairs = {(row["kind"], row["value"]) for row in table}
    return {value for kind, value in pairs if masked(kind, value) != value}
