"""A figure to a file: whole or not at all, the same bytes for the same figure."""

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
from nnlab.io.file_origin import read_figure_provenance as provenance_of
from nnlab.io.files import write_atomic

__all__ = ["FORMATS", "Provenance", "check_format", "provenance_of", "render_figure", "save_figure"]

FORMATS = ("pdf", "svg", "png", "eps", "pgf", "tikz")


def save_figure(figure: Figure, path: str | os.PathLike[str], provenance: Provenance) -> None:
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
    write_atomic(target, render_figure(figure, check_format(target), provenance))


def render_figure(figure: Figure, kind: str, provenance: Provenance) -> bytes:
    """The bytes of a file of one of the `FORMATS`."""
    line = FIGURE_KEY + json.dumps(dict(provenance), sort_keys=True)
    with style_context():
        if kind in ("pgf", "tikz"):
            from nnlab.figures.draw.pgf import pgf_picture

            return pgf_picture(figure, f"{kind}picture", [line]).encode()
        drawn = io.BytesIO()
        with flatten_alpha(figure) if kind == "eps" else nullcontext():
            figure.savefig(drawn, format=kind, metadata=_file_metadata(kind, line))
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


def _file_metadata(kind: str, line: str) -> dict[str, Any]:
    """The format's own keys; None takes out a date that matplotlib would add."""
    if kind == "pdf":
        return {"Keywords": line, "CreationDate": None}
    if kind == "svg":
        return {"Description": line, "Date": None}
    return {"Description": line} if kind == "png" else {"Creator": "nnlab"}
