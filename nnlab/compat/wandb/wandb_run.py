"""`wandb.Run`: a run of nnlab with the interface of W&B."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from nnlab.compat.saved_files import safe_relative_name
from nnlab.compat.unsupported import unsupported_attributes
from nnlab.compat.wandb.artifact import RecordedArtifact, as_artifact
from nnlab.compat.wandb.media import convert_logged
from nnlab.compat.wandb.settings import WandbSettings
from nnlab.tracking.notes import note, note_once
from nnlab.tracking.run_handle import RunHandle

_unsupported = unsupported_attributes("wandb.Run")
# Calls that a script makes for the page of W&B, which nnlab does not have.
_WITHOUT_EFFECT = frozenset(
    ("display", "to_html", "log_code", "mark_preempting", "pin_config_keys", "status",
     "unwatch", "link_artifact", "link_model", "write_logs")
)  # fmt: skip


class WandbRun:
    """Records to a run of nnlab what a script logs with W&B."""

    def __init__(
        self,
        handle: RunHandle,
        *,
        run_id: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        notes: str | None = None,
        on_finish: Callable[["WandbRun"], None] | None = None,
    ) -> None:
        self._handle, self._on_finish = handle, on_finish
        self.group, self.job_type, self._notes = group, job_type, notes
        self._id = run_id
        self.start_time = time.time()
        self.settings = WandbSettings(mode="offline", run_id=handle.id)
        self.entity, self.sweep_id, self.url, self.offline = "", None, "", True

    @property
    def handle(self) -> RunHandle:
        """The run of nnlab."""
        return self._handle

    @property
    def config(self) -> Any:
        """The config of the run."""
        return self._handle.config

    @property
    def summary(self) -> Any:
        """The final values of the run."""
        return self._handle.summary

    @property
    def id(self) -> str:
        """The id that the script gave to the run, or else its number."""
        return self._id or self._handle.id

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._handle.name

    @name.setter
    def name(self, name: str) -> None:
        self._handle.name = name

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of the run."""
        return self._handle.tags

    @tags.setter
    def tags(self, tags: Any) -> None:
        self._handle.tags = tags

    @property
    def notes(self) -> str | None:
        """The description of the run."""
        return self._notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._notes = notes
        self._handle.summary["notes"] = notes

    @property
    def project(self) -> str:
        """The study of the run."""
        return self._handle.study

    @property
    def path(self) -> str:
        """The study and the number of the run."""
        return f"{self.project}/{self.id}"

    @property
    def dir(self) -> str:
        """The folder of the run's files."""
        return self._handle.dir

    @property
    def step(self) -> int:
        """The step of the next call of `log`."""
        return self._handle.step

    @property
    def starting_step(self) -> int:
        """The first step of this attempt."""
        return self._handle.start_step

    @property
    def resumed(self) -> bool:
        """Whether the run continues an earlier attempt."""
        return self._handle.resumed

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded."""
        return self._handle.disabled

    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Records values; see `RunHandle.log`."""
        self._handle.log(convert_logged(data), step=step, commit=commit)

    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Any:
        """Says which metric is on the x axis of others, and whether lower values are better."""
        step_metric = getattr(step_metric, "name", step_metric)
        self._handle.define_metric(name, step_metric=step_metric, summary=summary, goal=goal)
        return DefinedMetric(name)

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Ends the run."""
        self._handle.finish(exit_code=exit_code or 0)
        self._after_finish()

    def _after_finish(self) -> None:
        if self._on_finish is not None:
            self._on_finish(self)

    def __enter__(self) -> "WandbRun":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._handle.__exit__(kind, error, traceback)
        self._after_finish()

    def watch(self, models: Any = None, *arguments: Any, **keywords: Any) -> None:
        """Records statistics of the layers of a model, or of the first of several."""
        model = models[0] if isinstance(models, list | tuple) else models
        if model is not None:
            self._handle.watch(model)

    def alert(self, title: str, text: str = "", *arguments: Any, **keywords: Any) -> None:
        """Writes the alert to standard error."""
        note(f"alert: {title}: {text}")

    def save(
        self, glob_str: Any = None, base_path: Any = None, policy: Any = "live"
    ) -> list[str] | bool:
        """Records copies of the files that match a pattern; returns their paths."""
        if glob_str is None:
            return True
        paths = self._handle.save(glob_str, base_path, policy)
        if not paths and not self.disabled:
            note_once(f"wandb.save: no file matches {os.fspath(glob_str)}")
        return paths

    def restore(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """An open file of the run; None if there is none of this name."""
        path = Path(self.dir) / "files" / safe_relative_name(name)
        return path.open() if path.is_file() else None

    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,  # noqa: A002  its name in W&B
        aliases: Any = None,
        tags: Any = None,
    ) -> RecordedArtifact:
        """Records copies of the files of an artifact."""
        artifact = as_artifact(artifact_or_path, name or f"run-{self.id}", type or "unspecified")
        artifact.record(self._handle)
        return artifact

    def log_model(self, path: Any, name: str | None = None, aliases: Any = None) -> None:
        """Records a copy of the files of a model."""
        self.log_artifact(path, name, "model", aliases)

    def __getattr__(self, name: str) -> Any:
        if name in _WITHOUT_EFFECT:
            return _do_nothing
        return _unsupported(name)


class DefinedMetric:
    """What `define_metric` returns."""

    def __init__(self, name: str) -> None:
        self.name = name


def _do_nothing(*arguments: Any, **keywords: Any) -> None:
    """What a script does for the page of W&B has no effect."""
