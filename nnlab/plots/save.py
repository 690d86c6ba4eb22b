"""A figure to a file: whole or not at all, the same bytes for the same figure."""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nnlab.errors import UsageError
from nnlab.files import write_whole
from nnlab.plots.style import style

FORMATS = ("pdf", "svg", "png")


def save(figure: Figure, path: str | os.PathLike[str], provenance: Mapping[str, str]) -> None:
    """Writes `figure` to `path` in the format of its suffix: .pdf, .svg or .png.

    `provenance` (run ids, query, commit, version) goes into the file's metadata as one line of
    JSON: PDF Keywords, SVG description, PNG text `Description`. No date and no path are written,
    so the same figure from the same versions is the same file byte for byte. The file is
    written beside its place and renamed: an existing figure is replaced whole or left alone.

    Raises:
        UsageError: the suffix names none of the three formats.
        OutputError: the file cannot be written there.
        DiskFull: no room for it.
    """
    target = Path(path)
    kind = check_format(target)
    drawn = io.BytesIO()
    with style():
        figure.savefig(drawn, format=kind, metadata=_metadata(kind, provenance))
    write_whole(target, drawn.getvalue())


def check_format(path: str | os.PathLike[str]) -> str:
    """The format that a path's suffix names: pdf, svg or png, in any case.

    Raises:
        UsageError: any other suffix, or none.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix in FORMATS:
        return suffix
    got = f"ends in .{suffix}" if suffix else "has no suffix"
    raise UsageError(
        f"'{path}' {got}: a figure is written as .pdf, .svg or .png",
        hint="name the file with one of these, for example fig1.pdf",
    )


def _metadata(kind: str, provenance: Mapping[str, str]) -> dict[str, Any]:
    """The format's own keys; None takes out a date that matplotlib would add."""
    line = json.dumps(dict(provenance), sort_keys=True)
    if kind == "pdf":
        return {"Keywords": line, "CreationDate": None}
    if kind == "svg":
        return {"Description": line, "Date": None}
    return {"Description": line}
