"""`mlflow.models`: nnlab stores no signatures of models."""

from typing import TYPE_CHECKING, Any

from nnlab.compat.unsupported import unsupported_attributes


def infer_signature(*arguments: Any, **keywords: Any) -> None:
    """None; `log_model` accepts it."""


if not TYPE_CHECKING:
    __getattr__ = unsupported_attributes("mlflow.models")
