# ruff: noqa: RUF001  this file distinguishes characters that look alike
"""Standard output and error whose failures become errors with a message; used by `main`."""

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

# ASCII substitutes of the characters that nnlab prints.
_ASCII_SUBSTITUTES = {
    "─": "-", "–": "-", "−": "-", "±": "+/-", "×": "x", "·": "*", "…": "...", "→": "->", "≤": "<=",
    "≥": ">=", "≈": "~",
}  # fmt: skip


class CheckedOutput:
    """Standard output that raises OutputError or ClosedPipe if it cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """See `io.TextIOBase`."""
        with _translate_write_errors():
            return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """See `io.TextIOBase`."""
        with _translate_write_errors():
            self._stream.writelines(lines)

    def flush(self) -> None:
        """See `io.TextIOBase`."""
        with _translate_write_errors():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class OptionalOutput(CheckedOutput):
    """Standard error; failures to write are ignored."""

    def write(self, text: str) -> int:
        """See `io.TextIOBase`."""
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """See `io.TextIOBase`."""
        with contextlib.suppress(OSError):
            self._stream.writelines(lines)

    def flush(self) -> None:
        """See `io.TextIOBase`."""
        with contextlib.suppress(OSError):
            self._stream.flush()


@contextlib.contextmanager
def checked_streams() -> Iterator[None]:
    """Replaces standard output and error by checked streams for the duration of the context.

    The streams substitute characters that their encoding lacks.
    """
    original = sys.stdout, sys.stderr
    out, err = (stream or _null_device() for stream in original)
    with _replace_unencodable(out), _replace_unencodable(err):
        checked = CheckedOutput(out) if original[0] is not None else _ClosedOutput(out)
        sys.stdout, sys.stderr = cast(TextIO, checked), cast(TextIO, OptionalOutput(err))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = original


def _null_device() -> TextIO:
    """A stream that occupies the number of a closed descriptor, for which Python has no stream.

    Otherwise the next opened file, possibly the database, would get that number and receive all
    output.
    """
    return Path(os.devnull).open("w", encoding="utf-8")


class _ClosedOutput(CheckedOutput):
    """Standard output that was closed before the command started."""

    def write(self, text: str) -> int:
        """Raises OutputError."""
        raise OutputError(
            f"cannot write {len(text):,} characters to standard output: it is closed",
            hint="redirect it to a file or a pipe",
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
            hint="free disk space, or redirect it to another file",
        ) from error


@contextlib.contextmanager
def _replace_unencodable(stream: TextIO) -> Iterator[None]:
    """Makes a stream substitute characters that its encoding lacks, within the context."""
    errors = stream.errors if isinstance(stream, io.TextIOWrapper) else None
    if not isinstance(stream, io.TextIOWrapper) or errors not in ("strict", "surrogateescape"):
        yield
        return
    stream.reconfigure(errors="nnlab_replace")
    try:
        yield
    finally:
        # reconfigure flushes the stream, which fails if the output is broken.
        with contextlib.suppress(OSError):
            stream.reconfigure(errors=errors)


def _ascii_replacement(error: UnicodeError) -> tuple[str, int]:
    """The ASCII substitute of letters that an encoding lacks: similar letters, or ?."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(
        _ASCII_SUBSTITUTES.get(letter) or _base_letters(letter) for letter in letters
    ), error.end


def _base_letters(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"


codecs.register_error("nnlab_replace", _ascii_replacement)
