"""nnlab: a command-line experiment runner for PyTorch with a results database.

The Python API (docs/python.md):

    result = nnlab.train(opt="adam", decay="exp", seeds=3)
    with nnlab.open("runs.db") as results:
        print(results.compare())
    nnlab.diagnose({"train/loss": [1.0, 0.5, 0.2], "val/loss": [1.1, 0.9, 1.3]})

Each name is imported when it is first used: `import nnlab` imports neither torch nor SQLAlchemy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab import errors, plots, records
    from nnlab.api.diagnose import diagnose_history as diagnose
    from nnlab.api.open import open_results_database as open  # noqa: A004  as gzip.open
    from nnlab.api.results import Results
    from nnlab.api.train import train
    from nnlab.api.train_result import TrainResult

__all__ = [
    "Results",
    "TrainResult",
    "diagnose",
    "errors",
    "open",
    "plots",
    "records",
    "train",
]

# Public name -> its module, and its name there; None for the module itself.
_LAZY: dict[str, tuple[str, str | None]] = {
    "Results": ("nnlab.api.results", "Results"),
    "TrainResult": ("nnlab.api.train_result", "TrainResult"),
    "diagnose": ("nnlab.api.diagnose", "diagnose_history"),
    "errors": ("nnlab.errors", None),
    "open": ("nnlab.api.open", "open_results_database"),
    "plots": ("nnlab.plots", None),
    "records": ("nnlab.records", None),
    "train": ("nnlab.api.train", "train"),
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
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module_name, attribute = _LAZY[name]
        module = importlib.import_module(module_name)
        value = module if attribute is None else getattr(module, attribute)
        globals()[name] = value  # so that the next use is as fast as any other
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
