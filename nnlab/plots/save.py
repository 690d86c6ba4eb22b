"""A figure to a file: whole or not at all, the same bytes for the same figure."""

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from nnlab.errors import OutputError, UsageError
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
    """
    target = Path(path)
    kind = check_format(target)
    _check_place(target)
    target = target.resolve()  # through a link, so that the link stays one
    beside = target.with_name(f".nnlab-{os.getpid()}-{id(figure):x}.part")
    try:
        with style():
            figure.savefig(beside, format=kind, metadata=_metadata(kind, provenance))
        beside.replace(target)
    except OSError as error:
        raise _output_error(target, error) from error
    finally:
        _remove(beside)


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


def _check_place(target: Path) -> None:
    folder = target.parent
    if target.is_dir():
        raise OutputError(f"'{target}' is a folder", hint=f"name a file in it: {target}/curves.pdf")
    if not folder.exists():
        raise OutputError(
            f"cannot write '{target}': the folder '{folder}' does not exist",
            hint=f"make it first: mkdir -p {folder}",
        )
    if not folder.is_dir():
        raise OutputError(
            f"cannot write '{target}': '{folder}' is a file, not a folder",
            hint="name another place with -o",
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(
            f"cannot write '{target}': the file is read-only",
            hint="make it writable, or name another file with -o",
        )


def _metadata(kind: str, provenance: Mapping[str, str]) -> dict[str, Any]:
    """The format's own keys; None takes out a date that matplotlib would add."""
    line = json.dumps(dict(provenance), sort_keys=True)
    if kind == "pdf":
        return {"Keywords": line, "CreationDate": None}
    if kind == "svg":
        return {"Description": line, "Date": None}
    return {"Description": line}


def _output_error(target: Path, error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"cannot write '{target}': no room left on the disk",
            hint="free some room, or name a file on another disk with -o",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"cannot write '{target}': no permission to write in '{target.parent}'",
            hint="name another place with -o",
        )
    reason = error.strerror or str(error)
    return OutputError(f"cannot write '{target}': {reason}", hint="name another place with -o")


def _remove(part: Path) -> None:
    # A failure means that the folder is gone or closed to us: nothing of ours can be left in it.
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)
