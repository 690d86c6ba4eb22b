"""Usage of CPU, memory and GPUs while a run is recorded, from psutil and NVML where installed."""

import os
from collections.abc import Callable, Mapping
from typing import Any

USAGE_SECONDS = 15.0
_MAX_GPUS = 16
_GIB = float(1 << 30)


class SystemUsage:
    """Reads the usage; every method is fast enough to be called in the writer's thread."""

    def __init__(self) -> None:
        """Imports psutil and NVML; what is missing is not measured."""
        self._readers: list[Callable[[], dict[str, float]]] = []
        try:
            import psutil

            process = psutil.Process()
            psutil.cpu_percent(interval=None)  # the first value of a process is always 0
            process.cpu_percent(interval=None)
            self._readers.append(lambda: _read_psutil(psutil, process))
        except Exception:  # noqa: BLE001  not installed, or it fails on this system
            self._readers.clear()
        try:
            # Imported only here: an optional dependency.
            import pynvml

            pynvml.nvmlInit()
            handles = _visible_gpus(pynvml)
            self._readers.append(lambda: _read_gpus(pynvml, handles))
        except Exception:  # noqa: BLE001  no NVIDIA driver
            return

    def read(self) -> dict[str, float]:
        """The metrics `system/...` now; percentages, GiB, watts and degrees Celsius."""
        values: dict[str, float] = {}
        for reader in self._readers:
            try:
                values |= reader()
            except Exception:  # noqa: BLE001, S112  the driver may raise anything
                continue
        return values


def _read_psutil(psutil: Any, process: Any) -> dict[str, float]:
    return {
        "system/cpu_percent": float(psutil.cpu_percent(interval=None)),
        "system/memory_percent": float(psutil.virtual_memory().percent),
        "system/process_cpu_percent": float(process.cpu_percent(interval=None)),
        "system/process_memory_gib": process.memory_info().rss / _GIB,
    }


def _visible_gpus(pynvml: Any, variables: Mapping[str, str] = os.environ) -> dict[int, Any]:
    """The handles of the GPUs that this process may use, by their numbers in it."""
    visible = variables.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        count = min(pynvml.nvmlDeviceGetCount(), _MAX_GPUS)
        return {n: pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(count)}
    names = [name.strip() for name in visible.split(",") if name.strip()][:_MAX_GPUS]
    return {
        number: pynvml.nvmlDeviceGetHandleByIndex(int(name))
        if name.isdecimal()
        else pynvml.nvmlDeviceGetHandleByUUID(name)
        for number, name in enumerate(names)
        if name != "-1"
    }


def _read_gpus(pynvml: Any, handles: Mapping[int, Any]) -> dict[str, float]:
    values: dict[str, float] = {}
    for number, handle in handles.items():
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        usage = pynvml.nvmlDeviceGetUtilizationRates(handle)
        values |= {
            f"system/gpu_percent/{number}": float(usage.gpu),
            f"system/gpu_memory_gib/{number}": memory.used / _GIB,
            f"system/gpu_watts/{number}": pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3,
            f"system/gpu_celsius/{number}": float(
                pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
            ),
        }
    return values
