"""What files written by nnlab say about their origin, read before such a file is replaced."""

import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nnlab.errors import OutputError
from nnlab.io.files import read_limited

# Begins the line of a figure's file that says where the figure comes from.
FIGURE_KEY = "nnlab-figure:"
# Begins the first line of a LaTeX report, and the last line of a Markdown report.
LATEX_MARK = "% report made by nnlab "
MARKDOWN_MARK = "Made by nnlab "
_HTML_MARK = '<meta name="generator" content="nnlab '

# No figure or report is larger; what else lies in a folder may be of any size.
MAX_FILE_BYTES = 64 << 20
_MAX_METADATA_BYTES = 1 << 20
_HEAD_BYTES = 4096

Provenance = Mapping[str, Any]


def read_figure_provenance(path: Path, *, follow_links: bool = True) -> Provenance | None:
    """What nnlab wrote into a file about its figure; None of a file that nnlab did not make.

    Raises:
        OSError: the file cannot be read, is no regular file, or is larger than `MAX_FILE_BYTES`.
    """
    content = read_limited(path, MAX_FILE_BYTES, follow_links=follow_links)
    try:
        line = _find_provenance_line(content, path.suffix.lower())
        if line is None or len(line) > _MAX_METADATA_BYTES:
            return None
        # The line may go on with what the format closes it with.
        provenance, _ = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return None
    return provenance if isinstance(provenance, dict) else None


def check_replaceable(paths: Iterable[Path], *, force: bool) -> None:
    """Refuses to replace a file that nnlab did not make.

    Args:
        paths: figures and reports that are to be written, whether or not they exist.
        force: replace any file.

    Raises:
        OutputError: a file exists and does not say that nnlab made it.
    """
    for path in paths:
        if force or not _file_exists(path) or _is_device(path):
            continue
        if not _is_made_by_nnlab(path):
            raise not_replaceable_error(path)


def _is_device(path: Path) -> bool:
    """Whether writing there replaces nothing: a device such as /dev/null, or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_data_replaceable(path: Path, known: Iterable[object], *, force: bool) -> None:
    """Refuses to replace a CSV file of numbers drawn that nnlab did not write.

    A CSV file cannot say who wrote it: a comment line would break its readers. A figure says the
    SHA-256 of its numbers instead.

    Args:
        path: the file to be written.
        known: SHA-256 of data files that nnlab wrote, or is about to write.
        force: replace any file.

    Raises:
        OutputError: the file exists and has another content.
    """
    if not force and _file_exists(path) and not has_known_hash(path, known):
        raise not_replaceable_error(path)


def has_known_hash(path: Path, known: Iterable[object]) -> bool:
    """Whether a regular file has one of these SHA-256 hashes; False where it cannot be read."""
    try:
        content = read_limited(path, MAX_FILE_BYTES)
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() in set(map(str, known))


def not_replaceable_error(path: Path) -> OutputError:
    """The error for a file that would be lost."""
    return OutputError(
        f"'{path}' exists and was not made by nnlab: it is not replaced",
        hint="name another file; --force replaces it",
    )


def _file_exists(path: Path) -> bool:
    """Whether something lies there; a folder in the way is told by who writes the file."""
    return path.is_symlink() or (path.exists() and not path.is_dir())


def _is_made_by_nnlab(path: Path) -> bool:
    suffix = path.suffix.lower()
    try:
        if suffix in (".html", ".htm", ".md", ".markdown", ".tex"):
            return _is_report(read_limited(path, MAX_FILE_BYTES), suffix)
        return read_figure_provenance(path) is not None
    except OSError:
        return False


def _is_report(content: bytes, suffix: str) -> bool:
    """Looked for where a report has it: a table or figure pasted elsewhere carries marks too."""
    if suffix in (".html", ".htm"):
        return _HTML_MARK.encode() in content[:_HEAD_BYTES]
    if suffix == ".tex":
        return content.startswith(LATEX_MARK.encode())
    return content.rstrip().rpartition(b"\n")[2].startswith(MARKDOWN_MARK.encode())


def _find_provenance_line(content: bytes, suffix: str) -> str | None:
    if suffix == ".pdf":
        return _pdf_keywords(content)
    place = content.find(FIGURE_KEY.encode())
    if place < 0:
        return None
    begin = place + len(FIGURE_KEY)
    if suffix == ".png":
        size = int.from_bytes(content[place - 20 : place - 16], "big")
        return content[begin : begin + min(size, _MAX_METADATA_BYTES)].decode("latin-1")
    end = content.find(b"\n", begin, begin + _MAX_METADATA_BYTES)
    text = content[begin : end if end >= 0 else begin + _MAX_METADATA_BYTES].decode(
        errors="replace"
    )
    return html.unescape(text) if suffix == ".svg" else text


def _pdf_keywords(content: bytes) -> str | None:
    """A PDF's Keywords: a string in parentheses, its own escaped; or hexadecimal UTF-16."""
    at = content.find(b"/Keywords ")
    if at < 0:
        return None
    begin = at + len(b"/Keywords ")
    written = content[begin : begin + 4 * _MAX_METADATA_BYTES]
    end = re.search(rb"(?<!\\)\)", written)
    if not written.startswith(b"(") or end is None:
        return None
    raw = re.sub(rb"\\([()\\])", rb"\1", written[1 : end.start()])
    text = raw[2:].decode("utf-16-be") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")
    return text.removeprefix(FIGURE_KEY) if text.startswith(FIGURE_KEY) else None
