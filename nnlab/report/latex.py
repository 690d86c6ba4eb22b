"""A report as a complete LaTeX document, whose parts can be copied into a paper."""

from collections.abc import Sequence

from nnlab.analysis.remedy_numbers import (
    BEST_EPOCH_COLUMN,
    best_epoch_numbers,
    measure_sentence,
    remedy_numbers,
    remedy_titles,
)
from nnlab.io.escaping import escape_latex
from nnlab.io.file_origin import LATEX_MARK
from nnlab.io.text import format_count
from nnlab.report.contents import RankedGroup, Report, format_energy
from nnlab.report.table_formats import table_as_latex
from nnlab.report.verdict_latex import verdict_as_latex
from nnlab.stats import format_duration
from nnlab.version import nnlab_version

# Without Latin Modern the T1 fonts of a small TeX installation are bitmaps (Type 3), which journals
# refuse; the default encoding has outlines everywhere. Floats stay below the title.
_PREAMBLE = r"""\documentclass{article}
\IfFileExists{lmodern.sty}{\usepackage[T1]{fontenc}\usepackage{lmodern}}
  {\renewcommand{\labelitemi}{$\bullet$}\DeclareTextCommandDefault{\textpm}{\ensuremath{\pm}}}
\usepackage[margin=2.5cm]{geometry}
\usepackage{booktabs}
\usepackage{siunitx}
\usepackage{graphicx}
\usepackage{longtable}
\begin{document}
\suppressfloats[t]
"""


def report_as_latex(report: Report, figures: Sequence[str] = ()) -> str:
    """The LaTeX document of a report; `figures` are names of files in the same folder."""
    parts = [
        f"{LATEX_MARK}{nnlab_version()}",
        _PREAMBLE,
        rf"\section*{{{escape_latex(report.title)}}}",
        *(
            rf"\textbf{{Question.}} {escape_latex(study.question)}\par"
            for study in report.studies
            if study.question
        ),
        rf"\textbf{{Verdict.}} {escape_latex(report.sentence)}\par",
        "",
        *_headline_findings(report),
        *(part for pair in report.verdicts for part in verdict_as_latex(*pair)),
        *(_figure(name) for name in figures),
        *(part for group in report.groups for part in _group_table(group)),
        *_findings(report),
        *_remedies(report),
        *_ledgers(report),
        *_run_summary(report),
        r"\end{document}",
    ]
    return "\n".join(parts) + "\n"


def _figure(name: str) -> str:
    return (
        "\\begin{figure}[htbp]\n  \\centering\n"
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
    """The table of a group of comparable runs, and its notes."""
    parts = [table_as_latex(group.table)] if group.table is not None else []
    if not group.ranking.notes:
        return parts
    items = [rf"  \item {escape_latex(note)}" for note in group.ranking.notes]
    return [*parts, r"\begin{itemize}", *items, r"\end{itemize}"]


def _findings(report: Report) -> list[str]:
    if not report.findings:
        return []
    rows = [
        rf"{escape_latex(summary.code)} & {escape_latex(summary.name)} &"
        rf" {escape_latex(summary.severity)} & {len(summary.cases)} &"
        rf" {escape_latex(summary.remedy)} \\"
        for summary in report.findings
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
    for summary in report.remedies:
        results = summary.results
        rows = [
            rf"{escape_latex(title)} & {result.n} & {escape_latex(effect)} &"
            rf" {escape_latex(interval)} & {escape_latex(result.outcome)} &"
            rf" {escape_latex(at_best)} \\"
            for result, title, (effect, interval), at_best in zip(
                results,
                remedy_titles(results),
                remedy_numbers(results),
                best_epoch_numbers(results),
                strict=True,
            )
        ]
        sentence = f"Judged by {measure_sentence(summary.code, results)}. {BEST_EPOCH_COLUMN}"
        parts += [
            rf"\section*{{Remedies for run {summary.run} {escape_latex(summary.code)}}}",
            *([escape_latex(sentence)] if results else []),
            r"\begin{longtable}{lrrllr}",
            r"\toprule",
            r"Remedy & $n$ & Better by & 95\,\% interval & Did it help & Best epoch \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{longtable}",
        ]
    return parts


def _ledgers(report: Report) -> list[str]:
    parts = []
    for summary in report.ledgers:
        rows = [
            rf"{line.entry} & {escape_latex(line.candidate)} & {line.seeds} &"
            rf" {escape_latex(line.effect)} & {escape_latex(line.interval)} &"
            rf" {escape_latex(line.verdict)}{', best' if line.is_best else ''} \\"
            for line in summary.lines
        ]
        parts += [
            rf"\section*{{Tested candidates of {escape_latex(summary.study)}}}",
            summary.sentence,
            "",
            r"\begin{longtable}{rp{5cm}rrll}",
            r"\toprule",
            r"\# & Candidate & Seeds & Better by & Interval & Verdict \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{longtable}",
        ]
    return parts


def _run_summary(report: Report) -> list[str]:
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(report.statuses.items()))
    energy = "" if report.joules is None else f"At most {format_energy(report.joules)}."
    times = ", ".join(
        escape_latex(f"{format_duration(3600 * hours)} on {device}")
        for device, hours in report.device_hours.items()
    )
    items = [
        *(
            rf"  \item {_host(environment.hostname)}{escape_latex(environment.device)},"
            rf" nnlab {escape_latex(environment.nnlab)},"
            rf" torch {escape_latex(environment.torch)}, Python {escape_latex(environment.python)}"
            for environment in report.environments
        ),
        *(
            rf"  \item {format_count(len(runs), 'run')} {status}:"
            rf" {escape_latex(', '.join(str(run.id) for run in runs))}"
            rf" ({escape_latex(reason)})"
            for (status, reason), runs in report.failures.items()
        ),
    ]
    return [
        r"\section*{What was run}",
        rf"{format_count(len(report.runs), 'run')}: {statuses}. {times}. {energy}\par",
        *([r"\begin{itemize}", *items, r"\end{itemize}"] if items else []),
        *(rf"\texttt{{{escape_latex(command)}}}\par" for command in report.commands),
    ]


def _host(hostname: str) -> str:
    return f"{escape_latex(hostname)}: " if hostname else ""
