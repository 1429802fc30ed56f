"""The accuracy report: a table, a page that needs nothing beside it, every figure as JSON."""

from __future__ import annotations

import json
import re

import pytest
from rich.console import Console

from benchmarks import accuracy, page
from benchmarks.accuracy import FIGURES, Result
from benchmarks.datasets import Dataset
from benchmarks.peers import ENGINE, QUICK


@pytest.fixture(scope="module")
def results(world: Dataset) -> list[Result]:
    return list(accuracy.measure(world, QUICK, bootstrap=20))


def test_every_peer_has_a_row_and_every_figure_a_column(results: list[Result]) -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        accuracy.show(results, console)
    text = captured.get()
    assert all(figure.name in text for figure in FIGURES)
    assert all(peer.name in text for peer in QUICK)


def test_the_page_refers_to_nothing_outside_itself(results: list[Result]) -> None:
    text = page.page(results)
    links = re.findall(r"(?:href|src|data|action)=\"([^\"]*)\"", text) + re.findall(r"url\(([^)]*)\)", text)
    assert [link for link in links if not link.startswith("#")] == []
    assert not re.search(r"<(?:script|link|iframe|img|object)|@import|@font-face", text)
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, which nothing fetches
    assert set(re.findall(r"\w+://[^\"'\s<]+", text)) <= namespaces


def test_the_page_plots_reliability_with_the_members_of_every_bin(results: list[Result]) -> None:
    ours = next(result.report for result in results if result.method == ENGINE.name)
    assert ours.calibration is not None
    _, plot = page.page(results).split('aria-label="Reliability"')
    drawn = re.findall(r"<text[^>]*>([^<]*)</text>", plot.split("</figure>")[0])
    assert {"confidence", "share that was right", "members"} <= set(drawn)
    assert {f"{found.members:,}" for found in ours.calibration.bins} <= set(drawn)


def test_the_page_has_every_figure_with_its_interval(results: list[Result]) -> None:
    text = page.page(results)
    ours = next(result.report for result in results if result.method == ENGINE.name)
    assert ours.calibration is not None
    for estimate in (
        ours.ring_b_cubed.recall,
        ours.calibration.error,
        ours.breakdowns["style"][0].b_cubed.recall,
        ours.breakdowns["size"][-1].b_cubed.recall,
    ):
        assert f"{estimate.value:.3f} <small>{estimate.low:.3f}–{estimate.high:.3f}</small>" in text


def test_the_page_tells_bands_and_what_they_cost_beside_treating_everybody_alike(results: list[Result]) -> None:
    text = page.page(results)
    ours = next(result.report for result in results if result.method == ENGINE.name)
    assert ours.bands is not None
    assert (
        f"<td>{ours.bands.cost.value:.3f} <small>{ours.bands.cost.low:.3f}–{ours.bands.cost.high:.3f}</small></td>"
        in text
    )
    assert all(f"<td>{name}</td>" in text for name in ("act", "review", "abstain", "acting on everybody"))


def test_names_are_escaped(results: list[Result]) -> None:
    odd = [Result("<b>&", result.method, result.seconds, result.report) for result in results]
    assert "<b>&" not in page.page(odd)


def test_every_figure_is_in_the_json(results: list[Result]) -> None:
    told = json.loads(json.dumps(accuracy.as_json(results)))
    assert [result["method"] for result in told["results"]] == [peer.name for peer in QUICK]
    assert told["results"][0]["report"]["ring_b_cubed"]["recall"]["low"] is not None
    assert told["made_by"].keys() >= {"linkage", "model"}
