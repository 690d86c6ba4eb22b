"""`SavePolicy`: what is stored of a run, and how often; used by the executor and the workers."""

from dataclasses import dataclass
from decimal import Decimal

from nnlab.errors import UsageError
from nnlab.settings import parse_duration


@dataclass(frozen=True, slots=True)
class CheckpointInterval:
    """How often a checkpoint is written: every so many epochs, or every so many seconds.

    By default as often as it costs less than 2 % of the training time.
    """

    epochs: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        """The text that `parse` reads."""
        if self.seconds is not None:
            # Without an exponent, which `parse` does not read.
            return f"{Decimal(repr(self.seconds)).normalize():f}s"
        return "auto" if self.epochs is None else str(self.epochs)

    @classmethod
    def parse(cls, text: str) -> "CheckpointInterval":
        """Parses `auto`, a number of epochs, or a duration such as `30s`, `5min`, `1h`.

        Raises:
            UsageError: it is none of these.

        >>> CheckpointInterval.parse("5min").seconds
        300.0
        """
        if text == "auto":
            return cls()
        if text.isdecimal() and int(text) > 0:
            return cls(epochs=int(text))
        seconds = parse_duration(text)
        if seconds is None:
            raise UsageError(
                f"--checkpoint-every {text}: neither a number of epochs nor a duration",
                hint="5 is every five epochs, 30s or 10min a duration; auto costs under 2 %",
            )
        return cls(seconds=seconds)


@dataclass(frozen=True, slots=True)
class SavePolicy:
    """What is stored of runs, and where.

    Args:
        models: whether to store the weights of the selected epoch.
        checkpoints: how often to write a checkpoint.
        artifacts: the folder or URL for all files of a run; None is the database's own folder.
        allow_changed_data: whether a run may be trained on different data than its trial's
            other seeds.
        git_diff: whether to store the uncommitted changes of the working folder.
        moved_data: data files that were moved: the path in the settings, and the current one.
    """

    models: bool = True
    checkpoints: CheckpointInterval = CheckpointInterval()
    artifacts: str | None = None
    allow_changed_data: bool = False
    git_diff: bool = True
    moved_data: tuple[tuple[str, str], ...] = ()


DEFAULT_SAVE_POLICY = SavePolicy()
