"""Everything nnlab raises on purpose.

NnlabError                      exit code 1
|-- UsageError                  exit code 2: what was typed cannot be done
|   |-- ConfigError             settings out of range, all problems at once
|   |-- UnknownName             a name no catalogue, study or run has
|   `-- StudyExists             a study of that name asks another question
|-- DataError                   a data file that cannot be used
|-- UserCodeError               the user's own model or data set fails, with file and line
|   `-- UserCodeRefused         it would be executed by a command that does not name its run
|-- DeviceError                 a device that is not there
|-- OutputError                 a file that cannot be written
|   `-- ClosedPipe              exit code 141: nobody reads standard output any more
|-- CheckpointError             a checkpoint that cannot be read or does not fit
|-- StoreError                  the database
|   |-- NoDatabase              there is none yet
|   |-- NotADatabase            the file is something else, or damaged
|   |-- DatabaseMoved           its file was moved, removed or replaced while it was in use
|   |-- CorruptRow              a row holds values that nnlab never writes
|   |-- DatabaseLocked          another process holds it for too long
|   |-- DatabaseReadOnly        it cannot be written
|   |-- DiskFull                no room left
|   |-- NewerSchema             a later nnlab wrote it
|   |-- UpgradeFailed           a migration failed and was rolled back
|   |-- ConnectionLost          its server, or the process that has it open, does not answer
|   `-- LeaseLost               another worker has taken the run over
`-- Interrupted                 exit code 130: stopped by Ctrl-C or SIGTERM
    `-- TimeIsUp                exit code 75: a job of several nodes that wants to be queued again
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class NnlabError(Exception):
    """The root: `message` says what is wrong with the values got, `hint` what mends it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors come from other processes whole, however their class is made.
        return _rebuild_error, (type(self), self.args, self.__dict__)


def _rebuild_error(
    kind: type["NnlabError"], arguments: tuple[Any, ...], state: dict[str, Any]
) -> "NnlabError":
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error


class UsageError(NnlabError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2


class ConfigError(UsageError):
    """Settings that do not hold; `problems` has one line for each, all of them at once."""

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            message = self.problems[0]
        else:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            message = f"{len(self.problems)} problems with the settings:{lines}"
        super().__init__(message, hint=hint)


class UnknownName(UsageError):
    """A name that nothing of its kind has; the message lists the known and the nearest."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, meant: str | None = None
    ) -> None:
        if meant is not None:
            super().__init__(f"unknown {kind} '{name}': did you mean {meant}?")
        else:
            super().__init__(unknown_name_message(kind, name, known))


class StudyExists(UsageError):
    """A study of that name exists with another space, objective or seeds."""


class DataError(NnlabError):
    """A data set that is missing, malformed or unusable for the task."""


class UserCodeError(NnlabError):
    """Code of the user's own that cannot be found, or fails; the message has its file and line."""


class UserCodeRefused(UserCodeError):
    """Code that a figure's file or a database refers to, and that the command did not name."""


class DeviceError(NnlabError):
    """A device that this machine does not have."""


class OutputError(NnlabError):
    """A file or folder that cannot be written."""


class ClosedPipe(OutputError):
    """The reader of standard output has ended, as `head` does: the command ends without a word."""

    exit_code = 141  # 128 and the number of SIGPIPE, as shells report it


class CheckpointError(NnlabError):
    """A checkpoint that is damaged or belongs to another setting."""


class StoreError(NnlabError):
    """The root of what can be wrong with the results database."""


class NoDatabase(StoreError):
    """There is no database at the place named."""


class NotADatabase(StoreError):
    """The file is no SQLite database, not one of nnlab's, or damaged."""


class DatabaseMoved(StoreError):
    """The file of an open database was moved, removed or replaced: writes to it would be lost."""


class CorruptRow(StoreError):
    """A row that was asked for holds values that nnlab never writes."""


class MissingField(CorruptRow, KeyError):
    """A stored setting lacks a field; a KeyError too, so that it is a mapping as any other."""


class DatabaseLocked(StoreError):
    """Another process held the write lock longer than the busy timeout."""


class ConnectionLost(StoreError):
    """The database server cannot be reached, or broke off; what was done may be tried again."""


class DatabaseReadOnly(StoreError):
    """The database or its folder cannot be written."""


class DiskFull(StoreError):
    """No room left where the database or an artifact lies."""


class NewerSchema(StoreError):
    """The schema is of a revision that this version does not know."""


class UpgradeFailed(StoreError):
    """A migration failed; the database is as it was before."""


class LeaseLost(StoreError):
    """The run is worked on by another worker now: this one's lease had lapsed."""


class Interrupted(NnlabError):
    """Work was stopped by the user; what was finished is kept."""

    exit_code = 130


class TimeLimitReached(Interrupted):
    """A job's time is nearly up: its script queues it once more, as it is told by the code."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


def unknown_key_message(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that `name` is not one of many `known` keys, with the nearest where one is near.

    >>> unknown_key("key", "lrr", ["lr", "opt"])
    "unknown key 'lrr': did you mean 'lr'?"
    >>> unknown_key("key", "colour", ["lr", "opt"])
    "unknown key 'colour'; nnlab train --help lists the options, whose names are the keys"
    """
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    if near:
        return f"unknown {kind} '{name}': did you mean '{near[0]}'?"
    return (
        f"unknown {kind} '{name}'; nnlab train --help lists the options, whose names are the keys"
    )


def unknown_name_message(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that `name` is not one of `known`, with the nearest first and all of them listed.

    >>> unknown_name("optimizer", "adm", ["sgd", "adam"])
    "unknown optimizer 'adm': did you mean 'adam'? Known: adam, sgd"
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f": did you mean '{near[0]}'?" if near else "."
    return f"unknown {kind} '{name}'{guess} Known: {', '.join(names) or '(none)'}"
