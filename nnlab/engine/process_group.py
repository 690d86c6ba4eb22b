"""One run on several devices: each process takes its share of every batch.

All of them hold the same order, the same noise and the same decisions, so that the losses are those
of one process with the same batch, up to rounding. Gradients are averaged by torch's own
DistributedDataParallel, or the weights themselves are spread by its fully_shard. Batch norm sees
only its own share unless it is asked to be synchronised.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.modules.batchnorm import _BatchNorm

from nnlab.config import RunConfig
from nnlab.engine import device as devices
from nnlab.engine import dynamo_bypass, penalties
from nnlab.engine.batches import batch_bounds
from nnlab.engine.evaluation import EVAL_BATCH_SIZE
from nnlab.engine.models.dropout import BatchShare, DropoutBase
from nnlab.engine.optimizers import build as build_optimizer
from nnlab.engine.session import Session
from nnlab.errors import UsageError
from nnlab.records import ParallelMode as Kind

# Optimizers that ask for the loss several times in a step, or move weights as whole matrices.
_UNSUPPORTED_OPTIMIZERS: dict[Kind, tuple[str, ...]] = {
    "ddp": ("lbfgs", "newton-cg"),
    "fsdp": ("lbfgs", "newton-cg", "muon"),
}


class ProcessGroup:
    """The processes that train one run together, as one of them sees it."""

    def __init__(self, kind: Kind, *, sync_batch_norm: bool = False) -> None:
        """Takes its place from torch.distributed, which must be up."""
        self.kind = kind
        self.sync_batch_norm = sync_batch_norm
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.share = BatchShare()
        self._weight = 1.0

    @property
    def leads(self) -> bool:
        """Whether this process is the one that stores and decides."""
        return self.rank == 0

    def take(self, rows: int) -> slice:
        """This process's rows of the next batch; `weigh` and the noise go by them.

        Shares differ by one row at most. A process for which none is left takes the first row,
        which then counts for nothing.
        """
        begin, end = _rank_bounds(rows, self.rank, self.size)
        own = end - begin
        if not own:
            begin, end = 0, 1
        self.share.begin, self.share.end, self.share.rows = begin, end, rows
        # Processes are averaged: each mean counts by the rows that it is of.
        self._weight = own * self.size / rows
        return slice(begin, end)

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss of the own rows as its part of the mean over all of them."""
        return loss * self._weight

    def placed(self, outputs: torch.Tensor, place: torch.Tensor) -> None:
        """Puts what came out for the own rows where they are in the batch; zeros elsewhere."""
        if self._weight:
            place[self.share.begin : self.share.end] = outputs

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place; parts that only one has filled come together."""
        dist.all_reduce(values)
        return values

    def agreed(self, word: int) -> int:
        """What the leader says, heard by all."""
        told = torch.tensor([word], device=self._device())
        dist.broadcast(told, src=0)
        return int(told.item())

    def any(self, flag: bool) -> bool:
        """Whether a flag is set in any of the processes; all of them must ask."""
        return bool(self.sum(torch.tensor([float(flag)], device=self._device())).item() > 0)

    def told(self, content: Any) -> Any:
        """What the leader has, handed to all: anything that can be pickled."""
        box = [content]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Gives all processes the leader's running statistics."""
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)

    @torch.no_grad()
    def outputs_of(self, model: nn.Module, examples: torch.Tensor, outputs: int) -> torch.Tensor:
        """As `evaluate.outputs_of`; each example is put through by one process, once."""
        model.eval()
        begin, end = _rank_bounds(len(examples), self.rank, self.size)
        found = examples.new_zeros(len(examples), outputs)
        # Those that have their weights spread must come together for each forward pass.
        steps = -(-_largest_share(len(examples), self.size) // EVAL_BATCH_SIZE)
        for step in range(steps):
            low, high = (
                min(begin + step * EVAL_BATCH_SIZE, end),
                min(begin + (step + 1) * EVAL_BATCH_SIZE, end),
            )
            if low < high:
                found[low:high] = model(examples[low:high])
            elif self.kind == "fsdp":
                model(examples[:1])
        return self.sum(found)

    def whole(self, state: Any) -> Any:
        """What is kept in parts, put together; every process of the team must ask."""
        return gather_full_tensors(state) if self.kind == "fsdp" else state

    def _device(self) -> torch.device:
        if dist.get_backend() == "nccl":
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("cpu")


def check_parallel_support(config: RunConfig, kind: Kind) -> None:
    """Refuses what cannot be shared out.

    Raises:
        UsageError: a choice of the run is one of those.
    """
    wants = f"--parallel {kind} cannot train with"
    if config.opt in _UNSUPPORTED_OPTIMIZERS[kind]:
        raise UsageError(
            f"{wants} --opt {config.opt}",
            hint="it needs the whole gradient, or whole matrices, more than once a step",
        )
    if config.unfreeze_at > 0:
        raise UsageError(f"{wants} --unfreeze-at", hint="it settles at first what has a gradient")
    if kind == "fsdp" and config.average not in (None, "none"):
        raise UsageError(f"{wants} --average {config.average}", hint="--parallel ddp can")
    if config.device not in ("auto", "cpu"):
        raise UsageError(
            f"{wants} --device {config.device}", hint="leave it out: --devices names all of them"
        )


def check_batch_shares(session: Session, team: ProcessGroup) -> None:
    """Refuses batches of which a process has too few rows for batch normalisation of its own.

    Images have many values per channel, so that one is enough.

    Raises:
        UsageError: a process has fewer than two rows of the smallest batch.
    """
    if team.sync_batch_norm:
        return
    if not any(isinstance(module, nn.BatchNorm1d) for module in session.model.modules()):
        return
    bounds = batch_bounds(len(session.data.train), session.batch_size)
    smallest = min(end - begin for begin, end in bounds)
    if smallest // team.size < 2:
        raise UsageError(
            f"--parallel {team.kind} on {team.size} devices leaves one of them fewer than 2 of the"
            f" {smallest} examples of the smallest batch, too few for batch normalisation;"
            " --sync-batch-norm takes the statistics of the whole batch",
            hint="or another --batch-size or --train-size",
        )


def join_process_group(session: Session, team: ProcessGroup) -> None:
    """Makes a session one of a team's; all of them must be at the same epoch.

    Noise draws for the whole batch and keeps what belongs to the own rows.

    Raises:
        UsageError: it cannot be shared out.
    """
    config, model = session.config, session.model
    check_parallel_support(config, team.kind)
    session.team = team
    for module in model.modules():
        if isinstance(module, DropoutBase):
            module.share = team.share
    if team.sync_batch_norm:
        convert_to_synced_batch_norm(model)
    spread: nn.Module
    if team.kind == "fsdp":
        spread = _shard_model(session)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # its name changes with torch 2.13
            # Running statistics are made equal once an epoch: see `Team.same_buffers`.
            spread = nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)
    session.forward = devices.compile_model(spread) if config.compile else spread


