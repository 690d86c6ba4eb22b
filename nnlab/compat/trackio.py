"""`from nnlab.compat import trackio`: records to nnlab what a script records with Trackio.

What nnlab does not have does nothing, and a line on standard error says so once.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nnlab.compat.media import EncodedFile, encode_audio, read_data
from nnlab.compat.named_runs import start_with_id
from nnlab.compat.unsupported import unsupported_attributes
from nnlab.compat.wandb.artifact import RecordedArtifact as Artifact
from nnlab.compat.wandb.media import HtmlFile as Html
from nnlab.compat.wandb.media import SceneFile as Object3D
from nnlab.compat.wandb.media import VideoFile as Video
from nnlab.compat.wandb.wandb_run import WandbRun
from nnlab.errors import UsageError
from nnlab.tracking.media_types import Histogram, Image
from nnlab.tracking.media_types import LoggedTable as Table
from nnlab.tracking.notes import note, note_once
from nnlab.tracking.run_handle import RunHandle

__all__ = [
    "AlertLevel",
    "Artifact",
    "Audio",
    "Histogram",
    "Html",
    "Image",
    "Markdown",
    "Object3D",
    "Run",
    "Table",
    "Video",
    "alert",
    "finish",
    "init",
    "log",
    "log_artifact",
    "log_system",
    "save",
]


class TrackioAlertLevel(StrEnum):
    """The levels of `trackio.alert`."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class SoundFile(EncodedFile):
    """A sound, from a file or from an array of samples in [-1, 1]."""

    def __init__(
        self,
        value: Any,
        caption: str | None = None,
        sample_rate: int | None = None,
        format: str | None = None,  # noqa: A002  its name in Trackio
    ) -> None:
        self.caption = caption
        file = read_data(value, f".{format or 'wav'}")
        super().__init__(*(file or (encode_audio(value, sample_rate or 44100), ".wav")))


class MarkdownText(EncodedFile):
    """A text of Markdown."""

    def __init__(self, text: str = "") -> None:
        super().__init__(str(text), ".md")


class TrackioRun(WandbRun):
    """Records to a run of nnlab what a script logs with Trackio."""

    def __init__(self, handle: RunHandle, **options: Any) -> None:
        super().__init__(handle, **options)
        self._next_step = handle.start_step

    def log(self, metrics: Mapping[str, Any], step: int | None = None, **ignored: Any) -> None:  # type: ignore[override]  # the names of Trackio
        """Records values; without a step it is one more than the largest so far."""
        number = self._next_step if step is None else int(step)
        self._next_step = max(self._next_step, number + 1)
        super().log(metrics, step=number)

    def log_system(self, metrics: Mapping[str, Any]) -> None:
        """Records usage of the machine."""
        self.handle.log({f"system/{name}": value for name, value in metrics.items()})

    def alert(self, title: str, text: str | None = None, *arguments: Any, **keywords: Any) -> None:
        """Writes the alert to standard error."""
        note(f"alert: {title}{f': {text}' if text else ''}")


AlertLevel, Audio, Markdown, Run = TrackioAlertLevel, SoundFile, MarkdownText, TrackioRun
_active: list[TrackioRun] = []


def init(
    project: str,
    name: str | None = None,
    group: str | None = None,
    space_id: str | None = None,
    server_url: str | None = None,
    dataset_id: str | None = None,
    bucket_id: str | None = None,
    config: Any = None,
    resume: str = "never",
    **ignored: Any,
) -> TrackioRun:
    """Starts a run, as `trackio.init` does; the project is the study. An active run ends first.

    `resume` continues the run of the project that has the same name.

    Raises:
        UsageError: `resume="must"` names no run.
    """
    if space_id or server_url or dataset_id or bucket_id:
        note_once("trackio.init: runs are recorded in nnlab's database, and not sent anywhere")
    for run in _active:
        run.finish()
    handle = start_with_id(
        () if name is None else (f"trackio:{project}/{name}",),
        None if resume == "never" else "must" if resume == "must" else "allow",
        study=project,
        name=name,
        group=group,
        config=config,
    )
    run = TrackioRun(handle, group=group, on_finish=_forget)
    _active.append(run)
    return run


def _forget(run: WandbRun) -> None:
    _active[:] = [other for other in _active if other is not run]


def _current(name: str) -> TrackioRun:
    if not _active:
        raise UsageError(f"trackio.{name}: there is no run", hint="call trackio.init() first")
    return _active[-1]


def log(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Records values in the current run."""
    _current("log").log(metrics, step)


def log_system(metrics: Mapping[str, Any]) -> None:
    """Records usage of the machine in the current run."""
    _current("log_system").log_system(metrics)


def finish() -> None:
    """Ends the current run."""
    if _active:
        _active[-1].finish()


def alert(title: str, text: str | None = None, *arguments: Any, **keywords: Any) -> None:
    """Writes an alert to standard error."""
    _current("alert").alert(title, text)


def save(glob_str: Any, project: str | None = None) -> str:
    """Records copies of files; returns the folder of the run."""
    run = _current("save")
    run.save(glob_str)
    return run.dir


def log_artifact(artifact_or_path: Any, name: str | None = None, **keywords: Any) -> Artifact:
    """Records copies of the files of an artifact."""
    return _current("log_artifact").log_artifact(artifact_or_path, name, keywords.get("type"))


_DASHBOARD = {"show": "does nothing: `nnlab ls`, `nnlab compare` and `nnlab plot` show the runs"}
_unsupported = unsupported_attributes("trackio", _DASHBOARD)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The config of the current run, or else an object that does nothing."""
        if name == "config":
            return _active[-1].config if _active else {}
        return _unsupported(name)
