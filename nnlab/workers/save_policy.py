"""What is kept of a run, and how often; and whether the seeds of a trial may differ in data."""

import re
from dataclasses import dataclass
from decimal import Decimal

from nnlab.errors import UsageError

_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h)")
_SECONDS_PER_UNIT = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class CheckpointInterval:
    """How often a checkpoint is written: every so many epochs, or seconds, or as time allows.

    With neither it is as often as costs under 2 % of the training.
    """

    epochs: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """As it is typed."""
        if self.seconds is not None:
            # Without an exponent, which `parse` does not read.
            return f"{Decimal(repr(self.seconds)).normalize():f}s"
        return "auto" if self.epochs is None else str(self.epochs)

    @classmethod
    def parse(cls, text: str) -> "CheckpointInterval":
        """From `auto`, a number of epochs, or a time as `30s`, `5min`, `1h`.

        Raises:
            UsageError: it is none of these.

        >>> Every.parse("5min").seconds
        300.0
        """
        if text == "auto":
            return cls()
        if text.isdecimal() and int(text) > 0:
            return cls(epochs=int(text))
        seconds = parse_duration(text)
        if seconds is None:
            raise UsageError(
                f"--checkpoint-every {text}: neither a number of epochs nor a time",
                hint="5 is every five epochs, 30s or 10min a time; auto costs under 2 %",
            )
        return cls(seconds=seconds)


def parse_duration(text: str) -> float | None:
    """The seconds of a time as `30s`, `10min` or `1h`; None where it is none, or 0.

    >>> seconds_of("1.5min")
    90.0
    """
    found = _DURATION.fullmatch(text)
    return float(found[1]) * _SECONDS_PER_UNIT[found[2]] or None if found else None


@dataclass(frozen=True, slots=True)
class SavePolicy:
    """What is kept of runs, and where; how runs are begun that share a trial.

    `models` says whether the weights of the selected epoch are, `checkpoints` how often one is due,
    `artifacts` which folder or URL all files of a run go to; None is the database's own folder.
    `changing_data` lets a run be trained on other data than its trial's other seeds.
    `git_diff` says whether uncommitted changes of the working folder are stored with a run.
    `moved_data` are data files that were moved: the path in the settings, and the one now.
    """

    models: bool = True
    checkpoints: CheckpointInterval = CheckpointInterval()
    artifacts: str | None = None
    changing_data: bool = False
    git_diff: bool = True
    moved_data: tuple[tuple[str, str], ...] = ()


# Models, and checkpoints as time allows.
DEFAULT_SAVE_POLICY = SavePolicy()
