"""`from nnlab.compat import mlflow`: records to nnlab what a script records with MLflow.

What nnlab does not have does nothing, and a line on standard error says so once. Submodules that
scripts import are here as well: `from nnlab.compat.mlflow.models import infer_signature`.
"""

from typing import TYPE_CHECKING

from nnlab.compat.mlflow import models, pytorch, sklearn, tracking
from nnlab.compat.mlflow.active_run import ActiveMlflowRun as ActiveRun
from nnlab.compat.mlflow.client import MlflowClient
from nnlab.compat.mlflow.experiments import (
    create_experiment,
    get_experiment,
    get_experiment_by_name,
    get_tracking_uri,
    is_tracking_uri_set,
    set_experiment,
    set_tracking_uri,
)
from nnlab.compat.mlflow.files import (
    get_artifact_uri,
    log_artifact,
    log_artifacts,
    log_dict,
    log_figure,
    log_image,
    log_table,
    log_text,
)
from nnlab.compat.mlflow.logging import (
    active_run,
    delete_tag,
    end_run,
    get_run,
    last_active_run,
    log_metric,
    log_metrics,
    log_param,
    log_params,
    set_tag,
    set_tags,
    start_run,
)
from nnlab.compat.unsupported import AUTOLOG_REMARK, unsupported_attributes

__all__ = [
    "ActiveRun",
    "MlflowClient",
    "active_run",
    "create_experiment",
    "delete_tag",
    "end_run",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_run",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "last_active_run",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "models",
    "pytorch",
    "set_experiment",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "start_run",
    "tracking",
]

if not TYPE_CHECKING:
    __getattr__ = unsupported_attributes("mlflow", {"autolog": AUTOLOG_REMARK})
