"""The figures that answer a claim: what was compared, and the curves of every arm. // What decides a claim: an interval for each comparison, and the region that is claimed."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

import nnlab
from nnlab import store
from nnlab.analysis.claim_text import describe_claim
from nnlab.analysis.run_value import metrics_in
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, evaluate_claim
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.save import save_figure
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.style import style_context
from nnlab.figures.kinds.curves import draw_curves
from nnlab.records import Study

_MAX_PANELS = 2
_ROW_HEIGHT = 0.85  # inches
_VERDICT_COLORS = {"supported": 2, "not supported": 1}  # of the palette
_TEXT_WIDTH = 100
# Powers of ten are no ticks for factors that span less than this.
_MIN_RATIO_FOR_LOG_TICKS = 30


@dataclass(frozen=True, slots=True)
class ClaimInterval:
    """A mean with its 95 % interval, the bounds of what is claimed, and the verdict.

    `quantity` names what is on the axis; `log` draws it logarithmic, for factors.
    """

    title: str
    quantity: str
    mean: float
    low: float
    high: float
    above: float | None
    below: float | None
    verdict: str
    log: bool = False


def save_claim_figures(
    db: store.Database, study: Study, stem: Path, kind: str = "png"
) -> list[Path]:
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
        draw_claim_intervals([_claim_interval(found) for found in answered.answers]),
        verdict,
        provenance,
    )
    series = _arm_series(db, answered)
    save_figure(draw_curves(series, metrics=_curve_metrics(answered, series)), drawn, provenance)
    return [verdict, drawn]


def claim_files(stem: Path, kind: str) -> tuple[Path, Path]:
    """The files of the figures of a claim: the verdict and the curves."""
    return (
        stem.with_name(f"{stem.name}-verdict.{kind}"),
        stem.with_name(f"{stem.name}-curves.{kind}"),
    )


def _claim_interval(found: ComparisonResult) -> ClaimInterval:
    comparison, judged = found.comparison, found.judged
    return ClaimInterval(
        title=comparison.says,
        quantity=describe_claim(comparison),
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
        db, [run.id for side in answered.sides.values() for run in side.runs.values()]
    )
    return [
        Series(
            label=f"{side.arm} ({side.chosen})" if side.chosen else side.arm,
            histories=tuple(histories[run.id] for run in side.runs.values()),
        )
        for side in answered.sides.values()
    ]


def _curve_metrics(answered: StudyVerdict, series: list[Series]) -> list[str]:
    """The metrics compared, as far as they make curves; loss where none does."""
    named = [m for found in answered.answers for m in metrics_in(found.comparison.metric)]
    known = [metric for metric in dict.fromkeys(named) if _is_curve(metric, series)]
    groups: Mapping[str, None] = dict.fromkeys(m.partition("/")[2] for m in known)
    wanted = list(groups)[:_MAX_PANELS]
    return [m for m in known if m.partition("/")[2] in wanted] or ["loss"]


def _is_curve(metric: str, series: list[Series]) -> bool:
    curves_of = [history.get(metric) for one in series for history in one.histories]
    return any(curve is not None and len(curve) > 1 for curve in curves_of)


def draw_claim_intervals(rows: Sequence[ClaimInterval]) -> Figure:
    """Draws a row for each comparison: the interval, and shaded the region that is claimed."""
    with style_context():
        figure = new_figure(0.2 + _ROW_HEIGHT * max(1, len(rows)))
        places = figure.subplots(max(1, len(rows)), 1, squeeze=False)[:, 0]
        for ax, row in zip(places, rows, strict=False):
            _draw_row(ax, row)
        return figure


def _draw_row(ax: Axes, row: ClaimInterval) -> None:
    place = _VERDICT_COLORS.get(row.verdict)
    tone = current_paper().look.ink if place is None else color(place)
    title = textwrap.shorten(f"{row.title}: {row.verdict}", _TEXT_WIDTH, placeholder="…")
    ax.set_title(title, loc="left", fontsize=points(7), color=tone)
    label = textwrap.shorten(row.quantity, _TEXT_WIDTH, placeholder="…")
    ax.set_xlabel(label, fontsize=points(6))
    ax.set_yticks([])
    ax.set_ylim(-1, 1)
    ax.spines["left"].set_visible(False)
    low, high = _axis_limits(row)
    if row.log:
        ax.set_xscale("log")
        if high / low < _MIN_RATIO_FOR_LOG_TICKS:
            ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(low, high)
    start = low if row.above is None else row.above
    end = high if row.below is None else row.below
    ax.axvspan(start, end, color=color(5), alpha=0.18, linewidth=0, zorder=1)
    if math.isfinite(row.mean):
        ax.hlines(0, max(row.low, low), min(row.high, high), color=tone, linewidth=points(2))
        ax.plot([row.mean], [0], marker="o", color=tone, zorder=4)


def _axis_limits(row: ClaimInterval) -> tuple[float, float]:
    """Limits of the axis: the interval and the bounds, with room on both sides."""
    known = [row.mean, row.low, row.high, row.above, row.below, 1.0 if row.log else 0.0]
    shown = [value for value in known if value is not None and math.isfinite(value)]
    if row.log:
        logs = [math.log(value) for value in shown if value > 0]
        room = 0.12 * (max(logs) - min(logs)) or 0.1
        return math.exp(min(logs) - room), math.exp(max(logs) + room)
    room = 0.12 * (max(shown) - min(shown)) or 0.1
    return min(shown) - room, max(shown) + room
