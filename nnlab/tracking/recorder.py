"""The thread that stores what a run logs: samples, results, media, changes of its config."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nnlab.errors import LeaseLost
from nnlab.records import Sample, Status
from nnlab.store import SampleCall
from nnlab.tracking.call_delivery import STORE_ERRORS, CallDelivery, error_text
from nnlab.tracking.logged_values import (
    ConvertedValues,
    LoggedCall,
    WaitingCall,
    convert_values,
    fetch_device_numbers,
)
from nnlab.tracking.metric_definitions import MetricDefinitions
from nnlab.tracking.notes import note, note_once
from nnlab.tracking.step_order import StepOrder

# Values are stored within 250 ms: this long they are collected, the rest is for the transaction.
FLUSH_SECONDS = 0.2
# The lease is renewed, and a request to stop is read, at least this often.
_HEARTBEAT_SECONDS = 5.0
# At the end of a run, how long a database that cannot be written is waited for.
FINAL_WAIT_SECONDS = 30.0
# If more calls wait than this, `log` waits for the writer, so that memory is bounded.
MAX_WAITING_CALLS = 200_000
_CALLS_PER_TRANSACTION = 20_000


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended."""

    status: Status
    reason: str | None = None
    traceback: str | None = None


class RecorderTasks(Protocol):
    """What the writer's thread does besides storing samples."""

    def new_metric(self, metric: str) -> None:
        """Called when a metric is logged for the first time."""

    def take(self, converted: ConvertedValues, call: LoggedCall) -> None:
        """Takes the texts and media of one log call."""

    def machine_usage(self) -> Mapping[str, float]:
        """The usage of the machine, if it is time to measure it; otherwise empty."""

    def store_pending(self) -> None:
        """Stores what was taken; called after the samples.

        Raises:
            StoreError: it cannot be stored now; this is called again.
        """

    def after_flush(self, calls: Sequence[SampleCall], *, stop_requested: bool) -> None:
        """Called after samples were stored, and now and then without samples."""

    def end_run(self, end: RunEnd) -> None:
        """Stores the end of the run.

        Raises:
            StoreError: it cannot be stored now; this is called again.
        """


