"""Devices of this machine: their list, and the meaning of names such as `auto` and `cuda:1`."""

import os
import platform
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from nnlab.engine import dynamo_bypass
from nnlab.errors import DeviceError

# cuBLAS is deterministic only with a fixed workspace, which must be set before CUDA starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

# Multiply-adds of a batch's forward pass for which one more thread pays off (docs/log.md).
MULTIPLY_ADDS_PER_THREAD = 100_000_000


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that `--device` can name; `memory` in bytes, None if unknown."""

    name: str
    description: str
    memory: int | None


def list_devices() -> tuple[DeviceInfo, ...]:
    """The devices of this machine; the first one is the one that `auto` selects."""
    devices = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(DeviceInfo(f"cuda:{index}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        devices.append(DeviceInfo("mps", "Apple GPU", None))
    devices.append(DeviceInfo("cpu", _cpu_name(), _total_memory()))
    return tuple(devices)


# The device that `auto` selects in this process, if the process was assigned one of several
# devices; and the number of cores that it may use, if it shares the machine.
_AUTO_DEVICE: list[str] = []
_CORE_LIMIT: list[int] = []


def set_auto_device(name: str, cores: int | None = None) -> None:
    """Sets the device that `auto` selects in this process, and its maximum number of cores."""
    _AUTO_DEVICE[:] = [name]
    _CORE_LIMIT[:] = [] if cores is None else [cores]


def resolve_device(name: str) -> torch.device:
    """The torch device with that name.

    Raises:
        DeviceError: this machine has no such device; the message lists the available ones.
    """
    devices = list_devices()
    if name == "auto" and _AUTO_DEVICE:
        return torch.device(_AUTO_DEVICE[0])
    if name == "auto":
        return torch.device(devices[0].name)
    names = [info.name for info in devices]
    resolved = "cuda:0" if name == "cuda" else name
    if resolved not in names:
        raise DeviceError(
            f"--device {name}: this machine has no such device. It has: {', '.join(names)}",
            hint="--device auto takes the best one; `nnlab devices` lists them",
        )
    return torch.device(resolved)


def device_description(device: torch.device) -> str:
    """The device's model name, for tables and reports."""
    infos = {info.name: info.description for info in list_devices()}
    return infos.get(str(device), str(device))


def check_dtype(device: torch.device, dtype: str) -> None:
    """Checks that a device supports a number format.

    Raises:
        DeviceError: it does not; the hint names an alternative.
    """
    if dtype in ("float16", "tf32") and device.type != "cuda":
        raise DeviceError(
            f"--dtype {dtype} needs a CUDA device, this run is on {device}",
            hint="--dtype bfloat16 works everywhere",
        )
    if dtype == "float64" and device.type == "mps":
        raise DeviceError(
            "--dtype float64: mps does not support double precision", hint="--device cpu"
        )


def autocast(device: torch.device, dtype: str) -> AbstractContextManager[object]:
    """A context with automatic mixed precision, if the number format is a half precision."""
    formats = {"bfloat16": torch.bfloat16, "float16": torch.float16}
    return torch.autocast(device.type, dtype=formats[dtype]) if dtype in formats else nullcontext()


def set_matmul_precision(dtype: str) -> None:
    """Allows TF32 for float32 matrix products and convolutions if the dtype is `tf32`."""
    torch.set_float32_matmul_precision("high" if dtype == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = dtype == "tf32"


def compile_model(model: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """The model, to be compiled by torch at its first batch.

    Raises:
        DeviceError: torch.compile needs a C++ compiler that this machine does not have.
    """
    # On the CPU torch.compile generates C++; without a compiler it would fail during an epoch.
    if next(model.parameters()).device.type == "cpu" and not _cpp_compiler():
        raise DeviceError(
            "--compile needs a C++ compiler on the CPU, but g++, clang++ and c++ were not found",
            hint="install g++, or omit --compile",
        )
    compiled: Callable[[torch.Tensor], torch.Tensor] = torch.compile(model)
    return compiled


def _cpp_compiler() -> str | None:
    """The path of the first C++ compiler on the search path, or None."""
    names = (os.environ.get("CXX"), "g++", "clang++", "c++")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def choose_thread_count(device: torch.device, multiply_adds: int) -> int:
    """The number of threads for a training step.

    It depends on the size of a step, not on the machine's load, so that results are reproducible
    bit by bit.

    Args:
        device: where the model trains.
        multiply_adds: multiply-adds of the forward pass of one batch.
    """
    if device.type != "cpu":
        return 1
    return max(
        1, min(multiply_adds // MULTIPLY_ADDS_PER_THREAD, *(_CORE_LIMIT or [_available_cores()]))
    )


def _available_cores() -> int:
    """The cores that this process may use; on a cluster node this can be a part of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_deterministic(device: torch.device, threads: int, *, compiles: bool) -> None:
    """Configures torch for bitwise reproducible results on this device and thread count."""
    torch.set_num_threads(threads)
    # Only warn on GPUs: CUDA rejects the gradient of every max pooling because windows may overlap.
    # Ours do not overlap, so nothing is added twice and results stay reproducible.
    warn_only = device.type != "cpu"
    if compiles:
        torch.use_deterministic_algorithms(mode=True, warn_only=warn_only)
    else:
        dynamo_bypass.use_deterministic_algorithms(warn_only=warn_only)
    # The default in this mode fills every new tensor with NaN, which costs time and has no use
    # here.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    torch.backends.cudnn.benchmark = False


@lru_cache
def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def _total_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
