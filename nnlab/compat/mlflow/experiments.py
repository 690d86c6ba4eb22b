"""Experiments and tracking servers: a study of nnlab, and its database."""

import os
from typing import Any

from nnlab.compat.mlflow.active_run import state
from nnlab.compat.mlflow.entities import MlflowExperiment
from nnlab.tracking.notes import note_once


def set_tracking_uri(uri: Any) -> None:
    """Has no effect: the database of nnlab is `runs.db`, or that of NNLAB_DB."""
    state.tracking_uri = os.fspath(uri) if uri else ""
    if uri:
        note_once("mlflow.set_tracking_uri: runs are recorded in nnlab's database instead")


def get_tracking_uri() -> str:
    """What `set_tracking_uri` got."""
    return state.tracking_uri


def is_tracking_uri_set() -> bool:
    """Whether `set_tracking_uri` was called."""
    return bool(state.tracking_uri)


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None, **ignored: Any
) -> MlflowExperiment:
    """Makes a study that of the next runs."""
    state.experiment = experiment_name or experiment_id
    return MlflowExperiment(state.experiment or "")


def create_experiment(name: str, *arguments: Any, **keywords: Any) -> str:
    """The id of the experiment; its study is created by the first run."""
    return name


def get_experiment_by_name(name: str) -> MlflowExperiment:
    """The experiment with that name."""
    return MlflowExperiment(name)


def get_experiment(experiment_id: str) -> MlflowExperiment:
    """The experiment with that id."""
    return MlflowExperiment(str(experiment_id))
