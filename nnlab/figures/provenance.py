"""How a figure was made, as its file says it; whether it is still so, and how to make it again."""

import math
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import nnlab
from nnlab import store
from nnlab.config import setting_fields
from nnlab.engine import user_code
from nnlab.errors import NnlabError, OutputError, UsageError, UserCodeRefused
from nnlab.figures import KINDS, prepare_figure
from nnlab.figures.draw.paper import LEGEND_PLACEMENTS, PALETTES, STYLES, Paper
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.io.file_origin import read_figure_provenance
from nnlab.objective import format_exact

# What a figure's file may lie among that is none of ours to look into.
_SKIPPED_FOLDERS = ("node_modules", "__pycache__", "site-packages")
_MAX_WIDTH = 60.0  # inches
# The largest options that a command takes; a figure's file may say anything.
_MAX_OPTION_VALUES = {"grid": 201, "directions": 100, "examples": 1_000_000, "steps": 1_000_000,
            "count": 200, "bins": 100, "top": 1_000_000}  # fmt: skip
# Of a model built for `plot init`, in weights.
_MAX_INIT_WEIGHTS = 10**8


@dataclass(frozen=True, slots=True)
class FigureRequest:
    """A figure as it was asked for: kind, studies or runs, options, and what it is printed on.

    All of it can be written as JSON, and typed as a command.
    """

    kind: str
    words: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    page: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_database(self) -> bool:
        """False of what is drawn of settings that nobody trained."""
        return bool(self.words) or self.kind not in ("lr", "init")


class FigureState(StrEnum):
    """Whether a figure shows what the database holds."""

    FRESH = "fresh"
    STALE = "stale"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FigureCheck:
    """A file, how it was asked for (None if it does not say), its state, and a word on that."""

    path: Path
    asked: FigureRequest | None
    state: FigureState
    why: str
    command: str


def paper_from_options(page: Mapping[str, Any]) -> Paper:
    """The paper of a page's options: venue, columns, width, style, palette, legend.

    Raises:
        UsageError: columns without a venue, or of one that has them not; a width out of range;
            a name that is none.
    """
    from dataclasses import replace

    from nnlab.figures.draw.venues import paper_for_venue

    columns = page.get("columns")
    name = page.get("venue")
    if columns is not None and name is None:
        raise UsageError("--columns says how wide a venue's page is", hint="add --venue icml")
    chosen = Paper() if name is None else paper_for_venue(_require_known("venue", name), columns)
    width = page.get("width")
    if width is not None and not 1.0 <= width <= _MAX_WIDTH:
        raise UsageError(f"--width is in inches, from 1 to {_MAX_WIDTH:g}; got {width:g}")
    changed = {key: page[key] for key in ("style", "palette", "legend") if page.get(key)}
    for key, value in changed.items():
        _require_known(key, value)
    return replace(chosen, **changed, **({} if width is None else {"width": width}))


def _require_known(what: str, name: str) -> str:
    from nnlab.errors import UnknownName
    from nnlab.figures.draw.venues import VENUES

    known = {"venue": VENUES, "style": STYLES, "palette": PALETTES, "legend": LEGEND_PLACEMENTS}[
        what
    ]
    if name not in known:
        raise UnknownName(what, name, known)
    return name


def build_provenance(
    db: store.Database | None, asked: FigureRequest, picture: PreparedFigure
) -> Mapping[str, Any]:
    """What a figure's file says of itself, all of it JSON."""
    commits = _git_commits(db, picture.runs) if db is not None else []
    return {
        "nnlab": nnlab.__version__,
        "kind": asked.kind,
        "words": list(asked.words),
        "options": dict(asked.options),
        "page": dict(asked.page),
        "command": plot_command(asked),
        "database": db.address.shown if db is not None else "",
        "runs": format_id_ranges(picture.runs),
        "commits": commits,
        "data": picture.numbers.sha256,
    }


def _git_commits(db: store.Database, runs: Sequence[int]) -> list[str]:
    """The commits that the runs were trained at; one with changes that were not committed: +."""
    found = {
        environment.git_commit + ("+" if environment.git_dirty else "")
        for attempt in store.attempts_of_runs(db, runs)
        if (environment := attempt.environment) is not None and environment.git_commit
    }
    return sorted(found)


def plot_command(asked: FigureRequest, output: Path | None = None) -> str:
    """The line that draws it again.

    >>> command_of(Asked("curves", ("depth",), {"metric": ["loss"], "top": 3}, {"venue": "icml"}))
    'nnlab plot curves depth --metric loss --top 3 --venue icml'
    """
    words = ["nnlab", "plot", asked.kind, *asked.words]
    for name, value in {**asked.options, **asked.page}.items():
        if name == "settings":
            for setting, given in value.items():
                words += _option_words(setting_fields()[setting].flag, given)
        else:
            words += _option_words(f"--{name.replace('_', '-')}", value)
    if output is not None:
        words += ["-o", str(output)]
    return shlex.join(words)


def _option_words(flag: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, list | tuple):
        return [word for one in value for word in (flag, str(one))]
    return [flag, format_exact(value) if isinstance(value, float) else str(value)]


