"""Spool files: samples that could not be stored in the database, as lines of JSON."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlab.records import Run, Sample
from nnlab.store import SampleCall, creation_stamp
from nnlab.store.folder_marker import SAMPLE_SPOOL_PATTERN

# Calls that are read and stored at once, so that memory does not grow with the file.
_CALLS_PER_BATCH = 5_000


def run_identity(run: Run) -> dict[str, object]:
    """What a spool file says about its run: a new database in the same place reuses run ids."""
    return {"run": run.id, "created": creation_stamp(run.created_at)}


@dataclass(slots=True)
class CallSpool:
    """The spool files of one attempt at a run, one in each of the possible folders.

    `paths` are tried in this order: the disk of the first may be full.
    """

    paths: tuple[Path, ...]
    header: Mapping[str, object]
    _used: list[Path] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is spooled."""
        return not self._used

    def append(self, calls: Sequence[SampleCall]) -> bool:
        """Writes calls durably; returns whether a disk had room for them."""
        lines = [json.dumps([call.seq, [list(item) for item in call.samples]]) for call in calls]
        return self._append_lines(lines)

    def append_end(self, end: Mapping[str, Any]) -> bool:
        """Writes how the run ended."""
        return self._append_lines([json.dumps({"end": dict(end)})])

    def _append_lines(self, lines: Sequence[str]) -> bool:
        for path in self.paths:
            new = path not in self._used
            header = [json.dumps(self.header)] if new else []
            # An incomplete line of an earlier failed write ends at the first line break.
            text = "\n" + "\n".join([*header, *lines]) + "\n"
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("ab") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fsync(file.fileno())
                if new:
                    self._used.append(path)
                return True
        return False

    def batches(self) -> Iterator[list[SampleCall]]:
        """The spooled calls in their order."""
        for path in self._used:
            yield from call_batches(path)

    def remove(self) -> None:
        """Removes the files after everything in them was stored."""
        for path in self._used:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        self._used.clear()

    @property
    def display_name(self) -> str:
        """The files for messages."""
        return ", ".join(map(str, self._used))


def spool_files(folder: Path) -> list[Path]:
    """The spool files of samples in a folder, in the order of their attempts."""
    with suppress(OSError):
        matches = [(SAMPLE_SPOOL_PATTERN.fullmatch(path.name), path) for path in folder.iterdir()]
        return [path for _, path in sorted((int(m[1]), path) for m, path in matches if m)]
    return []


def spool_header(path: Path) -> Mapping[str, object]:
    """The first record of a spool file; empty if it is not one."""
    for record in _records(path):
        return record if isinstance(record, dict) else {}
    return {}


def spooled_end(path: Path) -> Mapping[str, Any] | None:
    """How the run ended, if the file says so."""
    end = None
    for record in _records(path):
        if isinstance(record, dict) and isinstance(record.get("end"), dict):
            end = record["end"]
    return end


def call_batches(path: Path) -> Iterator[list[SampleCall]]:
    """The calls in a spool file; damaged lines are left out."""
    batch: list[SampleCall] = []
    for record in _records(path):
        if not isinstance(record, list):
            continue
        with suppress(ValueError, TypeError):
            seq, rows = record
            samples = tuple(_sample(*row) for row in rows)
            batch.append(SampleCall(int(seq), samples))
        if len(batch) >= _CALLS_PER_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _sample(
    metric: str, value: float, step: int | None, epoch: float | None, time: float | None
) -> Sample:
    return Sample(
        str(metric),
        float(value),
        None if step is None else int(step),
        None if epoch is None else float(epoch),
        None if time is None else float(time),
    )


def _records(path: Path) -> Iterator[Any]:
    with suppress(OSError), path.open("rb") as file:
        for line in file:
            with suppress(ValueError, RecursionError):
                if line.strip():
                    yield json.loads(line)
