"""`linkage evaluate`: how well clusters match the truth."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.table import Table

    from linkage.evaluate import Bands, Calibration, Estimate, Group, Report, Scores
    from linkage.settings import Settings


def register(app: typer.Typer) -> None:
    app.command("evaluate")(evaluate)


def evaluate(
    truth: Annotated[Path, typer.Option(help="account_id, actor_id, and if known ring and style.", show_default=False)],
    clusters: Annotated[
        Path | None,
        typer.Option(
            help="account_id, cluster_id, confidence as Parquet, CSV or JSONL; without it, the clusters of the ledger.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A model table (TOML) whose costs make the bands, instead of the one shipped.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    bootstrap: Annotated[int, typer.Option(help="Resamplings behind the intervals; 0: none.", min=0)] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the resampling.", min=0)] = 0,
) -> None:
    """Measure clusters against the truth.

    Prints pairwise and B-cubed precision, recall and F1 over all accounts and over ring members, adjusted Rand, best
    match by ring, bystanders and calibration, each with a 95 % interval, by style, evasion, behaviour and size. Then
    which members are worth acting on, looking at and leaving alone under the costs of the model (its table bands), how
    often that was right, and what it cost.
    Without a ring column in the truth, actors of five accounts or more count as rings. Definitions: docs/measures.md.

    Examples:

      linkage scenario mixed --accounts 20000 --seed 1 --out world

      linkage resolve world --out answer

      linkage evaluate --clusters answer/clusters.parquet --truth world/truth.parquet
    """
    from linkage import evaluate as measures
    from linkage.cli.terminal import out
    from linkage.engine import Model
    from linkage.settings import Settings

    settings = Settings.load(os.environ)
    costs = Model.load(model or settings.model).bands.costs
    placed = measures.read_table(clusters) if clusters else _of_the_ledger(settings)
    report = measures.evaluate(placed, measures.read_table(truth), costs=costs, bootstrap=bootstrap, seed=seed)
    if as_json:
        out.print_json(json.dumps(report.as_json()))
        return
    for line in summary(report):
        out.print(line, highlight=False)
    for table in tables(report):
        out.print(table)


def _of_the_ledger(settings: Settings) -> pa.Table:
    from linkage.service import Service

    with Service.open(settings) as service:
        return service.clusters_of_accounts()


def summary(report: Report) -> list[str]:
    """What was compared, in sentences."""
    lines = [
        f"{report.accounts:,} accounts of {report.actors:,} actors; {report.clusters:,} clusters of two or more",
        f"{report.rings:,} rings with {report.ring_accounts:,} accounts ({report.ring_rule})",
    ]
    if report.missing:
        lines.append(f"{report.missing:,} accounts of the truth are in no cluster: counted as single")
    if report.extra:
        lines.append(f"{report.extra:,} clustered accounts are not in the truth: left out")
    return lines


def tables(report: Report) -> list[Table]:
    """The report as tables to print."""
    found = [_measures_table(report)]
    found += [_breakdown_table(name, groups) for name, groups in report.breakdowns.items() if groups]
    if report.calibration and report.companions:
        found.append(_reliability_table(report.calibration, report.companions))
    if report.bands:
        found.append(_bands_table(report.bands))
    return found


def _table(title: str, first: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _measures_table(report: Report) -> Table:
    table = _table("Measures", "measure", "precision", "recall", "F1")
    rows: tuple[tuple[str, Scores], ...] = (
        ("B-cubed, ring members", report.ring_b_cubed),
        ("B-cubed, all accounts", report.b_cubed),
        ("pairs with a ring member", report.ring_pairwise),
        ("all pairs", report.pairwise),
    )
    for name, scores in rows:
        table.add_row(name, _show(scores.precision), _show(scores.recall), _show(scores.f1))
    table.add_section()
    table.add_row("best match by ring", "", "", _show(report.best_match))
    table.add_row("adjusted Rand index", "", "", _show(report.adjusted_rand))
    table.add_row("bystanders", "", "", _percent(report.bystanders))
    if report.calibration:
        table.add_row("expected calibration error", "", "", _show(report.calibration.error))
    return table


def _breakdown_table(name: str, groups: tuple[Group, ...]) -> Table:
    table = _table(
        f"By {name}", name, "actors", "accounts", "B³ precision", "B³ recall", "B³ F1", "best match", "bystanders"
    )
    for group in groups:
        table.add_row(
            group.name,
            f"{group.actors:,}",
            f"{group.accounts:,}",
            _show(group.b_cubed.precision),
            _show(group.b_cubed.recall),
            _short(group.b_cubed.f1),
            _short(group.best_match),
            _percent(group.bystanders),
        )
    return table


def _reliability_table(calibration: Calibration, companions: Calibration) -> Table:
    table = _table(
        f"Reliability of confidence over {calibration.members:,} members of clusters "
        f"(error {_short(calibration.error)}; of companions {_short(companions.error)})",
        "confidence",
        "members",
        "mean confidence",
        "of the cluster's actor",
        "right companions",
    )
    for bin_, pair in zip(calibration.bins, companions.bins, strict=True):
        table.add_row(
            f"{bin_.low:.1f}–{bin_.high:.1f}",
            f"{bin_.members:,}",
            f"{bin_.confidence:.3f}",
            f"{bin_.correct:.3f}",
            f"{pair.correct:.3f}",
        )
    return table


def _bands_table(found: Bands) -> Table:
    costs = found.costs
    table = _table(
        f"By band: acting wrongly costs {costs.wrong:g}, missing one {costs.missed:g}, a look {costs.review:g}",
        "band",
        "confidence",
        "members",
        "share",
        "of the cluster's actor",
        "cost an account",
    )
    spans = {"act": f"{found.act_from:.3f}–1", "review": f"{found.look_from:.3f}–{found.act_from:.3f}"}
    for band in found.bands:
        span = spans.get(band.band, f"0–{found.look_from:.3f}")
        table.add_row(band.band, span, f"{band.members:,}", f"{band.share:.1%}", _show(band.correct), "")
    table.add_section()
    everybody = f"{found.members:,}"
    for name, cost in (
        ("each by its band", found.cost),
        ("acting on everybody", found.acting_on_all),
        ("leaving everybody alone", found.leaving_all),
    ):
        table.add_row(name, "", everybody, "", "", _show(cost))
    table.add_row("looking at everybody", "", everybody, "", "", f"{found.looking_at_all:.3f}")
    return table


def _short(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.3f}"


def _show(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return _short(estimate)
    return f"{estimate.value:.3f} [dim]{estimate.low:.3f}–{estimate.high:.3f}[/dim]"


def _percent(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:.2%}"
