"""The figures that answer a claim: what was compared, and the curves of every arm."""

from collections.abc import Mapping
from pathlib import Path

import nnlab
from nnlab import store
from nnlab.analysis.run_value import metrics_in
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, evaluate_claim
from nnlab.figures.draw.claim import ClaimInterval, draw_claim_intervals
from nnlab.figures.draw.curves import curves
from nnlab.figures.draw.save import save_figure
from nnlab.figures.draw.series import Series
from nnlab.records import Study
from nnlab.report.verdict import claimed

_MAX_PANELS = 2


def draw_claim(db: store.Database, study: Study, stem: Path, kind: str = "png") -> list[Path]:
    """Draws `STEM-verdict.png` and `STEM-curves.png` and answers their paths."""
    answered = evaluate_claim(db, study)
    assert answered is not None
    provenance = {
        "nnlab": nnlab.__version__,
        "database": db.address.shown,
        "study": study.name,
        "verdict": str(answered.verdict),
    }
    verdict, drawn = claim_files(stem, kind)
    save_figure(
        draw_claim_intervals([_claim_interval(found) for found in answered.results]),
        verdict,
        provenance,
    )
    series = _arm_series(db, answered)
    save_figure(curves(series, metrics=_curve_metrics(answered, series)), drawn, provenance)
    return [verdict, drawn]


def claim_files(stem: Path, kind: str) -> tuple[Path, Path]:
    """The files of the figures of a claim: the verdict and the curves."""
    return (
        stem.with_name(f"{stem.name}-verdict.{kind}"),
        stem.with_name(f"{stem.name}-curves.{kind}"),
    )


def _claim_interval(found: ComparisonResult) -> ClaimInterval:
    comparison, judged = found.comparison, found.test
    return ClaimInterval(
        title=comparison.says,
        quantity=claimed(comparison),
        mean=judged.mean,
        low=judged.low,
        high=judged.high,
        above=comparison.above,
        below=comparison.below,
        verdict=str(judged.verdict),
        log=comparison.scale == "ratio",
    )


def _arm_series(db: store.Database, answered: StudyVerdict) -> list[Series]:
    """A series for each arm: the runs of the trial that speaks for it."""
    histories = store.histories(
        db, [run.id for side in answered.arms.values() for run in side.runs.values()]
    )
    return [
        Series(
            label=f"{side.arm} ({side.tuned_values})" if side.tuned_values else side.arm,
            histories=tuple(histories[run.id] for run in side.runs.values()),
        )
        for side in answered.arms.values()
    ]


def _curve_metrics(answered: StudyVerdict, series: list[Series]) -> list[str]:
    """The metrics compared, as far as they make curves; loss where none does."""
    named = [m for found in answered.results for m in metrics_in(found.comparison.metric)]
    known = [metric for metric in dict.fromkeys(named) if _is_curve(metric, series)]
    groups: Mapping[str, None] = dict.fromkeys(m.partition("/")[2] for m in known)
    wanted = list(groups)[:_MAX_PANELS]
    return [m for m in known if m.partition("/")[2] in wanted] or ["loss"]


def _is_curve(metric: str, series: list[Series]) -> bool:
    curves_of = [history.get(metric) for one in series for history in one.histories]
    return any(curve is not None and len(curve) > 1 for curve in curves_of)
