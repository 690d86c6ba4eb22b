"""How several processes train one run: the options, and the devices of a process group."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnlab.records import ParallelMode


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """`--parallel`: DDP or FSDP, and whether batch norm uses the statistics of the whole batch."""

    kind: "ParallelMode"
    sync_batch_norm: bool = False

    @property
    def cli_arguments(self) -> list[str]:
        """The options that select this configuration."""
        sync = ["--sync-batch-norm"] if self.sync_batch_norm else []
        return ["--parallel", self.kind, *sync]


@dataclass(frozen=True, slots=True)
class ProcessGroupSpec:
    """Devices of this machine that train one run together, one process each."""

    parallel: ParallelConfig
    devices: tuple[str, ...]

    @property
    def description(self) -> str:
        """For messages, such as `ddp on cuda:0, cuda:1`."""
        return f"{self.parallel.kind} on {', '.join(self.devices)}"


def silence_torch_logs() -> None:
    """Silences torch's C++ warnings in processes that are started from now on.

    The processes of a group end one after another, and the last ones print a C++ stack trace about
    the lost connection. A user who sets the variable still sees the warnings.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
