"""Placements: how many worker processes train at once, and on which device each of them.

Used by the executor and the Ray pool; `--devices` is parsed here.
"""

import math
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from nnlab.errors import UsageError
from nnlab.settings import RunConfig, hidden_widths

# Memory of a GPU that a process uses in addition to its run: torch's kernels and their workspace.
CUDA_CONTEXT_BYTES = 512 << 20
# The share of a GPU's memory that is planned; runs may need more than the first one did.
USABLE_MEMORY_SHARE = 0.9

# Each process takes a second to start and half a gigabyte of memory.
MIN_PROCESS_LIMIT = 32

# `default_placements` does not read the data; it assumes at most so many inputs and classes.
ASSUMED_INPUTS, ASSUMED_CLASSES = 4096, 1000
# A batch uses one thread for each of these (the same as in `nnlab.engine.device`).
MULTIPLY_ADDS_PER_THREAD = 100_000_000

_CPU_DEVICE = re.compile(r"cpu(?::(?P<count>[0-9]{1,9}))?")


@dataclass(frozen=True, slots=True)
class Placement:
    """One worker process; runs whose setting is `auto` use its device."""

    device: str


def parse_devices(text: str, per_device: int | None) -> tuple[Placement, ...]:
    """The placements that `--devices` lists: `cpu:2` is two processes on the CPU, `cuda:0` a GPU.

    Args:
        text: devices, separated by commas.
        per_device: processes on each GPU; None starts with one, and more as memory allows.

    Raises:
        UsageError: no device, a duplicate, an unavailable device, or too many processes.
    """
    placements: list[Placement] = []
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise UsageError(
            f"--devices {text!r}: needs one device or more, each once",
            hint="--devices cpu:4 or --devices cuda:0,cuda:1",
        )
    for name in names:
        placements += _placements_of(name, per_device or 1)
    return tuple(placements)


def _placements_of(name: str, per_device: int) -> list[Placement]:
    match = _CPU_DEVICE.fullmatch(name)
    if match is not None:
        count = int(match["count"] or 1)
        limit = max_processes()
        if not 1 <= count <= limit:
            cores = available_cores()
            raise UsageError(
                f"--devices {name}: 1 to {limit} processes can train on the CPU of this machine,"
                f" which has {cores} cores",
                hint=f"--devices cpu:{max(cores, 1)}",
            )
        return [Placement("cpu")] * count
    # Imported only here: torch takes a second to load, and only GPUs need it.
    from nnlab.engine import device as devices

    gpus = [info.name for info in devices.list_devices() if info.name != "cpu"]
    gpu = "cuda:0" if name == "cuda" else name
    if gpu not in gpus:
        raise UsageError(
            f"--devices {name}: this machine has {', '.join(gpus) or 'no GPU'}",
            hint="cpu:N is N processes on the CPU; `nnlab devices` lists the devices",
        )
    return [Placement(gpu)] * per_device


def default_placements(configs: Sequence[RunConfig]) -> tuple[Placement, ...]:
    """The placements without `--devices`: one process per core, or none to train in this process.

    Several processes are started only for runs that use one thread of the CPU each.

    Args:
        configs: those of the waiting runs; only the first one is examined.
    """
    count = min(available_cores(), len(configs))
    if count < 2 or not _uses_one_thread(configs[0]):
        return ()
    return (Placement("cpu"),) * count


def _uses_one_thread(config: RunConfig) -> bool:
    """Whether a run uses one thread of the CPU; False if that is unknown without torch."""
    if config.device != "cpu" and not (config.device == "auto" and _has_no_gpu()):
        return False
    if config.threads is not None:
        return config.threads == 1
    return _max_multiply_adds(config) < 2 * MULTIPLY_ADDS_PER_THREAD


def _max_multiply_adds(config: RunConfig) -> float:
    """An upper bound of the multiply-adds of a batch, for at most `ASSUMED_INPUTS` inputs."""
    if config.model not in ("linear", "mlp") or not isinstance(config.batch_size, int):
        return math.inf
    hidden = hidden_widths(config) if config.model == "mlp" else ()
    layers = sum(
        fan_in * fan_out for fan_in, fan_out in pairwise((ASSUMED_INPUTS, *hidden, ASSUMED_CLASSES))
    )
    return float(layers * config.batch_size)


def _has_no_gpu() -> bool:
    """Whether the system has no GPU device file; checked without torch, which loads slowly."""
    return sys.platform.startswith("linux") and not any(
        Path(path).exists() for path in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    )


def expects_several_workers(devices: str | None, *, runs: int) -> bool:
    """Whether several processes will probably train; decided before the runs are known."""
    if devices is not None:
        return devices.strip() not in ("cpu", "cpu:1")
    return runs > 1 and available_cores() > 1 and _has_no_gpu()


def runs_per_gpu(peak: int, memory: int) -> int:
    """How many runs fit on a GPU, at least one.

    Args:
        peak: the most memory that the first run used, in bytes.
        memory: the memory of the GPU, in bytes.

    >>> runs_per_gpu(peak=3 << 30, memory=24 << 30)
    6
    """
    return max(int(USABLE_MEMORY_SHARE * memory / (peak + CUDA_CONTEXT_BYTES)), 1)


def max_processes() -> int:
    """The most processes that may train on the CPU: four per core, but at least 32."""
    return max(MIN_PROCESS_LIMIT, 4 * available_cores())


def available_cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
