"""What a device has used, where it says so.

CPUs by Intel's and AMD's counters (RAPL, which Linux shows in /sys/class/powercap; mostly readable
by root alone), NVIDIA's GPUs by NVML (the extra `gpu`). Both count the whole device: runs that are
trained side by side on it each see what all of them used.
"""

import re
from collections.abc import Callable
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")
# A package; `intel-rapl:0:1` is a part of one.
_CPU_PACKAGE_ZONE = re.compile(r"^[a-z-]+:\d+$")


class EnergyMeter:
    """Joules from one reading to the next."""

    def __init__(self, device: torch.device, powercap: Path = POWERCAP) -> None:
        """A meter of a device; one that says nothing answers None."""
        read = _nvml_reader(device) if device.type == "cuda" else None
        self._read = _rapl_reader(powercap) if device.type == "cpu" else read
        self._last = self._read() if self._read else None

    def used(self) -> float | None:
        """Joules since the last reading; None where the device does not say."""
        if self._read is None or self._last is None:
            return None
        before, self._last = self._last, self._read()
        if self._last is None or len(before) != len(self._last):
            return None
        pairs = zip(before, self._last, strict=True)
        # A counter that has turned over begins at 0 again.
        return sum(
            now - then if now >= then else now - then + reach for (then, reach), (now, _) in pairs
        )


# Counters in joules, each with the value that it turns over at.
_Counters = list[tuple[float, float]]


def _rapl_reader(powercap: Path) -> Callable[[], _Counters | None] | None:
    """The counters of all packages, None where there are none that may be read."""
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
    """The counter of a GPU (Volta and newer), None where NVML is not there or has none."""
    try:
        import pynvml

        pynvml.nvmlInit()
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # noqa: BLE001  a driver may fail in any way, and training must not
        return None

    def read() -> _Counters | None:
        try:
            return [(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3, 0.0)]
        except Exception:  # noqa: BLE001
            return None

    return read
