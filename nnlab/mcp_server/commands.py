"""Commands that the server runs for a client: train and gate, as processes of their own.

A command may take hours, a client waits for minutes. So a command that has not ended in time goes
on, and the same call later returns its result: `nnlab train` trains nothing twice, and `nnlab
gate` answers a candidate that was tried from its ledger.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from nnlab.errors import NnlabError, UsageError

Option = str | int | float | bool | Sequence[str | int | float]

# The server decides which database is used and where files are written, and its tools train: they
# list, plan and submit nothing. The others execute commands, which no client may choose.
_FIXED_OPTIONS = frozenset(
    {
        "db", "format", "study", "ledger", "help", "artifacts", "dry-run", "launcher",
        "notify", "script", "cmd", "python",
    }
)  # fmt: skip
_OUTPUT_TAIL = 3_000
_FILES = ("output", "errors")


@dataclass(frozen=True, slots=True)
class CommandState:
    """A command: `exit_code` is None while it runs; `output` and `errors` are what it printed."""

    exit_code: int | None
    output: str
    errors: str


@dataclass(slots=True)
class _Started:
    """A process, and its output in the files `output` and `errors` of a folder."""

    process: "subprocess.Popen[bytes]"
    folder: "TemporaryDirectory[str]"
    _end: CommandState | None = None

    def read(self) -> CommandState:
        """Its state. At its end the folder is deleted; callers that come later get the same."""
        if self._end is not None:
            return self._end
        code = self.process.poll()
        output, errors = (_read_text(Path(self.folder.name) / name) for name in _FILES)
        state = CommandState(code, output, errors)
        if code is not None:
            self._end = state
            self.folder.cleanup()
        return state


def _read_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


@dataclass(slots=True)
class CommandRunner:
    """Runs `nnlab` commands on one database, each at most once at a time.

    Attributes:
        database: the path or URL for `--db`.
    """

    database: str
    _started: dict[tuple[str, ...], _Started] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def run(self, words: Sequence[str], wait_seconds: float) -> CommandState:
        """Starts a command, or returns to it if it is running, and waits for its end.

        Args:
            words: the command and its options, without `--db`.
            wait_seconds: how long to wait; the command goes on afterwards.
        """
        key = tuple(words)
        with self._lock:
            started = self._started.get(key)
            if started is None:
                started = self._started[key] = self._start(words)
        with suppress(subprocess.TimeoutExpired):
            started.process.wait(max(wait_seconds, 0.0))
        with self._lock:
            state = started.read()
            # Another caller may have received the end, and the next one have started it again.
            if state.exit_code is not None and self._started.get(key) is started:
                del self._started[key]
        return state

    def _start(self, words: Sequence[str]) -> _Started:
        folder = TemporaryDirectory(prefix="nnlab-mcp-")
        # Pipes would fill up while nobody reads them.
        output, errors = (Path(folder.name) / name for name in _FILES)
        try:
            with output.open("wb") as output_file, errors.open("wb") as errors_file:
                process = subprocess.Popen(  # noqa: S603  no shell; the client may train
                    [sys.executable, "-m", "nnlab", *words, "--db", self.database],
                    stdin=subprocess.DEVNULL,
                    stdout=output_file,
                    stderr=errors_file,
                    # Training goes on if the client ends the server.
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            # Words that are too long for the system, or contain a NUL character.
            folder.cleanup()
            reason = getattr(error, "strerror", None) or error
            raise NnlabError(f"nnlab {words[0]} could not be started: {reason}") from error
        return _Started(process, folder)


def option_words(options: Mapping[str, Option]) -> list[str]:
    """The words of options on the command line.

    Raises:
        UsageError: a name is none, or an option that no client may set.

    >>> option_words({"opt": "adam", "batch_size": 32, "nesterov": True, "lr": [0.1, 0.2]})
    ['--opt=adam', '--batch-size=32', '--nesterov', '--lr=0.1,0.2']
    """
    words = []
    for name, value in options.items():
        option = name.lstrip("-").replace("_", "-")
        if not option or not option.replace("-", "").isalnum():
            raise UsageError(f"'{name}' is no name of an option")
        if option in _FIXED_OPTIONS:
            raise UsageError(f"the option {option} cannot be given here")
        match value:
            case bool():
                words.append(f"--{option}" if value else f"--no-{option}")
            case str() | int() | float():
                words.append(f"--{option}={value}")
            case _:
                words.append(f"--{option}={','.join(map(str, value))}")
    return words


def output_tail(text: str) -> str:
    """The last lines of an output."""
    return text[-_OUTPUT_TAIL:].strip()
