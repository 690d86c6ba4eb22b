"""A figure to a file: whole or not at all, the same bytes for the same figure."""

import html
import io
import json
import os
import re
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nnlab.errors import UsageError
from nnlab.files import write_whole
from nnlab.plots.opaque import opaque
from nnlab.plots.style import style

FORMATS = ("pdf", "svg", "png", "eps", "pgf", "tikz")
_KEY = "nnlab-figure:"  # begins the line of a file that says where its figure comes from
Provenance = Mapping[str, Any]


def save(figure: Figure, path: str | os.PathLike[str], provenance: Provenance) -> None:
    """Writes `figure` to `path` in the format of its suffix, one of `FORMATS`.

    `provenance` (run ids, command, version, hash of the numbers) goes into the file's metadata as
    one line of JSON: PDF Keywords, SVG description, PNG text `Description`, a comment elsewhere.
    No date and no path are written, so the same figure from the same versions is the same file
    byte for byte. The file is written beside its place and renamed: an existing figure is
    replaced whole or left alone.

    Raises:
        UsageError: the suffix names none of the formats, or one that cannot hold this figure.
        OutputError: the file cannot be written there.
        DiskFull: no room for it.
    """
    target = Path(path)
    write_whole(target, rendered(figure, check_format(target), provenance))


def rendered(figure: Figure, kind: str, provenance: Provenance) -> bytes:
    """The bytes of a file of one of the `FORMATS`."""
    line = _KEY + json.dumps(dict(provenance), sort_keys=True)
    with style():
        if kind in ("pgf", "tikz"):
            from nnlab.plots.tex import picture

            return picture(figure, f"{kind}picture", [line]).encode()
        drawn = io.BytesIO()
        with opaque(figure) if kind == "eps" else nullcontext():
            figure.savefig(drawn, format=kind, metadata=_metadata(kind, line))
    if kind != "eps":
        return drawn.getvalue()
    head, _, rest = drawn.getvalue().partition(b"\n")
    return head + b"\n%" + line.encode() + b"\n" + re.sub(rb"%%CreationDate: .*\n", b"", rest)


def check_format(path: str | os.PathLike[str]) -> str:
    """The format that a path's suffix names, one of `FORMATS`, in any case.

    Raises:
        UsageError: any other suffix, or none.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix in FORMATS:
        return suffix
    got = f"ends in .{suffix}" if suffix else "has no suffix"
    known = ", ".join(f".{name}" for name in FORMATS[:-1])
    raise UsageError(
        f"'{path}' {got}: a figure is written as {known} or .{FORMATS[-1]}",
        hint="name the file with one of these, for example fig1.pdf",
    )


def provenance_of(path: Path) -> Provenance | None:
    """What `save` wrote into a file about its figure; None of a file that is none of ours.

    Raises:
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    found = _line_in(content, path.suffix.lower())
    if found is None:
        return None
    try:
        # The line may go on with what the format closes it with.
        told, _ = json.JSONDecoder().raw_decode(found)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _line_in(content: bytes, suffix: str) -> str | None:
    if suffix == ".pdf":
        return _of_pdf(content)
    place = content.find(_KEY.encode())
    if place < 0:
        return None
    begin = place + len(_KEY)
    if suffix == ".png":
        size = int.from_bytes(content[begin - len(_KEY) - 20 : begin - len(_KEY) - 16], "big")
        return content[begin : begin + size].decode("latin-1")
    text = content[begin : content.find(b"\n", begin)].decode(errors="replace")
    return html.unescape(text) if suffix == ".svg" else text


def _of_pdf(content: bytes) -> str | None:
    """A PDF's Keywords: a string in parentheses, its own escaped; or hexadecimal UTF-16."""
    at = content.find(b"/Keywords ")
    if at < 0:
        return None
    written = content[at + len(b"/Keywords ") :]
    end = re.search(rb"(?<!\\)\)", written)
    if not written.startswith(b"(") or end is None:
        return None
    raw = re.sub(rb"\\([()\\])", rb"\1", written[1 : end.start()])
    text = raw[2:].decode("utf-16-be") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")
    return text.removeprefix(_KEY) if text.startswith(_KEY) else None


def _metadata(kind: str, line: str) -> dict[str, Any]:
    """The format's own keys; None takes out a date that matplotlib would add."""
    if kind == "pdf":
        return {"Keywords": line, "CreationDate": None}
    if kind == "svg":
        return {"Description": line, "Date": None}
    return {"Description": line} if kind == "png" else {"Creator": "nnlab"}
