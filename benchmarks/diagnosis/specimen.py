"""The records of the corpus: a specimen, its training, and the files in which these are cached."""

import gzip
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nnlab.records import Curve, History


@dataclass(frozen=True, slots=True)
class Specimen:
    """One training run of the corpus: its fault and its setting.

    `truth` is the code of the built-in fault, empty for a healthy run, and None if the true risk
    decides between overfitting and healthy. `accepted` are other codes that also describe the
    fault. `group` is the section of the corpus for which results are reported: `nnlab`,
    `user models`, `torch`, `ugly`, `scripts`, ... `setting["data"]` is the name of a data set, or
    `fault/half/seed` (see `faulty_data`), for runs of nnlab.
    """

    name: str
    half: str
    truth: str | None
    setting: Mapping[str, Any]
    seed: int
    accepted: tuple[str, ...] = field(default=())
    group: str = "nnlab"


@dataclass(frozen=True, slots=True)
class TrainedSpecimen:
    """A trained specimen.

    `risk` holds (epoch, loss on fresh examples), or nothing if that is unknown. `is_external` is
    true for curves under the names of another program, which `diagnose_external` reads.
    """

    specimen: Specimen
    setting: Mapping[str, Any]
    curves: Mapping[str, Sequence[tuple[int, float]]]
    risk: Sequence[tuple[int, float]]
    is_external: bool = False

    @property
    def history(self) -> History:
        """The curves as a `History`, the input of the diagnosis."""
        return History(
            {
                name: Curve(name, tuple(e for e, _ in points), tuple(v for _, v in points))
                for name, points in self.curves.items()
            }
        )


def write_specimens(path: Path, trained: Iterable[TrainedSpecimen]) -> None:
    """Writes trained specimens as compressed lines of JSON, with values of seven digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_suffix(f".{os.getpid()}.part")
    with gzip.open(partial_path, "wt", encoding="utf-8") as lines:
        for result in trained:
            curves = {name: _rounded(points) for name, points in result.curves.items()}
            record = {**asdict(result), "curves": curves, "risk": _rounded(result.risk)}
            lines.write(json.dumps(record) + "\n")
    partial_path.replace(path)


def read_specimens(path: Path) -> list[TrainedSpecimen]:
    """The trained specimens of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_read(json.loads(line)) for line in lines]


def _rounded(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The points with seven digits, more than the diagnosis depends on."""
    return [(e, float(f"{v:.7g}") if math.isfinite(v) else v) for e, v in points]


def _read(record: dict[str, Any]) -> TrainedSpecimen:
    specimen = Specimen(**{**record["specimen"], "accepted": tuple(record["specimen"]["accepted"])})
    curves = {name: [tuple(p) for p in points] for name, points in record["curves"].items()}
    risk = [tuple(point) for point in record["risk"]]
    return TrainedSpecimen(specimen, record["setting"], curves, risk, record["is_external"])
