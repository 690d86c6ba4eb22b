"""The run that an adapter records: its own one, or the one that the program has begun."""

import sys
from typing import Any
from weakref import WeakSet

from nnlab.errors import MissingPackage
from nnlab.tracking.current import current_handle
from nnlab.tracking.process_role import is_script_run
from nnlab.tracking.run_handle import RunHandle
from nnlab.tracking.start import init

# The runs that adapters have begun, in contrast to those of the program.
_own_runs: WeakSet[RunHandle] = WeakSet()


def missing_package(package: str, adapter: str, error: ImportError | None = None) -> ImportError:
    """The error of an adapter whose framework is not installed.

    Args:
        package: the framework.
        adapter: the name of the adapter in the message.
        error: the error of the import; it is returned if the framework lacks another package, such
            as Keras its backend.
    """
    if error is not None and error.name is not None and error.name.split(".")[0] != package:
        return error
    return MissingPackage(
        f"nnlab's {adapter} needs the package {package}, which is not installed",
        hint=f"pip install {package}",
    )


class AdapterRun:
    """Begins a run at its first use, ends it, and continues it if it is used after its end.

    A run that the program has begun with `nnlab.init` is used if there is one and the adapter got
    no arguments for a run of its own; it is not ended here.

    Args:
        run: a run to use.
        **arguments: the arguments of `nnlab.init`; None is the default.
    """

    def __init__(self, run: RunHandle | None = None, **arguments: Any) -> None:
        self._arguments = {name: a for name, a in arguments.items() if a is not None}
        self._defaults: dict[str, Any] = {}
        self._handle = run
        self._is_own = run is None
        self._ended = False

    def __getstate__(self) -> dict[str, Any]:
        # A copy in another process begins a run of its own; only rank 0 records one.
        return {**self.__dict__, "_handle": None, "_is_own": True, "_ended": False}

    def set_defaults(self, **arguments: Any) -> None:
        """Sets arguments of `nnlab.init` that were not given."""
        self._defaults |= {name: a for name, a in arguments.items() if a is not None}

    @property
    def handle(self) -> RunHandle:
        """The run; it is begun or continued if it is not open."""
        if self._handle is None:
            active = None if self._arguments else current_handle()
            # A run that another adapter could not end is none of the program.
            if active is not None and active not in _own_runs:
                self._handle, self._is_own = active, False
            else:
                self._handle = self._begin(**{**self._defaults, **self._arguments})
        elif self._ended and not self._handle.disabled:
            database = self._arguments.get("db")
            self._handle = self._begin(db=database, id=self._handle.id, resume="must")
        self._ended = False
        return self._handle

    @staticmethod
    def _begin(**arguments: Any) -> RunHandle:
        handle = init(**arguments)
        _own_runs.add(handle)
        return handle

    @property
    def id(self) -> Any:
        """The number of the run; None before it has begun."""
        return None if self._handle is None else self._handle.id

    @property
    def study(self) -> str | None:
        """The study of the run, also before it has begun."""
        study = self._arguments.get("study", self._arguments.get("project"))
        return study if self._handle is None else self._handle.study

    def update_config(self, values: Any) -> None:
        """Adds settings to the config of the run."""
        self.handle.config.update(values)

    def end(self, *, failed: bool = False) -> None:
        """Ends the run if it is the adapter's own; an exception that is being handled is stored."""
        if self._handle is None or not self._is_own or self._ended:
            return
        if is_script_run(self._handle):  # ended by `nnlab run`; the script may log more to it
            self._handle.flush()
            return
        self._ended = True
        if failed and sys.exc_info()[0] is not None:
            self._handle.__exit__(*sys.exc_info())
        else:
            self._handle.finish(exit_code=int(failed))
