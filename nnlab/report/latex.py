"""A report in LaTeX: a document that compiles as it is, to be taken apart for a paper."""

from collections.abc import Sequence

import nnlab
from nnlab.io.escaping import escape_latex
from nnlab.io.file_origin import LATEX_MARK
from nnlab.io.text import format_count
from nnlab.report.contents import RankedGroup, Report, energy
from nnlab.report.table_formats import table_as_latex
from nnlab.stats import format_duration

_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\usepackage[margin=2.5cm]{geometry}
\usepackage{booktabs}
\usepackage{siunitx}
\usepackage{graphicx}
\usepackage{longtable}
\begin{document}
"""


def report_as_latex(report: Report, figures: Sequence[str] = ()) -> str:
    """The whole document; `figures` are files beside it."""
    parts = [
        f"{LATEX_MARK}{nnlab.__version__}",
        _PREAMBLE,
        rf"\section*{{{escape_latex(report.title)}}}",
        *(
            rf"\textbf{{Question.}} {escape_latex(s.question)}\par"
            for s in report.studies
            if s.question
        ),
        rf"\textbf{{Verdict.}} {escape_latex(report.sentence)}\par",
        "",
        *_headline_findings(report),
        *(_figure(name) for name in figures),
        *(part for group in report.groups for part in _group_table(group)),
        *_findings(report),
        *_remedies(report),
        *_run_summary(report),
        r"\end{document}",
    ]
    return "\n".join(parts) + "\n"


def _figure(name: str) -> str:
    return (
        "\\begin{figure}[ht]\n  \\centering\n"
        rf"  \includegraphics[width=\linewidth]{{{name}}}" + "\n\\end{figure}"
    )


def _headline_findings(report: Report) -> list[str]:
    lines = []
    for title, case in report.headline_cases:
        lines += [
            rf"\textbf{{{title}}} in {case.count} of {format_count(len(report.runs), 'run')}."
            rf" The surest case, run {case.run.id}: {escape_latex(case.finding.message)}.\par",
            "",
        ]
    return lines


def _group_table(group: RankedGroup) -> list[str]:
    """The table of a group of comparable runs and the notes on it."""
    parts = [table_as_latex(group.table)] if group.table is not None else []
    if not group.ranking.notes:
        return parts
    items = [rf"  \item {escape_latex(note)}" for note in group.ranking.notes]
    return [*parts, r"\begin{itemize}", *items, r"\end{itemize}"]


def _findings(report: Report) -> list[str]:
    if not report.findings:
        return []
    rows = [
        rf"{escape_latex(one.code)} & {escape_latex(one.name)} & {escape_latex(one.severity)} & {len(one.cases)} &"
        rf" {escape_latex(one.remedy)} \\"
        for one in report.findings
    ]
    return [
        r"\section*{Findings}",
        r"\begin{longtable}{lllrp{7cm}}",
        r"\toprule",
        r"Code & Finding & Severity & Runs & What to try \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{longtable}",
    ]


def _remedies(report: Report) -> list[str]:
    parts = []
    for one in report.remedies:
        rows = [
            rf"{escape_latex(tried.title)} & {tried.n} & {tried.effect:.3g} &"
            rf" {tried.low:.3g} to {tried.high:.3g} & {escape_latex(tried.outcome)} \\"
            for tried in one.tried
        ]
        parts += [
            rf"\section*{{Remedies for run {one.run} {escape_latex(one.code)}}}",
            r"\begin{longtable}{lrrll}",
            r"\toprule",
            r"Remedy & $n$ & Better by & 95\,\% interval & Did it help \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{longtable}",
        ]
    return parts


def _run_summary(report: Report) -> list[str]:
    told = ", ".join(f"{count} {status}" for status, count in sorted(report.statuses.items()))
    used = "" if report.joules is None else f"At most {energy(report.joules)}."
    times = ", ".join(
        escape_latex(f"{format_duration(3600 * hours)} on {device}")
        for device, hours in report.device_hours.items()
    )
    return [
        r"\section*{What was run}",
        rf"{format_count(len(report.runs), 'run')}: {told}. {times}. {used}\par",
        r"\begin{itemize}",
        *(
            rf"  \item {escape_latex(e.hostname)}: {escape_latex(e.device)}, nnlab {escape_latex(e.nnlab)},"
            rf" torch {escape_latex(e.torch)}, Python {escape_latex(e.python)}"
            for e in report.environments
        ),
        *(
            rf"  \item run {run.id} {run.status}: {escape_latex(run.reason or 'no reason was stored')}"
            for run in report.failed
        ),
        r"  \item[]",
        r"\end{itemize}",
        *(rf"\texttt{{{escape_latex(command)}}}\par" for command in report.commands),
    ]
