"""The rendezvous of nodes: handshakes, rounds, and nodes that end early."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from nnlab.errors import NnlabError
from nnlab.workers import rendezvous
from nnlab.workers.nodes import Nodes
from nnlab.workers.rendezvous import Rendezvous, rendezvous_rounds


@pytest.fixture
def nodes() -> Nodes:
    with socket.create_server(("127.0.0.1", 0)) as server_socket:
        port = server_socket.getsockname()[1]
    return Nodes(2, 0, f"127.0.0.1:{port}", "nnlab-7")


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def came(nodes: Nodes, word: bytes) -> socket.socket:
    other = socket.create_connection(nodes.host_and_port, timeout=20)
    other.sendall(word)
    return other


def heard(other: socket.socket) -> str:
    """All that is said until the line ends."""
    with other, other.makefile() as file:
        return file.read()


def test_each_team_has_a_place_of_its_own(nodes: Nodes) -> None:
    with Rendezvous(nodes) as first:
        other = came(nodes, b"nnlab-7 1\n")
        result, two = first.next_round(), first.next_round()
        assert result.host_and_port[0] == two.host_and_port[0] == "127.0.0.1"
        assert result.run_id != two.run_id
        other.shutdown(socket.SHUT_WR)
    text = heard(other)
    assert text == f"team {result.host_and_port[1]} 1\nteam {two.host_and_port[1]} 2\nend\n"


def test_who_does_not_know_the_job_is_not_let_in(nodes: Nodes) -> None:
    with Rendezvous(nodes) as first:
        words = (b"nnlab-8 1\n", b"nnlab-7 0\n", b"nnlab-7 2\n", b"nnlab-7 x\n", b"\xff" * 300)
        strangers = [came(nodes, word) for word in words]
        other = came(nodes, b"nnlab-7 1\n")
        first.next_round()
        for stranger in strangers:
            # Where some of the word was not read, it is told of a reset.
            with stranger, contextlib.suppress(ConnectionResetError):
                assert stranger.recv(1) == b""
        with other:
            assert other.recv(5) == b"team "


def test_a_node_that_does_not_come_is_named(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOIN_TIMEOUT_SECONDS", "_HANDSHAKE_SECONDS", "LATE_JOIN_SECONDS"):
        monkeypatch.setattr(rendezvous, name, 0.05)
    with Rendezvous(nodes) as first, pytest.raises(NnlabError, match="have not connected: 1 of 2"):
        first.next_round()
    with pytest.raises(NnlabError, match="the first node cannot be reached"):
        next(rendezvous_rounds(nodes))


def test_a_stranger_that_sends_slowly_does_not_block_the_others(
    nodes: Nodes, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendezvous, "_HANDSHAKE_SECONDS", 0.2)
    ended = threading.Event()

    def send_slowly(stranger: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not ended.wait(0.05):
                stranger.sendall(b"x")

    with Rendezvous(nodes) as first, came(nodes, b"x") as stranger:
        sending = executor.submit(send_slowly, stranger)
        with came(nodes, b"nnlab-7 1\n"):
            first.next_round()  # each byte of the stranger used to start its time limit anew
            assert len(first._others) == 1
        ended.set()
        sending.result(20)


def test_connections_detect_a_machine_that_is_gone(nodes: Nodes) -> None:
    with Rendezvous(nodes) as first, came(nodes, b"nnlab-7 1\n"):
        first.next_round()
        (connection,) = first._others.values()
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


def test_a_port_that_is_taken_is_told_of(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendezvous, "LATE_JOIN_SECONDS", 0.05)
    monkeypatch.setattr(rendezvous, "_HANDSHAKE_SECONDS", 0.05)
    with (
        Rendezvous(nodes),
        pytest.raises(NnlabError, match="cannot listen for the other nodes on port"),
        Rendezvous(nodes),
    ):
        pass


def test_a_node_that_is_gone_is_named(nodes: Nodes) -> None:
    with Rendezvous(nodes) as first:
        with came(nodes, b"nnlab-7 1\n"):
            first.next_round()
            first.raise_if_node_lost()
        with pytest.raises(NnlabError, match="node 1 of 2 \\(counted from 0\\) has ended"):
            first.raise_if_node_lost()


def test_the_others_hear_where_each_team_meets_until_the_end(
    nodes: Nodes, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this test the other node is a thread of this process, which does not end.
    monkeypatch.setattr(rendezvous, "LEAVE_TIMEOUT_SECONDS", 0.05)
    result = executor.submit(
        lambda: list(rendezvous_rounds(Nodes(2, 1, nodes.endpoint, nodes.run_id)))
    )
    with Rendezvous(nodes) as first:
        gathered = [first.next_round(), first.next_round()]
    assert [(comparison.endpoint, comparison.run_id) for comparison in result.result(20)] == [
        (comparison.endpoint, comparison.run_id) for comparison in gathered
    ]
    assert [comparison.index for comparison in result.result(20)] == [1, 1]


def test_the_others_hear_that_there_was_nothing_to_do(
    nodes: Nodes, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendezvous, "LEAVE_TIMEOUT_SECONDS", 0.05)  # as above
    result = executor.submit(
        lambda: list(rendezvous_rounds(Nodes(2, 1, nodes.endpoint, nodes.run_id)))
    )
    with Rendezvous(nodes):
        pass
    assert result.result(20) == []


def test_the_others_hear_that_the_first_node_is_gone(
    nodes: Nodes, executor: ThreadPoolExecutor
) -> None:
    with socket.create_server(nodes.host_and_port) as door:
        result = executor.submit(
            lambda: list(rendezvous_rounds(Nodes(2, 1, nodes.endpoint, nodes.run_id)))
        )
        first, _ = door.accept()
        first.close()
        with pytest.raises(NnlabError, match="the first node has ended"):
            result.result(20)
