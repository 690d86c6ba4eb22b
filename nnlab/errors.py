"""All errors that nnlab raises, with the exit codes of the commands that end with them.

NnlabError                      exit code 1
|-- UsageError                  exit code 2: the command cannot be executed as typed
|   |-- ConfigError             invalid settings, all problems at once
|   |-- UnknownName             a name that no catalogue, study or run has
|   |-- UnknownKeyword          a keyword argument that a function of the Python API does not have
|   |-- MissingPackage          an optional package that a function of the API needs
|   `-- StudyExists             a study of that name has another definition
|-- DataError                   a data file that cannot be used
|   `-- TableProblems           all problems of a table, with the options that solve them
|-- UserCodeError               the user's own model or data set fails, with file and line
|   `-- UserCodeRefused         user code that the command did not name
|-- PluginError                 a plugin that is missing, has changed or fails
|-- DeviceError                 a device that this machine does not have
|-- OutputError                 a file that cannot be written
|   `-- ClosedPipe              exit code 141: the reader of standard output has ended
|-- CheckpointError             a checkpoint that cannot be read or has another setting
|-- StoreError                  the database
|   |-- NoDatabase              it does not exist
|   |-- NotADatabase            the file is not a database of nnlab, or damaged
|   |-- DatabaseMoved           its file was moved, removed or replaced while it was in use
|   |-- CorruptRow              a row contains values that nnlab never writes
|   |   `-- MissingField        a stored setting lacks a field
|   |-- DatabaseLocked          another process holds the lock for too long
|   |-- ReadTimeLimit           a query took longer than the reader allows
|   |-- DatabaseReadOnly        it cannot be written
|   |-- DiskFull                no space left
|   |-- NewerSchema             a later version of nnlab wrote it
|   |-- OlderSchema             an earlier version wrote it, and it is only read
|   |-- UpgradeFailed           a migration failed and was rolled back
|   |-- ConnectionLost          its server, or the process that has it open, does not respond
|   `-- LeaseLost               another worker has taken over the run
`-- Interrupted                 exit code 130: stopped by Ctrl-C or SIGTERM
    `-- TimeLimitReached        exit code 75: the time limit of a cluster job, which is requeued
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class NnlabError(Exception):
    """The root of all errors: `message` describes the problem, and `hint` how to solve it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors are sent between processes, whatever the arguments of their constructor are.
        return _rebuild_error, (type(self), self.args, self.__dict__)


def _rebuild_error(
    kind: type["NnlabError"], arguments: tuple[Any, ...], state: dict[str, Any]
) -> "NnlabError":
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(state)
    return error


class UsageError(NnlabError):
    """The command, or the arguments of a call, cannot be executed as given."""

    exit_code = 2


class ConfigError(UsageError):
    """Invalid settings; `problems` lists all of them, one line each."""

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            message = self.problems[0]
        else:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            message = f"{len(self.problems)} problems with the settings:{lines}"
        super().__init__(message, hint=hint)


class UnknownName(UsageError):
    """An unknown name; the message suggests the closest known name, and lists all of them."""

    def __init__(
        self, kind: str, name: str, known_names: Iterable[str], *, suggestion: str | None = None
    ) -> None:
        if suggestion is not None:
            super().__init__(f"unknown {kind} '{name}': did you mean {suggestion}?")
        else:
            super().__init__(unknown_name_message(kind, name, known_names))


class UnknownKeyword(UsageError, TypeError):
    """A keyword argument that a function does not have; it is also a TypeError, as in Python."""


class MissingPackage(UsageError, ImportError):
    """An optional package that is not installed; it is also an ImportError, as in Python."""


class StudyExists(UsageError):
    """A study of that name exists with another search space, objective or seeds."""


class DataError(NnlabError):
    """A data set that is missing, malformed or unusable for the task."""


class TableProblems(DataError):
    """The problems of a table; `fixes` are the settings by field that solve them."""

    def __init__(
        self, message: str, *, hint: str | None = None, fixes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.fixes = dict(fixes or {})


class UserCodeError(NnlabError):
    """User code that cannot be found or fails; the message contains its file and line."""


class UserCodeRefused(UserCodeError):
    """User code that a figure or database refers to, but that the command did not name."""


class PluginError(NnlabError):
    """A plugin that is not installed, has changed, cannot be imported or fails."""


class DeviceError(NnlabError):
    """A device that this machine does not have."""


class OutputError(NnlabError):
    """A file or folder that cannot be written."""


class ClosedPipe(OutputError):
    """The reader of standard output has ended, as `head` does; the command ends silently."""

    exit_code = 141  # 128 plus the number of SIGPIPE, as shells report it


class CheckpointError(NnlabError):
    """A checkpoint that is damaged or belongs to another setting."""


class StoreError(NnlabError):
    """The root of all errors of the results database."""


class NoDatabase(StoreError):
    """The database does not exist."""


class NotADatabase(StoreError):
    """The file is not an SQLite database of nnlab, or it is damaged."""


class DatabaseMoved(StoreError):
    """The file of an open database was moved, removed or replaced, so writes would be lost."""


class CorruptRow(StoreError):
    """A row contains values that nnlab never writes."""


class MissingField(CorruptRow, KeyError):
    """A stored setting lacks a field; it is also a KeyError, as mappings raise it."""


class DatabaseLocked(StoreError):
    """Another process held the write lock longer than the busy timeout."""


class ConnectionLost(StoreError):
    """The database server cannot be reached or closed the connection; the call can be retried."""


class DatabaseReadOnly(StoreError):
    """The database or its folder cannot be written."""


class DiskFull(StoreError):
    """No space left on the disk of the database or of an artifact."""


class NewerSchema(StoreError):
    """The schema has a revision that this version of nnlab does not know."""


class OlderSchema(StoreError):
    """The schema has a revision of an earlier version, and may not be upgraded here."""


class UpgradeFailed(StoreError):
    """A migration failed; the database is unchanged."""


class ReadTimeLimit(StoreError):
    """A read transaction took longer than its time limit."""


class LeaseLost(StoreError):
    """The lease of this worker expired, and another worker executes the run now."""


class Interrupted(NnlabError):
    """The user stopped the command; finished epochs are kept."""

    exit_code = 130


class TimeLimitReached(Interrupted):
    """The time limit of a cluster job is near; its script requeues it because of the exit code."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


def unknown_key_message(kind: str, name: str, known_names: Iterable[str]) -> str:
    """The message that a key is unknown, with the closest known key if there is one.

    >>> unknown_key_message("key", "lrr", ["lr", "opt"])
    "unknown key 'lrr': did you mean 'lr'?"
    >>> unknown_key_message("key", "colour", ["lr", "opt"])
    "unknown key 'colour'; nnlab train --help lists the options, whose names are the keys"
    """
    closest = difflib.get_close_matches(name, sorted(known_names), n=1, cutoff=0.6)
    if closest:
        return f"unknown {kind} '{name}': did you mean '{closest[0]}'?"
    return (
        f"unknown {kind} '{name}'; nnlab train --help lists the options, whose names are the keys"
    )


def unknown_name_message(kind: str, name: str, known_names: Iterable[str]) -> str:
    """The message that a name is unknown, with the closest known name and a list of all.

    >>> unknown_name_message("optimizer", "adm", ["sgd", "adam"])
    "unknown optimizer 'adm': did you mean 'adam'? Known: adam, sgd"
    """
    names = sorted(filter(None, known_names))
    closest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    suggestion = f": did you mean '{closest[0]}'?" if closest else "."
    return f"unknown {kind} '{name}'{suggestion} Known: {', '.join(names) or '(none)'}"
