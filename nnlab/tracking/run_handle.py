"""`RunHandle`: what `nnlab.init` returns, and what adapters for other libraries use."""

import os
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from time import time
from types import TracebackType
from typing import Any, Protocol

from nnlab.errors import NnlabError
from nnlab.tracking.active_runs import remove_active
from nnlab.tracking.config_values import flat_setting, is_nested, split_seed
from nnlab.tracking.logged_values import IMMUTABLE_TYPES, WaitingCall, snapshot_values
from nnlab.tracking.mapping_proxies import TrackedConfig, TrackedSummary
from nnlab.tracking.metric_definitions import parse_definition
from nnlab.tracking.notes import note, note_once
from nnlab.tracking.process_end import exception_end, exit_end
from nnlab.tracking.recorder import MAX_WAITING_CALLS, RunEnd
from nnlab.tracking.run_checkpoints import RunCheckpoints
from nnlab.tracking.run_connection import RunConnection


class RunHandle:
    """A run that is recorded. `nnlab.init` creates it.

    All methods may be called by several threads. None of them raises an error because of the
    database or a disk. In processes that do not record (mode "off", ranks other than 0, forked
    children) they do nothing.
    """

    def __init__(self, connection: RunConnection | None, config: Mapping[str, Any]) -> None:
        """Wraps an open connection; None for a process that does not record."""
        self._connection = connection
        self._queue = None if connection is None else connection.recorder.waiting
        self._checkpoints = _readable_checkpoints(connection)
        self._step = self.start_step = _start_step(connection, self._checkpoints)
        self._last_step = self._step - 1
        self._watch: Closable | None = None
        self._uses_steps = False
        self._pending: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._name: str | None = None if connection is None else connection.run.name
        self._tags: tuple[str, ...] = () if connection is None else connection.run.tags
        self._is_finished = False
        self.config = TrackedConfig(config, self._store_config)
        self.summary = TrackedSummary(self._store_summary, self._last_values)

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        epoch: float | None = None,
        commit: bool | None = None,
        durable: bool = False,
        **ignored: Any,  # noqa: ARG002
    ) -> None:
        """Records values; returns at once, and they are stored within 250 ms.

        Args:
            data: numbers, tensors with one element, texts, images, tables or histograms, by name.
                A value `epoch` is the epoch of the others.
            step: the step; by default one more than in the previous call. It may repeat, go back,
                or be -1.
            epoch: the epoch that has ended, for the results of an evaluation.
            commit: False collects the values for the next call.
            durable: whether to wait until everything logged so far is on the disk.
            **ignored: accepted for scripts written for W&B.
        """
        queue = self._queue
        if queue is None:
            self._ignore_call("log")
            return
        now = time()
        if epoch is not None and type(epoch) is not float and type(epoch) is not int:
            epoch = float(epoch)  # a scalar of numpy or torch
        values = dict(data)
        for value in values.values():
            if type(value) is not float and type(value) not in IMMUTABLE_TYPES:
                values = snapshot_values(values)
                break
        if step is not None and commit is not False and not self._pending:
            # The usual call. It needs no lock: other threads log steps of their own.
            if type(step) is not int:
                step = int(step)
            self._step = self._last_step = step
            self._uses_steps = True
            queue.append((now, step, epoch, values))
        else:
            self._log_with_own_step(queue, (now, step, epoch, values), commit=commit)
        if durable or len(queue) > MAX_WAITING_CALLS:
            self._after_log(durable=durable)

    def _log_with_own_step(
        self, queue: deque[WaitingCall], call: WaitingCall, *, commit: bool | None
    ) -> None:
        now, step, epoch, values = call
        with self._lock:
            if step is not None:
                self._step = self._last_step = step = int(step)
                self._uses_steps = True
            if commit is False:
                self._pending.update(values)
                return
            if step is None and (epoch is None or self._uses_steps):
                step = self._last_step = self._step
                self._step = step + 1
                self._uses_steps = True
            if self._pending:
                values, self._pending = {**self._pending, **values}, {}
            queue.append((now, step, epoch, values))

    def _after_log(self, *, durable: bool) -> None:
        if self._connection is None:
            return
        if durable:
            self._connection.recorder.flush()
        else:
            self._connection.recorder.wait_for_room()

    def define(
        self,
        pattern: str,
        x: str | None = None,
        goal: str | None = None,
        *,
        summary: str | None = None,
    ) -> None:
        """Says what the metrics that match a pattern such as `val/*` mean.

        Args:
            pattern: the metrics; `*` stands for any text.
            x: the metric on their x axis, whose last logged value counts; with the name `epoch` it
                is the epoch, otherwise the step.
            goal: `min`, `max` or `none`: whether lower or higher values are better.
            summary: `min` or `max` also keeps that value of each metric as `METRIC.min`.

        Raises:
            UsageError: the goal is unknown.
        """
        definition = parse_definition(pattern, x, goal, summary)
        if self._connection is not None:
            self._connection.define(definition)

    def define_metric(
        self,
        name: str,
        step_metric: str | None = None,
        summary: str | None = None,
        goal: str | None = None,
        **ignored: Any,
    ) -> None:
        """The same as `define`, with the arguments of W&B."""
        del ignored
        self.define(name, x=str(step_metric) if step_metric else None, goal=goal, summary=summary)

    def checkpoint(self, state: Any, step: int | None = None) -> bool:
        """Saves what is needed to continue; the last two checkpoints are kept.

        Call it after the step was logged: a resumed run starts at the next one.

        Args:
            state: a dict of tensors, arrays and plain values, or of objects with `state_dict()`,
                such as models and optimizers.
            step: the step after which the state is; by default the last logged one.

        Returns:
            Whether it was saved: False in processes that do not record, and on a full disk.

        Raises:
            UsageError: the state has values that cannot be restored safely.
        """
        if self._connection is None or self._is_finished:
            return False
        self.flush()
        step = self._last_step if step is None else int(step)
        return self._connection.checkpoints.save(state, step)

    def restore(self) -> Any:
        """The state of the last checkpoint, with tensors on the CPU; None if there is none."""
        if self._checkpoints is None:
            return None
        restored = self._checkpoints.restore()
        return None if restored is None else restored[1]

    def save(
        self,
        path: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> list[str]:
        """Copies files to the folder of the run; returns their paths there.

        Args:
            path: a file, a folder, or a pattern with `*`.
            base_path: the folder to which the names in the run are relative; by default only the
                name of each file is kept.
            policy: `live` or `end` also copies them at the end of the run; `now` only now.
        """
        if self._connection is None or self._is_finished:
            self._ignore_call("save")
            return []
        try:
            return self._connection.save(
                os.fspath(path),
                None if base_path is None else os.fspath(base_path),
                at_end=policy != "now",
            )
        except (NnlabError, OSError) as error:
            note(f"save: {error}")
            return []

    def watch(
        self, model: Any, log: str | None = None, every: int | None = None, **ignored: Any
    ) -> None:
        """Records statistics of the model's layers and gradients while it is trained.

        They are `probe/...` metrics, which the diagnosis and `nnlab plot` read. The optimizer must
        be one of torch.

        Args:
            model: a torch module.
            log: accepted for scripts written for W&B.
            every: steps between measurements; by default as often as takes 1 % of the time.
            **ignored: accepted for scripts written for W&B.
        """
        del log, ignored
        if self._connection is None or self._is_finished:
            return
        # Imported here: it imports torch.
        from nnlab.tracking.layer_watch import LayerWatch

        self.unwatch()
        self._watch = LayerWatch(model, self._log_probe, every)

    def unwatch(self, model: Any = None) -> None:
        """Ends `watch`."""
        del model
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _log_probe(self, values: Mapping[str, Any]) -> None:
        if (queue := self._queue) is not None:
            queue.append((time(), self._step, None, values))

    def finish(self, exit_code: int = 0, **ignored: Any) -> None:
        """Stores everything and ends the run; later calls do nothing.

        Args:
            exit_code: another number than 0 marks the run as failed.
            **ignored: accepted for scripts written for W&B.
        """
        del ignored
        self.end(exit_end(exit_code))

    def end(self, end: RunEnd) -> None:
        """Stores everything and ends the run with a status."""
        with self._lock:
            if self._is_finished:
                return
            self._is_finished = True
            if self._pending and self._queue is not None:
                self._queue.append((time(), self._step, None, self._pending))
            self._queue, connection = None, self._connection
        self.unwatch()
        remove_active(self)
        if connection is not None:
            connection.close(end)

    def __enter__(self) -> "RunHandle":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(exit_end(0) if error is None else exception_end(error))

    @property
    def id(self) -> str:
        """The number of the run as text, as `nnlab show` takes it; `0` if nothing is recorded."""
        return str(self.number)

    @property
    def number(self) -> int:
        """The number of the run; 0 if nothing is recorded."""
        return 0 if self._connection is None else self._connection.run.id

    @property
    def name(self) -> str:
        """The name of the run; without one `run-NUMBER`."""
        return self._name or f"run-{self.number}"

    @name.setter
    def name(self, name: str) -> None:
        self._name = str(name)
        self._store_name()

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the run."""
        return self._tags

    @tags.setter
    def tags(self, tags: Any) -> None:
        self._tags = (tags,) if isinstance(tags, str) else tuple(map(str, tags or ()))
        self._store_name()

    @property
    def study(self) -> str:
        """The name of the study."""
        return "" if self._connection is None else self._connection.run.trial.study

    @property
    def project(self) -> str:
        """The name of the study, as W&B calls it."""
        return self.study

    @property
    def step(self) -> int:
        """The step of the next call of `log` without one."""
        return self._step

    @property
    def resumed(self) -> bool:
        """Whether the run continues an earlier attempt."""
        return self._connection is not None and self._connection.resumed

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self._connection is None

    @property
    def dir(self) -> str:
        """The folder of the run's files; without recording the working folder."""
        return str(os.getcwd() if self._connection is None else self._connection.folder)  # noqa: PTH109

    @property
    def should_stop(self) -> bool:
        """Whether the run should end: `nnlab stop`, the study's pruner, or a finding."""
        return self.stop_reason is not None

    @property
    def stop_reason(self) -> str | None:
        """Why the run should end; None if it should not."""
        return None if self._connection is None else self._connection.stop_reason

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything logged so far is stored; returns whether it is."""
        if self._connection is None or self._is_finished:
            return True
        return self._connection.recorder.flush(timeout)

    def __reduce__(self) -> tuple[Any, ...]:
        # A process to which the handle is sent does not record this run a second time.
        return _silent_handle, (self.config.as_dict(),)

    def __repr__(self) -> str:
        return f"<run {self.number} of study {self.study!r}>" if self.number else "<no run>"

    def forget_connection(self) -> None:
        """Called in a forked child: this process records nothing."""
        # It is kept, because closing its database here would release the locks of the parent.
        self._parent_connection = self._connection
        self._connection = self._queue = None
        self._lock = threading.RLock()

    def _ignore_call(self, name: str) -> None:
        if self._is_finished:
            note_once(f"{name}: run {self.id} has ended, so the call is ignored")

    def _store_config(self) -> None:
        if self._connection is not None:
            nested = self.config.as_dict()
            seed, setting = split_seed(flat_setting(nested))
            self._connection.store_config(setting, nested if is_nested(nested) else None, seed)

    def _store_summary(self) -> None:
        if self._connection is not None:
            self._connection.store_results(flat_setting(self.summary.own_values))

    def _store_name(self) -> None:
        if self._connection is not None:
            self._connection.store_name(self._name, self._tags)

    def _last_values(self) -> dict[str, Any]:
        if self._connection is None:
            return {}
        self.flush()
        return self._connection.last_values


class Closable(Protocol):
    """What can be closed: a watch of a model."""

    def close(self) -> None:
        """Ends it."""


def _readable_checkpoints(connection: RunConnection | None) -> RunCheckpoints | None:
    """The checkpoints of the run; other ranks of a script read those of the first."""
    if connection is not None:
        return connection.checkpoints
    folder = os.environ.get("NNLAB_DIR")
    return RunCheckpoints(Path(folder) / "checkpoints") if folder else None


def _start_step(connection: RunConnection | None, checkpoints: RunCheckpoints | None) -> int:
    if connection is not None:
        return connection.start_step
    step = None if checkpoints is None else checkpoints.last_step()
    return 0 if step is None else step + 1


def _silent_handle(config: Mapping[str, Any]) -> RunHandle:
    return RunHandle(None, config)
