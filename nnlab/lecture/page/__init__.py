"""The pages of the course as HTML that works offline, in print, and without scripts.

The pages use the style of reports. Their templates escape all text, and the content security
policy allows nothing but their own style, script and figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nnlab.lecture.claim_file import ClaimFile, read_claim_file
from nnlab.lecture.figures import CourseFigure
from nnlab.lecture.line import LectureLine
from nnlab.lecture.results import LineResult
from nnlab.lecture.texts import (
    breakable_as_html,
    command_as_html,
    inline_as_html,
    text_as_html,
)
from nnlab.report.page import page_style
from nnlab.report.verdict_text import UNDECIDED_HEADING
from nnlab.version import nnlab_version

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True, slots=True)
class CoursePage:
    """What the page of a line contains, and the lines of the pages around it."""

    line: LectureLine
    result: LineResult | None
    figures: tuple[CourseFigure, ...]
    previous: LectureLine | None = None
    next: LectureLine | None = None

    @property
    def claim_file(self) -> ClaimFile | None:
        """What the file of its study says about the claim; None without a study."""
        return None if self.line.study is None else read_claim_file(self.line.study)

    @property
    def claim(self) -> str:
        """The claim of the study as it was trained, which may be an older version of its file."""
        if self.result is not None and self.result.own is not None:
            return self.result.own.study.claim
        return "" if self.claim_file is None else self.claim_file.claim


def page_as_html(page: CoursePage) -> str:
    """The HTML page of a line."""
    return _render("line.html", page=page, line=page.line, result=page.result)


def index_as_html(pages: Sequence[CoursePage]) -> str:
    """The HTML page that lists all lines by topic; their results are collapsed."""
    topics = [
        (topic, list(group)) for topic, group in groupby(pages, key=lambda page: page.line.topic)
    ]
    return _render("index.html", topics=topics, pages=pages)


def _render(template: str, **values: Any) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            version=nnlab_version(),
            undecided=UNDECIDED_HEADING,
            style=page_style() + _resource_text("style.css"),
            script=_resource_text("script.js"),
            **values,
        )
    )


def _resource_text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # only for HTML; the list of lines starts faster without it

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_resource_text),
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "prose": text_as_html,
        "inline": inline_as_html,
        "unbroken": command_as_html,
        "breakable": breakable_as_html,
    }
    return environment
