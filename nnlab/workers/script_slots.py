"""Slots: how many scripts run at once on this machine, and the devices that each of them sees."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nnlab.errors import UsageError
from nnlab.workers.placement import available_cores, max_processes

_CPU = re.compile(r"cpu(?::(?P<count>[0-9]{1,4}))?")
_GPU = re.compile(r"cuda(?::(?P<index>[0-9]{1,4}))?")
_VISIBLE = "CUDA_VISIBLE_DEVICES"
# How many threads libraries start; a user's own values are kept.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class ScriptSlot:
    """A place for one running script.

    `gpus` are the indices of the GPUs that it sees, empty for none; None if it sees all.
    `threads` is the number of threads that it should use; None leaves that to its libraries.
    """

    gpus: tuple[int, ...] | None = None
    threads: int | None = None

    def environment(self, current: Mapping[str, str]) -> dict[str, str]:
        """The variables of this slot.

        Args:
            current: the environment of this process, whose visible devices the indices refer to.
        """
        values: dict[str, str] = {}
        if self.gpus is not None:
            visible = [name for name in current.get(_VISIBLE, "").split(",") if name]
            values[_VISIBLE] = ",".join(
                visible[index] if index < len(visible) else str(index) for index in self.gpus
            )
        if self.threads is not None:
            values |= {name: str(self.threads) for name in _THREAD_VARIABLES if name not in current}
        return values

    def shares_device(self, other: "ScriptSlot") -> bool:
        """Whether scripts in both slots use the same memory."""
        if not self.gpus or not other.gpus:
            return self.gpus == other.gpus
        return bool(set(self.gpus) & set(other.gpus))

    @property
    def description(self) -> str:
        """The devices, as the environment of a run is stored."""
        if self.gpus is None:
            return "all visible devices"
        return ",".join(f"cuda:{index}" for index in self.gpus) or "cpu"


@dataclass(frozen=True, slots=True)
class ScriptResources:
    """What a worker gives to the scripts that it runs.

    Attributes:
        slot: the devices that they see.
        wait_for_device: returns once no other script uses them; None if none ever does.
        wait_for_machine: returns once no other script runs at all; None if none ever does.
    """

    slot: ScriptSlot = ScriptSlot()
    wait_for_device: Callable[[], None] | None = None
    wait_for_machine: Callable[[], None] | None = None


# All visible devices, shared with no other script.
NO_LIMITS = ScriptResources()


def script_slots(
    devices: str | None,
    *,
    jobs: int | None = None,
    per_device: int | None = None,
    processes: int | None = None,
) -> tuple[ScriptSlot, ...]:
    """The slots of a command.

    Without devices one script runs at a time and sees all of them. Each listed GPU is a slot, and
    each of `cpu:N`; a script of several processes gets as many GPUs.

    Args:
        devices: `--devices`, such as `cuda:0,cuda:1` or `cpu:4`.
        jobs: how many scripts run at once.
        per_device: how many scripts run at once on each GPU.
        processes: how many processes torchrun starts for each script, each with a GPU.

    Raises:
        UsageError: the devices cannot be read, or there are fewer GPUs than processes.
    """
    slots = [ScriptSlot()] if devices is None else _listed_slots(devices, processes)
    slots = [slot for slot in slots for _ in range(per_device or 1)]
    if jobs is not None:
        slots = [slots[index % len(slots)] for index in range(jobs)]
    if len(slots) == 1:
        return tuple(slots)
    threads = max(1, available_cores() // len(slots))
    return tuple(ScriptSlot(slot.gpus, threads) for slot in slots)


def _listed_slots(devices: str, processes: int | None) -> list[ScriptSlot]:
    names = [name.strip() for name in devices.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise UsageError(
            f"--devices {devices!r}: needs one device or more, each once",
            hint="--devices cpu:4 or --devices cuda:0,cuda:1",
        )
    slots: list[ScriptSlot] = []
    gpus: list[int] = []
    for name in names:
        if match := _CPU.fullmatch(name):
            count = int(match["count"] or 1)
            if not 1 <= count <= max_processes():
                raise UsageError(f"--devices {name}: 1 to {max_processes()} scripts on the CPU")
            slots += [ScriptSlot(())] * count
        elif match := _GPU.fullmatch(name):
            gpus.append(int(match["index"] or 0))
        else:
            raise UsageError(
                f"--devices {name}: a script runs on cpu:N or on GPUs, cuda:0,cuda:1",
                hint="without --devices it sees all devices",
            )
    return [*slots, *_gpu_slots(devices, gpus, processes or 1)]


def _gpu_slots(devices: str, gpus: Sequence[int], processes: int) -> list[ScriptSlot]:
    if gpus and len(gpus) < processes:
        raise UsageError(
            f"--devices {devices}: {processes} processes need {processes} GPUs",
            hint="list more devices, or start fewer processes with --nproc",
        )
    return [
        ScriptSlot(tuple(gpus[begin : begin + processes]))
        for begin in range(0, len(gpus) - processes + 1, processes)
    ]


def inherited_environment() -> dict[str, str]:
    """The environment variables that scripts inherit: all except those of another run of nnlab."""
    own = ("NNLAB_RUN", "NNLAB_ATTEMPT", "NNLAB_DIR", "NNLAB_SEED", "NNLAB_STUDY", "NNLAB_TRIAL")
    return {name: value for name, value in os.environ.items() if name not in own}
