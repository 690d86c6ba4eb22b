"""The plain-torch half of the corpus: groups of runs, trained and cached in a folder."""

import hashlib
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from diagnosis.specimen import Specimen, TrainedSpecimen, read_specimens, write_specimens
from diagnosis.torch_kinds import run_groups
from diagnosis.torch_training import GroupHistory, RunGroup, train_group

# Raised when the training changes, so that cached groups are trained again.
VERSION = 1


def torch_specimens(half: str, folder: Path) -> Iterator[TrainedSpecimen]:
    """All plain-torch runs of a half; trains the groups that are not in the cache folder."""
    start = time.perf_counter()
    for number, (kind, group) in enumerate(run_groups(half), start=1):
        digest = hashlib.sha256(f"{VERSION} {kind} {group}".encode()).hexdigest()[:16]
        path = folder / f"torch-{half}-{digest}.jsonl.gz"
        if not path.exists():
            write_specimens(path, _as_specimens(kind, half, group, train_group(group)))
            print(f"{kind}, {number}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        yield from read_specimens(path)


def _as_specimens(
    kind: str, half: str, group: RunGroup, history: GroupHistory
) -> Iterator[TrainedSpecimen]:
    shared = asdict(group)
    for run in range(len(group.dropout)):
        setting = {
            name: value[run] if isinstance(value, list) else value for name, value in shared.items()
        }
        curves = {
            name: list(enumerate(map(float, values[run]), start=1))
            for name, values in history.curves.items()
        }
        risk = list(zip(history.risk_epochs, map(float, history.risk[run]), strict=True))
        specimen = Specimen(kind, half, None, setting, group.seed, group="torch")
        # The setting stays in the specimen: the diagnosis sees only curves.
        yield TrainedSpecimen(specimen, {}, curves, risk)
