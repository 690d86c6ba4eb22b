"""nnlab: a command-line experiment runner for PyTorch with a results database.

The Python API (docs/python.md, docs/your-script.md):

    result = nnlab.train(opt="adam", decay="exp", seeds=3)
    with nnlab.open("runs.db") as results:
        print(results.compare())
    nnlab.diagnose({"train/loss": [1.0, 0.5, 0.2], "val/loss": [1.1, 0.9, 1.3]})
    with nnlab.init(study="mine", config={"lr": 0.1}) as run:
        run.log({"train/loss": 0.5})

Each name is imported when it is first used: `import nnlab` imports neither torch nor SQLAlchemy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab import errors, plots, records
    from nnlab.api.board import show_board as board
    from nnlab.api.diagnose import diagnose_history as diagnose
    from nnlab.api.load import load
    from nnlab.api.open import open_results_database as open  # noqa: A004  as gzip.open
    from nnlab.api.results import Results
    from nnlab.api.train import train
    from nnlab.api.train_result import TrainResult
    from nnlab.tracking.current import (
        define_metric,
        finish,
        log,
        login,
        save,
        unwatch,
        watch,
    )
    from nnlab.tracking.mapping_proxies import TrackedConfig, TrackedSummary
    from nnlab.tracking.media_types import Histogram, Image
    from nnlab.tracking.media_types import LoggedTable as Table
    from nnlab.tracking.run_handle import RunHandle
    from nnlab.tracking.start import init

    run: RunHandle | None
    config: TrackedConfig
    summary: TrackedSummary

__all__ = [
    "Histogram",
    "Image",
    "Results",
    "RunHandle",
    "Table",
    "TrainResult",
    "board",
    "config",
    "define_metric",
    "diagnose",
    "errors",
    "finish",
    "init",
    "load",
    "log",
    "login",
    "open",
    "plots",
    "records",
    "run",
    "save",
    "summary",
    "train",
    "unwatch",
    "watch",
]

# Public name -> its module, and its name there; None for the module itself.
_LAZY: dict[str, tuple[str, str | None]] = {
    "Histogram": ("nnlab.tracking.media_types", "Histogram"),
    "Image": ("nnlab.tracking.media_types", "Image"),
    "Results": ("nnlab.api.results", "Results"),
    "RunHandle": ("nnlab.tracking.run_handle", "RunHandle"),
    "Table": ("nnlab.tracking.media_types", "LoggedTable"),
    "TrainResult": ("nnlab.api.train_result", "TrainResult"),
    "board": ("nnlab.api.board", "show_board"),
    "define_metric": ("nnlab.tracking.current", "define_metric"),
    "diagnose": ("nnlab.api.diagnose", "diagnose_history"),
    "errors": ("nnlab.errors", None),
    "finish": ("nnlab.tracking.current", "finish"),
    "init": ("nnlab.tracking.start", "init"),
    "load": ("nnlab.api.load", "load"),
    "log": ("nnlab.tracking.current", "log"),
    "login": ("nnlab.tracking.current", "login"),
    "open": ("nnlab.api.open", "open_results_database"),
    "plots": ("nnlab.plots", None),
    "records": ("nnlab.records", None),
    "save": ("nnlab.tracking.current", "save"),
    "train": ("nnlab.api.train", "train"),
    "unwatch": ("nnlab.tracking.current", "unwatch"),
    "watch": ("nnlab.tracking.current", "watch"),
}

# Names whose value is another one after each `init` and `finish` -> the function that returns it.
_OF_CURRENT_RUN = {
    "config": "current_config",
    "run": "current_handle",
    "summary": "current_summary",
}

__version__: str


if not TYPE_CHECKING:  # a type checker would take every name for a public one

    def __getattr__(name: str) -> Any:
        """The public function, class or module of that name; it is imported now.

        Raises:
            AttributeError: there is none.
        """
        if name == "__version__":
            # The metadata of packages take 30 ms to import.
            return importlib.import_module("nnlab.version").nnlab_version()
        if name in _OF_CURRENT_RUN:
            current = importlib.import_module("nnlab.tracking.current")
            return getattr(current, _OF_CURRENT_RUN[name])()
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module_name, attribute = _LAZY[name]
        module = importlib.import_module(module_name)
        value = module if attribute is None else getattr(module, attribute)
        globals()[name] = value  # so that the next use is as fast as any other
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
