"""Draws the cheat sheet: commands, choices and findings on one printed page.

python docs/build_cheatsheet.py           # writes build/cheatsheet.pdf
python docs/build_cheatsheet.py FILE.pdf

The page is A4; its margins also fit US letter. Its texts are those of the catalogues, so that a new
optimizer appears by itself, and the largest size of type is taken with which everything fits.
"""

import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextToPath

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from nnlab import catalogue  # noqa: E402  this checkout, from any working folder
from nnlab.catalogue import Choice  # noqa: E402
from nnlab.cli.main import COMMANDS  # noqa: E402
from nnlab.diagnosis import ALL_RULES  # noqa: E402
from nnlab.settings import setting_fields  # noqa: E402
from nnlab.settings.setting_differences import format_value  # noqa: E402
from nnlab.version import nnlab_version  # noqa: E402

# Sizes in points, 1/72 inch. US letter is 9 mm wider and 18 mm shorter than A4.
MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * MM, 297 * MM
MARGIN_X, MARGIN_Y = 7 * MM, 14 * MM
COLUMNS, GAP = 3, 3.5 * MM
TITLE_HEIGHT = 18.0
LARGEST_TYPE, SMALLEST_TYPE, TYPE_STEP = 8.0, 6.5, 0.05
LINE_SPACING, SECTION_SPACE, TITLE_SPACE = 1.12, 0.5, 0.28  # in sizes of type
LONGEST_UNDIVIDED = 10  # lines of a section that stay in one column

# It comes with matplotlib, so that the page is the same on every machine.
FONT = "DejaVu Sans"

INK, NAME_INK, TITLE_INK = "#1a1a1a", "#0b3d91", "#8a1c1c"

# Words in parentheses, which are left out; formulas and names with a dot stay.
_REMARK = re.compile(r" \((?=[^)]*[a-z]{2})(?![^)]*[+*/=.])[^)]*\)")

