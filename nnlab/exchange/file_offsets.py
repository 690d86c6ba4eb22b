"""How far the binary files of a run have been read; readers keep it in their position."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from nnlab.exchange.log_reader import JsonValue
from nnlab.io.files import open_regular

# Enough to tell files apart: the first record has a time in microseconds, or a checksum of an id.
_HEAD_BYTES = 32


class FileOffsets:
    """For each file the first bytes, which identify it, and the position after what was read."""

    def __init__(self) -> None:
        self._offsets: dict[str, tuple[str, int]] = {}

    def get(self, path: Path) -> int:
        """Where the reading of a file begins."""
        return self._offsets.get(_key(path), ("", 0))[1]

    def set(self, path: Path, head: str, offset: int) -> None:
        """Remembers that a file, whose head `read_head` gave, was read up to a position."""
        self._offsets[_key(path)] = head, offset

    def are_valid(self, paths: Iterable[Path]) -> bool:
        """Whether each file still begins with what was read of it.

        Raises:
            OSError: a file cannot be read.
        """
        for path in paths:
            head, offset = self._offsets.get(_key(path), ("", 0))
            if offset and (path.stat().st_size < offset or not read_head(path).startswith(head)):
                return False
        return True

    def state(self) -> Mapping[str, JsonValue]:
        """The offsets as JSON, from which `restore` continues."""
        return {key: [head, offset] for key, (head, offset) in self._offsets.items()}

    @classmethod
    def restore(cls, state: JsonValue) -> "FileOffsets":
        """The offsets of an earlier reading; values of other types are ignored."""
        offsets = cls()
        for key, value in state.items() if isinstance(state, Mapping) else ():
            match value:
                case [str(head), int(offset)] if offset >= 0:
                    offsets._offsets[key] = head, offset
        return offsets


def read_head(path: Path) -> str:
    """The first bytes of a file in hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with open_regular(path, follow_links=False) as file:
        return file.read(_HEAD_BYTES).hex()


def _key(path: Path) -> str:
    """A name for a file that does not depend on where the folder of the run is."""
    return f"{path.parent.name}/{path.name}"
