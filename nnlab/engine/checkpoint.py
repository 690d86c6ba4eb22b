"""Checkpoints: all that is needed to go on as if nothing had happened, as bytes.

Randomness is derived from the epoch (see `seeds`), so the state is the weights, the optimizer's
moments, the selected epoch and its weights. They end in a SHA-256 of what comes before, and are
read with `weights_only`: nothing in them can run.
"""

import hashlib
import io
import math
import pickle
from collections.abc import Mapping
from typing import Any

import torch

from nnlab.config import digest_of, setting_of
from nnlab.engine.session import Session
from nnlab.errors import CheckpointError

CHECKPOINT_FORMAT = 1


def serialize_checkpoint(session: Session) -> bytes:
    """The session's state after its last finished epoch, and its checksum: a checkpoint file."""
    content = serialize_state(session)
    return content + hashlib.sha256(content).digest()


def serialize_state(session: Session) -> bytes:
    """The session's state after its last finished epoch; all processes of a team must ask."""
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
        "optimizer": session.optimizer.state_dict(),
        "scaler": session.scaler.state_dict() if session.scaler else None,
        "average": session.average.state_dict() if session.average else None,
        "val_losses": session.val_losses,
    }
    return _to_bytes(state if session.team is None else session.team.whole(state))


def serialize_selected_weights(session: Session) -> bytes:
    """The weights of the selected epoch, a plain state_dict as torch.save writes it."""
    return _to_bytes(session.selected_weights)


def restore_checkpoint(session: Session, content: bytes, name: str) -> None:
    """Brings a fresh session to where a checkpoint was written.

    Args:
        session: of the same run.
        content: what `serialize_checkpoint` has made.
        name: what the file is called, for messages.

    Raises:
        CheckpointError: it is damaged, or of another run.
    """
    state = _verify_and_load(content, name)
    if state.get("format") != CHECKPOINT_FORMAT or state.get("identity") != _run_identity(session):
        raise CheckpointError(f"{name} belongs to another run: it says {state.get('identity')}")
    _load_state(session, state)


def restore_state(session: Session, content: bytes) -> None:
    """Brings a fresh session to where another process of its team is, by what that has packed."""
    _load_state(session, torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))


def _load_state(session: Session, state: Mapping[str, Any]) -> None:
    session.model.load_state_dict(state["model"])
    session.optimizer.load_state_dict(state["optimizer"])
    if session.scaler is not None and state["scaler"] is not None:
        session.scaler.load_state_dict(state["scaler"])
    if session.average is not None and state.get("average") is not None:
        session.average.load_state_dict(state["average"])
    session.epoch = state["epoch"]
    session.val_losses = list(state.get("val_losses", ()))
    session.selected_epoch = state["selected_epoch"]
    session.selected_value = state["selected_value"]
    # Checkpoints of earlier versions have neither: there a selected epoch improved the objective.
    session.improved_epoch = state.get("improved_epoch", state["selected_epoch"])
    session.selected_loss = state.get("selected_loss", _val_loss_of_selected_epoch(session))
    session.selected_weights = {
        name: tensor.to(session.device) for name, tensor in state["selected_weights"].items()
    }


def _val_loss_of_selected_epoch(session: Session) -> float:
    """The val/loss of the selected epoch, from those of all epochs; NaN if they are unknown."""
    losses = session.val_losses
    return losses[session.selected_epoch - 1] if len(losses) == session.epoch > 0 else math.nan


def _to_bytes(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _verify_and_load(data: bytes, name: str) -> Mapping[str, Any]:
    content, checksum = data[:-32], data[-32:]
    if hashlib.sha256(content).digest() != checksum:
        raise CheckpointError(f"{name} is damaged: its checksum does not fit")
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{name} is no checkpoint of nnlab: {error}") from None
    if not isinstance(state, dict):
        raise CheckpointError(f"{name} is no checkpoint of nnlab")
    return state


def _run_identity(session: Session) -> str:
    digest = digest_of(setting_of(session.config))
    return f"{digest}/{session.config.seed}/{session.data.fingerprint}"
