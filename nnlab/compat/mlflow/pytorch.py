"""`mlflow.pytorch`: the weights of a module are recorded, its code is not."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.compat.mlflow.active_run import state
from nnlab.compat.mlflow.entities import LoggedModel
from nnlab.compat.unsupported import AUTOLOG_REMARK, unsupported_attributes


def log_model(
    pytorch_model: Any, artifact_path: str | None = None, *arguments: Any,
    name: str | None = None, **keywords: Any,
) -> LoggedModel:  # fmt: skip
    """Records the state dict of a module as `NAME/state_dict.pt`, for `torch.load`."""
    import torch

    place = name or artifact_path or "model"
    run = state.needed_run()
    with run.new_file(f"{place}/state_dict.pt") as path:
        torch.save(pytorch_model.state_dict(), path)
    return LoggedModel(f"{run.info.artifact_uri}/{place}", run.info.run_id, place)


def save_model(pytorch_model: Any, path: Any, *arguments: Any, **keywords: Any) -> None:
    """Writes the state dict of a module to a folder."""
    import torch

    Path(path).mkdir(parents=True, exist_ok=True)
    torch.save(pytorch_model.state_dict(), Path(path) / "state_dict.pt")


if not TYPE_CHECKING:
    __getattr__ = unsupported_attributes("mlflow.pytorch", {"autolog": AUTOLOG_REMARK})
