"""Content of compressed files (.gz, .bz2, .xz, .zip with one member), limited in size."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nnlab.errors import DataError
from nnlab.io.files import open_regular

_OPENERS: Mapping[str, Callable[[Any], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zip": lambda file: _open_only_member(zipfile.ZipFile(file)),
}
COMPRESSED_SUFFIXES = tuple(_OPENERS)


def bare_name(path: Path) -> Path:
    """The path without the suffix of its compression.

    >>> bare_name(Path("a/b.csv.gz")).name
    'b.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in _OPENERS else path


@contextmanager
def open_decompressed(path: Path) -> Iterator[IO[bytes]]:
    """The content of a regular file, decompressed if its suffix names a compression.

    Raises:
        OSError: the file cannot be opened.
        DataError: the compressed file is damaged; also while it is read.
    """
    opener = _OPENERS.get(path.suffix.lower())
    with open_regular(path) as file:
        if opener is None:
            yield file
            return
        try:
            with opener(file) as content:
                yield content
        except (
            zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError, RuntimeError,
            NotImplementedError, gzip.BadGzipFile,
        ) as error:  # fmt: skip
            raise DataError(f"{path} is damaged: {error}") from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise DataError(f"{path} is damaged: {error}") from None  # bz2 has no exception class


def read_decompressed(path: Path, limit: int) -> bytes:
    """The content of a file of at most `limit` bytes after decompression.

    Raises:
        OSError: the file cannot be read.
        DataError: the content is larger, or damaged.
    """
    with open_decompressed(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit:,} bytes"
        raise DataError(f"cannot read {path}: larger than the limit of {size}")
    return content


def _open_only_member(archive: zipfile.ZipFile) -> IO[bytes]:
    members = [info for info in archive.infolist() if not info.is_dir()]
    if len(members) != 1:
        names = ", ".join(info.filename for info in members[:5])
        raise zipfile.BadZipFile(
            f"it must have exactly one file, and has {len(members)}: {names or 'nothing'}"
        )
    return archive.open(members[0])
