"""The provenance that nnlab writes into its files, read before a file is replaced or redrawn."""

import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nnlab.errors import OutputError
from nnlab.io.files import read_limited

# The start of the line with the provenance in a figure's file.
FIGURE_KEY = "nnlab-figure:"
# The start of the first line of a LaTeX report, and of the last line of a Markdown report.
LATEX_MARK = "% report made by nnlab "
MARKDOWN_MARK = "Made by nnlab "
# The start of the first line of a LaTeX file that an author may edit: a caption, a list of figures.
_TEXT_MARK = "% made by nnlab, replaced unless edited; sha256 of the following lines: "
_HTML_MARK = '<meta name="generator" content="nnlab '

# No figure or report is larger; other files in a folder may have any size.
MAX_FILE_BYTES = 64 << 20
_MAX_METADATA_BYTES = 1 << 20
_HEAD_BYTES = 4096

Provenance = Mapping[str, Any]


def read_figure_provenance(path: Path, *, follow_links: bool = True) -> Provenance | None:
    """The provenance in a figure's file; None for a file that nnlab did not create.

    Raises:
        OSError: the file cannot be read, is not a regular file, or exceeds `MAX_FILE_BYTES`.
    """
    content = read_limited(path, MAX_FILE_BYTES, follow_links=follow_links)
    try:
        line = _find_provenance_line(content, path.suffix.lower())
        if line is None or len(line) > _MAX_METADATA_BYTES:
            return None
        # The file format may add characters after the JSON object.
        provenance, _ = json.JSONDecoder().raw_decode(line)
    except (ValueError, RecursionError):
        return None
    return provenance if isinstance(provenance, dict) else None


def check_replaceable(paths: Iterable[Path], *, force: bool) -> None:
    """Raises an error if writing would replace a file that nnlab did not create.

    Args:
        paths: figures and reports to be written, which may exist.
        force: whether any file may be replaced.

    Raises:
        OutputError: a file exists and has no provenance of nnlab.
    """
    for path in paths:
        if force or not _file_exists(path) or _is_device(path):
            continue
        if not _is_made_by_nnlab(path):
            raise not_replaceable_error(path)


def _is_device(path: Path) -> bool:
    """Whether writing there replaces nothing: a device such as /dev/null, or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_data_replaceable(path: Path, known_hashes: Iterable[object], *, force: bool) -> None:
    """Raises an error if writing would replace a CSV file of plotted data not from nnlab.

    A CSV file has no provenance, because a comment line would break its readers. The provenance of
    the figure contains the SHA-256 of its data file instead.

    Args:
        path: the file to be written.
        known_hashes: the SHA-256 of data files that nnlab wrote, or is about to write.
        force: whether any file may be replaced.

    Raises:
        OutputError: the file exists and has another content.
    """
    if not force and _file_exists(path) and not has_known_hash(path, known_hashes):
        raise not_replaceable_error(path)


def has_known_hash(path: Path, known_hashes: Iterable[object]) -> bool:
    """Whether a regular file has one of these SHA-256 hashes; False if it cannot be read."""
    try:
        content = read_limited(path, MAX_FILE_BYTES)
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() in set(map(str, known_hashes))


def marked_text(text: str) -> str:
    """LaTeX text below a comment with its hash, which shows whether an author edited it."""
    return f"{_TEXT_MARK}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def is_unedited_text(path: Path) -> bool:
    """Whether a file is as `marked_text` wrote it; False if it cannot be read."""
    try:
        content = read_limited(path, _MAX_METADATA_BYTES)
    except OSError:
        return False
    first, _, text = content.partition(b"\n")
    return first.decode(errors="replace") == _TEXT_MARK + hashlib.sha256(text).hexdigest()


def not_replaceable_error(path: Path) -> OutputError:
    """The error for a file that would be overwritten."""
    return OutputError(
        f"'{path}' exists and was not created by nnlab: it is not replaced",
        hint="choose another file name; --force replaces it",
    )


def _file_exists(path: Path) -> bool:
    """Whether the path is a file or link; the writer of the file reports a folder."""
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
    """Whether the mark of a report is at its usual position.

    Elsewhere it may belong to a table or figure that was pasted into another document.
    """
    if suffix in (".html", ".htm"):
        return _HTML_MARK.encode() in content[:_HEAD_BYTES]
    if suffix == ".tex":
        return content.startswith(LATEX_MARK.encode())
    return content.rstrip().rpartition(b"\n")[2].startswith(MARKDOWN_MARK.encode())


def _find_provenance_line(content: bytes, suffix: str) -> str | None:
    if suffix == ".pdf":
        return _pdf_keywords(content)
    # Elsewhere in a page it may belong to a figure that another document contains.
    end_of_search = _HEAD_BYTES if suffix == ".html" else len(content)
    index = content.find(FIGURE_KEY.encode(), 0, end_of_search)
    if index < 0:
        return None
    start = index + len(FIGURE_KEY)
    if suffix == ".gif":
        comment = _gif_comment(content, index)
        return comment[len(FIGURE_KEY) :].decode("latin-1")
    if suffix == ".png":
        size = int.from_bytes(content[index - 20 : index - 16], "big")
        return content[start : start + min(size, _MAX_METADATA_BYTES)].decode("latin-1")
    end = content.find(b"\n", start, start + _MAX_METADATA_BYTES)
    text = content[start : end if end >= 0 else start + _MAX_METADATA_BYTES].decode(
        errors="replace"
    )
    return html.unescape(text) if suffix in (".svg", ".html") else text


def _gif_comment(content: bytes, start: int) -> bytes:
    """The comment of a GIF whose text begins at `start`: blocks of at most 255 bytes."""
    text = bytearray()
    position = start - 1  # the length of the first block
    while position < len(content) and content[position] and len(text) <= _MAX_METADATA_BYTES:
        length = content[position]
        text += content[position + 1 : position + 1 + length]
        position += 1 + length
    return bytes(text)


def _pdf_keywords(content: bytes) -> str | None:
    """The provenance in a PDF's Keywords: a string in parentheses, Latin-1 or UTF-16."""
    key = content.find(b"/Keywords ")
    if key < 0:
        return None
    start = key + len(b"/Keywords ")
    value = content[start : start + 4 * _MAX_METADATA_BYTES]
    end = re.search(rb"(?<!\\)\)", value)
    if not value.startswith(b"(") or end is None:
        return None
    raw = re.sub(rb"\\([()\\])", rb"\1", value[1 : end.start()])
    text = raw[2:].decode("utf-16-be") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")
    return text.removeprefix(FIGURE_KEY) if text.startswith(FIGURE_KEY) else None
