"""`mlflow.tracking`: the client."""

from typing import TYPE_CHECKING

from nnlab.compat.mlflow.client import MlflowClient as MlflowClient
from nnlab.compat.unsupported import unsupported_attributes

if not TYPE_CHECKING:
    __getattr__ = unsupported_attributes("mlflow.tracking")
