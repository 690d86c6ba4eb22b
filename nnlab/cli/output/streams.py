# ruff: noqa: RUF001  signs that look alike are what this file tells apart
"""Standard output and standard error whose failures are errors with a message."""

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from nnlab.errors import ClosedPipe, OutputError

# What ASCII shows in place of the signs that nnlab prints itself.
_ASCII_SUBSTITUTES = {
    "─": "-", "–": "-", "−": "-", "±": "+-", "×": "x", "·": "*", "…": "...", "→": "->", "≤": "<=",
    "≥": ">=", "≈": "~",
}  # fmt: skip


class CheckedOutput:
    """Standard output that raises OutputError, or ClosedPipe, where it cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As of a file."""
        with _translate_write_errors():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As of a file."""
        with _translate_write_errors():
            self._stream.writelines(lines)

    def flush(self) -> None:
        """As of a file."""
        with _translate_write_errors():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class OptionalOutput(CheckedOutput):
    """Standard error: where it cannot be written, the command goes on without it."""

    def write(self, text: str) -> int:
        """As of a file."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As of a file."""
        with contextlib.suppress(OSError):
            self._stream.writelines(lines)

    def flush(self) -> None:
        """As of a file."""
        with contextlib.suppress(OSError):
            self._stream.flush()


@contextlib.contextmanager
def checked_streams() -> Iterator[None]:
    """Within it, standard output and error are checked, and replace what they cannot encode."""
    before = sys.stdout, sys.stderr
    out, err = (stream or _null_device() for stream in before)
    with _replace_unencodable(out), _replace_unencodable(err):
        checked = CheckedOutput(out) if before[0] is not None else _ClosedOutput(out)
        sys.stdout, sys.stderr = cast(TextIO, checked), cast(TextIO, OptionalOutput(err))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def _null_device() -> TextIO:
    """What takes the number of a closed descriptor, for which Python has no stream.

    Else the next file that is opened, perhaps the database, gets it, and what is printed.
    """
    return Path(os.devnull).open("w", encoding="utf-8")


class _ClosedOutput(CheckedOutput):
    """Standard output that was closed before the command began."""

    def write(self, text: str) -> int:
        """Raises OutputError."""
        raise OutputError(
            f"cannot write {len(text):,} characters to standard output: it is closed",
            hint="send it to a file or a pipe",
        )

    def writelines(self, lines: Iterable[str]) -> None:
        """Raises OutputError."""
        self.write("".join(lines))


@contextlib.contextmanager
def _translate_write_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedPipe("the reader of standard output has ended") from error
    except OSError as error:
        raise OutputError(
            f"cannot write to standard output: {error.strerror or error}",
            hint="free some room, or send it to another file",
        ) from error


@contextlib.contextmanager
def _replace_unencodable(stream: TextIO) -> Iterator[None]:
    """Within it, a stream replaces letters that its encoding lacks instead of failing."""
    errors = stream.errors if isinstance(stream, io.TextIOWrapper) else None
    if not isinstance(stream, io.TextIOWrapper) or errors not in ("strict", "surrogateescape"):
        yield
        return
    stream.reconfigure(errors="nnlab_replace")
    try:
        yield
    finally:
        # An output that is broken cannot be changed back, for that would flush it first.
        with contextlib.suppress(OSError):
            stream.reconfigure(errors=errors)


def _ascii_replacement(error: UnicodeError) -> tuple[str, int]:
    """What is written for letters that an encoding lacks: ASCII that looks similar, or ?."""
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    return "".join(
        _ASCII_SUBSTITUTES.get(letter) or _base_letters(letter) for letter in letters
    ), error.end


def _base_letters(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"


codecs.register_error("nnlab_replace", _ascii_replacement)
