"""CIFAR's binary archives: records of a label and 3x32x32 pixels, red, green and blue planes.

Format: A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version". The archive is read, not
unpacked: nothing in it becomes a path.
"""

import io
import tarfile
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.errors import DataError

SIDE = 32
PIXELS = 3 * SIDE * SIDE


def extract_members(raw: bytes, wanted: Sequence[str], name: str) -> Mapping[str, bytes]:
    """What the wanted files of an archive hold, by their names without folders.

    Raises:
        DataError: it is no archive, or lacks one of them.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
            for member in archive:
                plain = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if member.isfile() else None
                if plain in wanted and file is not None:
                    found[plain] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{name} is no archive that can be read: {error}") from None
    missing = [plain for plain in wanted if plain not in found]
    if missing:
        raise DataError(f"{name} does not hold {', '.join(missing)}")
    return found


def parse_records(
    content: bytes, labels: int, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [n, 3, 32, 32] and their targets [n].

    Args:
        content: of a file of records.
        labels: bytes of labels before the pixels; the last is the class (CIFAR-100 has a coarse
            class before it).
        name: of the file, for the message.

    Raises:
        DataError: the file does not end with a whole record.
    """
    size = labels + PIXELS
    if not content or len(content) % size:
        raise DataError(f"{name} has {len(content):,} bytes, no multiple of {size:,}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    images = rows[:, labels:].reshape(-1, 3, SIDE, SIDE)
    return images, rows[:, labels - 1].astype(np.int64)
