"""The functions of `nnlab` that act on the current run: `nnlab.log`, `nnlab.finish`, ..."""

import os
from collections.abc import Mapping
from typing import Any

from nnlab.errors import UsageError
from nnlab.tracking.active_runs import current_run
from nnlab.tracking.mapping_proxies import TrackedConfig, TrackedSummary
from nnlab.tracking.run_handle import RunHandle


def current_handle() -> RunHandle | None:
    """The newest run that `nnlab.init` started and that has not ended."""
    run = current_run()
    return run if isinstance(run, RunHandle) else None


def _needed_run(name: str) -> RunHandle:
    run = current_handle()
    if run is None:
        raise UsageError(f"there is no run for nnlab.{name}", hint="call nnlab.init() first")
    return run


def log(
    data: Mapping[str, Any], step: int | None = None, epoch: float | None = None, **options: Any
) -> None:
    """Records values in the current run; see `RunHandle.log`.

    Raises:
        UsageError: `nnlab.init` was not called.
    """
    _needed_run("log").log(data, step, epoch, **options)


def define_metric(name: str, step_metric: str | None = None, **options: Any) -> None:
    """Says what metrics of the current run mean; see `RunHandle.define_metric`.

    Raises:
        UsageError: `nnlab.init` was not called.
    """
    _needed_run("define_metric").define_metric(name, step_metric, **options)


def save(path: str | os.PathLike[str], *arguments: Any, **options: Any) -> list[str]:
    """Copies files to the folder of the current run; see `RunHandle.save`.

    Raises:
        UsageError: `nnlab.init` was not called.
    """
    return _needed_run("save").save(path, *arguments, **options)


def watch(model: Any, *arguments: Any, **options: Any) -> None:
    """Records statistics of a torch module in the current run; see `RunHandle.watch`.

    Raises:
        UsageError: `nnlab.init` was not called.
    """
    _needed_run("watch").watch(model, **_watch_options(arguments, options))


def _watch_options(arguments: tuple[Any, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of W&B's `watch(models, criterion, log, log_freq)` without the criterion."""
    return {**dict(zip(("criterion", "log", "log_freq"), arguments, strict=False)), **options}


def unwatch(model: Any = None) -> None:
    """Ends `watch` of the current run."""
    run = current_handle()
    if run is not None:
        run.unwatch(model)


def login(*arguments: Any, **options: Any) -> bool:
    """Does nothing: nnlab has no accounts. For scripts written for W&B."""
    del arguments, options
    return True


def finish(exit_code: int | None = 0, **ignored: Any) -> None:
    """Ends the current run; without one nothing happens."""
    run = current_handle()
    if run is not None:
        run.finish(exit_code or 0, **ignored)


class NoRun:
    """`nnlab.config` and `nnlab.summary` before `nnlab.init`: every use is an error."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _needed_run(self._name)

    def __getitem__(self, name: str) -> Any:
        return self.__getattr__(name)

    def __setitem__(self, name: str, value: Any) -> None:
        _needed_run(self._name)

    def __repr__(self) -> str:
        return f"<nnlab.{self._name}: nnlab.init() was not called>"


def current_config() -> TrackedConfig | NoRun:
    """The config of the current run."""
    run = current_handle()
    return NoRun("config") if run is None else run.config


def current_summary() -> TrackedSummary | NoRun:
    """The final values of the current run."""
    run = current_handle()
    return NoRun("summary") if run is None else run.summary
