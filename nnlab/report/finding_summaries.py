"""The findings of the runs of a report: by code, and the surest case of a headline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.diagnosis.headlines import OVERFITTING_CODE, headline_findings
from nnlab.figures.draw.series import Series
from nnlab.figures.usual_curves import with_usual_names
from nnlab.records import Finding, Run, Severity
from nnlab.settings import builtin_fields


@dataclass(frozen=True, slots=True)
class FindingSummary:
    """All findings of one code, with their runs, by descending confidence."""

    code: str
    name: str
    severity: Severity
    remedy: str
    cases: tuple[tuple[Run, Finding], ...]


@dataclass(frozen=True, slots=True)
class HeadlineFinding:
    """The runs that overfit (or reach a plateau): their number, and the surest of them.

    `explained` counts further runs in which the inputs, noise or a larger fault explains the
    finding. `loss` is the loss with which the run was trained.
    """

    count: int
    explained: int
    run: Run
    finding: Finding
    series: Series
    loss: str | None = None


def summarise_findings(
    runs: Sequence[Run], findings_by_run: Mapping[int, Sequence[Finding]]
) -> tuple[FindingSummary, ...]:
    """The findings by code: headline overfitting first, then errors, then by number of runs."""
    by_run = {run.id: run for run in runs}
    cases: dict[str, list[tuple[Run, Finding]]] = {}
    for run_id, findings in findings_by_run.items():
        for finding in findings:
            cases.setdefault(finding.code, []).append((by_run[run_id], finding))
    severity_order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
    summaries = [
        FindingSummary(
            code,
            run_findings[0][1].name,
            min((case.severity for _, case in run_findings), key=severity_order.__getitem__),
            run_findings[0][1].remedy,
            tuple(sorted(run_findings, key=lambda pair: (-pair[1].confidence, pair[0].id))),
        )
        for code, run_findings in cases.items()
    ]
    # Overfitting comes first because readers look for it, unless something else explains it.
    headline_codes = {
        finding.code
        for findings in findings_by_run.values()
        for finding in headline_findings(findings)
    }
    return tuple(
        sorted(
            summaries,
            key=lambda summary: (
                summary.code != OVERFITTING_CODE or OVERFITTING_CODE not in headline_codes,
                severity_order[summary.severity],
                -len(summary.cases),
                summary.code,
            ),
        )
    )


def headline_finding(
    db: store.Database,
    runs: Sequence[Run],
    findings_by_run: Mapping[int, Sequence[Finding]],
    code: str,
) -> HeadlineFinding | None:
    """The runs with a headline finding of this code; None if there are none."""
    cases = [
        (finding.confidence, -run_id, finding)
        for run_id, findings in findings_by_run.items()
        for finding in headline_findings(findings)
        if finding.code == code
    ]
    if not cases:
        return None
    _, negative, finding = max(cases, key=lambda case: case[:2])
    affected = sum(any(f.code == code for f in findings) for findings in findings_by_run.values())
    run = next(run for run in runs if run.id == -negative)
    history = with_usual_names(store.history(db, run.id), run.trial.setting)
    series = Series(f"run {run.id}", (history,), (finding,), run.selected_epoch, axis=run.axis)
    loss = builtin_fields(run.trial.setting).get("loss")
    return HeadlineFinding(
        len(cases),
        affected - len(cases),
        run,
        finding,
        series,
        None if loss is None else str(loss),
    )