def request_from_provenance(told: Mapping[str, Any]) -> FigureRequest | None:
    """How a figure was asked for, from what its file says; None where it does not say."""
    if not isinstance(told.get("kind"), str) or told["kind"] not in KINDS:
        return None
    words, options, page = (told.get(key) for key in ("words", "options", "page"))
    if not isinstance(words, list) or not isinstance(options, dict) or not isinstance(page, dict):
        return None
    settings = options.get("settings", {})
    if not isinstance(settings, dict) or not settings.keys() <= setting_fields().keys():
        return None
    return FigureRequest(told["kind"], tuple(map(str, words)), options, page)


def check_figure(
    db: store.Database, path: Path, *, follow_links: bool = True
) -> FigureCheck | None:
    """Whether a figure shows what the database holds now; None of a file that is none of ours.

    What the file says of itself was written by whoever sent it: no code is executed for it.

    Raises:
        OutputError: the file cannot be read.
    """
    try:
        told = read_figure_provenance(path, follow_links=follow_links)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
    if told is None:
        return None
    try:
        return _compare_with_database(db, path, told)
    except Exception as error:  # noqa: BLE001  values of any kind in one file must not end the list
        why = f"what the file says of itself cannot be used: {type(error).__name__}"
        return FigureCheck(path, None, FigureState.UNKNOWN, why, "")


def check_listed_figure(
    db: store.Database, path: Path, *, follow_links: bool
) -> FigureCheck | None:
    """As `check_figure`, of one file among many: that a file cannot be read is its state."""
    try:
        return check_figure(db, path, follow_links=follow_links)
    except OutputError as error:
        return FigureCheck(path, None, FigureState.UNKNOWN, error.message, "")


def _compare_with_database(db: store.Database, path: Path, told: Mapping[str, Any]) -> FigureCheck:
    asked = request_from_provenance(told)
    if asked is None:
        return FigureCheck(
            path, None, FigureState.UNKNOWN, "made by a command that draws it anew", ""
        )
    command = plot_command(asked, path)
    if _names_a_file(asked):
        # Code and data of whoever sent the figure are not run or read here.
        why = "it names a file of its own, which is not opened unasked"
        return FigureCheck(path, asked, FigureState.UNKNOWN, why, command)
    if _is_out_of_range(asked):
        why = "its options are larger than those of any command"
        return FigureCheck(path, asked, FigureState.UNKNOWN, why, command)
    try:
        with user_code.forbid_execution("it is not known whether the code may be trusted"):
            found = prepare_figure(db, asked.kind, asked.words, asked.options)
    except UserCodeRefused as error:
        return FigureCheck(path, asked, FigureState.UNKNOWN, str(error), command)
    except (NnlabError, TypeError) as error:
        return FigureCheck(path, asked, FigureState.GONE, str(error), command)
    if found.numbers.sha256 != told.get("data"):
        return FigureCheck(path, asked, FigureState.STALE, "the numbers differ", command)
    if told.get("nnlab") != nnlab.__version__:
        why = f"the same numbers; drawn by nnlab {told.get('nnlab')}"
        return FigureCheck(path, asked, FigureState.FRESH, why, command)
    return FigureCheck(path, asked, FigureState.FRESH, "the same numbers", command)


def _names_a_file(asked: FigureRequest) -> bool:
    """Whether a setting is somebody's code or data, as `model.py:Net` or `csv:points.csv`."""
    settings = asked.options.get("settings", {})
    told = [str(one) for v in settings.values() for one in (v if isinstance(v, list) else [v])]
    return any(sign in text for text in told for sign in (":", "/", "\\", ".py"))


def _is_out_of_range(asked: FigureRequest) -> bool:
    """Whether drawing it could take any amount of time or memory."""
    options = asked.options
    if any(
        isinstance(value, int | float) and not value <= _MAX_OPTION_VALUES.get(name, math.inf)
        for name, value in options.items()
    ):
        return True
    settings = options.get("settings", {})
    width, depth = (_largest_integer(settings.get(name, 1)) for name in ("width", "depth"))
    return asked.kind == "init" and width * width * depth > _MAX_INIT_WEIGHTS


def _largest_integer(value: Any) -> int:
    """The largest whole number in the text of a setting, as `8,16` or `2..64`."""
    texts = value if isinstance(value, list | tuple) else [value]
    return max(
        (int(digits) for text in texts for digits in re.findall(r"\d+", str(text))), default=1
    )


def find_figure_files(places: Iterable[Path]) -> Iterator[Path]:
    """Files that may be figures, in folders and below, by name; files that are named as they are.

    Raises:
        UsageError: no such file or folder.
    """
    from nnlab.figures.draw.save import FORMATS

    for place in places:
        if place.is_dir():
            for path in sorted(place.rglob("*")):
                below = path.relative_to(place).parts
                hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in below)
                if hidden or (path.is_dir() and not path.is_symlink()):
                    continue
                if path.suffix.lower().removeprefix(".") in FORMATS:
                    yield path
        elif place.is_symlink() or place.exists():
            yield place
        else:
            raise UsageError(f"{place}: no such file or folder")


def format_id_ranges(numbers: Sequence[int]) -> str:
    """Whole numbers, neighbours together.

    >>> spans([1, 2, 3, 7])
    '1-3, 7'
    """
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][-1] + 1:
            found[-1] = [found[-1][0], number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, span)) for span in found)
