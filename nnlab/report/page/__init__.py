"""A report as one self-contained HTML file with interactive charts and a light and a dark theme.

The page makes no network requests. The template escapes all text, and the content security policy
of the page allows nothing but its own style and script.
"""

from collections.abc import Mapping
from typing import Any

from nnlab.figures.draw.display_names import setting_name
from nnlab.report.contents import RankedGroup, Report
from nnlab.report.finding_summaries import HeadlineFinding
from nnlab.report.page.chart import HEIGHT, WIDTH, build_panels
from nnlab.report.page.parts import render_part, resource_text
from nnlab.report.verdict_text import METHOD_NOTE, build_verdict_text
from nnlab.version import nnlab_version
from nnlab.web.assets import asset_text

# Findings of one code that are shown with their evidence; of further ones the runs are listed.
_MAX_CASES = 12
_MAX_EFFECTS = 10


def report_as_html(report: Report) -> str:
    """The HTML page of a report."""
    return render_part(
        "template",
        report=report,
        version=nnlab_version(),
        groups=[(group, build_panels(group.series, group.loss)) for group in report.groups],
        banners=[_banner(title, case) for title, case in report.headline_cases],
        effects_of=_effects,
        verdicts=[build_verdict_text(*pair) for pair in report.verdicts],
        method_note=METHOD_NOTE.replace("*", ""),
        most_cases=_MAX_CASES,
        finding_link="#",
        width=WIDTH,
        height=HEIGHT,
        style=page_style(),
        script=resource_text("script.js"),
    )


def page_style() -> str:
    """The style sheet of reports, with a light and a dark theme; the course uses it too."""
    return asset_text("shared/style.css")


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
