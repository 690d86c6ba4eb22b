"""Slots: how many processes train at once, and on which device each of them."""

import math
import os
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from nnlab import store
from nnlab.config import RunConfig, hidden_widths
from nnlab.errors import UsageError
from nnlab.workers.nodes import SINGLE_NODE, Nodes
from nnlab.workers.parallel_config import ProcessGroupSpec
from nnlab.workers.save_policy import SavePolicy

# A process on a GPU holds so much beside its run: torch's own kernels and their memory.
CUDA_CONTEXT_BYTES = 512 << 20
# Of a GPU's memory; the rest is room for what a first run did not show.
USABLE_MEMORY_SHARE = 0.9

# Each process takes a second to start and half a gigabyte of memory.
MIN_PROCESS_LIMIT = 32

# What `default_placements` takes for granted where only the data would tell: inputs and classes at most.
ASSUMED_INPUTS, ASSUMED_CLASSES = 4096, 1000
# Multiply-adds of a batch that are worth a thread (`nnlab.engine.device`).
MULTIPLY_ADDS_PER_THREAD = 100_000_000

_CPUS = re.compile(r"cpu(?::(?P<count>[0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class Placement:
    """One process that trains; `auto` in a run's setting means its device there."""

    device: str


@dataclass(frozen=True, slots=True)
class WorkerAddress:
    """Where a worker is: a process, by its id and what that is counted in, on a host."""

    hostname: str
    space: str
    pid: int

    @classmethod
    def here(cls) -> "WorkerAddress":
        """This process."""
        return cls(socket.gethostname(), store.current_pid_namespace(), os.getpid())


class DatabaseOpener(Protocol):
    """A database that a worker can open, told to it in another process."""

    def open(self) -> store.AnyDatabase:
        """Opens it for writing.

        Raises:
            StoreError: it cannot be opened.
        """


@dataclass(frozen=True, slots=True)
class AddressDatabaseOpener:
    """A database that a path or a URL names."""

    target: str = field(repr=False)  # may hold a password

    def open(self) -> store.AnyDatabase:
        """As every database that a worker is told of."""
        return store.open_database(self.target, write=True)


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What a slot needs to know.

    `at_most` is how many runs it may take at once, so that the others have work as well. With a
    `team` it trains one at a time on several devices, with those of the other `nodes`. `cores` is
    how many each run may keep busy; None is as many as it is worth.
    """

    db: DatabaseOpener
    run_ids: tuple[int, ...]
    device: str
    engine: str
    keeping: SavePolicy
    at_most: int
    team: ProcessGroupSpec | None = None
    nodes: Nodes = SINGLE_NODE
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """What a slot tells: which method of a listener to call and with what, or how it ended."""

    what: str
    values: tuple[Any, ...] = ()


# What a slot is told: to end after the epoch; that no other is at work on its device.
STOP_COMMAND, DEVICE_FREE_COMMAND = "stop", "alone"


def parse_devices(text: str, per_device: int | None) -> tuple[Placement, ...]:
    """The slots that `--devices` names: `cpu:2` is two on the processor, `cuda:0` a GPU.

    Args:
        text: devices, separated by commas.
        per_device: slots on each GPU; None begins with one, and more follow as memory allows.

    Raises:
        UsageError: it names no device, one twice, one that is not here, or too many processes.
    """
    slots: list[Placement] = []
    named = [word.strip() for word in text.split(",") if word.strip()]
    if not named or len(set(named)) < len(named):
        raise UsageError(
            f"--devices {text!r}: needs one device or more, each once",
            hint="--devices cpu:4 or --devices cuda:0,cuda:1",
        )
    for word in named:
        slots += _placements_of(word, per_device or 1)
    return tuple(slots)


def _placements_of(word: str, per_device: int) -> list[Placement]:
    found = _CPUS.fullmatch(word)
    if found is not None:
        count = int(found["count"] or 1)
        limit = most_processes()
        if not 1 <= count <= limit:
            raise UsageError(
                f"--devices {word}: 1 to {limit} processes can train on the processor of this"
                f" machine, which has {cores()} cores",
                hint=f"--devices cpu:{max(cores(), 1)}",
            )
        return [Placement("cpu")] * count
    # Only who names a GPU waits for torch to be loaded.
    from nnlab.engine import device as devices

    present = [info.name for info in devices.list_devices() if info.name != "cpu"]
    wanted = "cuda:0" if word == "cuda" else word
    if wanted not in present:
        has = ", ".join(present) if present else "no GPU"
        raise UsageError(
            f"--devices {word}: this machine has {has}",
            hint="cpu:N is N slots on the processor; `nnlab devices` lists the rest",
        )
    return [Placement(wanted)] * per_device


def default_placements(configs: Sequence[RunConfig]) -> tuple[Placement, ...]:
    """The slots that are taken where none are named: one for each core, or this process alone.

    Only runs that use the processor, and one thread of it each, are shared out.

    Args:
        configs: of the runs that wait, the first of which speaks for all.
    """
    count = min(cores(), len(configs))
    if count < 2 or not _uses_one_thread(configs[0]):
        return ()
    return (Placement("cpu"),) * count


def _uses_one_thread(config: RunConfig) -> bool:
    """Whether it trains on the processor with one thread, if that is known without torch."""
    if config.device != "cpu" and not (config.device == "auto" and _has_no_gpu()):
        return False
    if config.threads is not None:
        return config.threads == 1
    return _max_multiply_adds(config) < 2 * MULTIPLY_ADDS_PER_THREAD


def _max_multiply_adds(config: RunConfig) -> float:
    """Multiply-adds of a batch at most: inputs are rarely wider than `ASSUMED_INPUTS`."""
    if config.model not in ("linear", "mlp") or not isinstance(config.batch_size, int):
        return math.inf
    hidden = hidden_widths(config) if config.model == "mlp" else ()
    layers = sum(
        fan_in * fan_out for fan_in, fan_out in pairwise((ASSUMED_INPUTS, *hidden, ASSUMED_CLASSES))
    )
    return float(layers * config.batch_size)


def _has_no_gpu() -> bool:
    """Whether there is no sign of a GPU; looked up in the system, for torch takes a second."""
    return sys.platform.startswith("linux") and not any(
        Path(place).exists() for place in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    )


def expects_several_workers(devices: str | None, *, runs: int) -> bool:
    """Whether so many runs will be shared out, as far as that is known before they are read."""
    if devices is not None:
        return devices.strip() not in ("cpu", "cpu:1")
    return runs > 1 and cores() > 1 and _has_no_gpu()


def runs_per_gpu(peak: int, memory: int) -> int:
    """How many runs fit on a GPU, by the most that the first of them held, at least one.

    >>> fitting(peak=3 << 30, memory=24 << 30)
    6
    """
    return max(int(USABLE_MEMORY_SHARE * memory / (peak + CUDA_CONTEXT_BYTES)), 1)


def most_processes() -> int:
    """The most processes that may train on the processor: four a core, or 32 if that is more."""
    return max(MIN_PROCESS_LIMIT, 4 * cores())


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
