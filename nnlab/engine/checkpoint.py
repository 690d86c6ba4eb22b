"""Checkpoints: the bytes from which a run continues exactly as if it had not been interrupted.

All randomness is derived from the epoch (see `seeds`), so the state consists of the weights, the
optimizer's state, the selected epoch and its weights. Runs over loaders can be saved inside an
epoch; their state also has the position in the data and the sums of the metrics. A checkpoint ends
in the SHA-256 of its content and is loaded with `weights_only`, so loading it executes no code.
"""

import hashlib
import io
import math
import pickle
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import save

from nnlab.engine.loader_session import LoaderSession
from nnlab.engine.run_session import AnySession
from nnlab.errors import CheckpointError
from nnlab.settings import digest_of, setting_of

CHECKPOINT_FORMAT = 1


def serialize_checkpoint(session: AnySession) -> bytes:
    """The content of a checkpoint file: the state after the last epoch, and its SHA-256."""
    content = serialize_state(session)
    return content + hashlib.sha256(content).digest()


def serialize_state(session: AnySession) -> bytes:
    """The session's state after its last finished epoch, without a checksum.

    If several processes train the run, all of them must call it: sharded tensors are gathered.
    """
    state = {
        "format": CHECKPOINT_FORMAT,
        "identity": _run_identity(session),
        "epoch": session.epoch,
        "selected_epoch": session.selected_epoch,
        "selected_value": session.selected_value,
        "selected_loss": session.selected_loss,
        "improved_epoch": session.improved_epoch,
        "selected_weights": session.selected_weights,
        "model": session.model.state_dict(),
        "scaler": session.scaler.state_dict() if session.scaler else None,
        "average": session.weight_average.state_dict() if session.weight_average else None,
        "val_losses": session.val_losses,
    }
    if session.config.max_time is not None:
        state["trained_seconds"] = session.trained_seconds
    if isinstance(session, LoaderSession):
        return _to_bytes(state | session.training_state())
    state["optimizer"] = session.optimizer.state_dict()
    return _to_bytes(
        state if session.process_group is None else session.process_group.gather_full_state(state)
    )


def serialize_selected_weights(session: AnySession) -> bytes:
    """The weights of the selected epoch: a state_dict in the safetensors format."""
    return serialize_weights(session.selected_weights)


def serialize_weights(weights: Mapping[str, torch.Tensor]) -> bytes:
    """Tensors by name in the safetensors format."""
    tensors = {name: _own_storage(tensor) for name, tensor in weights.items()}
    return save(tensors, metadata={"format": "pt"})  # the metadata that other readers expect


def _own_storage(tensor: torch.Tensor) -> torch.Tensor:
    """A contiguous copy on the CPU: the safetensors format refuses tensors that share memory."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def restore_checkpoint(session: AnySession, content: bytes, name: str) -> None:
    """Sets a new session to the state that a checkpoint contains.

    Args:
        session: a session of the same run.
        content: the result of `serialize_checkpoint`.
        name: the file's name, for messages.

    Raises:
        CheckpointError: the content is damaged, or belongs to another run.
    """
    state = _verify_and_load(content, name)
    if state.get("format") != CHECKPOINT_FORMAT or state.get("identity") != _run_identity(session):
        raise CheckpointError(
            f"{name} belongs to another run: its identity is {state.get('identity')}"
        )
    _load_state(session, state)


def restore_state(session: AnySession, content: bytes) -> None:
    """Sets a new session to the state that another process serialized with `serialize_state`."""
    _load_state(session, torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))


def _load_state(session: AnySession, state: Mapping[str, Any]) -> None:
    session.model.load_state_dict(state["model"])
    if isinstance(session, LoaderSession):
        session.load_training_state(state)
    else:
        session.optimizer.load_state_dict(state["optimizer"])
    if session.scaler is not None and state["scaler"] is not None:
        session.scaler.load_state_dict(state["scaler"])
    if session.weight_average is not None and state.get("average") is not None:
        session.weight_average.load_state_dict(state["average"])
    session.epoch = state["epoch"]
    session.earlier_seconds = state.get("trained_seconds", 0.0)
    session.val_losses = list(state.get("val_losses", ()))
    session.selected_epoch = state["selected_epoch"]
    session.selected_value = state["selected_value"]
    # Checkpoints of earlier versions lack both values. In those versions every selected epoch had
    # improved the objective.
    session.improved_epoch = state.get("improved_epoch", state["selected_epoch"])
    session.selected_loss = state.get("selected_loss", _val_loss_of_selected_epoch(session))
    session.selected_weights = {
        name: tensor.to(session.device) for name, tensor in state["selected_weights"].items()
    }


def _val_loss_of_selected_epoch(session: AnySession) -> float:
    """The val/loss of the selected epoch; NaN if the losses of the epochs are not stored."""
    losses = session.val_losses
    return losses[session.selected_epoch - 1] if len(losses) == session.epoch > 0 else math.nan


def _to_bytes(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _verify_and_load(data: bytes, name: str) -> Mapping[str, Any]:
    """The state in a checkpoint's bytes; CheckpointError if the checksum does not match."""
    content, checksum = data[:-32], data[-32:]
    if hashlib.sha256(content).digest() != checksum:
        raise CheckpointError(f"{name} is damaged: its checksum does not match")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{name} is not a checkpoint of nnlab: {error}") from None
    if not isinstance(state, dict):
        raise CheckpointError(f"{name} is not a checkpoint of nnlab")
    return state


def _run_identity(session: AnySession) -> str:
    """Identifies the run: digest of its setting, seed, and fingerprint of its data."""
    digest = digest_of(setting_of(session.config))
    return f"{digest}/{session.config.seed}/{session.data.fingerprint}"
