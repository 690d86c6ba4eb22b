"""`from nnlab.compat import wandb`: records to nnlab what a script records with W&B.

What nnlab does not have does nothing, and a line on standard error says so once.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from nnlab.compat.unsupported import unsupported_attributes
from nnlab.compat.wandb import plot, util
from nnlab.compat.wandb.artifact import RecordedArtifact as Artifact
from nnlab.compat.wandb.media import AudioFile as Audio
from nnlab.compat.wandb.media import Histogram
from nnlab.compat.wandb.media import HtmlFile as Html
from nnlab.compat.wandb.media import LoggedTable as Table
from nnlab.compat.wandb.media import MoleculeFile as Molecule
from nnlab.compat.wandb.media import PlotlyFile as Plotly
from nnlab.compat.wandb.media import SceneFile as Object3D
from nnlab.compat.wandb.media import VideoFile as Video
from nnlab.compat.wandb.media import WandbImage as Image
from nnlab.compat.wandb.plot import plot_table
from nnlab.compat.wandb.settings import WandbSettings as Settings
from nnlab.compat.wandb.start import active as _active
from nnlab.compat.wandb.start import finish_all as finish
from nnlab.compat.wandb.start import init
from nnlab.compat.wandb.wandb_run import WandbRun as Run
from nnlab.tracking.notes import note_once

__all__ = [
    "AlertLevel",
    "Artifact",
    "Audio",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "Video",
    "agent",
    "finish",
    "init",
    "join",
    "log",
    "login",
    "plot",
    "plot_table",
    "setup",
    "sweep",
    "util",
]

join = finish
_STUDIES = (
    "does nothing: a study of nnlab searches, see `nnlab run SCRIPT.py --lr 1e-4..1e-1 --help`"
)


class WandbAlertLevel(Enum):
    """The levels of `wandb.alert`."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


AlertLevel = WandbAlertLevel


def login(*arguments: Any, **keywords: Any) -> bool:
    """Nothing: nnlab has no accounts."""
    return True


def setup(*arguments: Any, **keywords: Any) -> None:
    """Nothing: nnlab needs no preparation."""


def sweep(sweep: Any, *arguments: Any, **keywords: Any) -> str:
    """Nothing; the id of no sweep."""
    note_once(f"wandb.sweep {_STUDIES}")
    return "no-sweep"


def agent(
    sweep_id: str,
    function: Callable[[], object] | None = None,
    *arguments: Any,
    **keywords: Any,
) -> None:
    """Calls the function once, with the config that the script passes to `init` itself."""
    note_once(f"wandb.agent {_STUDIES}")
    if function is not None:
        function()


def log(data: Mapping[str, Any], *arguments: Any, **keywords: Any) -> None:
    """Records values in the current run."""
    _call("log", data, *arguments, **keywords)


def _call(name: str, *arguments: Any, **keywords: Any) -> Any:
    """Calls a method of the current run; without a run it does nothing and says so."""
    current = _active.current
    if current is None:
        note_once(f"wandb.{name}: there is no run, so it does nothing; call wandb.init() first")
        return None
    return getattr(current, name)(*arguments, **keywords)


# Functions that are methods of the current run.
_METHODS = frozenset(
    ("watch", "unwatch", "save", "restore", "define_metric", "alert", "log_artifact",
     "use_artifact", "log_model", "use_model", "link_model", "mark_preempting", "pin_config_keys")
)  # fmt: skip
_unsupported = unsupported_attributes("wandb")

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """What depends on the current run, or else an object that does nothing."""
        if name == "run":
            return _active.current
        if name == "config":
            return _active.early_config if _active.current is None else _active.current.config
        if name == "summary" and _active.current is not None:
            return _active.current.summary
        if name in _METHODS:
            return lambda *arguments, **keywords: _call(name, *arguments, **keywords)
        return _unsupported(name)