def _shard_model(session: Session) -> nn.Module:
    """Spreads the weights, and what the optimizer keeps of them, over the team."""
    config, model = session.config, session.model
    before = session.optimizer.state_dict()
    for block in model.children():
        if any(True for _ in block.parameters()):
            fully_shard(block)
    fully_shard(model)
    model.to(session.device)
    session.optimizer = build_optimizer(model, config)
    session.step = dynamo_bypass.unwrapped_step(session.optimizer)
    session.probe = None  # it looks at whole weights
    session.penalty = penalties.build(config, model)
    parameters = [p for group in session.optimizer.param_groups for p in group["params"]]
    before["state"] = {
        place: {name: _shard_like(value, parameters[place]) for name, value in kept.items()}
        for place, kept in before["state"].items()
    }
    session.optimizer.load_state_dict(before)
    for group in session.optimizer.param_groups:
        if group.get("fused"):
            group["fused"] = False  # torch has no fused kernels for most when weights are spread
    state = model.state_dict()
    session.selected_weights = {
        name: _shard_like(tensor, state[name]) for name, tensor in session.selected_weights.items()
    }
    return model


def _shard_like(value: Any, other: torch.Tensor) -> Any:
    """A whole tensor spread as another one of its shape is."""
    if not (isinstance(value, torch.Tensor) and isinstance(other, DTensor)):
        return value
    if value.shape != other.shape:
        return value
    return distribute_tensor(value.to(other.device), other.device_mesh, other.placements)


def gather_full_tensors(state: Any) -> Any:
    """What is kept in parts, put together: tensors in dicts and lists. All of a team must ask."""
    if isinstance(state, DTensor):
        return state.full_tensor()
    if isinstance(state, dict):
        return {name: gather_full_tensors(value) for name, value in state.items()}
    if isinstance(state, list):
        return [gather_full_tensors(value) for value in state]
    return state


def _rank_bounds(rows: int, rank: int, size: int) -> tuple[int, int]:
    """Where the share of a process begins and ends; shares differ by one row at most.

    >>> [_bounds(7, rank, 3) for rank in range(3)]
    [(0, 3), (3, 5), (5, 7)]
    """
    own, more = divmod(rows, size)
    begin = rank * own + min(rank, more)
    return begin, begin + own + (rank < more)


def _largest_share(rows: int, size: int) -> int:
    return -(-rows // size)


class SyncedBatchNorm(_BatchNorm):
    """Batch norm by the mean and variance of all processes' rows, on any device.

    Ioffe and Szegedy 2015, algorithm 1, over the whole batch; torch's own needs a GPU.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, ...] to the same."""
        if not self.training:
            return super().forward(x)
        over = [0, *range(2, x.ndim)]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        rows = x.new_tensor([float(x.numel() // x.shape[1])])
        dist.all_reduce(rows)
        mean = _all_reduce_sum(x.sum(over)) / rows
        centred = x - mean.view(shape)
        variance = _all_reduce_sum(centred.square().sum(over)) / rows
        if self.running_mean is not None:
            self._update_running_statistics(mean.detach(), variance.detach(), rows)
        normal = centred * torch.rsqrt(variance + self.eps).view(shape)
        if not self.affine:
            return normal
        scaled: torch.Tensor = normal * self.weight.view(shape) + self.bias.view(shape)
        return scaled

    @torch.no_grad()
    def _update_running_statistics(
        self, mean: torch.Tensor, variance: torch.Tensor, rows: torch.Tensor
    ) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = self.momentum
        if share is None:
            share = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        # The running variance is the unbiased one, as in torch's own.
        self.running_var.lerp_(variance * rows / (rows - 1), share)

    def _check_input_dim(self, input: torch.Tensor) -> None:  # noqa: A002  torch's name
        del input


class _AllReduceSum(torch.autograd.Function):
    """The sum over all processes, through which gradients flow back to each."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        del ctx
        found = values.clone()
        dist.all_reduce(found)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        del ctx
        found = gradients[0].contiguous().clone()
        dist.all_reduce(found)
        return found


def _all_reduce_sum(values: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = _AllReduceSum.apply(values)  # type: ignore[no-untyped-call]
    return found


def convert_to_synced_batch_norm(model: nn.Module) -> None:
    """Makes every batch norm in a model a synchronised one; weights stay the same objects."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.__class__ = SyncedBatchNorm  # type: ignore[assignment]


@contextmanager
def distributed_context(device: torch.device) -> Iterator[None]:
    """torch.distributed, from the places that its launcher left in the environment."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()
