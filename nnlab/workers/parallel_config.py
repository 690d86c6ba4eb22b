"""Several processes that train one run: how that is asked for, and what the leader tells."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnlab.records import ParallelMode

# What the leader of a team says to the others after an epoch; two of them may be said at once.
CONTINUE_RUN, INTERRUPT_RUN, SAVE_CHECKPOINT, END_RUN = 0, 1, 2, 4


@dataclass(frozen=True, slots=True)
class ParallelConfig:
    """How devices train one run: with all weights each, or a part; batch norm over all or not."""

    kind: "ParallelMode"
    sync_batch_norm: bool = False

    @property
    def words(self) -> list[str]:
        """The options that say so."""
        return ["--parallel", self.kind] + (["--sync-batch-norm"] if self.sync_batch_norm else [])


def silence_torch_logs() -> None:
    """Has torch in processes that are started from now on keep its warnings to itself.

    Those of a team end one after another, and the last say of it, with a stack of C++, that the
    others are gone. Whoever sets the variable hears them.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


@dataclass(frozen=True, slots=True)
class ProcessGroupSpec:
    """Devices of this machine that train one run together, a process each."""

    how: ParallelConfig
    devices: tuple[str, ...]

    @property
    def shown(self) -> str:
        """How it is called."""
        return f"{self.how.kind} on {', '.join(self.devices)}"
