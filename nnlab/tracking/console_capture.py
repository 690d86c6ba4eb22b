"""Records what a program prints, on request: a copy of stdout and stderr in the run's folder."""

import contextlib
import sys
import threading
from pathlib import Path
from typing import Any

from nnlab.io.redaction import mask_secrets

OUTPUT_NAME = "output.txt"
# Of a longer output, the beginning is kept.
MAX_OUTPUT_BYTES = 16 << 20
# Text without a line break is masked and written in parts of this length.
_MAX_LINE = 10_000


class ConsoleCapture:
    """Copies stdout and stderr to a file; secrets are masked, and the size is limited."""

    def __init__(self, path: Path, max_bytes: int = MAX_OUTPUT_BYTES) -> None:
        """Copies from now on.

        Args:
            path: the file; output of earlier attempts is kept.
            max_bytes: the size after which nothing is added.
        """
        self._lock = threading.Lock()
        self._incomplete = {"stdout": "", "stderr": ""}
        self._file = path.open("ab")
        self._room = max_bytes - self._file.tell()
        self._originals = sys.stdout, sys.stderr
        self._copies = _Copy(sys.stdout, "stdout", self), _Copy(sys.stderr, "stderr", self)
        sys.stdout, sys.stderr = self._copies

    def add(self, name: str, text: str) -> None:
        """Adds printed text; whole lines are written."""
        with self._lock:
            pending = self._incomplete[name] + text
            end = max(pending.rfind("\n"), pending.rfind("\r")) + 1
            if not end and len(pending) > _MAX_LINE:
                end = len(pending)
            self._incomplete[name] = pending[end:]
            if end:
                self._write(pending[:end])

    def close(self) -> None:
        """Restores stdout and stderr, unless the program has replaced them since."""
        if sys.stdout is self._copies[0]:
            sys.stdout = self._originals[0]
        if sys.stderr is self._copies[1]:
            sys.stderr = self._originals[1]
        with self._lock:
            self._write("".join(self._incomplete.values()))
            self._incomplete = {"stdout": "", "stderr": ""}
            self._room = 0
            self._file.close()

    def _write(self, text: str) -> None:
        if self._room <= 0 or not text:
            return
        content = mask_secrets(text).encode(errors="replace")
        if len(content) > self._room:
            content = content[: self._room] + b"\n[... the rest is left out ...]\n"
        self._room -= len(content)
        with contextlib.suppress(OSError, ValueError):  # a full disk must not stop the program
            self._file.write(content)
            self._file.flush()


class _Copy:
    """A stream that also hands its text to a capture."""

    def __init__(self, stream: Any, name: str, capture: ConsoleCapture) -> None:
        self._stream, self._name, self._capture = stream, name, capture

    def write(self, text: str) -> int:
        written: int = self._stream.write(text)
        self._capture.add(self._name, text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
