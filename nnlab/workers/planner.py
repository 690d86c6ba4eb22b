"""Which runs are trained together, and how many at once: measured once for each kind and device."""

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nnlab.config import RunConfig, config_of
from nnlab.engine import device as devices
from nnlab.engine.batched.grouping import can_batch, group_key
from nnlab.engine.batched.timing import seconds_by_width
from nnlab.errors import OutputError
from nnlab.io.files import cache_dir, write_atomic
from nnlab.records import Run

# Beyond it a stack hardly gains; `--engine stacked` takes it without a measurement.
MAX_BATCHED_RUNS = 512

# Seconds that it takes to store an epoch: of one run, or of all the runs of a stack.
STORE_EPOCH_SECONDS = 0.002

# Times that differ by less are one time to the planner.
EQUAL_TIME_RATIO = 1.05

SecondsByWidth = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs in the order they were asked for; those with a config can be trained together."""

    run_ids: tuple[int, ...]
    config: RunConfig | None


@dataclass(slots=True)
class BatchPlanner:
    """Groups runs, and chooses for each group how many to train at once.

    `engine` is `auto`, which measures and remembers in the file `memory`, `solo` or `stacked`.
    """

    engine: str = "auto"
    memory: Path = field(default_factory=lambda: cache_dir() / "widths.json")

    def groups(self, runs: Sequence[Run]) -> list[RunGroup]:
        """The runs by what they have in common; the first of each group come in order."""
        keys: dict[str, str | None] = {}
        found: dict[str | None, list[int]] = {}
        configs: dict[str | None, RunConfig | None] = {None: None}
        for run in runs:
            digest = run.trial.digest
            if digest not in keys:
                config = config_of(run.trial.setting, run.seed)
                stacks = self.engine != "solo" and can_batch(config)
                keys[digest] = _measurement_key(config) if stacks else None
                configs.setdefault(keys[digest], config)
            found.setdefault(keys[digest], []).append(run.id)
        return [RunGroup(tuple(run_ids), configs[key]) for key, run_ids in found.items()]

    def width(self, group: RunGroup, waiting: int) -> int:
        """How many of a group's runs to train at once when so many wait; 1 is alone."""
        if group.config is None or waiting < 2:
            return 1
        if self.engine == "stacked":
            return min(waiting, MAX_BATCHED_RUNS)
        return best_width(self._times(group.config, waiting), waiting)

    def _times(self, config: RunConfig, most: int) -> SecondsByWidth:
        """As `seconds_by_width`, from memory where that has what is needed."""
        name, most = _measurement_key(config), min(most, MAX_BATCHED_RUNS)
        known = _read_measurements(self.memory)
        if name not in known or not _MeasuredTimes.parse(known[name]).suffices(most):
            times = {
                width: seconds + STORE_EPOCH_SECONDS / width
                for width, seconds in seconds_by_width(config, most).items()
            }
            known[name] = {"most": most, "seconds": {str(w): s for w, s in times.items()}}
            # A folder that cannot be written costs the next command a second.
            with contextlib.suppress(OSError, OutputError):
                self.memory.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self.memory, json.dumps(known, indent=1).encode())
        return _MeasuredTimes.parse(known[name]).seconds


@dataclass(frozen=True, slots=True)
class _MeasuredTimes:
    """What was measured when so many runs waited."""

    most: int
    seconds: SecondsByWidth

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "_MeasuredTimes":
        return cls(entry["most"], {int(width): s for width, s in entry["seconds"].items()})

    def suffices(self, most: int) -> bool:
        """Whether wider stacks were tried, or are of no use."""
        widest = max(self.seconds)
        best = min(self.seconds, key=self.seconds.__getitem__)
        return self.most >= most or widest >= most or best != widest


def best_width(seconds: SecondsByWidth, waiting: int) -> int:
    """The width that has the runs done first, if they are shared out evenly.

    Of widths that hardly differ it is the narrowest: it leaves runs to other workers.

    >>> best_width({1: 8.0, 4: 2.0, 16: 1.0, 64: 1.5}, waiting=40)
    14
    >>> best_width({1: 8.0, 4: 1.0, 16: 0.98, 64: 0.97}, waiting=40)
    4
    """
    tried = {min(width, waiting) for width in seconds}
    even = {math.ceil(waiting / math.ceil(waiting / width)) for width in tried}
    times = {width: _interpolated_seconds(seconds, width) for width in even}
    return min(width for width in even if times[width] <= EQUAL_TIME_RATIO * min(times.values()))


def _interpolated_seconds(seconds: SecondsByWidth, width: int) -> float:
    """Seconds for each run at a width between two that were measured."""
    below = max(tried for tried in seconds if tried <= width)
    above = min((tried for tried in seconds if tried >= width), default=below)
    if below == above:
        return seconds[below]
    share = math.log(width / below) / math.log(above / below)
    return seconds[below] + share * (seconds[above] - seconds[below])


def _read_measurements(memory: Path) -> dict[str, Any]:
    """What is remembered; nothing where the file is missing or not ours."""
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        return known if isinstance(known, dict) else {}
    except (OSError, ValueError):
        return {}


def _measurement_key(config: RunConfig) -> str:
    """What the times depend on: the kind of run, the device, the version of torch."""
    device = devices.resolve_device(config.device)
    words = (devices.device_description(device), torch.__version__, group_key(config))
    return hashlib.sha256(repr(words).encode()).hexdigest()[:16]
