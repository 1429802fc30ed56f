"""The jars of Neo4j Community, by their Maven coordinates, fetched once into the user's cache.

`mvn` fetches them where there is one, `jgo` (pure Python) elsewhere; both with the machine's own settings. They are
gathered in a folder aside and put into place by one rename, so that an interrupted fetch leaves nothing half done.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from linkage.errors import LocalServerFailed
from linkage.graph.locks import exclusive
from linkage.model.progress import Progress, silent

VERSION = "2026.08.1"
COORDINATES = (f"org.neo4j:neo4j:{VERSION}", f"org.neo4j.app:neo4j-server:{VERSION}")
MAIN_CLASS = "org.neo4j.server.Neo4jCommunity"

_STEP = f"fetch Neo4j {VERSION}"
#: About how many jars there are; only progress needs it.
_ABOUT = 230
_LEAST = 150

Fetcher = Callable[[Path, Progress], None]


def ensure_jars(cache: Path, progress: Progress = silent, *, fetchers: Sequence[Fetcher] | None = None) -> Path:
    """Return the folder of the jars, fetching them first where they are not there yet.

    Raises `LocalServerFailed` when no way to fetch them works.
    """
    home = cache / f"neo4j-{VERSION}"
    if (home / "lib").is_dir():
        return home / "lib"
    cache.mkdir(parents=True, exist_ok=True)
    with exclusive(cache / f"neo4j-{VERSION}.lock"):
        if not (home / "lib").is_dir():
            _fetch(home, progress, fetchers if fetchers is not None else _fetchers())
    return home / "lib"


def _fetchers() -> tuple[Fetcher, ...]:
    return (by_mvn, by_jgo) if shutil.which("mvn") else (by_jgo,)


def _fetch(home: Path, progress: Progress, fetchers: Sequence[Fetcher]) -> None:
    faults = []
    for fetch in fetchers:
        draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
        try:
            (draft / "lib").mkdir()
            fetch(draft / "lib", progress)
            count = _count(draft / "lib")
            draft.rename(home)
        except Exception as error:  # whatever a way of fetching trips over, the next one is tried
            faults.append(f"{fetch.__name__.removeprefix('by_')}: {_first_line(error)}")
        else:
            progress(_STEP, count, count)
            return
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    raise LocalServerFailed(
        f"Neo4j {VERSION} could not be fetched",
        details=faults,
        next_step="Connect this machine to a Maven registry, or name an existing Neo4j in LINKAGE_NEO4J_URI.",
    )


def _count(lib: Path) -> int:
    count = len(list(lib.glob("*.jar")))
    if count < _LEAST:
        raise LocalServerFailed(f"only {count} jars came")
    return count


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _pom() -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, artifact, version in (coordinate.split(":") for coordinate in COORDINATES)
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>linkage</groupId><artifactId>neo4j</artifactId>"
        f"<version>1</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>\n"
    )


def by_mvn(lib: Path, progress: Progress) -> None:
    """Let Maven resolve and copy the jars (some 10 s)."""
    with tempfile.TemporaryDirectory() as folder:
        pom = Path(folder) / "pom.xml"
        pom.write_text(_pom())
        command = ["mvn", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        last = ""
        with subprocess.Popen(  # noqa: S603 - our own words only
            [*command, f"-DoutputDirectory={lib}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
        ) as maven:
            fetched = 0
            for line in maven.stdout or ():
                if "Downloaded" in line and ".jar" in line:
                    fetched += 1
                    progress(_STEP, min(fetched, _ABOUT - 1), _ABOUT)
                if "ERROR" in line and not last:
                    last = line.strip()
    if maven.returncode:
        raise LocalServerFailed(f"mvn ended with status {maven.returncode}. {last}")


def by_jgo(lib: Path, progress: Progress) -> None:
    """Resolve the jars in Python (some 60 s), for machines without Maven."""
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - an extra: only here when it is needed

    # jgo warns about what Maven passes over in silence; our caller hears of what counts.
    logging.getLogger("jgo").setLevel(logging.ERROR)
    progress(_STEP, 0, _ABOUT)
    context = MavenContext(resolver=PythonResolver(progress_callback=_no_bars), timeout=30)
    wanted, transitive = context.resolver.resolve([context.create_dependency(text) for text in COORDINATES])
    artifacts = [each.artifact for each in (*wanted, *transitive) if each.scope not in ("test", "provided")]
    with ThreadPoolExecutor(8) as pool:
        for done, path in enumerate(pool.map(lambda artifact: artifact.resolve(), artifacts), 1):
            if path is None:
                raise LocalServerFailed("an artifact is not to be had")
            shutil.copy2(path, lib / path.name)
            progress(_STEP, done, len(artifacts))


@contextmanager
def _no_bars(name: str, size: int) -> Any:
    yield lambda count: None
