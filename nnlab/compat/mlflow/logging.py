"""Runs, metrics, parameters and tags of MLflow's functions."""

from collections.abc import Mapping
from typing import Any

from nnlab.compat.mlflow.active_run import ActiveMlflowRun, start_active_run, state


def start_run(
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveMlflowRun:
    """Starts a run, which `with` or `end_run` ends; the experiment is its study."""
    experiment = None if experiment_id is None else str(experiment_id)
    return start_active_run(
        run_id, experiment, run_name, nested=nested, tags=tags, description=description
    )


def end_run(status: str = "FINISHED") -> None:
    """Ends the active run; the status FAILED or KILLED is another one than FINISHED."""
    if state.active is not None:
        state.active.end(status)


def active_run() -> ActiveMlflowRun | None:
    """The newest run that has not ended."""
    return state.active


def last_active_run() -> ActiveMlflowRun | None:
    """The run that was started last."""
    return state.last


def get_run(run_id: str) -> ActiveMlflowRun | None:
    """A run that this process has started; None if it has not."""
    return state.started.get(str(run_id))


def log_metric(
    key: str, value: Any, step: int | None = None, *arguments: Any, run_id: str | None = None,
    **keywords: Any,
) -> None:  # fmt: skip
    """Records a number."""
    state.needed_run(run_id).log_metrics({key: value}, step)


def log_metrics(
    metrics: Mapping[str, Any], step: int | None = None, *arguments: Any,
    run_id: str | None = None, **keywords: Any,
) -> None:  # fmt: skip
    """Records numbers."""
    state.needed_run(run_id).log_metrics(metrics, step)


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Adds a setting to the config of the run; returns its value."""
    state.needed_run().handle.config[key] = value
    return value


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> None:
    """Adds settings to the config of the run."""
    state.needed_run(run_id).handle.config.update(dict(params))


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> None:
    """Adds the tag `KEY:VALUE` to the run."""
    state.needed_run().set_tags({key: value})


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> None:
    """Adds tags to the run."""
    state.needed_run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Removes a tag of the run."""
    state.needed_run().delete_tag(key)
