"""The rendezvous of nodes that train together: the first node tells the others where to meet next.

A study may need several process groups one after another: after a failure, or for the next runs of
a sampler. For each of these rounds the first node sends the others an endpoint, and at the end that
the study is over. A broken connection shows at once that a node has ended, whatever the reason.

The messages are lines of text, so that nothing received from the network is executed.
"""

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

from nnlab.errors import NnlabError
from nnlab.workers.nodes import Nodes

# How long nodes may take to connect: some may still be loading torch from a slow file system.
JOIN_TIMEOUT_SECONDS = 600.0
# How long the first node waits at the end: for nodes that have not connected yet, and for each
# node to disconnect.
LATE_JOIN_SECONDS = LEAVE_TIMEOUT_SECONDS = 60.0
_HANDSHAKE_SECONDS = 10.0
_MAX_LINE_BYTES = 200
# The first probe after a minute without messages, then five more, ten seconds apart.
_KEEPALIVE_OPTIONS = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6}
_ROUND, _END = "team", "end"


class Rendezvous:
    """The first node's side: a context manager, after which the other nodes have ended."""

    def __init__(self, nodes: Nodes) -> None:
        """Takes the nodes; this must be the first one."""
        self._nodes, self._rounds = nodes, 0
        self._others: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        """Starts to listen.

        Raises:
            NnlabError: the port is in use.
        """
        _, port = self._nodes.host_and_port
        dual_stack = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual_stack else socket.AF_INET
        try:
            self._listening_socket = socket.create_server(
                ("", port), family=family, dualstack_ipv6=dual_stack
            )
        except OSError as error:
            raise NnlabError(
                f"cannot listen for the other nodes on port {port}: {error.strerror}",
                hint="NNLAB_RENDEZVOUS selects another port (docs/scaling.md)",
            ) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Tells the other nodes that the study is over, and waits until they disconnect.

        Nodes that have not connected yet would otherwise try to until their timeout. After an error
        the wait for them is shorter, because the user waits for the error message.
        """
        with contextlib.suppress(NnlabError):
            self._accept_nodes(LATE_JOIN_SECONDS if kind is None else _HANDSHAKE_SECONDS)
        self._broadcast(_END)
        for connection in self._others.values():
            connection.settimeout(LEAVE_TIMEOUT_SECONDS)
            with contextlib.suppress(OSError):
                connection.recv(1)  # returns when the node ends
            connection.close()
        self._others = {}
        self._listening_socket.close()

    def next_round(self) -> Nodes:
        """Starts a new process group on all nodes; returns the nodes with its endpoint.

        Raises:
            NnlabError: a node does not connect, or has ended.
        """
        self._accept_nodes(JOIN_TIMEOUT_SECONDS)
        self.raise_if_node_lost()
        self._rounds += 1
        # A new port each time, because that of the previous group may still be in use.
        with socket.create_server(("", 0)) as probe:
            port = probe.getsockname()[1]
        self._broadcast(f"{_ROUND} {port} {self._rounds}")
        return _nodes_of_round(self._nodes, port, self._rounds)

    def raise_if_node_lost(self) -> None:
        """Checks that all connected nodes are still running.

        Raises:
            NnlabError: a node has ended.
        """
        # The nodes send nothing, so a connection is readable only when it is closed.
        closed, _, _ = select.select(list(self._others.values()), [], [], 0)
        lost = [index for index, connection in self._others.items() if connection in closed]
        if lost:
            raise NnlabError(
                f"node {lost[0]} of {self._nodes.count} (counted from 0) has ended",
                hint="its output shows why; the same command resumes from the checkpoint",
            )

    def _accept_nodes(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while missing := self._missing:
            self._listening_socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                connection, _ = self._listening_socket.accept()
            except TimeoutError:
                indices = ", ".join(str(index) for index in sorted(missing))
                raise NnlabError(
                    f"nodes that have not connected: {indices} of {self._nodes.count} (counted from"
                    " 0)",
                    hint="start the same command on each node (docs/scaling.md)",
                ) from None
            self._handshake(connection)

    @property
    def _missing(self) -> set[int]:
        return set(range(1, self._nodes.count)) - self._others.keys()

    def _handshake(self, connection: socket.socket) -> None:
        """Accepts a connection that sends this job's ID and the index of a missing node."""
        _detect_lost_peer(connection)
        deadline = time.monotonic() + _HANDSHAKE_SECONDS
        run_id, _, index = next(_received_lines(connection, deadline), "").rpartition(" ")
        if run_id == self._nodes.run_id and index.isdecimal() and int(index) in self._missing:
            connection.settimeout(_HANDSHAKE_SECONDS)  # of `_broadcast`
            self._others[int(index)] = connection
        else:
            connection.close()

    def _broadcast(self, line: str) -> None:
        for connection in self._others.values():
            with contextlib.suppress(OSError):  # `raise_if_node_lost` reports it
                connection.sendall(f"{line}\n".encode())


