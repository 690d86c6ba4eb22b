"""A report in LaTeX: a document that compiles as it is, to be taken apart for a paper."""

from collections.abc import Sequence

import nnlab
from nnlab.analysis.ranking import plural
from nnlab.io.escaping import latex
from nnlab.io.file_origin import LATEX_MARK
from nnlab.report.contents import RankedGroup, Report, energy
from nnlab.report.typeset import as_latex
from nnlab.stats import format_duration

_HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\usepackage[margin=2.5cm]{geometry}
\usepackage{booktabs}
\usepackage{siunitx}
\usepackage{graphicx}
\usepackage{longtable}
\begin{document}
"""


def as_tex(report: Report, figures: Sequence[str] = ()) -> str:
    """The whole document; `figures` are files beside it."""
    parts = [
        f"{LATEX_MARK}{nnlab.__version__}",
        _HEAD,
        rf"\section*{{{latex(report.title)}}}",
        *(rf"\textbf{{Question.}} {latex(s.question)}\par" for s in report.studies if s.question),
        rf"\textbf{{Verdict.}} {latex(report.sentence)}\par",
        "",
        *_overfitting(report),
        *(_figure(name) for name in figures),
        *(part for group in report.groups for part in _ranked(group)),
        *_findings(report),
        *_remedies(report),
        *_what_was_run(report),
        r"\end{document}",
    ]
    return "\n".join(parts) + "\n"


def _figure(name: str) -> str:
    return (
        "\\begin{figure}[ht]\n  \\centering\n"
        rf"  \includegraphics[width=\linewidth]{{{name}}}" + "\n\\end{figure}"
    )


def _overfitting(report: Report) -> list[str]:
    lines = []
    for title, case in report.headline_cases:
        lines += [
            rf"\textbf{{{title}}} in {case.count} of {plural(len(report.runs), 'run')}."
            rf" The surest case, run {case.run.id}: {latex(case.finding.message)}.\par",
            "",
        ]
    return lines


def _ranked(group: RankedGroup) -> list[str]:
    """The table of a group of comparable runs and the notes on it."""
    parts = [as_latex(group.table)] if group.table is not None else []
    if not group.ranking.notes:
        return parts
    items = [rf"  \item {latex(note)}" for note in group.ranking.notes]
    return [*parts, r"\begin{itemize}", *items, r"\end{itemize}"]


def _findings(report: Report) -> list[str]:
    if not report.findings:
        return []
    rows = [
        rf"{latex(one.code)} & {latex(one.name)} & {latex(one.severity)} & {len(one.cases)} &"
        rf" {latex(one.remedy)} \\"
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
            rf"{latex(tried.title)} & {tried.n} & {tried.effect:.3g} &"
            rf" {tried.low:.3g} to {tried.high:.3g} & {latex(tried.outcome)} \\"
            for tried in one.tried
        ]
        parts += [
            rf"\section*{{Remedies for run {one.run} {latex(one.code)}}}",
            r"\begin{longtable}{lrrll}",
            r"\toprule",
            r"Remedy & $n$ & Better by & 95\,\% interval & Did it help \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{longtable}",
        ]
    return parts


def _what_was_run(report: Report) -> list[str]:
    told = ", ".join(f"{count} {status}" for status, count in sorted(report.statuses.items()))
    used = "" if report.joules is None else f"At most {energy(report.joules)}."
    times = ", ".join(
        latex(f"{format_duration(3600 * hours)} on {device}")
        for device, hours in report.device_hours.items()
    )
    return [
        r"\section*{What was run}",
        rf"{plural(len(report.runs), 'run')}: {told}. {times}. {used}\par",
        r"\begin{itemize}",
        *(
            rf"  \item {latex(e.hostname)}: {latex(e.device)}, nnlab {latex(e.nnlab)},"
            rf" torch {latex(e.torch)}, Python {latex(e.python)}"
            for e in report.environments
        ),
        *(
            rf"  \item run {run.id} {run.status}: {latex(run.reason or 'no reason was stored')}"
            for run in report.failed
        ),
        r"  \item[]",
        r"\end{itemize}",
        *(rf"\texttt{{{latex(command)}}}\par" for command in report.commands),
    ]
