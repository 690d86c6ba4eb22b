"""The verdict on a study's claim as LaTeX, for reports."""

from collections.abc import Sequence

from nnlab.analysis.verdict import StudyVerdict
from nnlab.io.escaping import escape_latex
from nnlab.records import PublishedResult, Study
from nnlab.report.verdict_text import METHOD_NOTE, ComparisonText, build_verdict_text


def verdict_as_latex(study: Study, study_verdict: StudyVerdict) -> list[str]:
    """The section of a report: the claim, a table of the comparisons, and notes on them."""
    text = build_verdict_text(study, study_verdict)
    return [
        rf"\section*{{Verdict: {text.verdict}}}",
        rf"{escape_latex(text.claim)} ({text.seeds})\par",
        *([rf"{text.unfinished}\par"] if text.unfinished else []),
        *_comparison_table(text.comparisons),
        *(part for heading, lines in text.lists.items() for part in _list(heading, lines)),
        *_published_table(text.published),
        rf"{escape_latex(METHOD_NOTE.replace('*', ''))}\par",
        "",
    ]


def _comparison_table(rows: Sequence[ComparisonText]) -> list[str]:
    cells = [(row.title, row.claimed, row.found, row.n, row.p, row.verdict) for row in rows]
    heading = ("Comparison", "Claimed", "Found, 95 % interval", "n", "p", "Verdict")
    return _long_table("p{3.6cm}p{4.2cm}p{2.6cm}rrp{1.9cm}", heading, cells)


def _published_table(published: Sequence[PublishedResult]) -> list[str]:
    cells = [
        (result.result, " ".join(filter(None, (result.source, result.url))), result.verdict)
        for result in published
    ]
    heading = ("Published result", "Source", "Its verdict")
    return _long_table("p{6.2cm}p{6.2cm}l", heading, cells) if cells else []


def _long_table(columns: str, heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        rf"\begin{{longtable}}{{{columns}}}",
        r"\toprule",
        rf"{' & '.join(map(escape_latex, heading))} \\",
        r"\midrule",
        *(rf"{' & '.join(map(escape_latex, row))} \\" for row in rows),
        r"\bottomrule",
        r"\end{longtable}",
    ]


def _list(heading: str, lines: Sequence[str]) -> list[str]:
    items = [rf"  \item {escape_latex(line)}" for line in lines]
    return [rf"{escape_latex(heading)}:", r"\begin{itemize}", *items, r"\end{itemize}"]
