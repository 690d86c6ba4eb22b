"""Batch planning: which runs are trained together, and how many at once; used by `run_queue`.

The best number is measured once for each kind of run and device, and cached in a file.
"""

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nnlab.engine import device as devices
from nnlab.engine.batched.grouping import can_batch, group_key
from nnlab.engine.batched.timing import seconds_by_width
from nnlab.errors import NnlabError, OutputError
from nnlab.io.files import cache_dir, write_atomic
from nnlab.records import Run
from nnlab.settings import RunConfig, config_of

# Larger batches are hardly faster. `--engine stacked` uses this many without a measurement.
MAX_BATCHED_RUNS = 512

# Seconds to store an epoch, of one run or of a whole batch.
STORE_EPOCH_SECONDS = 0.002

# Times whose ratio is smaller are treated as equal.
EQUAL_TIME_RATIO = 1.05

SecondsByWidth = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs in the order of the queue; they can be trained together if there is a config."""

    run_ids: tuple[int, ...]
    config: RunConfig | None


@dataclass(slots=True)
class BatchPlanner:
    """Groups runs, and chooses for each group how many to train at once.

    Args:
        engine: `auto` measures, `solo` trains one run at a time, `stacked` as many as possible.
        cache_file: where measurements are stored.
    """

    engine: str = "auto"
    cache_file: Path = field(default_factory=lambda: cache_dir() / "widths.json")

    def groups(self, runs: Sequence[Run]) -> list[RunGroup]:
        """Groups runs that can be trained together; groups are ordered by their first run."""
        keys: dict[str, str | None] = {}
        run_ids_by_key: dict[str | None, list[int]] = {}
        configs: dict[str | None, RunConfig | None] = {None: None}
        for run in runs:
            digest = run.trial.digest
            if digest not in keys:
                config = config_of(run.trial.setting, run.known_seed)
                batched = self.engine != "solo" and can_batch(config)
                keys[digest] = _measurement_key(config) if batched else None
                configs.setdefault(keys[digest], config)
            run_ids_by_key.setdefault(keys[digest], []).append(run.id)
        return [RunGroup(tuple(run_ids), configs[key]) for key, run_ids in run_ids_by_key.items()]

    def width(self, group: RunGroup, waiting: int) -> int:
        """How many of a group's runs to train at once if `waiting` of them can be claimed."""
        if group.config is None or waiting < 2:
            return 1
        if self.engine == "stacked":
            return min(waiting, MAX_BATCHED_RUNS)
        try:
            return best_width(self._times(group.config, waiting), waiting)
        except NnlabError:
            return 1  # the data cannot be used: the run reports why, and fails

    def _times(self, config: RunConfig, max_width: int) -> SecondsByWidth:
        """Seconds per run and epoch by width, cached (`timing.seconds_by_width`)."""
        key, max_width = _measurement_key(config), min(max_width, MAX_BATCHED_RUNS)
        cache = _read_measurements(self.cache_file)
        if key not in cache or not _MeasuredTimes.parse(cache[key]).covers(max_width):
            times = {
                width: seconds + STORE_EPOCH_SECONDS / width
                for width, seconds in seconds_by_width(config, max_width).items()
            }
            cache[key] = {"most": max_width, "seconds": {str(w): s for w, s in times.items()}}
            # If the folder cannot be written, the next command measures again for a second.
            with contextlib.suppress(OSError, OutputError):
                self.cache_file.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self.cache_file, json.dumps(cache, indent=1).encode())
        return _MeasuredTimes.parse(cache[key]).seconds


@dataclass(frozen=True, slots=True)
class _MeasuredTimes:
    """Measured times of widths up to `max_width`."""

    max_width: int
    seconds: SecondsByWidth

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "_MeasuredTimes":
        return cls(entry["most"], {int(width): s for width, s in entry["seconds"].items()})

    def covers(self, max_width: int) -> bool:
        """Whether all widths up to `max_width` were measured, or larger ones cannot be faster."""
        widest = max(self.seconds)
        best = min(self.seconds, key=self.seconds.__getitem__)
        return self.max_width >= max_width or widest >= max_width or best != widest


def best_width(seconds: SecondsByWidth, waiting: int) -> int:
    """The width that finishes all waiting runs first, if batches have equal sizes.

    Among widths with equal times it is the smallest one, which leaves runs to other workers.

    >>> best_width({1: 8.0, 4: 2.0, 16: 1.0, 64: 1.5}, waiting=40)
    14
    >>> best_width({1: 8.0, 4: 1.0, 16: 0.98, 64: 0.97}, waiting=40)
    4
    """
    measured = {min(width, waiting) for width in seconds}
    widths = {math.ceil(waiting / math.ceil(waiting / width)) for width in measured}
    times = {width: _interpolated_seconds(seconds, width) for width in widths}
    return min(width for width in widths if times[width] <= EQUAL_TIME_RATIO * min(times.values()))


def _interpolated_seconds(seconds: SecondsByWidth, width: int) -> float:
    """Seconds per run at a width, interpolated on a logarithmic scale between measured widths."""
    below = max(measured for measured in seconds if measured <= width)
    above = min((measured for measured in seconds if measured >= width), default=below)
    if below == above:
        return seconds[below]
    share = math.log(width / below) / math.log(above / below)
    return seconds[below] + share * (seconds[above] - seconds[below])


def _read_measurements(cache_file: Path) -> dict[str, Any]:
    """The cached measurements; empty if the file is missing or invalid."""
    try:
        cache = json.loads(cache_file.read_text(encoding="utf-8"))
        return cache if isinstance(cache, dict) else {}
    except (OSError, ValueError):
        return {}


def _measurement_key(config: RunConfig) -> str:
    """A hash of what the times depend on: the kind of run, the device, the version of torch."""
    device = devices.resolve_device(config.device)
    parts = (devices.device_description(device), torch.__version__, group_key(config))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
