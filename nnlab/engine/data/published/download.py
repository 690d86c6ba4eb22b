"""Download of published data sets; a file is saved atomically after its checksum is verified."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from nnlab.engine.data.published.sources import SOURCES, PublishedFile, PublishedSource
from nnlab.errors import DataError
from nnlab.io.files import write_atomic

# Called with the name of the file, the bytes received, and the size (None if unknown).
DownloadProgress = Callable[[str, int, int | None], None]

_CHUNK_BYTES = 1 << 18
_TIMEOUT_SECONDS = 30.0  # without receiving a byte


def download(
    name: str,
    folder: Path,
    progress: DownloadProgress | None = None,
    base_urls: Sequence[str] = (),
) -> None:
    """Downloads the files of a data set that are missing in a folder.

    Args:
        name: a key of `SOURCES`.
        folder: the folder, created if it does not exist.
        progress: called for each received chunk.
        base_urls: URLs to use instead of those in `SOURCES`, each ending with a slash.

    Raises:
        DataError: no URL serves a file with the right checksum; the message says where to put the
            file by hand.
        OutputError, DiskFull: the folder cannot be written.
    """
    source = SOURCES[name]
    for file in source.files:
        if not (folder / file.name).is_file():
            raw = _download_from_any(
                name, source, file, folder, tuple(base_urls) or source.base_urls, progress
            )
            folder.mkdir(parents=True, exist_ok=True)
            write_atomic(folder / file.name, raw)


def _download_from_any(
    name: str,
    source: PublishedSource,
    file: PublishedFile,
    folder: Path,
    base_urls: Sequence[str],
    progress: DownloadProgress | None,
) -> bytes:
    """The content of a file from the first URL that serves it with the right checksum."""
    reasons = []
    for base_url in base_urls:
        try:
            raw = _fetch_url(base_url + file.name, file.name, progress)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{base_url}{file.name}: {_error_reason(error)}")
            continue
        if file.verified_content(raw) is not None:
            return raw
        reasons.append(f"{base_url}{file.name}: the checksum differs")
    names = ", ".join(source_file.name for source_file in source.files)
    package = f", or apt install {source.package_name}" if source.package_name else ""
    raise DataError(
        f"{name} is not on this machine and cannot be downloaded ({'; '.join(reasons)});"
        f" save {names} in {folder}",
        hint=f"--data {name}:FOLDER reads them from any folder{package}",
    )


def _fetch_url(url: str, name: str, progress: DownloadProgress | None) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "nnlab"})  # noqa: S310  http(s) only
    received = bytearray()
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        while chunk := response.read(_CHUNK_BYTES):
            received += chunk
            if progress is not None:
                progress(name, len(received), total)
    return bytes(received)


def _error_reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        cause = error.reason
        return (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(cause)
    return str(error) or type(error).__name__
