"""`nnlab plot PAPER.toml`: all figures of a paper, described in one file."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import typer

from nnlab.cli.figures.page_options import PAGE_OPTIONS
from nnlab.cli.figures.plot.figure_command import SHARED_OPTIONS, FigureCall, draw_figure
from nnlab.cli.figures.plot.figure_words import parse_figure_command, plot_group
from nnlab.cli.output.render import note
from nnlab.errors import ConfigError, NnlabError, OutputError, UsageError, unknown_name_message
from nnlab.figures.output import caption_file_of
from nnlab.figures.page import use_page
from nnlab.io.file_origin import is_unedited_text
from nnlab.io.files import read_limited
from nnlab.objective import format_exact

_TOP_KEYS = ("page", "figure")
_FIGURE_KEYS = ("file", "kind", "words", "options", "page", "data", "caption")
_MAX_FILE_BYTES = 1 << 20
_TYPES: Mapping[str, tuple[type, ...]] = {
    "file": (str, list), "kind": (str,), "words": (str, int, list), "options": (dict,),
    "page": (dict,), "data": (bool,), "caption": (bool,),
}  # fmt: skip


def draw_paper(path: Path, *, force: bool, db: str | None) -> None:
    """Draws the figures that a TOML file describes; only those that changed, unless `force`.

    All entries are checked before the first figure is drawn. A caption that was edited is kept.

    Args:
        path: the TOML file.
        force: also draw unchanged figures, and replace files that nnlab did not create.
        db: the database.

    Raises:
        ConfigError: the file has errors; all are reported.
        OutputError: the file cannot be read, or a figure cannot be drawn.
    """
    calls = list(read_paper(path))
    failed = 0
    for call in calls:
        captions = caption_file_of(call.output[0])
        is_edited = captions.exists() and not is_unedited_text(captions)
        if call.caption and is_edited and not force:
            note(f"{captions}: kept, because it was edited")
            call = replace(call, caption=False)
        try:
            draw_figure(replace(call, force=force, only_changed=not force, db=db))
        except NnlabError as error:
            note(f"{call.output[0]}: not drawn: {error.message}")
            failed += 1
    if failed:
        raise OutputError(f"{failed} of {len(calls)} figures of {path} cannot be drawn")


def read_paper(path: Path) -> Iterator[FigureCall]:
    """The figures that a TOML file describes.

    Raises:
        ConfigError: the file has errors; all are reported.
        OutputError: the file cannot be read.
    """
    try:
        content = tomllib.loads(read_limited(path, _MAX_FILE_BYTES).decode())
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}") from None
    problems = [
        unknown_name_message("key", key, _TOP_KEYS) for key in content if key not in _TOP_KEYS
    ]
    entries, page = content.get("figure", []), content.get("page", {})
    if not isinstance(entries, list) or not entries or not isinstance(page, dict):
        problems.append("the file needs [[figure]] tables, and [page] is a table")
        raise ConfigError(
            [f"{path}: {problem}" for problem in problems],
            hint="nnlab init-study NAME --config FILE reads the file of a study",
        )
    calls = []
    try:
        _read_page(page)
    except NnlabError as error:
        problems.append(error.message)
        page = {}
    for number, entry in enumerate(entries, 1):
        try:
            calls.append(_read_figure(entry, page))
        except NnlabError as error:
            file = f" {entry['file']}" if isinstance(entry, dict) and "file" in entry else ""
            problems.append(f"figure {number}{file}: {error.message}")
    files = [file for call in calls for file in call.output]
    problems += [f"{file} is written by two figures" for file in _repeated(files)]
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    yield from calls


def _read_figure(entry: Any, page: Mapping[str, Any]) -> FigureCall:
    """The call that a `[[figure]]` table describes.

    Raises:
        UsageError: a key is unknown or missing, or a value is invalid.
    """
    if not isinstance(entry, dict):
        raise UsageError("is not a table")
    for key, value in entry.items():
        if key not in _FIGURE_KEYS:
            raise UsageError(unknown_name_message("key", key, _FIGURE_KEYS))
        if not isinstance(value, _TYPES[key]):
            names = " or ".join(kind.__name__ for kind in _TYPES[key])
            raise UsageError(f"{key} is a {type(value).__name__}, it must be {names}")
    if missing := [key for key in ("file", "kind") if not entry.get(key)]:
        raise UsageError(f"has no {' and no '.join(missing)}")
    kind = entry["kind"]
    words = [*map(str, _as_list(entry.get("words", [])))]
    options = _option_words(kind, entry.get("options", {}))
    call = parse_figure_command([kind, *options, *(["--", *words] if words else [])])
    chosen = _read_page({**page, **entry.get("page", {})})
    request = replace(call.request, page=chosen)
    files = tuple(Path(str(file)) for file in _as_list(entry["file"]))
    return FigureCall(
        request, files, data=entry.get("data", False), caption=entry.get("caption", False)
    )


def _read_page(page: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of the page as `nnlab plot` stores them.

    Raises:
        UsageError: there is no such option, or its value is invalid.
    """
    # Parsed as options of `curves`, because `--width` means another width in some kinds.
    words = _option_words("curves", page, of_page=True)
    chosen = parse_figure_command(["curves", *words]).request.page
    with use_page(chosen):
        return chosen


def _option_words(kind: str, options: Mapping[str, Any], *, of_page: bool = False) -> list[str]:
    """The words of a command line for options by name; names may contain `-` or `_`.

    Args:
        kind: the kind of figure.
        options: options of the kind, or of the page.
        of_page: whether they are options of the page.

    Raises:
        UsageError: the command of that kind has no such option.
    """
    group = plot_group()
    command = group.resolve_command(typer.Context(group), [kind])[1]
    flags = {
        flag.lstrip("-").replace("-", "_"): parameter
        for parameter in command.params
        for flag in parameter.opts
        if flag.startswith("--")
        and not getattr(parameter, "hidden", False)
        and (
            _is_shared(parameter) and parameter.name in PAGE_OPTIONS
            if of_page
            else not _is_shared(parameter)
        )
    }
    words: list[str] = []
    for name, value in options.items():
        parameter = flags.get(name.replace("-", "_"))
        if parameter is None:
            names = [flag.replace("_", "-") for flag in flags]
            category = "option of the page" if of_page else f"option of {kind}"
            raise UsageError(unknown_name_message(category, name, names))
        flag = next(f for f in parameter.opts if f.lstrip("-") == name.replace("_", "-"))
        words += _words_of_option(flag, value, parameter)
    return words


def _is_shared(parameter: Any) -> bool:
    """Whether every figure has this option; the options of a setting may have the same names."""
    shared = SHARED_OPTIONS.get(parameter.name)
    return shared is not None and get_args(shared.annotation)[1].help == parameter.help


def _words_of_option(flag: str, value: Any, parameter: Any) -> list[str]:
    if isinstance(value, bool):
        if value:
            return [flag]
        return list(parameter.secondary_opts[:1])
    values = value if isinstance(value, list) else [value]
    texts = [format_exact(item) if isinstance(item, float) else str(item) for item in values]
    if isinstance(value, list) and not parameter.multiple:
        texts = [",".join(texts)]
    return [f"{flag}={text}" for text in texts]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _repeated(files: Iterable[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for file in files:
        if file in seen:
            yield file
        seen.add(file)
