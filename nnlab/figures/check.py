"""Finds figure files and checks whether they show what the database contains now.

Used by `nnlab figures` and `nnlab plot --check`.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.analysis.database_id import database_id
from nnlab.engine import user_code
from nnlab.errors import NnlabError, OutputError, UsageError, UserCodeRefused
from nnlab.figures import prepare_figure
from nnlab.figures.draw.save import ANIMATION_FORMATS, FORMATS, PAGE_FORMATS
from nnlab.figures.kind_table import KINDS
from nnlab.figures.page import use_page
from nnlab.figures.plugin_figures import FIGURE_PLUGINS
from nnlab.figures.provenance import FigureRequest, plot_command, request_from_provenance
from nnlab.io.file_origin import read_figure_provenance
from nnlab.version import nnlab_version

# Folders that contain the files of other programs.
_SKIPPED_FOLDERS = ("node_modules", "__pycache__", "site-packages")
# The largest values that the options of a command accept; a figure file may contain any value.
_MAX_OPTION_VALUES = {"grid": 201, "directions": 100, "examples": 1_000_000, "steps": 1_000_000,
            "count": 200, "bins": 100, "top": 1_000_000, "batch_size": 4096}  # fmt: skip
_SUFFIXES = (*FORMATS, *ANIMATION_FORMATS, *PAGE_FORMATS)
# Weights of a model that is built to check a figure of `plot init`.
_MAX_INIT_WEIGHTS = 10**8


class FigureState(StrEnum):
    """Whether a figure shows what the database contains now.

    FRESH: the same numbers. STALE: other numbers. GONE: the figure can no longer be drawn.
    UNKNOWN: it cannot be checked.
    """

    FRESH = "fresh"
    STALE = "stale"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """The result of checking a figure file; `request` is None if the file does not contain it."""

    path: Path
    request: FigureRequest | None
    state: FigureState
    reason: str
    command: str


def check_figure(
    db: store.Database, path: Path, *, follow_links: bool = True
) -> FigureCheck | None:
    """Whether a figure shows what the database contains now; None for files not drawn by nnlab.

    The provenance in the file is untrusted, so checking it executes no user code.

    Raises:
        OutputError: the file cannot be read.
    """
    try:
        stored = read_figure_provenance(path, follow_links=follow_links)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
    if stored is None:
        return None
    try:
        return _compare_with_database(db, path, stored)
    except Exception as error:  # noqa: BLE001  arbitrary values in one file must not prevent checking the others
        reason = f"invalid provenance in the file: {type(error).__name__}"
        return FigureCheck(path, None, FigureState.UNKNOWN, reason, "")


def check_listed_figure(
    db: store.Database, path: Path, *, follow_links: bool
) -> FigureCheck | None:
    """As `check_figure`, but a file that cannot be read is UNKNOWN instead of an error."""
    try:
        return check_figure(db, path, follow_links=follow_links)
    except OutputError as error:
        return FigureCheck(path, None, FigureState.UNKNOWN, error.message, "")


def find_figure_files(places: Iterable[Path]) -> Iterator[Path]:
    """Files with the suffix of a figure in folders and their subfolders, and all files in `places`.

    Raises:
        UsageError: a file or folder does not exist.
    """
    for place in places:
        if place.is_dir():
            for path in sorted(place.rglob("*")):
                parts = path.relative_to(place).parts
                hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in parts)
                if hidden or (path.is_dir() and not path.is_symlink()):
                    continue
                if path.suffix.lower().removeprefix(".") in _SUFFIXES:
                    yield path
        elif place.is_symlink() or place.exists():
            yield place
        else:
            raise UsageError(f"{place}: no such file or folder")


def _compare_with_database(
    db: store.Database, path: Path, stored: Mapping[str, Any]
) -> FigureCheck:
    request = request_from_provenance(stored)
    if request is None:
        reason = "drawn by another command than nnlab plot"
        return FigureCheck(path, None, FigureState.UNKNOWN, reason, "")
    command = plot_command(request, path)
    problem = untrusted_request_problem(request, stored)
    if problem is not None:
        return FigureCheck(path, request, FigureState.UNKNOWN, problem, command)
    try:
        with (
            user_code.forbid_execution("it is not known whether the code may be trusted"),
            use_page(request.page),
        ):
            figure = prepare_figure(db, request.kind, request.words, request.options)
    except UserCodeRefused as error:
        return FigureCheck(path, request, FigureState.UNKNOWN, str(error), command)
    except (NnlabError, TypeError) as error:
        return FigureCheck(path, request, FigureState.GONE, str(error), command)
    if figure.table.sha256 != stored.get("data"):
        reason = _reason_for_difference(db, stored)
        return FigureCheck(path, request, FigureState.STALE, reason, command)
    if stored.get("nnlab") != nnlab_version():
        reason = f"the same numbers; drawn by nnlab {stored.get('nnlab')}"
        return FigureCheck(path, request, FigureState.FRESH, reason, command)
    return FigureCheck(path, request, FigureState.FRESH, "the same numbers", command)


def untrusted_request_problem(request: FigureRequest, stored: Mapping[str, Any]) -> str | None:
    """Why a figure that a file requests cannot be prepared safely; None if it can.

    Args:
        request: the figure.
        stored: the provenance that it was read from.
    """
    for part in request.parts:
        problem = untrusted_request_problem(part, {})
        if problem is not None:
            return f"{part.kind}: {problem}"
    if request.kind not in KINDS and FIGURE_PLUGINS.find(request.kind) is None:
        package = stored.get("plugin") or request.kind
        return f"needs the figure plugin of {package}, which is not installed"
    if _names_a_file(request):
        # Code or data named by an untrusted file is neither executed nor read.
        return "its settings name a file, which is not opened for a check"
    if _is_out_of_range(request):
        return "its options exceed the limits of the command"
    if request.options.get("over_epochs"):
        return "its run would have to be trained again, which a check does not do"
    return None


def _reason_for_difference(db: store.Database, stored: Mapping[str, Any]) -> str:
    """Why the table of a figure is not the one that is prepared now."""
    first_run = re.match(r"\d{1,18}", str(stored.get("runs", "")))
    stored_id = stored.get("database_id")
    if first_run and stored_id and database_id(db, [int(first_run[0])]) != stored_id:
        return f"drawn from another database, {stored.get('database') or 'id'} {stored_id}"
    if stored.get("nnlab") != nnlab_version():
        return f"the table differs; drawn by nnlab {stored.get('nnlab')}"
    return "the numbers differ"


def _names_a_file(request: FigureRequest) -> bool:
    """Whether a setting names user code or data, such as `model.py:Net` or `csv:points.csv`."""
    settings = request.options.get("settings", {})
    lists = [value if isinstance(value, list) else [value] for value in settings.values()]
    texts = [str(value) for values in lists for value in values]
    return any(part in text for text in texts for part in (":", "/", "\\", ".py"))


def _is_out_of_range(request: FigureRequest) -> bool:
    """Whether drawing the figure could take unlimited time or memory."""
    options = request.options
    if any(
        isinstance(value, int | float) and not value <= _MAX_OPTION_VALUES.get(name, math.inf)
        for name, value in options.items()
    ):
        return True
    settings = options.get("settings", {})
    width, depth = (_largest_integer(settings.get(name, 1)) for name in ("width", "depth"))
    return request.kind == "init" and width * width * depth > _MAX_INIT_WEIGHTS


def _largest_integer(value: Any) -> int:
    """The largest integer in the text of a setting, such as `8,16` or `2..64`."""
    texts = value if isinstance(value, list | tuple) else [value]
    return max(
        (int(digits) for text in texts for digits in re.findall(r"\d+", str(text))), default=1
    )
