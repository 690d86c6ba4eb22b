"""The figures that answer a claim: what was compared, and the curves of every arm."""

from collections.abc import Mapping
from pathlib import Path

import nnlab
from nnlab import store
from nnlab.analysis.run_value import metrics_in
from nnlab.analysis.verdict import Answer, Answered, answer
from nnlab.figures.draw.claim import Interval, intervals
from nnlab.figures.draw.curves import curves
from nnlab.figures.draw.save import save
from nnlab.figures.draw.series import Series
from nnlab.records import Study
from nnlab.report.verdict import claimed

_PANELS = 2


def draw_claim(db: store.Database, study: Study, stem: Path, kind: str = "png") -> list[Path]:
    """Draws `STEM-verdict.png` and `STEM-curves.png` and answers their paths."""
    answered = answer(db, study)
    assert answered is not None
    provenance = {
        "nnlab": nnlab.__version__,
        "database": db.address.shown,
        "study": study.name,
        "verdict": str(answered.verdict),
    }
    verdict, drawn = claim_files(stem, kind)
    save(intervals([_interval(found) for found in answered.answers]), verdict, provenance)
    series = _series(db, answered)
    save(curves(series, metrics=_metrics(answered, series)), drawn, provenance)
    return [verdict, drawn]


def claim_files(stem: Path, kind: str) -> tuple[Path, Path]:
    """The files of the figures of a claim: the verdict and the curves."""
    return (
        stem.with_name(f"{stem.name}-verdict.{kind}"),
        stem.with_name(f"{stem.name}-curves.{kind}"),
    )


def _interval(found: Answer) -> Interval:
    comparison, judged = found.comparison, found.judged
    return Interval(
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


def _series(db: store.Database, answered: Answered) -> list[Series]:
    """A series for each arm: the runs of the trial that speaks for it."""
    histories = store.histories(
        db, [run.id for side in answered.sides.values() for run in side.runs.values()]
    )
    return [
        Series(
            label=f"{side.arm} ({side.chosen})" if side.chosen else side.arm,
            histories=tuple(histories[run.id] for run in side.runs.values()),
        )
        for side in answered.sides.values()
    ]


def _metrics(answered: Answered, series: list[Series]) -> list[str]:
    """The metrics compared, as far as they make curves; loss where none does."""
    named = [m for found in answered.answers for m in metrics_in(found.comparison.metric)]
    known = [metric for metric in dict.fromkeys(named) if _is_curve(metric, series)]
    groups: Mapping[str, None] = dict.fromkeys(m.partition("/")[2] for m in known)
    wanted = list(groups)[:_PANELS]
    return [m for m in known if m.partition("/")[2] in wanted] or ["loss"]


def _is_curve(metric: str, series: list[Series]) -> bool:
    curves_of = [history.get(metric) for one in series for history in one.histories]
    return any(curve is not None and len(curve) > 1 for curve in curves_of)
