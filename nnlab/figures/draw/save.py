"""Writes figures to files: atomically, and with the same bytes for the same figure."""

import io
import json
import os
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nnlab.errors import UsageError
from nnlab.figures.draw.flatten_alpha import flatten_alpha
from nnlab.figures.draw.style import style_context
from nnlab.io.file_origin import FIGURE_KEY, Provenance
from nnlab.io.files import write_atomic

FORMATS = ("pdf", "svg", "png", "eps", "pgf", "tikz")


def save_figure(figure: Figure, path: str | os.PathLike[str], provenance: Provenance) -> None:
    """Writes `figure` to `path` in the format of its suffix, one of `FORMATS`.

    `provenance` (run ids, command, version, hash of the numbers) goes into the file's metadata as
    one line of JSON: PDF Keywords, SVG description, PNG text `Description`, a comment elsewhere.
    No date and no path are written, so the same figure from the same versions gives the same
    bytes. The file is written atomically: an existing figure is replaced or left unchanged.

    Raises:
        UsageError: the suffix is no known format, or the format cannot hold this figure.
        OutputError: the file cannot be written.
        DiskFull: the disk is full.
    """
    target = Path(path)
    write_atomic(target, render_figure(figure, check_format(target), provenance))


def render_figure(figure: Figure, kind: str, provenance: Provenance) -> bytes:
    """The bytes of a file in a format, one of `FORMATS`."""
    line = FIGURE_KEY + json.dumps(dict(provenance), sort_keys=True)
    with style_context():
        if kind in ("pgf", "tikz"):
            # The pgf backend of matplotlib is slow to import.
            from nnlab.figures.draw.pgf import pgf_picture

            return pgf_picture(figure, f"{kind}picture", [line]).encode()
        buffer = io.BytesIO()
        with flatten_alpha(figure) if kind == "eps" else nullcontext():
            figure.savefig(buffer, format=kind, metadata=_file_metadata(kind, line))
    if kind != "eps":
        return buffer.getvalue()
    head, _, rest = buffer.getvalue().partition(b"\n")
    return head + b"\n%" + line.encode() + b"\n" + re.sub(rb"%%CreationDate: .*\n", b"", rest)


def check_format(path: str | os.PathLike[str]) -> str:
    """The format that a path's suffix names, one of `FORMATS`, in any case.

    Raises:
        UsageError: another suffix, or none.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix in FORMATS:
        return suffix
    problem = f"ends in .{suffix}" if suffix else "has no suffix"
    other_formats = ", ".join(f".{name}" for name in FORMATS[:-1])
    raise UsageError(
        f"'{path}' {problem}: a figure is written as {other_formats} or .{FORMATS[-1]}",
        hint="use one of these suffixes, for example fig1.pdf",
    )


def _file_metadata(kind: str, line: str) -> dict[str, Any]:
    """The metadata keys of the format; None removes the date that matplotlib would add."""
    if kind == "pdf":
        return {"Keywords": line, "CreationDate": None}
    if kind == "svg":
        return {"Description": line, "Date": None}
    return {"Description": line} if kind == "png" else {"Creator": "nnlab"}