class Recorder:
    """The queue of log calls of one run, and the thread that empties it."""

    def __init__(
        self, delivery: CallDelivery, tasks: RecorderTasks, definitions: MetricDefinitions
    ) -> None:
        """Starts the thread.

        Args:
            delivery: stores the samples.
            tasks: the other work of the thread.
            definitions: the definitions of metrics.
        """
        self.waiting: deque[WaitingCall] = deque()
        self.last_values: dict[str, float] = {}
        self._delivery, self._tasks, self._definitions = delivery, tasks, definitions
        self._step_order = StepOrder()
        self._next_seq = delivery.writer.next_seq
        self._actions: dict[str, Callable[[], None]] = {}
        self._requested = self._completed = 0
        self._condition = threading.Condition(threading.RLock())
        self._wake = threading.Event()
        self._end: RunEnd | None = None
        self._last_write = time.monotonic()
        self.is_lost = False
        self._thread = threading.Thread(target=self._work, name="nnlab-recorder", daemon=True)
        self._thread.start()

    def add_action(self, key: str, action: Callable[[], None]) -> None:
        """Executes an action on the database with the next samples, repeated until it succeeds.

        It replaces a waiting action of the same key.
        """
        with self._condition:
            self._actions.pop(key, None)
            self._actions[key] = action

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything logged so far is stored or spooled; returns whether it is."""
        with self._condition:
            self._requested += 1
            ticket = self._requested
            self._wake.set()
            self._condition.wait_for(
                lambda: self._completed >= ticket or not self._thread.is_alive(), timeout
            )
            return self._completed >= ticket

    def wait_for_room(self) -> None:
        """Waits while too many calls wait."""
        while len(self.waiting) > MAX_WAITING_CALLS // 2 and self._thread.is_alive():
            self._wake.set()
            time.sleep(0.005)

    def close(self, end: RunEnd) -> None:
        """Stores everything and the end of the run, and ends the thread."""
        self._end = end
        self._wake.set()
        self._thread.join(FINAL_WAIT_SECONDS + 30.0)

    def _work(self) -> None:
        while self._end is None and not self.is_lost:
            self._wake.wait(FLUSH_SECONDS)
            self._wake.clear()
            self._flush_once()
        if not self.is_lost:
            self._flush_once()
            if self._end is not None:
                self._finish(self._end)
        self.waiting.clear()
        with self._condition:
            self._condition.notify_all()

    def _flush_once(self) -> None:
        with self._condition:
            ticket = self._requested
        try:
            self._store_waiting()
        except LeaseLost:
            self.is_lost = True
            note("another process continues this run; what is logged here is not recorded any more")
        except Exception as error:  # noqa: BLE001  nothing may end the thread before the run
            note_once(f"recording failed: {type(error).__name__}: {error}")
        with self._condition:
            self._completed = ticket
            self._condition.notify_all()

    def _store_waiting(self) -> None:
        while True:
            calls = [LoggedCall(*self.waiting.popleft()) for _ in range(self._batch_size())]
            is_due = time.monotonic() - self._last_write > _HEARTBEAT_SECONDS
            samples = self._to_sample_calls(calls)
            if (usage := self._tasks.machine_usage()) and len(calls) < _CALLS_PER_TRANSACTION:
                samples.append(self._usage_call(usage))
            if samples or is_due or self._delivery.is_behind:
                is_stored = self._delivery.store(samples)
                self._last_write = time.monotonic()
                if is_stored:
                    self._tasks.after_flush(
                        samples, stop_requested=self._delivery.writer.stop_requested
                    )
            self._run_actions()
            if len(calls) < _CALLS_PER_TRANSACTION:
                return

    def _batch_size(self) -> int:
        return min(len(self.waiting), _CALLS_PER_TRANSACTION)

    def _run_actions(self) -> None:
        if self._delivery.is_behind:
            return
        try:
            self._store_actions()
        except LeaseLost:
            raise
        except STORE_ERRORS as error:
            note_once(f"{error_text(error)}; it is tried again")

    def _store_actions(self) -> None:
        with self._condition:
            actions = list(self._actions.items())
        for key, action in actions:
            action()
            with self._condition:
                if self._actions.get(key) is action:
                    del self._actions[key]
        self._tasks.store_pending()

    def _to_sample_calls(self, calls: Sequence[LoggedCall]) -> list[SampleCall]:
        device_numbers: Mapping[int, Sequence[float]] = {}
        try:
            device_numbers = fetch_device_numbers(calls)
        except RuntimeError as error:  # the device failed
            note_once(f"tensors cannot be copied from their device: {error}")
        sample_calls = []
        for call in calls:
            try:
                samples = self._convert(call, device_numbers)
            except Exception as error:  # noqa: BLE001  the code of objects of the user
                note_once(f"a log call is not recorded: {type(error).__name__}: {error}")
                continue
            if samples:
                self._step_order.check(samples)
                sample_calls.append(SampleCall(self._next_seq, tuple(samples)))
                self._next_seq += 1
        return sample_calls

    def _usage_call(self, usage: Mapping[str, float]) -> SampleCall:
        now = time.time()
        call = SampleCall(
            self._next_seq, tuple([Sample(name, value, time=now) for name, value in usage.items()])
        )
        self._next_seq += 1
        return call

    def _convert(
        self, call: LoggedCall, device_numbers: Mapping[int, Sequence[float]]
    ) -> list[Sample]:
        converted = convert_values(call.values, device_numbers)
        numbers, step, epoch = converted.numbers, call.step, call.epoch
        for name in numbers.keys() - self.last_values.keys():
            self._tasks.new_metric(name)
        self.last_values.update(numbers)
        self._definitions.note_values(numbers)
        if epoch is None and "epoch" in numbers:
            epoch = numbers["epoch"]
        if converted.texts or converted.media:
            self._tasks.take(converted, call)
        return [
            Sample(name, value, *self._definitions.position(name, numbers, step, epoch), call.time)
            for name, value in numbers.items()
            if name != "epoch"
        ]

    def _finish(self, end: RunEnd) -> None:
        deadline = time.monotonic() + FINAL_WAIT_SECONDS
        while True:
            try:
                self._delivery.catch_up()
                self._store_actions()
                self._tasks.end_run(end)
            except LeaseLost:
                note("another process continues this run; its end is not recorded here")
            except STORE_ERRORS as error:
                if time.monotonic() < deadline:
                    time.sleep(0.2)
                    continue
                self._spool_end(end, error)
            except Exception as error:  # noqa: BLE001  nothing is raised into the program
                note(f"the end of the run is not recorded: {type(error).__name__}: {error}")
            return

    def _spool_end(self, end: RunEnd, error: BaseException) -> None:
        content = {"status": str(end.status), "reason": end.reason, "traceback": end.traceback}
        message = error_text(error)
        if self._delivery.spool.append_end(content):
            note(
                f"{message}; the run is kept in {self._delivery.spool.display_name}, and the next"
                " nnlab.init with this database stores it"
            )
        else:
            note(f"{message}; the end of the run is lost")
