"""The templates of the report: the page, and the parts of it that the board shows too."""

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from nnlab.analysis.ranking_numbers import (
    difference_texts,
    interval_texts,
    missing_value_word,
    unsuccessful_text,
    value_heading,
    written_tests,
    written_values,
)
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.analysis.remedy_numbers import (
    BEST_EPOCH_COLUMN,
    best_epoch_numbers,
    measure_sentence,
    remedy_numbers,
    remedy_titles,
)
from nnlab.figures.draw.display_names import setting_name
from nnlab.io.text import axis_word, position_number
from nnlab.report.contents import format_energy
from nnlab.report.verdict_text import format_number
from nnlab.settings.setting_differences import format_value, setting_label
from nnlab.stats import format_duration
from nnlab.stats.rounding import format_p
from nnlab.stats.uncertainty import uncertainty_name

if TYPE_CHECKING:
    import jinja2


def resource_text(name: str) -> str:
    """The text of a file of this package."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def render_part(name: str, **values: object) -> str:
    """The HTML of a template, such as `ranking` or `remedies`; all text in it is escaped."""
    return _environment().get_template(f"{name}.html").render(**values)


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # only for HTML; other formats start faster without it

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(resource_text),
    )
    environment.globals["best_epoch_column"] = BEST_EPOCH_COLUMN
    environment.filters |= {
        "shown": format_value,
        "choice": setting_name,
        "short": _short_number,
        "number": format_number,
        "setting": lambda run: setting_label(run.trial.setting, ("opt", "lr", "model", "data")),
        "duration": format_duration,
        "heading": value_heading,
        "numbers": _ranking_texts,
        "p": format_p,
        "effects": lambda results: zip(
            results,
            remedy_titles(results),
            remedy_numbers(results),
            best_epoch_numbers(results),
            strict=True,
        ),
        "measure": lambda summary: measure_sentence(summary.code, summary.results),
        "missing": missing_value_word,
        "unsuccessful": unsuccessful_text,
        "uncertainty": uncertainty_name,
        "energy": format_energy,
        "finite": math.isfinite,
        "is_web_address": lambda url: url.startswith(("https://", "http://")),
        "position": lambda number, axis: position_number(number, [axis]),
        "axis": lambda cases: axis_word({run.axis for run, _ in cases}),
        "plural_axis": lambda runs: (
            axis_word({f"{run.axis}s" for run in runs}) if runs else "epochs"
        ),
        "sentence": lambda text: text[:1].upper() + text[1:],
    }
    return environment


def _short_number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.4g}"


def _ranking_texts(ranking: Ranking) -> list[tuple[RankingRow, Mapping[str, str]]]:
    """The rows of a ranking with their numbers as text."""
    texts = [
        {"value": value.text, "interval": interval, "difference": difference,
         "test": test.text if test else ""}
        for value, interval, difference, test in zip(
            written_values(ranking), interval_texts(ranking), difference_texts(ranking),
            written_tests(ranking), strict=True,
        )
    ]  # fmt: skip
    return list(zip(ranking.rows, texts, strict=True))
