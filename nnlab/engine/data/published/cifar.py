"""CIFAR's binary archives: records of a label and 3x32x32 pixels, red, green and blue planes.

Format: A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version". The archive is read in
memory and never unpacked, so its member names are not used as paths.
"""

import io
import tarfile
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnlab.errors import DataError

SIDE = 32
PIXELS = 3 * SIDE * SIDE


def extract_members(raw: bytes, members: Sequence[str], name: str) -> Mapping[str, bytes]:
    """The contents of members of an archive, by their names without folders.

    Args:
        raw: the archive.
        members: the names of the members.
        name: the name of the archive, for messages.

    Raises:
        DataError: the archive cannot be read, or lacks a member.
    """
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
            for member in archive:
                base_name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if member.isfile() else None
                if base_name in members and file is not None:
                    contents[base_name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{name} is not a readable archive: {error}") from None
    missing = [member for member in members if member not in contents]
    if missing:
        raise DataError(f"{name} does not contain {', '.join(missing)}")
    return contents


def parse_records(
    content: bytes, label_bytes: int, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [n, 3, 32, 32] and their targets [n].

    Args:
        content: content of a file of records.
        label_bytes: number of label bytes before the pixels; the last is the class (CIFAR-100 has a
            coarse class before it).
        name: name of the file, for messages.

    Raises:
        DataError: the size of the file is not a multiple of the size of a record.
    """
    size = label_bytes + PIXELS
    if not content or len(content) % size:
        raise DataError(f"{name} has {len(content):,} bytes, not a multiple of {size:,}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    images = rows[:, label_bytes:].reshape(-1, 3, SIDE, SIDE)
    return images, rows[:, label_bytes - 1].astype(np.int64)
