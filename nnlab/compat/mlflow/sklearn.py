"""`mlflow.sklearn`: estimators are recorded as files of joblib."""

from typing import TYPE_CHECKING, Any

from nnlab.compat.mlflow.active_run import state
from nnlab.compat.mlflow.entities import LoggedModel
from nnlab.compat.unsupported import AUTOLOG_REMARK, unsupported_attributes


def log_model(
    sk_model: Any, artifact_path: str | None = None, *arguments: Any, name: str | None = None,
    **keywords: Any,
) -> LoggedModel:  # fmt: skip
    """Records an estimator as `NAME/model.joblib`."""
    import joblib

    place = name or artifact_path or "model"
    run = state.needed_run()
    with run.new_file(f"{place}/model.joblib") as path:
        joblib.dump(sk_model, path)
    return LoggedModel(f"{run.info.artifact_uri}/{place}", run.info.run_id, place)


if not TYPE_CHECKING:
    __getattr__ = unsupported_attributes("mlflow.sklearn", {"autolog": AUTOLOG_REMARK})