def rendezvous_rounds(nodes: Nodes) -> Iterator[Nodes]:
    """The side of the other nodes: yields the nodes of each round until the study is over.

    The connection stays open until this process ends, which the first node waits for.

    Raises:
        NnlabError: the first node cannot be reached, or has ended.
    """
    with _connect_with_retry(nodes) as first:
        # This duplicate of the socket is closed only by the end of the process.
        first.dup().detach()
        with contextlib.suppress(OSError):  # then no line can be received either
            first.sendall(f"{nodes.run_id} {nodes.index}\n".encode())
        for line in _received_lines(first):
            keyword, *numbers = line.split()
            if keyword == _END:
                return
            port, number = map(int, numbers)
            yield _nodes_of_round(nodes, port, number)
    raise NnlabError(
        "the first node has ended",
        hint="its output shows why; repeating the command on all nodes resumes the runs",
    )


def _connect_with_retry(nodes: Nodes) -> socket.socket:
    deadline = time.monotonic() + JOIN_TIMEOUT_SECONDS
    while True:
        try:
            return _connect(nodes)
        except OSError as error:
            if time.monotonic() > deadline:
                raise NnlabError(
                    f"the first node cannot be reached at {nodes.endpoint}: {error}"
                ) from None
            time.sleep(0.2)  # the first node may not listen yet


def _connect(nodes: Nodes) -> socket.socket:
    first = socket.create_connection(nodes.host_and_port, timeout=_HANDSHAKE_SECONDS)
    # Rounds may be days apart, so that only a lost connection ends the wait for the next one.
    first.settimeout(None)
    _detect_lost_peer(first)
    return first


def _detect_lost_peer(connection: socket.socket) -> None:
    """Makes a connection fail when the other machine does not respond for some two minutes.

    A machine that loses its power or its network does not close its connections, and a process
    that waits for a message would wait forever.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE_OPTIONS.items():
        if hasattr(socket, name):  # not every system has all of them
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _received_lines(connection: socket.socket, deadline: float | None = None) -> Iterator[str]:
    """Yields the lines that the other side sends, until it disconnects or a line is too long.

    A connection that fails, or is silent until the deadline (`time.monotonic`), ends the lines too.
    """
    text = b""
    while len(text) < _MAX_LINE_BYTES:
        try:
            if deadline is not None:
                # For all bytes together: a peer that sends one at a time is no reason to wait.
                connection.settimeout(max(deadline - time.monotonic(), 0.01))
            received = connection.recv(_MAX_LINE_BYTES)
        except OSError:
            return
        if not received:
            return
        text += received
        while b"\n" in text:
            line, _, text = text.partition(b"\n")
            yield line.decode(errors="replace")


def _nodes_of_round(nodes: Nodes, port: int, number: int) -> Nodes:
    host, _ = nodes.host_and_port
    return replace(nodes, endpoint=f"{host}:{port}", run_id=f"{nodes.run_id}-{number}")
