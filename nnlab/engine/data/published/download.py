"""Getting the files of a published set: checked before they are kept, whole or not at all."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from nnlab.engine.data.published.sources import SOURCES, PublishedFile, PublishedSource
from nnlab.errors import DataError
from nnlab.io.files import write_atomic

# Told the name of the file, bytes so far, and all there are to come (None: the server is silent).
DownloadProgress = Callable[[str, int, int | None], None]

_CHUNK_BYTES = 1 << 18
_TIMEOUT_SECONDS = 30.0  # without a byte, and the server is given up


def download(
    name: str, into: Path, progress: DownloadProgress | None = None, homes: Sequence[str] = ()
) -> None:
    """Downloads the files of a set that a folder does not have yet.

    Args:
        name: a key of `SOURCES`.
        into: the folder; made if it is not there.
        progress: told of each piece.
        homes: addresses to ask in place of the set's own, each ending in a slash.

    Raises:
        DataError: no address gives a file, or gives another one; says where to put it by hand.
        OutputError, DiskFull: the folder cannot be written.
    """
    source = SOURCES[name]
    for file in source.files:
        if not (into / file.name).is_file():
            raw = _download_from_any(
                name, source, file, into, tuple(homes) or source.homes, progress
            )
            into.mkdir(parents=True, exist_ok=True)
            write_atomic(into / file.name, raw)


def _download_from_any(
    name: str,
    source: PublishedSource,
    file: PublishedFile,
    into: Path,
    homes: Sequence[str],
    progress: DownloadProgress | None,
) -> bytes:
    """The file from the first address that gives it."""
    reasons = []
    for home in homes:
        try:
            raw = _fetch_url(home + file.name, file.name, progress)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{home}{file.name}: {_error_reason(error)}")
            continue
        if file.content(raw) is not None:
            return raw
        reasons.append(f"{home}{file.name}: another file, its checksum differs")
    names = ", ".join(one.name for one in source.files)
    package = f", or apt install {source.package_name}" if source.package_name else ""
    raise DataError(
        f"{name} is not on this machine and cannot be downloaded ({'; '.join(reasons)});"
        f" put {names} into {into}",
        hint=f"--data {name}:FOLDER reads them from any folder{package}",
    )


def _fetch_url(address: str, name: str, progress: DownloadProgress | None) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": "nnlab"})  # noqa: S310  http(s) only
    pieces = bytearray()
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        while piece := answer.read(_CHUNK_BYTES):
            pieces += piece
            if progress is not None:
                progress(name, len(pieces), total)
    return bytes(pieces)


def _error_reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        inner = error.reason
        return (inner.strerror or str(inner)) if isinstance(inner, OSError) else str(inner)
    return str(error) or type(error).__name__