_REGULARISERS = (
    *("dropout", "channel_dropout", "dropconnect", "stochastic_depth", "weight_decay", "l1", "l2"),
    *("label_smoothing", "mixup", "cutmix", "clip", "early_stop"),
)
_FIRST_STEPS = (
    "nnlab train --opt adam --decay exp",
    "nnlab train --opt sgd,adam --lr 1e-3..1e-1",
    "nnlab compare",
    "nnlab find-lr --opt sgd",
    "nnlab diagnose 1",
    "nnlab init-study --from lecture/relu",
    "nnlab explain train --opt sgd",
    "nnlab export 1 --to script -o train.py",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A title, and entries of a name and a text after it."""

    title: str
    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a column: a name, and a text at a distance from the left edge, in points."""

    name: str
    text: str
    text_x: float
    is_title: bool = False


def sections() -> list[Section]:
    """The content of the page, in the order of its columns."""
    return [
        Section("First steps", [(command, "") for command in _FIRST_STEPS]),
        Section(
            "Commands: nnlab NAME --help",
            [
                (name, _first_clauses(line).split(", ")[0])
                for name, (_, line, _) in COMMANDS.items()
            ],
        ),
        _choices("Optimizers: --opt, with defaults", "opt", shows_defaults=True),
        _choices("Decays: --decay; t in epochs after --warmup", "decay", shows_defaults=True),
        _choices("Initialisation: --init, --init-scale", "init"),
        _choices("Normalisation: --norm", "norm"),
        _choices("Losses: --loss", "loss"),
        _choices("Reduction: --reduction", "reduction", clauses=2),
        Section("Regularisers", [_option(name) for name in _REGULARISERS]),
        _choices("Augmentation: --augment, joined by +", "augment"),
        _choices("Averages of the weights: --average", "average"),
        _choices("Inputs: --inputs", "inputs"),
        _shorten_data(_choices_and_own("Data: --data", "data")),
        _choices_and_own("Models: --model", "model"),
        Section("Activations: --activation", [("", _names("activation"))]),
        _choices("Number formats: --dtype", "dtype", clauses=2),
        Section(
            "Findings and remedies: nnlab explain CODE",
            [(f"{rule.code} {rule.name}", _first_clauses(rule.remedy)) for rule in ALL_RULES],
        ),
    ]


def _choices(title: str, kind: str, *, clauses: int = 1, shows_defaults: bool = False) -> Section:
    """The built-in choices of a kind, with the first clauses of their summaries."""
    entries = [
        (
            row.name,
            _first_clauses(row.summary, clauses) + (_defaults(row) if shows_defaults else ""),
        )
        for row in catalogue.CATALOGUES[kind]
        if row.name in catalogue.builtin_names(kind) and row.name != "none"
    ]
    return Section(title, entries)


def _choices_and_own(title: str, kind: str) -> Section:
    """The built-in choices of a kind, and in one entry those that take an argument."""
    own = [
        "file.py:NAME" if row.name == catalogue.USER_CODE else row.name
        for row in catalogue.CATALOGUES[kind]
        if row.name.endswith(":")
    ]
    entries = [*_choices(title, kind).entries, ("your own", " ".join(own))]
    return Section(title, entries)


def _shorten_data(section: Section) -> Section:
    """A section with texts up to the first comma: the list of data sets is the longest one."""
    entries = [
        (name, text if name == "your own" else re.sub(r" \([^)]*\)", "", text).partition(", ")[0])
        for name, text in section.entries
    ]
    return Section(section.title, entries)


def _first_clauses(text: str, count: int = 1) -> str:
    """The first clauses of a text, without remarks in parentheses.

    >>> _first_clauses("statistics over an example (transformer: over a token); fast")
    'statistics over an example'
    """
    clauses = re.split(r"; |: |(?<!\.)\. |, depth = ", _REMARK.sub("", text))
    return "; ".join(clauses[:count]).rstrip(".")


def _names(kind: str) -> str:
    return ", ".join(catalogue.builtin_names(kind))


def _defaults(row: Choice) -> str:
    """The defaults of a choice other than 0 and eps, in parentheses; nothing without any."""
    values = {name: format_value(value) for name, value in row.defaults.items() if value}
    betas = [values.pop(name) for name in ("beta1", "beta2") if name in values]
    values.pop("eps", None)
    texts = [f"{name.removeprefix('decay_').replace('_', ' ')} {values[name]}" for name in values]
    texts += [f"beta{'s' if len(betas) > 1 else ''} {' '.join(betas)}"] if betas else []
    return f" ({', '.join(texts)})" if texts else ""


def _option(name: str) -> tuple[str, str]:
    field = setting_fields()[name]
    return field.flag, _first_clauses(field.option.help)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text, in points."""
    words = text.split(" ")
    width = sum(_word_width(word, bold) for word in words)
    space = _word_width("i i", bold) - _word_width("ii", bold)
    return size * (width + (len(words) - 1) * space)


@cache
def _word_width(word: str, bold: bool) -> float:
    """The width of a word in sizes of type."""
    font = FontProperties(family=FONT, size=100, weight="bold" if bold else "normal")
    width: float = TextToPath().get_text_width_height_descent(word, font, False)[0]
    return width / 100


def section_lines(section: Section, size: float, width: float) -> Iterator[Line]:
    """The lines of a section in a column of a width; texts follow names and are indented below."""
    yield Line(section.title, "", 0.0, is_title=True)
    indent = size
    for name, text in section.entries:
        space = text_width(f"{name}  ", size, bold=True) if name else 0.0
        line, x, first = "", space, name
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and x + text_width(longer, size) > width:
                yield Line(first, line, x)
                line, x, first = word, indent if name else 0.0, ""
            else:
                line = longer
        yield Line(first, line, x)


def fill_columns(size: float) -> list[list[tuple[float, Line]]] | None:
    """The lines of each column with their baselines below the title; None if they do not fit."""
    width = (PAGE_WIDTH - 2 * MARGIN_X - (COLUMNS - 1) * GAP) / COLUMNS
    height = PAGE_HEIGHT - 2 * MARGIN_Y - TITLE_HEIGHT
    step = LINE_SPACING * size
    columns: list[list[tuple[float, Line]]] = [[]]
    y = 0.0
    for section in sections():
        lines = list(section_lines(section, size, width))
        y += SECTION_SPACE * size if columns[-1] else 0.0
        for index, line in enumerate(lines):
            if y + _lines_kept(lines, index) * step > height:
                columns.append([])
                y = 0.0
            y += step
            columns[-1].append((y, line))
            y += TITLE_SPACE * size if line.is_title else 0.0
    return columns if len(columns) <= COLUMNS else None


def _lines_kept(lines: Sequence[Line], index: int) -> int:
    """How many lines from one on must not be divided: those of an entry, or of a short section."""
    if lines[index].is_title:
        return len(lines) + 1 if len(lines) <= LONGEST_UNDIVIDED else 4
    following = itertools.takewhile(lambda line: not line.name, lines[index + 1 :])
    return 1 + sum(1 for _ in following) if lines[index].name else 1


def best_size() -> float:
    """The largest size of type with which the page holds everything, in points.

    Raises:
        RuntimeError: it would be too small to be read.
    """
    steps = round((LARGEST_TYPE - SMALLEST_TYPE) / TYPE_STEP)
    for index in range(steps + 1):
        size = LARGEST_TYPE - index * TYPE_STEP
        if fill_columns(size) is not None:
            return size
    raise RuntimeError(
        f"the cheat sheet needs type smaller than {SMALLEST_TYPE} points: shorten it"
    )


def draw_page() -> Figure:
    """The page, in the largest size of type that fits."""
    size = best_size()
    figure = Figure(figsize=(PAGE_WIDTH / 72, PAGE_HEIGHT / 72))
    top = PAGE_HEIGHT - MARGIN_Y
    write = partial(_write, figure)
    write(MARGIN_X, top - 12, "nnlab cheat sheet", 14, TITLE_INK, bold=True)
    right = (
        f"nnlab {nnlab_version()} · all defaults, sources: nnlab choices · your own: file.py:NAME"
    )
    write(PAGE_WIDTH - MARGIN_X - text_width(right, size), top - 12, right, size, INK)
    column_width = (PAGE_WIDTH - 2 * MARGIN_X - (COLUMNS - 1) * GAP) / COLUMNS
    for index, lines in enumerate(fill_columns(size) or []):
        left = MARGIN_X + index * (column_width + GAP)
        for y, line in lines:
            baseline = top - TITLE_HEIGHT - y
            ink = TITLE_INK if line.is_title else NAME_INK
            write(left, baseline, line.name, size, ink, bold=True)
            write(left + line.text_x, baseline, line.text, size, INK)
            if line.is_title:
                _draw_rule(figure, left, left + column_width, baseline - 0.32 * size)
    return figure


def _write(
    figure: Figure, x: float, y: float, text: str, size: float, ink: str, *, bold: bool = False
) -> None:
    figure.text(
        x / PAGE_WIDTH,
        y / PAGE_HEIGHT,
        text,
        size=size,
        color=ink,
        weight="bold" if bold else "normal",
        family=FONT,
        parse_math=False,
    )


def _draw_rule(figure: Figure, left: float, right: float, y: float) -> None:
    xs, ys = [left / PAGE_WIDTH, right / PAGE_WIDTH], [y / PAGE_HEIGHT] * 2
    figure.add_artist(Line2D(xs, ys, color=TITLE_INK, linewidth=0.4))


def main() -> int:
    """Writes the page."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "cheatsheet.pdf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"pdf.fonttype": 42}):  # text that can be searched and copied
        draw_page().savefig(path, metadata={"Title": "nnlab cheat sheet", "CreationDate": None})
    print(f"{path}: one page, type of {best_size():.2f} points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
