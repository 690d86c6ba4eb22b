"""Whether this process records runs: only the first of the processes of a training does."""

import os
import sys
from collections.abc import Mapping
from typing import Protocol
from types import FrameType


class HasNumber(Protocol):
    """A handle of a run."""

    @property
    def number(self) -> int:
        """The number of the run."""


def is_secondary_process(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether another process of the same distributed training records the run.

    That is so for a RANK (or without it a LOCAL_RANK) other than 0, as torchrun sets it, and while
    `multiprocessing` imports the main script in a spawned process.
    """
    for name in ("RANK", "LOCAL_RANK"):
        if rank := variables.get(name, "").strip():
            return rank != "0"
    return _is_imported_by_spawn() or _torch_rank() > 0


def _torch_rank() -> int:
    """The rank in torch's process group; 0 if there is none, and torch is not imported for it."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0
    rank: int = distributed.get_rank()
    return rank


def _is_imported_by_spawn() -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__mp_main__":
            return True
        frame = frame.f_back
    return False


def is_script_run(run: HasNumber, variables: Mapping[str, str] = os.environ) -> bool:
    """Whether `nnlab run` executes this process as that run, and ends it with the process."""
    return variables.get("NNLAB_RUN", "").removeprefix("#") == str(run.number)


def is_interactive() -> bool:
    """Whether the code runs in a notebook or in IPython."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None
