"""A pool: a crew of processes of this machine, one for each slot."""

import contextlib
import math
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from nnlab import store
from nnlab.errors import NnlabError
from nnlab.workers import forkserver
from nnlab.workers.callbacks import RunCallbacks
from nnlab.workers.nodes import Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.placement import AddressDatabaseOpener, Placement, WorkerJob, WorkerMessage
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy
from nnlab.workers.worker_pool import MAX_FAILED_STARTS, WorkerHandle, WorkerPool

# How long the parent listens before it looks whether it was asked to stop.
POLL_SECONDS = 0.1
# How long a slot has to end in good order once it was told to.
TERMINATE_TIMEOUT_SECONDS = 15.0


@dataclass(slots=True)
class _ProcessHandle(WorkerHandle):
    """A slot's process and the end of its pipe."""

    process: BaseProcess = field(kw_only=True)
    messages: Connection = field(kw_only=True)

    def tell(self, order: str) -> None:
        """As every worker is told."""
        with contextlib.suppress(OSError):
            self.messages.send(order)


class LocalPool(WorkerPool[_ProcessHandle]):
    """Works off runs in several processes."""

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        slots: Sequence[Placement],
        *,
        engine: str = "auto",
        keeping: SavePolicy = DEFAULT_SAVE_POLICY,
        packs: bool = False,
        team: ProcessGroupSpec | None = None,
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
        self._job = WorkerJob(
            AddressDatabaseOpener(db.address.target),
            tuple(run_ids),
            slots[0].device,
            engine,
            keeping,
            math.ceil(len(run_ids) / len(slots)),
            team,
        )
        self._gather = gather
        super().__init__(db, run_ids, slots, packs=packs)

    def _start(self, slot: Placement) -> _ProcessHandle:
        """Starts a slot's process.

        Raises:
            NnlabError: the template dies each time that it is to make one; a node is gone.
        """
        job = replace(self._job, device=slot.device, nodes=self._gather())
        forkserver.start_forkserver()
        for _ in range(MAX_FAILED_STARTS):
            ours, theirs = multiprocessing.Pipe()
            process = forkserver.create_worker_process(job, theirs)
            try:
                process.start()
            except (EOFError, OSError) as error:
                # The template has died just now; another is started once the system knows.
                ours.close()
                why = error
                time.sleep(POLL_SECONDS)
            else:
                return _ProcessHandle(slot, process=process, messages=ours)
            finally:
                theirs.close()  # so that the pipe ends when the slot does
        raise NnlabError(f"no worker can be started: {type(why).__name__} {why}", hint=self.without)

    def _heard(
        self, live: Sequence[_ProcessHandle], listener: RunCallbacks
    ) -> Iterator[tuple[_ProcessHandle, WorkerMessage | None]]:
        del listener
        by_messages = {one.messages: one for one in live}
        for ready in wait(list(by_messages), timeout=POLL_SECONDS):
            assert isinstance(ready, Connection)
            try:
                message = ready.recv()
            except (EOFError, OSError):
                message = None
            yield by_messages[ready], message

    def _how_it_died(self, one: _ProcessHandle) -> str:
        one.process.join()
        code = one.process.exitcode
        if code is None or code >= 0:
            return f"its worker ended with exit code {code}"
        return f"its worker died of signal {-code} ({_SIGNAL_NAMES.get(-code, 'unknown')})"

    def _end(self) -> None:
        for one in self._members:
            one.process.terminate()
        for one in self._members:
            one.process.join(TERMINATE_TIMEOUT_SECONDS)
            if one.process.is_alive():
                one.process.kill()
                one.process.join()


_SIGNAL_NAMES: Mapping[int, str] = {number.value: number.name for number in signal.Signals}
