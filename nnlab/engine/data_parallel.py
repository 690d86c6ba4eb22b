"""Data-parallel training: adds a session to a process group, by DDP or FSDP.

DDP averages the gradients (torch's DistributedDataParallel); FSDP shards the weights too (torch's
fully_shard). Batch normalisation uses the rows of its own process unless it is synchronised.
"""

import warnings
from typing import Any

import torch
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from nnlab.engine import device as devices
from nnlab.engine import penalties
from nnlab.engine.batches import batch_bounds
from nnlab.engine.models.dropout import DropoutBase
from nnlab.engine.models.sync_batch_norm import convert_to_synced_batch_norm
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.optimizers import step_function
from nnlab.engine.process_group import ProcessGroup
from nnlab.engine.session import Session
from nnlab.errors import UsageError
from nnlab.records import ParallelMode
from nnlab.settings import RunConfig, is_loader_run

# Optimizers that evaluate the loss several times per step, or update weights as whole matrices.
_UNSUPPORTED_OPTIMIZERS: dict[ParallelMode, tuple[str, ...]] = {
    "ddp": ("lbfgs", "newton-cg"),
    "fsdp": ("lbfgs", "newton-cg", "muon"),
}


def check_parallel_support(config: RunConfig, mode: ParallelMode) -> None:
    """Checks that a run can be trained by several processes.

    Raises:
        UsageError: one of the run's settings does not support it.
    """
    prefix = f"--parallel {mode} cannot train with"
    if is_loader_run(config):
        raise UsageError(
            f"{prefix} streamed data", hint="several seeds can train on several devices: --devices"
        )
    if config.max_time is not None:
        raise UsageError(
            f"{prefix} --max-time", hint="the processes would not stop after the same epoch"
        )
    if config.opt in _UNSUPPORTED_OPTIMIZERS[mode]:
        raise UsageError(
            f"{prefix} --opt {config.opt}",
            hint="it needs the full gradient more than once per step, or whole weight matrices",
        )
    if config.class_weights is not None or config.loss_version is not None:
        option = "--class-weights" if config.class_weights is not None else f"--loss {config.loss}"
        raise UsageError(
            f"{prefix} {option}",
            hint="the loss of a batch must be the mean over its examples",
        )
    if config.opt_version is not None and mode == "fsdp":
        raise UsageError(f"{prefix} --opt {config.opt}", hint="--parallel ddp supports it")
    if config.unfreeze_at > 0:
        raise UsageError(
            f"{prefix} --unfreeze-at",
            hint="the set of parameters with a gradient is fixed before the first step",
        )
    if mode == "fsdp" and config.average not in (None, "none"):
        raise UsageError(f"{prefix} --average {config.average}", hint="--parallel ddp supports it")
    if config.device not in ("auto", "cpu"):
        raise UsageError(
            f"{prefix} --device {config.device}", hint="omit it: --devices lists the devices"
        )


def check_batch_shares(session: Session, process_group: ProcessGroup) -> None:
    """Checks that each process has enough rows of every batch for batch normalisation.

    Images have many values per channel, so one row is enough for them.

    Raises:
        UsageError: a process has fewer than two rows of the smallest batch.
    """
    if process_group.sync_batch_norm:
        return
    if not any(isinstance(module, nn.BatchNorm1d) for module in session.model.modules()):
        return
    bounds = batch_bounds(len(session.data.train), session.batch_size)
    smallest = min(end - begin for begin, end in bounds)
    if smallest // process_group.size < 2:
        raise UsageError(
            f"--parallel {process_group.mode} on {process_group.size} devices leaves one of them"
            f" fewer than 2 of the {smallest} examples of the smallest batch, too few for batch"
            " normalisation; --sync-batch-norm uses the statistics of the whole batch",
            hint="or use another --batch-size or --train-size",
        )


def join_process_group(session: Session, process_group: ProcessGroup) -> None:
    """Makes a session part of a process group; all processes must be at the same epoch.

    Dropout masks are drawn for the whole batch, of which a process uses its own rows.

    Raises:
        UsageError: the run does not support it.
    """
    config, model = session.config, session.model
    check_parallel_support(config, process_group.mode)
    if not session.data.keeps_outputs:
        raise UsageError(
            f"--parallel {process_group.mode} does not support a {session.data.task} task",
            hint="train the run on one device, and other runs at the same time on others",
        )
    session.process_group = process_group
    for module in model.modules():
        if isinstance(module, DropoutBase):
            module.batch_share = process_group.batch_share
    if process_group.sync_batch_norm:
        convert_to_synced_batch_norm(model)
    wrapped: nn.Module
    if process_group.mode == "fsdp":
        wrapped = _shard_model(session)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # renamed in torch 2.13
            # `ProcessGroup.broadcast_buffers` synchronises the running statistics once per epoch.
            wrapped = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    session.forward = devices.compile_model(wrapped) if config.compile else wrapped


def _shard_model(session: Session) -> nn.Module:
    """Shards the weights and the optimizer's state over the processes."""
    config, model = session.config, session.model
    optimizer_state = session.optimizer.state_dict()
    for block in model.children():
        if any(True for _ in block.parameters()):
            fully_shard(block)
    fully_shard(model)
    model.to(session.device)
    session.optimizer = build_optimizer(model, config)
    session.unwrapped_step = step_function(config, session.optimizer)
    session.probe = None  # it needs whole weights
    session.penalty = penalties.build(config, model)
    parameters = [p for group in session.optimizer.param_groups for p in group["params"]]
    optimizer_state["state"] = {
        index: {name: _shard_like(value, parameters[index]) for name, value in entries.items()}
        for index, entries in optimizer_state["state"].items()
    }
    session.optimizer.load_state_dict(optimizer_state)
    for group in session.optimizer.param_groups:
        if group.get("fused"):
            # For most optimizers torch has no fused kernel for sharded weights.
            group["fused"] = False
    state = model.state_dict()
    session.selected_weights = {
        name: _shard_like(tensor, state[name]) for name, tensor in session.selected_weights.items()
    }
    return model


def _shard_like(value: Any, other: torch.Tensor) -> Any:
    """A whole tensor, sharded like another tensor of its shape; other values unchanged."""
    if not (isinstance(value, torch.Tensor) and isinstance(other, DTensor)):
        return value
    if value.shape != other.shape:
        return value
    return distribute_tensor(value.to(other.device), other.device_mesh, other.placements)
