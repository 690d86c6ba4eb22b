"""Devices: what this machine has, and what a name such as `auto` or `cuda:1` means here."""

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn

from nnlab.engine import dynamo_bypass
from nnlab.errors import DeviceError

# cuBLAS repeats itself to the bit only with a fixed workspace, set before CUDA starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

# Multiply-adds in a batch's forward pass from which another thread pays (docs/log.md).
MULTIPLY_ADDS_PER_THREAD = 100_000_000


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that can be named by `--device`; memory in bytes, None where unknown."""

    name: str
    description: str
    memory: int | None


def list_devices() -> tuple[DeviceInfo, ...]:
    """What this machine has, the one that `auto` takes first."""
    found = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(DeviceInfo(f"cuda:{index}", properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        found.append(DeviceInfo("mps", "Apple GPU", None))
    found.append(DeviceInfo("cpu", _cpu_name(), _total_memory()))
    return tuple(found)


# What `auto` means in this process, where it works on one device of several; and how many cores it
# may keep busy, where others of the machine are not its own.
_AUTO_DEVICE: list[str] = []
_CORE_LIMIT: list[int] = []


def set_auto_device(name: str, cores: int | None = None) -> None:
    """Makes `auto` mean this device in this process, and `cores` the most that a step may use."""
    _AUTO_DEVICE[:] = [name]
    _CORE_LIMIT[:] = [] if cores is None else [cores]


def resolve_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        DeviceError: this machine has none of that name; the message lists those it has.
    """
    present = list_devices()
    if name == "auto" and _AUTO_DEVICE:
        return torch.device(_AUTO_DEVICE[0])
    if name == "auto":
        return torch.device(present[0].name)
    names = [info.name for info in present]
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in names:
        raise DeviceError(
            f"--device {name}: this machine has no such device. It has: {', '.join(names)}",
            hint="--device auto takes the best one; `nnlab devices` lists them",
        )
    return torch.device(wanted)


def device_description(device: torch.device) -> str:
    """The device's model name, as a reader of a result wants it."""
    infos = {info.name: info.description for info in list_devices()}
    return infos.get(str(device), str(device))


def check_dtype(device: torch.device, dtype: str) -> None:
    """Checks that a device can do a number format.

    Raises:
        DeviceError: it cannot; the hint names one that works there.
    """
    if dtype in ("float16", "tf32") and device.type != "cuda":
        raise DeviceError(
            f"--dtype {dtype} needs a CUDA device, this run is on {device}",
            hint="--dtype bfloat16 works everywhere",
        )
    if dtype == "float64" and device.type == "mps":
        raise DeviceError("--dtype float64: mps has no double precision", hint="--device cpu")


def set_matmul_precision(dtype: str) -> None:
    """Lets products of float32 matrices and convolutions use TF32 where the config says so."""
    torch.set_float32_matmul_precision("high" if dtype == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = dtype == "tf32"


def compile_model(model: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """The model compiled at its first batch.

    Raises:
        DeviceError: this machine lacks the compiler that torch.compile needs.
    """
    # On the CPU torch.compile writes C++; without a compiler it fails in mid epoch.
    if next(model.parameters()).device.type == "cpu" and not _cpp_compiler():
        raise DeviceError(
            "--compile needs a C++ compiler on the CPU, and none of g++, clang++, c++ is here",
            hint="install g++, or leave --compile out",
        )
    found: Callable[[torch.Tensor], torch.Tensor] = torch.compile(model)
    return found


def _cpp_compiler() -> str | None:
    names = (os.environ.get("CXX"), "g++", "clang++", "c++")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def choose_thread_count(device: torch.device, work: int) -> int:
    """How many threads a step is worth: by its size, never by load, so that bits repeat.

    Args:
        device: where the model trains.
        work: multiply-adds of a forward pass of one batch.
    """
    if device.type != "cpu":
        return 1
    return max(1, min(work // MULTIPLY_ADDS_PER_THREAD, *(_CORE_LIMIT or [_available_cores()])))


def _available_cores() -> int:
    """Those that the system lets this process use: of a cluster's node it may be a few."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_deterministic(device: torch.device, threads: int, *, compiles: bool) -> None:
    """Asks torch for the same bits each time on this device and this number of threads."""
    torch.set_num_threads(threads)
    # Only a warning off the CPU: CUDA refuses the gradient of every max pooling because windows
    # may overlap; ours do not, so nothing is added twice and the bits repeat.
    warn_only = device.type != "cpu"
    if compiles:
        torch.use_deterministic_algorithms(mode=True, warn_only=warn_only)
    else:
        dynamo_bypass.use_deterministic_algorithms(warn_only=warn_only)
    # Filling every fresh tensor with NaN, the default in this mode, costs time and finds nothing.
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
