"""A report as one self-contained HTML file with interactive charts and a light and a dark theme.

The page makes no network requests. The template escapes all text, and the content security policy
of the page allows nothing but its own style and script.
"""

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

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
from nnlab.report.contents import RankedGroup, Report, format_energy
from nnlab.report.finding_summaries import HeadlineFinding
from nnlab.report.page.chart import HEIGHT, WIDTH, build_panels
from nnlab.report.verdict_text import METHOD_NOTE, build_verdict_text, format_number
from nnlab.settings.setting_differences import format_value, setting_label
from nnlab.stats import format_duration
from nnlab.stats.rounding import format_p
from nnlab.stats.uncertainty import uncertainty_name
from nnlab.version import nnlab_version
from nnlab.web.assets import asset_text

if TYPE_CHECKING:
    import jinja2

# Findings of one code that are shown with their evidence; of further ones the runs are listed.
_MAX_CASES = 12
_MAX_EFFECTS = 10


def report_as_html(report: Report) -> str:
    """The HTML page of a report."""
    return _template().render(
        report=report,
        version=nnlab_version(),
        groups=[(group, build_panels(group.series, group.loss)) for group in report.groups],
        banners=[_banner(title, case) for title, case in report.headline_cases],
        effects_of=_effects,
        verdicts=[build_verdict_text(*pair) for pair in report.verdicts],
        method_note=METHOD_NOTE.replace("*", ""),
        most_cases=_MAX_CASES,
        best_epoch_column=BEST_EPOCH_COLUMN,
        width=WIDTH,
        height=HEIGHT,
        style=page_style(),
        script=_resource_text("script.js"),
    )


def page_style() -> str:
    """The style sheet of reports, with a light and a dark theme; the course uses it too."""
    return asset_text("shared/style.css")


def _resource_text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _template() -> "jinja2.Template":
    import jinja2  # only for HTML; other formats start faster without it

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
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
    return environment.from_string(_resource_text("template.html"))


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


def _banner(title: str, case: HeadlineFinding) -> Mapping[str, Any]:
    """The template values of the banner of a headline finding, with a chart of the surest run."""
    panel = next(iter(build_panels([case.series], case.loss, shade=True)), None)
    return {"title": title, "case": case, "panel": panel}


def _effects(group: RankedGroup) -> list[Mapping[str, Any]]:
    if group.effects is None:
        return []
    return [
        {
            "name": " × ".join(map(setting_name, share.fields)),  # noqa: RUF001
            "share": share.share,
            "low": share.low,
            "high": share.high,
        }
        for share in group.effects.notable_shares[:_MAX_EFFECTS]
    ]
