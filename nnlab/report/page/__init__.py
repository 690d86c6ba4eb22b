"""A report as one HTML file: no request to any network, light and dark, interactive where it helps.

Every text passes through the template's escaping; the page forbids itself everything but its own
style and script.
"""

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import nnlab
from nnlab.config.space import format_value, setting_label
from nnlab.figures.draw.display_names import setting_name
from nnlab.report.contents import HeadlineFinding, RankedGroup, Report, energy
from nnlab.report.page.chart import HEIGHT, WIDTH, build_panels
from nnlab.report.verdict import claimed, number
from nnlab.stats import format_duration, format_interval, format_mean

if TYPE_CHECKING:
    import jinja2

# Findings of one code whose evidence is written out; the runs of further ones are listed.
_MAX_CASES = 12
_MAX_EFFECTS = 10


def report_as_html(report: Report) -> str:
    """The whole page."""
    return _template().render(
        report=report,
        version=nnlab.__version__,
        groups=[(group, build_panels(group.series, group.loss)) for group in report.groups],
        banners=[_banner(title, case) for title, case in report.headline_cases],
        effects_of=_effects,
        most_cases=_MAX_CASES,
        width=WIDTH,
        height=HEIGHT,
        style=_resource_text("style.css"),
        script=_resource_text("script.js"),
    )


def _resource_text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "mean": lambda value: format_mean(value.mean, value.sd),
        "half": format_mean,
        "shown": format_value,
        "choice": setting_name,
        "short": _short_number,
        "number": number,
        "claimed": claimed,
        "setting": lambda run: setting_label(run.trial.setting, ("opt", "lr", "model", "data")),
        "duration": format_duration,
        "interval": lambda bounds: format_interval(*bounds),
        "energy": energy,
        "finite": math.isfinite,
        "sentence": lambda text: text[:1].upper() + text[1:],
    }
    return environment.from_string(_resource_text("template.html"))


def _short_number(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.4g}"


def _banner(title: str, case: HeadlineFinding) -> Mapping[str, Any]:
    """Overfitting or a plateau that a reader must not miss: its runs, and the surest one drawn."""
    panel = next(iter(build_panels([case.series], case.loss, shade=True)), None)
    return {"title": title, "case": case, "panel": panel}


def _effects(group: RankedGroup) -> list[Mapping[str, Any]]:
    if group.effects is None:
        return []
    return [
        {
            "name": " × ".join(map(setting_name, one.fields)),  # noqa: RUF001
            "share": one.share,
            "low": one.low,
            "high": one.high,
        }
        for one in group.effects.notable_shares[:_MAX_EFFECTS]
    ]
