"""Reads the data of the view "Findings": the runs of each finding, what to try, and remedies."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import store
from nnlab.analysis.arm_labels import load_arms
from nnlab.analysis.remedy_studies import is_remedy_study
from nnlab.analysis.run_overview import run_labels
from nnlab.analysis.scope import Scope, current_runs
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.scope_command import run_command
from nnlab.board.selection import selected_scope
from nnlab.diagnosis.headlines import OVERFITTING_CODE, headline_findings
from nnlab.diagnosis.remedies import remedies_for
from nnlab.diagnosis.rule_texts import find_rule, rule_description
from nnlab.errors import PluginError, UnknownName
from nnlab.io.command_line import quote_command
from nnlab.records import Finding, Run, Severity
from nnlab.report.contents import remedy_summaries
from nnlab.report.page.parts import render_part

# While runs are trained, the findings are read at most once in so many seconds.
_SECONDS = 2.0
# Runs of one finding that are listed with their evidence; the table of runs has all of them.
MAX_CASES = 12
_MAX_CODES = 60

_SEVERITY_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}

_FindingsByRun = Mapping[int, Sequence[Finding]]


def read_findings(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The findings of the current runs of a scope, by code, and the remedies that were tried."""
    scope = selected_scope(context, parameters)
    return context.answers.answer(
        ("findings", scope), lambda: _findings_of_scope(context, scope), max_age=_SECONDS
    )


def _findings_of_scope(context: BoardContext, scope: Scope) -> Mapping[str, Any]:
    db = context.db
    selection = {"study_ids": scope.studies, "run_ids": scope.runs}
    counts = store.finding_counts(db, **selection)
    surest = store.surest_runs(db, **selection, limit=MAX_CASES)
    run_ids = sorted({run_id for ids in surest.values() for run_id in ids})
    runs = {run.id: run for run in store.runs(db, run_ids=run_ids)}
    findings = store.findings(db, run_ids)
    labels = run_labels(tuple(runs.values()), load_arms(db))
    codes = _sorted_codes(counts, findings)
    summaries = [
        _summary_values(
            context,
            code,
            [count for count in counts if count.code == code],
            [runs[run_id] for run_id in surest.get(code, ()) if run_id in runs],
            findings,
            labels,
        )
        for code in codes[:_MAX_CODES]
    ]
    return {
        "runs": sum(store.count_runs(db, **selection).values()),
        "findings": [summary for summary in summaries if summary["cases"]],
        "remedies": _remedies_html(context, scope),
        "seconds": _SECONDS,
    }


def _sorted_codes(counts: Sequence[store.FindingCount], findings: _FindingsByRun) -> list[str]:
    """The codes in the order of the report: headline overfitting, then errors, then by runs."""
    severities: dict[str, int] = {}
    totals: dict[str, int] = {}
    for count in counts:
        order = _SEVERITY_ORDER[count.severity]
        severities[count.code] = min(severities.get(count.code, order), order)
        totals[count.code] = totals.get(count.code, 0) + count.runs
    headlines = {
        finding.code for of_run in findings.values() for finding in headline_findings(of_run)
    }
    is_headline = OVERFITTING_CODE in headlines
    return sorted(
        totals,
        key=lambda code: (
            code != OVERFITTING_CODE or not is_headline, severities[code], -totals[code], code,
        ),
    )  # fmt: skip


def _summary_values(
    context: BoardContext,
    code: str,
    counts: Sequence[store.FindingCount],
    runs: Sequence[Run],
    findings: _FindingsByRun,
    labels: Mapping[int, str],
) -> dict[str, Any]:
    cases = [
        (run, finding)
        for run in runs
        for finding in findings.get(run.id, ())
        if finding.code == code
    ]
    first = cases[0][1] if cases else None
    return {
        "code": code,
        "name": first.name if first else "",
        "severity": str(min((c.severity for c in counts), key=_SEVERITY_ORDER.__getitem__)),
        "runs": sum(count.runs for count in counts),
        "remedy": first.remedy if first else "",
        "remedies": _proposed_remedies(code, runs, findings),
        "explanation": _explanation(code),
        "explain_command": quote_command("nnlab", "explain", code),
        "cases": [_case_values(context, run, finding, labels) for run, finding in cases],
    }


def _case_values(
    context: BoardContext, run: Run, finding: Finding, labels: Mapping[int, str]
) -> dict[str, Any]:
    is_trainable = run.origin.is_startable
    return {
        "run": run.id,
        "study": run.trial.study,
        "trial": labels[run.id],
        "seed": run.seed,
        "axis": run.axis,
        "severity": str(finding.severity),
        "onset": finding.onset,
        "confidence": finding.confidence,
        "message": finding.message,
        "command": run_command(context, "remedy", run.id, "--dry-run") if is_trainable else None,
    }


def _proposed_remedies(code: str, runs: Sequence[Run], findings: _FindingsByRun) -> list[str]:
    """The changes that `nnlab remedy` would try for this finding in the surest run."""
    if not runs or not runs[0].origin.is_startable:
        return []
    remedies = remedies_for(findings.get(runs[0].id, ()), runs[0].trial.setting)
    return [remedy.name for remedy in remedies if remedy.finding_code == code]


def _explanation(code: str) -> list[str]:
    """The paragraphs of `nnlab explain`; none for a rule of a plugin that is not installed."""
    try:
        text = rule_description(find_rule(code))
    except (UnknownName, PluginError):
        return []
    return [paragraph for paragraph in text.split("\n") if paragraph.strip()]


def _remedies_html(context: BoardContext, scope: Scope) -> str:
    """The results of remedies, as in the report; empty if none were tried."""
    studies = store.all_studies(context.db)
    if not any(map(is_remedy_study, studies)):
        return ""
    summaries = remedy_summaries(context.db, studies, current_runs(context.db, scope))
    return render_part("remedies", remedies=summaries) if summaries else ""
