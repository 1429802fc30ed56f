"""`python -m benchmarks`: accuracy and speed beside peers, links beside resolutions and how soon they come, and what
protection costs and holds; small by default."""

from __future__ import annotations

import argparse
import json
from itertools import chain
from pathlib import Path

from rich.console import Console

from benchmarks import accuracy, latency, links, page, protection, speed
from benchmarks.peers import METHODS
from benchmarks.people import PEOPLE
from linkage.scenario import HABITS

_BESIDE_THE_CHECKOUT = Path(__file__).parents[2] / "shared" / "data"


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what", nargs="*", default=[], help="accuracy, speed, links, latency, protection (default: the first two)"
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="NAME")
    parser.add_argument("--worlds", nargs="*", default=accuracy.WORLDS, choices=list(HABITS), metavar="NAME")
    parser.add_argument("--accounts", type=int, default=10_000, help="accounts of each world for accuracy")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--data", type=Path, default=_BESIDE_THE_CHECKOUT, help="folder of data sets with a truth")
    parser.add_argument("--people", nargs="*", default=list(PEOPLE), choices=list(PEOPLE), metavar="NAME")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the accuracy report as one page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of accuracy")
    parser.add_argument(
        "--speed-accounts", type=int, default=50_000, help="accounts of the world for speed, latency and protection"
    )
    parser.add_argument("--rate", type=float, default=50.0, help="observations a second, for latency")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each rate is kept, for latency")
    arguments = parser.parse_args()
    unknown = set(arguments.what) - {"accuracy", "speed", "links", "latency", "protection"}
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    wanted = arguments.what or ["accuracy", "speed"]
    console = Console()
    if "accuracy" in wanted:
        for name, why in accuracy.left_out().items():
            console.print(f"Left out: {name} ({why}).", highlight=False)
        found = _accuracy(arguments, console)
        accuracy.show(found, console)
        if arguments.html:
            arguments.html.write_text(page.page(found), encoding="utf-8")
    if "speed" in wanted:
        speed.show(speed.run("mixed", arguments.speed_accounts, 1), console)
    if "links" in wanted:
        links.show(arguments.worlds, arguments.accounts, arguments.seeds, console)
    if "latency" in wanted:
        paces = {"rate": arguments.rate, "seconds": arguments.seconds}
        with console.status("") as status:
            found_times = latency.run("mixed", arguments.speed_accounts, 1, **paces, tell=status.update)
        latency.show(found_times, console, rate=arguments.rate)
    if "protection" in wanted:
        with console.status("") as status:
            found_shares = protection.run("mixed", arguments.speed_accounts, 1, tell=status.update)
        protection.show(found_shares, console)


def _accuracy(arguments: argparse.Namespace, console: Console) -> list[accuracy.Result]:
    """Every result; the figures are kept after each data set, since a run may take hours."""
    peers = list(chain.from_iterable(METHODS[name] for name in arguments.methods))
    what = (arguments.worlds, arguments.accounts, arguments.seeds, arguments.data, arguments.people)
    found: list[accuracy.Result] = []
    with console.status("") as status:
        for results in accuracy.run(peers, *what, tell=status.update):
            found += results
            if arguments.json:
                arguments.json.write_text(json.dumps(accuracy.as_json(found), indent=1) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
