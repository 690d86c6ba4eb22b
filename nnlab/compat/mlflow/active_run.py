"""The runs that a script has started with MLflow's functions, and the current experiment."""

import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

from nnlab.compat.mlflow.entities import ActiveRunData, ActiveRunInfo
from nnlab.compat.saved_files import new_file, save_file
from nnlab.compat.step_counter import StepCounter
from nnlab.errors import UsageError
from nnlab.tracking.notes import note_once
from nnlab.tracking.run_handle import RunHandle
from nnlab.tracking.start import init as start_run


class ActiveMlflowRun:
    """A run of nnlab with the interface of `mlflow.ActiveRun`."""

    def __init__(
        self, handle: RunHandle, tags: Mapping[str, Any], parent: "ActiveMlflowRun | None"
    ) -> None:
        self._handle, self._parent = handle, parent
        self._status = "RUNNING"
        self._start = int(time.time() * 1000)
        self._end: int | None = None
        self._tags = {str(name): str(value) for name, value in tags.items()}
        self._steps = StepCounter()

    @property
    def handle(self) -> RunHandle:
        """The run of nnlab."""
        return self._handle

    @property
    def parent(self) -> "ActiveMlflowRun | None":
        """The run that was active when this one was started."""
        return self._parent

    @property
    def info(self) -> ActiveRunInfo:
        """Number, name and state."""
        return ActiveRunInfo(
            run_id=self._handle.id,
            run_name=self._handle.name,
            experiment_id=self._handle.study,
            status=self._status,
            start_time=self._start,
            artifact_uri=(Path(self._handle.dir) / "files").as_uri(),
            end_time=self._end,
        )

    @property
    def data(self) -> ActiveRunData:
        """The last values, parameters and tags."""
        values = self._handle.summary.as_dict()
        return ActiveRunData(
            metrics={name: v for name, v in values.items() if isinstance(v, int | float)},
            params={name: str(value) for name, value in self._handle.config.items()},
            tags=dict(self._tags),
        )

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Records numbers; without a step each gets the one after its last."""
        if step is not None:
            steps = {self._steps.step(name, step) for name in metrics}
            self._handle.log(dict(metrics), step=max(steps, default=0))
            return
        for name, value in metrics.items():
            self._handle.log({name: value}, step=self._steps.step(name, None))

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Adds tags `NAME:VALUE`; one of the same name is replaced."""
        self._tags.update({str(name): str(value) for name, value in tags.items()})
        self._store_tags()

    def delete_tag(self, name: str) -> None:
        """Removes a tag."""
        self._tags.pop(name, None)
        self._store_tags()

    def _store_tags(self) -> None:
        self._handle.tags = tag_texts(self._tags)

    def save(self, path: Any, artifact_path: str | None = None) -> None:
        """Records a copy of a file in a folder of the artifacts."""
        name = PurePosixPath(artifact_path or "") / Path(path).name
        save_file(self._handle, path, str(name))

    def new_file(self, artifact_file: str) -> AbstractContextManager[Path]:
        """The path of a file that is written in the block and then recorded."""
        return new_file(self._handle, artifact_file)

    def end(self, status: str = "FINISHED") -> None:
        """Ends the run."""
        self._mark_ended(str(status).rsplit(".", maxsplit=1)[-1])
        self._handle.finish(exit_code=int(self._status == "FAILED"))

    def _mark_ended(self, status: str) -> None:
        self._status, self._end = status, int(time.time() * 1000)
        state.remove(self)

    def __enter__(self) -> "ActiveMlflowRun":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._end is None:
            self._mark_ended("FINISHED" if error is None else "FAILED")
            self._handle.__exit__(kind, error, traceback)


class MlflowState:
    """The stack of active runs and the experiment of the next one."""

    def __init__(self) -> None:
        self.runs: list[ActiveMlflowRun] = []
        self.started: dict[str, ActiveMlflowRun] = {}
        self.last: ActiveMlflowRun | None = None
        self.experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME")
        self.tracking_uri = os.environ.get("MLFLOW_TRACKING_URI", "")

    @property
    def active(self) -> ActiveMlflowRun | None:
        """The newest run that has not ended."""
        return self.runs[-1] if self.runs else None

    def remove(self, run: ActiveMlflowRun) -> None:
        """Removes a run that has ended."""
        self.runs[:] = [other for other in self.runs if other is not run]

    def needed_run(self, run_id: str | None = None) -> ActiveMlflowRun:
        """The run with that number, or the active one, which is started if there is none."""
        if run_id is not None and run_id in self.started:
            return self.started[run_id]
        return self.active or start_active_run()


state = MlflowState()


def start_active_run(
    run_id: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    *,
    nested: bool = False,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> ActiveMlflowRun:
    """Starts a run, or continues the one with that number."""
    parent = state.active
    if parent is not None and not nested:
        note_once("mlflow.start_run: a run is active; the new one is nested in it")
    all_tags = {**(tags or {}), **({"parent": parent.handle.id} if parent is not None else {})}
    arguments: dict[str, Any] = {
        "study": experiment or state.experiment,
        "name": run_name or os.environ.get("MLFLOW_RUN_NAME"),
        "tags": tag_texts(all_tags),
    }
    try:
        handle = start_run(**arguments, id=run_id, resume="must" if run_id else None)
    except UsageError as error:
        if run_id is None:
            raise
        note_once(f"mlflow.start_run: {error.message}, so that a new run is recorded")
        handle = start_run(**arguments)
    run = ActiveMlflowRun(handle, all_tags, parent)
    if description:
        handle.summary["description"] = description
    state.runs.append(run)
    state.started[handle.id], state.last = run, run
    return run


def tag_texts(tags: Mapping[str, Any]) -> list[str]:
    """The tags of nnlab.

    >>> tag_texts({"release": 1, "mlflow.user": "ann"})
    ['release:1', 'mlflow.user:ann']
    """
    return [f"{name}:{value}" for name, value in tags.items()]
