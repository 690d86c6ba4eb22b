"""The file formats of reports, chosen by the suffix of the file; used by `nnlab report`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from nnlab.errors import UsageError


class ReportFormat(StrEnum):
    """The format of a report."""

    HTML = "html"
    MARKDOWN = "markdown"
    LATEX = "latex"


_FORMAT_BY_SUFFIX: Mapping[str, ReportFormat] = {
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".md": ReportFormat.MARKDOWN,
    ".markdown": ReportFormat.MARKDOWN,
    ".tex": ReportFormat.LATEX,
}


def report_format_of(path: Path) -> ReportFormat:
    """The format that the suffix of a file names.

    Raises:
        UsageError: reports are not written with this suffix.
    """
    report_format = _FORMAT_BY_SUFFIX.get(path.suffix.lower())
    if report_format is None:
        raise UsageError(
            f"-o {path}: a report is written as .html, .md or .tex",
            hint=f"-o {path.with_suffix('.html')}",
        )
    return report_format
