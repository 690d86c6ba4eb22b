"""What a writer of another tool's log format gets, and the protocol of writers."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nnlab.exchange.log_reader import RunDetails
from nnlab.records import Attempt, Finding, History, Objective, Run, Sample

_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_STUDY_NAME = 80


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """One run with everything that is exported of it.

    `details` has the nested setting, tags, times, final values and directions. `samples` starts a
    new iteration over (number of the log call, sample) at each call; samples of one call have the
    same number. A run that nnlab trained has an epoch as the step of each sample, and no time.
    `history` has the points, one value per evaluation, which are fewer than the samples.
    """

    run: Run
    details: RunDetails
    samples: Callable[[], Iterator[tuple[int, Sample]]]
    objective: Objective | None = None
    findings: tuple[Finding, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    history: History = field(default_factory=History)

    @property
    def study(self) -> str:
        """The name of the study of the run, which other tools call project or experiment."""
        return self.run.trial.study

    @property
    def file_name(self) -> str:
        """A name for files of this run: unique in the database, and safe as part of a path."""
        study = _UNSAFE_CHARACTERS.sub("-", self.study).strip("-.")[:_LONGEST_STUDY_NAME]
        seed = "" if self.run.seed is None else f"-seed{self.run.seed}"
        return f"{study}-run{self.run.id}{seed}"


class LogWriter(Protocol):
    """A writer of one format of `nnlab export --to`."""

    @property
    def kind(self) -> str:
        """The name of the format, as in `--to KIND`."""

    @property
    def writes_folder(self) -> bool:
        """Whether the output is a folder; otherwise it is one file."""

    def write(self, runs: Sequence[ExportedRun], output: Path, destination: Path) -> None:
        """Writes all runs to `output`: a new file, or files in an empty folder.

        The caller moves the file, or each file of the folder, to `destination` afterwards. Only
        formats that contain their own location use `destination`. Equal runs give files with equal
        names, so that a second export is recognised as such.

        Raises:
            OutputError: the runs cannot be written in this format.
            MissingPackage: the format needs a package that is not installed.
        """
