"""Writes figures to files: atomically, and with the same bytes for the same figure."""

import io
import json
import os
import re
from collections.abc import Iterable
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
ANIMATION_FORMATS = ("gif", "mp4")
PAGE_FORMATS = ("html",)


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


def save_animation(
    frames: Iterable[Figure], path: str | os.PathLike[str], provenance: Provenance
) -> None:
    """Writes the frames of an animation to `path`, as GIF or MP4; see `save_figure`.

    The provenance is the comment of the file.

    Raises:
        UsageError: the suffix is no format of animations, or ffmpeg is missing.
        OutputError: the file cannot be written.
        DiskFull: the disk is full.
    """
    # PIL is needed only for animations.
    from nnlab.figures.draw.animation import render_animation

    kind = check_format(path, animated=True)
    write_atomic(Path(path), render_animation(frames, kind, _provenance_line(provenance)))


def render_figure(figure: Figure, kind: str, provenance: Provenance) -> bytes:
    """The bytes of a file in a format, one of `FORMATS`."""
    line = _provenance_line(provenance)
    with style_context():
        if kind in ("pgf", "tikz"):
            # The pgf backend of matplotlib is slow to import.
            from nnlab.figures.draw.pgf import pgf_picture

            return pgf_picture(figure, f"{kind}picture", [line]).encode()
        buffer = io.BytesIO()
        with flatten_alpha(figure) if kind == "eps" else nullcontext():
            figure.savefig(buffer, format=kind, metadata=_file_metadata(kind, line))
    if kind == "svg":
        return _number_clip_paths(buffer.getvalue())
    if kind != "eps":
        return buffer.getvalue()
    head, _, rest = buffer.getvalue().partition(b"\n")
    return head + b"\n%" + line.encode() + b"\n" + re.sub(rb"%%CreationDate: .*\n", b"", rest)


def _number_clip_paths(svg: bytes) -> bytes:
    """An SVG file whose clip paths are numbered in the order of their use.

    matplotlib names them by the addresses of objects, which differ from run to run.
    """
    numbers: dict[bytes, int] = {}

    def numbered(match: re.Match[bytes]) -> bytes:
        number = numbers.setdefault(match[2], len(numbers))
        return match[1] + b"clip%d" % number

    return re.sub(rb'(<clipPath id="|clip-path="url\(#)(p[0-9a-f]+)', numbered, svg)


def check_format(
    path: str | os.PathLike[str], *, animated: bool = False, interactive: bool = False
) -> str:
    """The format that a path's suffix names, in any case: one of `FORMATS`.

    Args:
        path: the file.
        animated: whether the figure can be animated, so that `ANIMATION_FORMATS` are allowed too.
        interactive: whether the figure can be an HTML page, so that `PAGE_FORMATS` are allowed too.

    Raises:
        UsageError: another suffix, or none.
    """
    suffix = path_format(path)
    formats = (
        *FORMATS,
        *(ANIMATION_FORMATS if animated else ()),
        *(PAGE_FORMATS if interactive else ()),
    )
    if suffix in formats:
        return suffix
    if suffix in ANIMATION_FORMATS:
        raise UsageError(
            f"'{path}' ends in .{suffix}, and this figure cannot be animated",
            hint="nnlab plot landscape, activations, gradients, histograms and surface can",
        )
    problem = f"ends in .{suffix}" if suffix else "has no suffix"
    other_formats = ", ".join(f".{name}" for name in formats[:-1])
    raise UsageError(
        f"'{path}' {problem}: a figure is written as {other_formats} or .{formats[-1]}",
        hint="use one of these suffixes, for example fig1.pdf",
    )


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether a path has the suffix of an animation."""
    return path_format(path) in ANIMATION_FORMATS


def is_page(path: str | os.PathLike[str]) -> bool:
    """Whether a path has the suffix of an HTML page."""
    return path_format(path) in PAGE_FORMATS


def path_format(path: str | os.PathLike[str]) -> str:
    """The suffix of a path in lower case, without its dot."""
    return Path(path).suffix.lower().removeprefix(".")


def _provenance_line(provenance: Provenance) -> str:
    return FIGURE_KEY + json.dumps(dict(provenance), sort_keys=True)


def _file_metadata(kind: str, line: str) -> dict[str, Any]:
    """The metadata keys of the format; None removes the date that matplotlib would add."""
    if kind == "pdf":
        return {"Keywords": line, "CreationDate": None}
    if kind == "svg":
        return {"Description": line, "Date": None}
    return {"Description": line} if kind == "png" else {"Creator": "nnlab"}
