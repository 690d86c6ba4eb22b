"""Short messages to the user of the Python API; each is written to stderr once per process."""

import sys
from contextlib import suppress

_shown: set[str] = set()


def note_once(message: str) -> None:
    """Writes a line to stderr, unless the same line was written before."""
    if message not in _shown:
        _shown.add(message)
        note(message)


def note(message: str) -> None:
    """Writes a line to stderr; a closed stderr is ignored."""
    stream = sys.stderr if sys.stderr is not None else sys.__stderr__
    with suppress(OSError, ValueError, AttributeError):
        stream.write(f"nnlab: {message}\n")  # type: ignore[union-attr]
        stream.flush()  # type: ignore[union-attr]
