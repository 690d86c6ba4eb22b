"""A pool: one process for each slot, all on the same queue, and one parent that shows and mends.

Each slot claims runs and stores what it measures by itself; the parent only listens. A slot that
dies loses its lease: its runs go on elsewhere, from their checkpoints, and a new process takes its
place.
"""

import contextlib
import math
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.launch import template
from nnlab.launch.keeping import KEEPING, Keeping
from nnlab.launch.listening import Listener
from nnlab.launch.nodes import Nodes
from nnlab.launch.slots import ALONE, STOP, Job, Message, Slot
from nnlab.launch.together import TeamWanted
from nnlab.records import Run

# How long the parent listens before it looks whether it was asked to stop.
LOOK_SECONDS = 0.1
# How long a slot has to end in good order once it was told to.
END_SECONDS = 15.0
# A slot that dies so often with no run in hand is not started again.
MOST_STARTS = 3


@dataclass(slots=True)
class _Process:
    """A slot's process, the end of its pipe, and whether it waits for the others to end."""

    slot: Slot
    process: BaseProcess
    messages: Connection
    is_over: bool = False
    is_crowded: bool = False

    def tell(self, order: str) -> None:
        """Gives an order; one that has just died gets none."""
        with contextlib.suppress(OSError):
            self.messages.send(order)


class Pool:
    """Works off runs in several processes."""

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        slots: Sequence[Slot],
        *,
        engine: str = "auto",
        keeping: Keeping = KEEPING,
        packs: bool = False,
        team: TeamWanted | None = None,
        gather: Callable[[], Nodes] = Nodes,
    ) -> None:
        """Starts the processes; they begin to train at once.

        Args:
            db: where everything is stored.
            run_ids: what to train.
            slots: where, a process each.
            engine: as for `Planner`.
            keeping: what is kept of the runs.
            packs: whether to start more slots on a GPU, as many as its memory holds.
            team: the devices that train each run together; then there is one slot.
            gather: has the other nodes come for a team, and answers where; asked for each.
        """
        self._db, self._run_ids = db, tuple(run_ids)
        self._engine, self._keeping, self._packs, self._team = engine, keeping, packs, team
        self._gather = gather
        self._at_most = math.ceil(len(run_ids) / len(slots))
        self._runs: dict[int, Run] = {}
        self._starts = 0
        self._error: NnlabError | None = None
        self._stopping = False
        self._processes = [self._start(slot) for slot in slots]

    def work(self, listener: Listener, should_stop: Callable[[], bool]) -> None:
        """Listens until every slot is done.

        Raises:
            NnlabError: a slot could not go on: the database, a disk.
            KeyboardInterrupt: passed on; all slots have ended.
        """
        try:
            while live := [one for one in self._processes if not one.is_over]:
                if not self._stopping and (should_stop() or self._error is not None):
                    self._stopping = True
                    for one in live:
                        one.tell(STOP)
                by_messages = {one.messages: one for one in live}
                for ready in wait(list(by_messages), timeout=LOOK_SECONDS):
                    assert isinstance(ready, Connection)
                    self._hear(by_messages[ready], listener)
                self._let_alone()
        except BaseException:
            self._end()
            raise
        if self._error is not None:
            raise self._error

    def _start(self, slot: Slot) -> _Process:
        """Starts a slot's process.

        Raises:
            NnlabError: the template dies each time that it is to make one; a node is gone.
        """
        job = Job(
            self._db.address.target,
            self._run_ids,
            slot.device,
            self._engine,
            self._keeping,
            self._at_most,
            self._team,
            self._gather(),
        )
        template.prepare()
        for _ in range(MOST_STARTS):
            ours, theirs = multiprocessing.Pipe()
            process = template.slot(job, theirs)
            try:
                process.start()
            except (EOFError, OSError) as error:
                # The template has died just now; another is started once the system knows.
                ours.close()
                why = error
                time.sleep(LOOK_SECONDS)
            else:
                return _Process(slot, process, ours)
            finally:
                theirs.close()  # so that the pipe ends when the slot does
        raise NnlabError(
            f"no worker can be started: {type(why).__name__} {why}",
            hint="--devices cpu:1 trains in this process",
        )

    def _hear(self, one: _Process, listener: Listener) -> None:
        try:
            message = one.messages.recv()
        except (EOFError, OSError):
            one.is_over = True
            one.process.join()
            self._mend(one, listener)
            return
        self._tell(one, message, listener)

    def _tell(self, one: _Process, message: Message, listener: Listener) -> None:
        values = message.values
        match message.what:
            case "started":
                self._runs[values[0].id] = values[0]
                self._starts = 0
                listener.started(*values)
            case "epoch":
                listener.epoch(self._runs[values[0]], values[1])
            case "noted":
                listener.noted(self._run(values[0]), values[1])
            case "ended":
                listener.ended(*values)
            case "fits":
                self._pack(*values)
            case "crowded":
                one.is_crowded = True
            case "failed":
                self._error = self._error or values[0]
                one.is_over = True
            case "interrupted":
                one.is_over = True
                if not self._stopping:  # somebody else sent it a signal
                    one.process.join()
                    self._mend(one, listener)
            case "done":
                one.is_over = True

    def _mend(self, one: _Process, listener: Listener) -> None:
        """Gives free what a dead slot had in hand, and starts another in its place."""
        why = _how_it_died(one.process.exitcode)
        lost = store.lose(
            self._db, hostname=socket.gethostname(), pid=one.process.pid or 0, reason=why
        )
        for run_id in lost:
            listener.noted(self._run(run_id), f"{why}; the run goes on from its checkpoint")
        self._starts = 0 if lost else self._starts + 1
        if self._starts >= MOST_STARTS:
            self._error = NnlabError(
                f"a worker on {one.slot.device} ends as soon as it begins: {why}",
                hint="--devices cpu:1 trains in this process, which tells more",
            )
        elif not self._stopping and store.claimable(self._db, self._run_ids):
            self._processes.append(self._start(one.slot))

    def _pack(self, device: str, fits: int) -> None:
        """Starts as many slots on a GPU as fit there, judged by its first run."""
        if not self._packs or self._stopping:
            return
        self._packs = False
        here = sum(one.slot.device == device for one in self._processes)
        waiting = len(store.claimable(self._db, self._run_ids))
        for _ in range(min(fits - here, waiting)):
            self._processes.append(self._start(Slot(device)))

    def _let_alone(self) -> None:
        """Lets a slot that is short of memory try again once no other is at work."""
        live = [one for one in self._processes if not one.is_over]
        if live and all(one.is_crowded for one in live):
            live[0].is_crowded = False
            live[0].tell(ALONE)

    def _end(self) -> None:
        """Ends every slot: in good order, or at last at once."""
        for one in self._processes:
            one.process.terminate()
        for one in self._processes:
            one.process.join(END_SECONDS)
            if one.process.is_alive():
                one.process.kill()
                one.process.join()

    def _run(self, run_id: int) -> Run:
        if run_id not in self._runs:
            (self._runs[run_id],) = store.runs(self._db, run_ids=[run_id])
        return self._runs[run_id]


def _how_it_died(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its worker ended with exit code {code}"
    return f"its worker died of signal {-code} ({_NAMES.get(-code, 'unknown')})"


_NAMES: Mapping[int, str] = {number.value: number.name for number in signal.Signals}
