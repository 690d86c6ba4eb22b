"""A report as one self-contained HTML file with interactive charts and a light and a dark theme.

The page makes no network requests. The template escapes all text, and the content security policy
of the page allows nothing but its own style and script.
"""

from collections.abc import Mapping
from typing import Any

from nnlab.figures.draw.display_names import setting_name
from nnlab.report.contents import RankedGroup, Report
from nnlab.report.finding_summaries import HeadlineFinding
from nnlab.report.page.chart import build_charts
from nnlab.report.page.parts import render_part
from nnlab.report.verdict_text import METHOD_NOTE, build_verdict_text
from nnlab.version import nnlab_version
from nnlab.web.assets import asset_text
from nnlab.web.page_frame import build_page_frame

# Findings of one code that are shown with their evidence; of further ones the runs are listed.
_MAX_CASES = 12
_MAX_EFFECTS = 10


def report_as_html(report: Report) -> str:
    """The HTML page of a report."""
    charts: list[Mapping[str, Any]] = []
    groups = [(group, _numbers(charts, group)) for group in report.groups]
    banners = [_banner(title, case, charts) for title, case in report.headline_cases]
    return render_part(
        "template",
        report=report,
        version=nnlab_version(),
        groups=groups,
        banners=banners,
        effects_of=_effects,
        verdicts=[build_verdict_text(*pair) for pair in report.verdicts],
        method_note=METHOD_NOTE.replace("*", ""),
        most_cases=_MAX_CASES,
        finding_link="#",
        frame=build_page_frame("report/main.js", style=page_style(), data={"charts": charts}),
    )


def page_style() -> str:
    """The style sheet of reports, with a light and a dark theme; the course uses it too."""
    return asset_text("shared/style.css")


def _numbers(charts: list[Mapping[str, Any]], group: RankedGroup) -> list[int]:
    """Adds the charts of a group to those of the page; their numbers are their places in it."""
    first = len(charts)
    charts += build_charts(group.series, group.loss)
    return list(range(first, len(charts)))


def _banner(
    title: str, case: HeadlineFinding, charts: list[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The template values of the banner of a headline finding, with a chart of the surest run."""
    chart = next(iter(build_charts([case.series], case.loss, shade=True)), None)
    if chart is not None:
        charts.append(chart)
    return {"title": title, "case": case, "chart": None if chart is None else len(charts) - 1}


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
