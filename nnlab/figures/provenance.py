"""The provenance in figure files: the request, its command, runs and commits; for `nnlab plot`."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from nnlab import store
from nnlab.analysis.database_id import database_id
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.paper import LEGEND_PLACEMENTS, PALETTES, STYLES, Paper
from nnlab.figures.draw.venues import VENUES, paper_for_venue
from nnlab.figures.kind_table import KINDS
from nnlab.figures.plugin_figures import FIGURE_PLUGINS
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.io.anonymous import hide_folders
from nnlab.objective import format_exact
from nnlab.settings import setting_field, setting_fields
from nnlab.settings.arguments import is_argument
from nnlab.version import nnlab_version

_MAX_WIDTH = 60.0  # inches
COMPOSED_KIND: Final = "compose"
# The options of a page that all panels of a composed figure share.
PAPER_OPTIONS: Final = ("venue", "columns", "width", "style", "palette", "legend")


@dataclass(frozen=True, slots=True)
class FigureRequest:
    """What a figure shows: kind, studies or runs, options, and the options of the paper.

    It can be stored as JSON and written as a command.
    """

    kind: str
    words: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    page: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple["FigureRequest", ...]:
        """The panels of a composed figure; empty for all other kinds."""
        if self.kind != COMPOSED_KIND:
            return ()
        return tuple(
            FigureRequest(part["kind"], tuple(part["words"]), part["options"], part.get("page", {}))
            for part in self.options.get("parts", ())
        )

    @property
    def needs_database(self) -> bool:
        """False for figures of settings that are not trained."""
        if self.parts:
            return any(part.needs_database for part in self.parts)
        return bool(self.words) or self.kind not in KINDS or not KINDS[self.kind].untrained


def build_provenance(
    db: store.Database | None, request: FigureRequest, figure: PreparedFigure
) -> Mapping[str, Any]:
    """The provenance that is stored in a figure file, as JSON values.

    It names the database without its folder. An anonymous page has neither its name nor commits,
    and no folder in its options.
    """
    is_anonymous = bool(request.page.get("anonymous"))
    if is_anonymous:
        request = _without_folders(request)
    commits = _git_commits(db, figure.runs) if db is not None and not is_anonymous else []
    plugin = None if request.kind in KINDS else FIGURE_PLUGINS.find(request.kind)
    return {
        "nnlab": nnlab_version(),
        **({} if plugin is None else {"plugin": plugin.version}),
        "kind": request.kind,
        "words": list(request.words),
        "options": dict(request.options),
        "page": dict(request.page),
        "command": plot_command(request),
        "database": db.address.public_name if db is not None and not is_anonymous else "",
        "database_id": database_id(db, figure.runs) if db is not None else "",
        "runs": format_id_ranges(figure.runs),
        "commits": commits,
        "data": figure.table.sha256,
    }


def _without_folders(request: FigureRequest) -> FigureRequest:
    """The request with each path shortened to its last part."""

    def shortened(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: shortened(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [shortened(item) for item in value]
        return hide_folders(value) if isinstance(value, str) else value

    return replace(
        request, words=tuple(map(hide_folders, request.words)), options=shortened(request.options)
    )


def plot_command(request: FigureRequest, output: Path | None = None) -> str:
    """The command that draws the requested figure.

    >>> options = {"metric": ["loss"], "top": 3}
    >>> plot_command(FigureRequest("curves", ("depth",), options, {"venue": "icml"}))
    'nnlab plot curves depth --metric loss --top 3 --venue icml'
    """
    words = ["nnlab", "plot", request.kind, *request.words]
    words += [part_command(part) for part in request.parts]
    for name, value in {**request.options, **request.page}.items():
        if name == "parts" and request.parts:
            continue
        if name == "settings":
            for setting, setting_value in value.items():
                words += _option_words(setting_field(setting).flag, setting_value)
        else:
            words += _option_words(f"--{name.replace('_', '-')}", value)
    if output is not None:
        words += ["-o", str(output)]
    return shlex.join(words)


def stored_part(part: FigureRequest) -> Mapping[str, Any]:
    """A panel of a composed figure as JSON values, without the options that all panels share."""
    page = {name: value for name, value in part.page.items() if name not in PAPER_OPTIONS}
    plugin = None if part.kind in KINDS else FIGURE_PLUGINS.find(part.kind)
    return {
        "kind": part.kind,
        "words": list(part.words),
        "options": dict(part.options),
        **({"page": page} if page else {}),
        **({} if plugin is None else {"plugin": plugin.version}),
    }


def part_command(part: FigureRequest) -> str:
    """The command of a panel as an argument of `nnlab plot compose`.

    >>> part_command(FigureRequest("curves", ("depth",), {"metric": ["loss"]}))
    'curves depth --metric loss'
    """
    return plot_command(part).removeprefix("nnlab plot ")


def request_from_provenance(stored: Mapping[str, Any]) -> FigureRequest | None:
    """The request in the stored provenance of a figure; None if it is missing or invalid.

    The plugin of its kind need not be installed.
    """
    kind = stored.get("kind")
    if not isinstance(kind, str):
        return None
    if kind not in KINDS and (not stored.get("plugin") or not _is_plugin_name(kind)):
        return None
    words, options, page = (stored.get(key) for key in ("words", "options", "page"))
    if not isinstance(words, list) or not isinstance(options, dict) or not isinstance(page, dict):
        return None
    settings = options.get("settings", {})
    if not isinstance(settings, dict) or not all(
        name in setting_fields() or is_argument(name) for name in settings
    ):
        return None
    if kind == COMPOSED_KIND and not _are_valid_parts(options.get("parts")):
        return None
    return FigureRequest(stored["kind"], tuple(map(str, words)), options, page)


def _are_valid_parts(parts: Any) -> bool:
    """Whether the stored panels of a composed figure can be drawn; none is itself composed."""
    return isinstance(parts, list) and all(
        isinstance(part, dict)
        and part.get("kind") != COMPOSED_KIND
        and request_from_provenance({"page": {}, **part}) is not None
        for part in parts
    )


def _is_plugin_name(kind: str) -> bool:
    return FIGURE_PLUGINS.name_pattern.fullmatch(kind) is not None


def paper_from_options(page: Mapping[str, Any]) -> Paper:
    """The paper that the options select: venue, columns, width, style, palette, legend.

    Raises:
        UnknownName: no such venue, style, palette or position of the legend.
        UsageError: `columns` without a venue or not available in it, or `width` out of range.
    """
    columns = page.get("columns")
    name = page.get("venue")
    if columns is not None and name is None:
        raise UsageError("--columns needs a venue", hint="add --venue icml")
    paper = Paper() if name is None else paper_for_venue(_require_known("venue", name), columns)
    width = page.get("width")
    if width is not None and not 1.0 <= width <= _MAX_WIDTH:
        raise UsageError(f"--width is in inches, from 1 to {_MAX_WIDTH:g}; got {width:g}")
    changed = {key: page[key] for key in ("style", "palette", "legend") if page.get(key)}
    for key, value in changed.items():
        _require_known(key, value)
    return replace(paper, **changed, **({} if width is None else {"width": width}))


def _require_known(category: str, name: str) -> str:
    choices = {"venue": VENUES, "style": STYLES, "palette": PALETTES, "legend": LEGEND_PLACEMENTS}
    if name not in choices[category]:
        raise UnknownName(category, name, choices[category])
    return name


def _git_commits(db: store.Database, runs: Sequence[int]) -> list[str]:
    """The git commits of the runs, sorted; a `+` marks uncommitted changes."""
    commits = {
        environment.git_commit + ("+" if environment.git_dirty else "")
        for attempt in store.attempts_of_runs(db, runs)
        if (environment := attempt.environment) is not None and environment.git_commit
    }
    return sorted(commits)


def _option_words(flag: str, value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    if isinstance(value, list | tuple):
        return [word for item in value for word in (flag, str(item))]
    return [flag, format_exact(value) if isinstance(value, float) else str(value)]


def format_id_ranges(ids: Sequence[int]) -> str:
    """Ids as ranges.

    >>> format_id_ranges([1, 2, 3, 7])
    '1-3, 7'
    """
    ranges: list[list[int]] = []
    for number in sorted(set(ids)):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, span)) for span in ranges)
