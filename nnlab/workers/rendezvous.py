"""Where the nodes that train together hear from the first of them what comes next.

Each run of a study may want a team of its own: after a failure, or for the next runs of a sampler.
The first node says to the others when one comes together and where, and in the end that all is
over. A connection that breaks says at once that a node is gone, whatever the reason.

What is said are lines of text, so that nothing is run that comes over the network.
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

# How long the nodes have to come: some may still be loading torch over a slow file system.
JOIN_TIMEOUT_SECONDS = 600.0
# How long they are waited for where all is over before they came, and have to go afterwards.
LATE_JOIN_SECONDS = LEAVE_TIMEOUT_SECONDS = 60.0
_HANDSHAKE_SECONDS = 10.0
_MAX_LINE_BYTES = 200
_ROUND, _END = "team", "end"


class Rendezvous:
    """The first node's side of it: within it the others are led, after it they are gone."""

    def __init__(self, nodes: Nodes) -> None:
        """Takes the nodes, of which this must be the first."""
        self._nodes, self._teams = nodes, 0
        self._others: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        """Begins to listen.

        Raises:
            NnlabError: the port is taken.
        """
        _, port = self._nodes.place
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        try:
            self._door = socket.create_server(("", port), family=family, dualstack_ipv6=both)
        except OSError as error:
            raise NnlabError(
                f"the other nodes cannot be met at port {port}: {error.strerror}",
                hint="NNLAB_NODES, NNLAB_NODE and NNLAB_RENDEZVOUS name another (docs/scaling.md)",
            ) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Says to the others that all is over, and waits until they are gone.

        Those that are still on their way are waited for, or they would look for this node in vain:
        less long where it has ended with an error, which somebody waits to read.
        """
        with contextlib.suppress(NnlabError):
            self._await_all(LATE_JOIN_SECONDS if kind is None else _HANDSHAKE_SECONDS)
        self._say(_END)
        for other in self._others.values():
            other.settimeout(LEAVE_TIMEOUT_SECONDS)
            with contextlib.suppress(OSError):
                other.recv(1)
            other.close()
        self._others = {}
        self._door.close()

    def gather(self) -> Nodes:
        """Has all nodes come for a new team, and answers where.

        Raises:
            NnlabError: one does not come, or is gone.
        """
        self._await_all(JOIN_TIMEOUT_SECONDS)
        self.check()
        self._teams += 1
        # A port of its own: that of a team before may not be free yet.
        with socket.create_server(("", 0)) as one:
            port = one.getsockname()[1]
        self._say(f"{_ROUND} {port} {self._teams}")
        return _nodes_of_round(self._nodes, port, self._teams)

    def check(self) -> None:
        """Looks whether all that came are still there.

        Raises:
            NnlabError: one is not.
        """
        # They say nothing: what there is to be read is the end.
        ended, _, _ = select.select(list(self._others.values()), [], [], 0)
        gone = [index for index, other in self._others.items() if other in ended]
        if gone:
            raise NnlabError(
                f"node {gone[0]} of {self._nodes.count}, from 0, is gone",
                hint="what it printed says why; the same command goes on from the checkpoint",
            )

    def _await_all(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while missing := self._missing:
            self._door.settimeout(max(until - time.monotonic(), 0.01))
            try:
                came, _ = self._door.accept()
            except TimeoutError:
                told = ", ".join(str(index) for index in sorted(missing))
                raise NnlabError(
                    f"of {self._nodes.count} nodes, from 0, these have not come: {told}",
                    hint="each runs the same command; docs/scaling.md",
                ) from None
            self._admit(came)

    @property
    def _missing(self) -> set[int]:
        return set(range(1, self._nodes.count)) - self._others.keys()

    def _admit(self, came: socket.socket) -> None:
        """Lets in who says the right word, which tells of which job it is, and its number."""
        came.settimeout(_HANDSHAKE_SECONDS)
        try:
            run_id, _, index = next(_received_lines(came), "").rpartition(" ")
        except OSError:
            run_id = ""
        if run_id == self._nodes.run_id and index.isdecimal() and int(index) in self._missing:
            self._others[int(index)] = came
        else:
            came.close()

    def _say(self, line: str) -> None:
        for other in self._others.values():
            with contextlib.suppress(OSError):  # `check` tells who is gone
                other.sendall(f"{line}\n".encode())


def rendezvous_rounds(nodes: Nodes) -> Iterator[Nodes]:
    """What another node hears: where each team comes together, until all is over.

    Its connection stays open for as long as this process lives, which the first node waits for.

    Raises:
        NnlabError: the first node cannot be reached, or is gone.
    """
    with _connect_with_retry(nodes) as first:
        # A duplicate that nobody closes: only the end of this process does.
        first.dup().detach()
        first.sendall(f"{nodes.run_id} {nodes.index}\n".encode())
        for line in _received_lines(first):
            word, *numbers = line.split()
            if word == _END:
                return
            port, number = map(int, numbers)
            yield _nodes_of_round(nodes, port, number)
    raise NnlabError(
        "the first node is gone", hint="what it printed says why; its runs go on when it does"
    )


def _connect_with_retry(nodes: Nodes) -> socket.socket:
    until = time.monotonic() + JOIN_TIMEOUT_SECONDS
    while True:
        try:
            return _connect(nodes)
        except OSError as error:
            if time.monotonic() > until:
                raise NnlabError(
                    f"the first node cannot be reached at {nodes.endpoint}: {error}"
                ) from None
            time.sleep(0.2)  # it may not have begun to listen


def _connect(nodes: Nodes) -> socket.socket:
    first = socket.create_connection(nodes.place, timeout=_HANDSHAKE_SECONDS)
    first.settimeout(None)
    return first


def _received_lines(one: socket.socket) -> Iterator[str]:
    """What the other side says, line by line; nothing more once it is gone."""
    text = b""
    while len(text) < _MAX_LINE_BYTES:
        try:
            more = one.recv(_MAX_LINE_BYTES)
        except ConnectionError:
            return
        if not more:
            return
        text += more
        while b"\n" in text:
            line, _, text = text.partition(b"\n")
            yield line.decode(errors="replace")


def _nodes_of_round(nodes: Nodes, port: int, number: int) -> Nodes:
    host, _ = nodes.place
    return replace(nodes, endpoint=f"{host}:{port}", run_id=f"{nodes.run_id}-{number}")
