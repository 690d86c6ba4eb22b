"""The energy that a device consumes, in joules; used by `RunContext`.

CPUs are read through Intel's and AMD's counters (RAPL, in /sys/class/powercap on Linux; usually
readable by root only), NVIDIA GPUs through NVML (the extra `gpu`). Both count the whole device, so
processes that train on the same device each measure the energy of all of them.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")
# A whole CPU package; `intel-rapl:0:1` is a part of one.
_CPU_PACKAGE_ZONE = re.compile(r"^[a-z-]+:\d+$")


class EnergyMeter:
    """Measures the energy between two readings."""

    def __init__(self, device: torch.device, powercap: Path = POWERCAP) -> None:
        """Takes the first reading; a device without a counter always measures None."""
        read = _nvml_reader(device) if device.type == "cuda" else None
        self._read = _rapl_reader(powercap) if device.type == "cpu" else read
        self._last = self._read() if self._read else None

    def used(self) -> float | None:
        """Joules since the last reading; None if the device has no readable counter."""
        if self._read is None or self._last is None:
            return None
        previous, self._last = self._last, self._read()
        if self._last is None or len(previous) != len(self._last):
            return None
        pairs = zip(previous, self._last, strict=True)
        # A counter that reaches its maximum continues at 0.
        return sum(
            end - begin if end >= begin else end - begin + maximum
            for (begin, maximum), (end, _) in pairs
        )


# Counters in joules, each with its maximum.
_Counters = list[tuple[float, float]]


def _rapl_reader(powercap: Path) -> Callable[[], _Counters | None] | None:
    """Returns a reader of the counters of all CPU packages; None if none is readable."""
    zones = [p for p in sorted(powercap.glob("*")) if _CPU_PACKAGE_ZONE.match(p.name)]

    def read() -> _Counters | None:
        try:
            return [
                (_read_joules(zone / "energy_uj"), _read_joules(zone / "max_energy_range_uj"))
                for zone in zones
            ]
        except (OSError, ValueError):
            return None

    return read if zones and read() is not None else None


def _read_joules(path: Path) -> float:
    return int(path.read_text()) / 1e6


def _nvml_reader(device: torch.device) -> Callable[[], _Counters | None] | None:
    """Returns a reader of a GPU's counter (Volta and newer); None without NVML or a counter."""
    try:
        # Imported only here: an optional dependency.
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # noqa: BLE001  the driver may raise anything; training must continue
        return None

    def read() -> _Counters | None:
        try:
            return [(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3, 0.0)]
        except Exception:  # noqa: BLE001
            return None

    return read
