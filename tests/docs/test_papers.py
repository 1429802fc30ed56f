"""The project's papers: every link inside the project leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docker").glob("*.md")])
LINKS = [
    (paper, link)
    for paper in PAPERS
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", paper.read_text())
    if "://" not in link
]


@pytest.mark.parametrize(("paper", "link"), LINKS, ids=[f"{paper.name}:{link}" for paper, link in LINKS])
def test_a_link_leads_somewhere(paper: Path, link: str) -> None:
    assert (paper.parent / link).exists()
