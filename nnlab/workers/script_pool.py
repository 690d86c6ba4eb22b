"""`ScriptPool` executes scripts on this machine: a thread for each slot waits for one process.

The threads only wait and store, so they need no worker processes of their own.
"""

import os
import queue
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial

from nnlab import store
from nnlab.provenance.environment import masked_command_line
from nnlab.records import Epoch, Run
from nnlab.workers.callbacks import RunCallbacks, RunResult
from nnlab.workers.heartbeat import LEASE_SECONDS
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.script_run import run_script
from nnlab.workers.script_slots import ScriptResources, ScriptSlot
from nnlab.workers.shared_devices import SharedDevices
from nnlab.workers.spool import retry_when_disconnected
from nnlab.workers.worker_context import WorkerContext

_POLL_SECONDS = 0.1

Event = Callable[[RunCallbacks], None]


class ScriptPool:
    """Executes the runs of scripts in several slots at once."""

    def __init__(
        self,
        db: store.Database,
        run_ids: Sequence[int],
        slots: Sequence[ScriptSlot],
        save_policy: SavePolicy,
    ) -> None:
        """Starts nothing yet.

        Args:
            db: where everything is stored.
            run_ids: the runs, in order.
            slots: the devices of each script that runs at the same time as others.
            save_policy: where the files of runs are stored.
        """
        self._db, self._run_ids, self._save_policy = db, tuple(run_ids), save_policy
        self._slots = tuple(slots)[: max(1, len(run_ids))]
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._shared = SharedDevices()
        self._abort = threading.Event()
        self._stop = threading.Event()
        self._errors: list[BaseException] = []

    def run(self, callbacks: RunCallbacks, should_stop: Callable[[], bool]) -> None:
        """Executes the runs, and calls the callbacks in this thread.

        Raises:
            StoreError, OutputError: nothing more can be stored.
            KeyboardInterrupt: the user has stopped the command at once; all scripts have ended.
        """
        threads = [
            threading.Thread(target=self._execute, args=(slot,), name=f"nnlab-script-{number}")
            for number, slot in enumerate(self._slots)
        ]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                if should_stop() or self._errors:
                    self._stop.set()
                self._dispatch(callbacks, _POLL_SECONDS)
        except BaseException:
            self._abort.set()
            raise
        finally:
            for thread in threads:
                thread.join()
        while not self._events.empty():
            self._dispatch(callbacks, 0.0)
        if self._errors:
            raise self._errors[0]

    def _dispatch(self, callbacks: RunCallbacks, timeout: float) -> None:
        try:
            event = self._events.get(timeout=timeout) if timeout else self._events.get_nowait()
        except queue.Empty:
            return
        event(callbacks)

    def _should_stop(self) -> bool:
        if self._abort.is_set():
            raise KeyboardInterrupt
        return self._stop.is_set()

    def _execute(self, slot: ScriptSlot) -> None:
        """Executes runs in one slot until none is left."""
        is_shared = sum(slot.shares_device(other) for other in self._slots) > 1
        alone_on_device = partial(self._shared.wait_until_alone, slot, self._should_stop)
        alone = partial(self._shared.wait_until_alone, None, self._should_stop)
        resources = ScriptResources(
            slot,
            wait_for_device=alone_on_device if is_shared else None,
            wait_for_machine=alone if len(self._slots) > 1 else None,
        )
        context = WorkerContext(
            self._db,
            _EventSender(self._events),
            self._should_stop,
            self._save_policy,
            script_resources=resources,
        )
        try:
            while not self._should_stop():
                self._shared.enter(slot, self._should_stop)
                try:
                    claims = retry_when_disconnected(self._claim)
                    if not claims:
                        return
                    run_script(context, claims[0])
                finally:
                    self._shared.leave()
        except KeyboardInterrupt:
            return  # `run` raises it
        except BaseException as error:  # noqa: BLE001  `run` raises it
            self._errors.append(error)

    def _claim(self) -> tuple[store.Claim, ...]:
        if self._should_stop():
            return ()
        return store.claim_runs(
            self._db,
            run_ids=self._run_ids,
            max_runs=1,
            hostname=socket.gethostname(),
            pid=os.getpid(),
            command=masked_command_line(),
            pid_namespace=store.current_pid_namespace(),
            lease_seconds=LEASE_SECONDS,
        )


class _EventSender:
    """`RunCallbacks` that are called later, in the thread of the pool."""

    def __init__(self, events: "queue.SimpleQueue[Event]") -> None:
        self._events = events

    def on_run_start(self, run: Run, epoch: int) -> None:
        """See `RunCallbacks`."""
        self._events.put(lambda callbacks: callbacks.on_run_start(run, epoch))

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """See `RunCallbacks`."""
        self._events.put(lambda callbacks: callbacks.on_epoch_end(run, epoch))

    def on_note(self, run: Run, message: str) -> None:
        """See `RunCallbacks`."""
        self._events.put(lambda callbacks: callbacks.on_note(run, message))

    def on_run_end(self, result: RunResult) -> None:
        """See `RunCallbacks`."""
        self._events.put(lambda callbacks: callbacks.on_run_end(result))
