"""A process group: the processes that train one run together, and their collective operations.

Each process trains on its part of every batch. All use the same order of examples, the same noise
and the same decisions, so the losses equal those of one process with the same batch, up to
rounding. `data_parallel` adds a session to a group.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from nnlab.engine.evaluation import EVAL_BATCH_SIZE
from nnlab.engine.models.dropout import BatchShare
from nnlab.records import ParallelMode


class ProcessGroup:
    """The processes that train one run together, from the point of view of one of them."""

    def __init__(self, mode: ParallelMode, *, sync_batch_norm: bool = False) -> None:
        """Reads rank and size from torch.distributed, which must be initialised."""
        self.mode = mode
        self.sync_batch_norm = sync_batch_norm
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.batch_share = BatchShare()
        self._loss_weight = 1.0

    @property
    def is_leader(self) -> bool:
        """Whether this process stores the results and takes the decisions."""
        return self.rank == 0

    def take_rows(self, rows: int) -> slice:
        """This process's rows of the next batch; sets the loss weight and `batch_share`.

        Shares differ by at most one row. A process without a row takes the first row with a
        loss weight of 0.
        """
        begin, end = _rank_bounds(rows, self.rank, self.size)
        own_rows = end - begin
        if not own_rows:
            begin, end = 0, 1
        self.batch_share.begin, self.batch_share.end = begin, end
        self.batch_share.batch_size = rows
        # Gradients are averaged over processes, so each mean is weighted by its number of rows.
        self._loss_weight = own_rows * self.size / rows
        return slice(begin, end)

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        """The mean loss of this process's rows, weighted for the mean over the whole batch."""
        return loss * self._loss_weight

    def write_own_rows(self, outputs: torch.Tensor, batch_outputs: torch.Tensor) -> None:
        """Writes the outputs of this process's rows to their position in the batch's outputs."""
        if self._loss_weight:
            batch_outputs[self.batch_share.begin : self.batch_share.end] = outputs

    def all_reduce_sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place; combines rows that one process each has set."""
        dist.all_reduce(values)
        return values

    def broadcast_int(self, value: int) -> int:
        """The leader's value; a collective operation."""
        tensor = torch.tensor([value], device=self._device())
        dist.broadcast(tensor, src=0)
        return int(tensor.item())

    def any_rank(self, flag: bool) -> bool:
        """Whether the flag is set in any process; a collective operation."""
        return bool(
            self.all_reduce_sum(torch.tensor([float(flag)], device=self._device())).item() > 0
        )

    def broadcast_object(self, content: Any) -> Any:
        """The leader's object, which must be picklable; a collective operation."""
        objects = [content]
        dist.broadcast_object_list(objects, src=0)
        return objects[0]

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Copies the leader's buffers, such as running statistics, to all processes."""
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)

    @torch.no_grad()
    def compute_outputs(
        self, model: nn.Module, examples: torch.Tensor, outputs: int
    ) -> torch.Tensor:
        """Like `evaluation.compute_outputs`, with the examples divided among the processes.

        Args:
            model: set to evaluation mode.
            examples: [n, ...].
            outputs: per example.

        Returns:
            [n, outputs], the same in every process.
        """
        model.eval()
        begin, end = _rank_bounds(len(examples), self.rank, self.size)
        computed = examples.new_zeros(len(examples), outputs)
        # With sharded weights every process must take part in each forward pass.
        steps = -(-_largest_share(len(examples), self.size) // EVAL_BATCH_SIZE)
        for step in range(steps):
            low = min(begin + step * EVAL_BATCH_SIZE, end)
            high = min(begin + (step + 1) * EVAL_BATCH_SIZE, end)
            if low < high:
                computed[low:high] = model(examples[low:high])
            elif self.mode == "fsdp":
                model(examples[:1])
        return self.all_reduce_sum(computed)

    def gather_full_state(self, state: Any) -> Any:
        """A state with sharded tensors made whole; a collective operation."""
        return gather_full_tensors(state) if self.mode == "fsdp" else state

    def _device(self) -> torch.device:
        if dist.get_backend() == "nccl":
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("cpu")


def gather_full_tensors(state: Any) -> Any:
    """Makes the sharded tensors in nested dicts and lists whole; a collective operation."""
    # Recognised by the method, since importing DTensor takes half a second.
    if isinstance(state, torch.Tensor) and hasattr(state, "full_tensor"):
        return state.full_tensor()
    if isinstance(state, dict):
        return {name: gather_full_tensors(value) for name, value in state.items()}
    if isinstance(state, list):
        return [gather_full_tensors(value) for value in state]
    return state


def _rank_bounds(rows: int, rank: int, size: int) -> tuple[int, int]:
    """The rows [begin, end) of one process; shares differ by at most one row.

    >>> [_rank_bounds(7, rank, 3) for rank in range(3)]
    [(0, 3), (3, 5), (5, 7)]
    """
    share, remainder = divmod(rows, size)
    begin = rank * share + min(rank, remainder)
    return begin, begin + share + (rank < remainder)


def _largest_share(rows: int, size: int) -> int:
    return -(-rows // size)


@contextmanager
def distributed_context(device: torch.device) -> Iterator[None]:
    """Initialises torch.distributed from the launcher's environment variables."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()
