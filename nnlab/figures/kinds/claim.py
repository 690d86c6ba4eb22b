"""The figures of a study's claim: the intervals of its comparisons, and the curves of its arms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from nnlab import store
from nnlab.analysis.claim_text import describe_claim
from nnlab.analysis.run_value import metrics_in
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.number_texts import with_powers_of_ten
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.save import save_figure
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.style import style_context
from nnlab.figures.kinds.curves import draw_curves
from nnlab.records import Study
from nnlab.stats.rounding import format_interval, without_rounding_error
from nnlab.version import nnlab_version

_MAX_PANELS = 2
_ROW_HEIGHT = 1.0  # inches
_VERDICT_COLORS = {"supported": 2, "not supported": 1}  # index in the palette
_REGION_ALPHA = 0.25
# The expected value is marked above the interval, between -1 and 1.
_EXPECTED_MARKER, _EXPECTED_HEIGHT = "v", 0.6
# Axes of ratios that span less than this factor get linear ticks instead of powers of ten.
_MIN_RATIO_FOR_LOG_TICKS = 30


@dataclass(frozen=True, slots=True)
class ClaimInterval:
    """A mean with its 95 % interval, the bounds of the claimed region, and the verdict.

    `quantity` is the label of the axis; `log` makes the axis logarithmic, for ratios. `expected` is
    the value if the claim is true and as large as the literature reports, if that is stated.
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
    expected: float | None = None


def save_claim_figures(
    db: store.Database,
    study: Study,
    study_verdict: StudyVerdict,
    stem: Path,
    kind: str = "png",
    *,
    anonymous: bool = False,
) -> list[Path]:
    """Writes `STEM-verdict.KIND` and `STEM-curves.KIND`; returns their paths."""
    provenance = {
        "nnlab": nnlab_version(),
        "database": "" if anonymous else db.address.public_name,
        "study": study.name,
        "verdict": str(study_verdict.verdict),
    }
    verdict_path, curves_path = claim_files(stem, kind)
    save_figure(
        draw_claim_intervals([_claim_interval(result) for result in study_verdict.results]),
        verdict_path,
        provenance,
    )
    series = _arm_series(db, study_verdict)
    save_figure(
        draw_curves(series, metrics=_curve_metrics(study_verdict, series)), curves_path, provenance
    )
    return [verdict_path, curves_path]


def claim_files(stem: Path, kind: str) -> tuple[Path, Path]:
    """The paths of the two figures of a claim: the verdict and the curves."""
    return (
        stem.with_name(f"{stem.name}-verdict.{kind}"),
        stem.with_name(f"{stem.name}-curves.{kind}"),
    )


def _claim_interval(result: ComparisonResult) -> ClaimInterval:
    comparison, claim_test = result.comparison, result.test
    return ClaimInterval(
        title=comparison.says if comparison.decides else f"sub-claim: {comparison.says}",
        quantity=describe_claim(comparison),
        mean=claim_test.mean,
        low=claim_test.low,
        high=claim_test.high,
        above=comparison.above,
        below=comparison.below,
        verdict=str(claim_test.verdict),
        log=comparison.scale == "ratio",
        expected=comparison.expected,
    )


def _arm_series(db: store.Database, study_verdict: StudyVerdict) -> list[Series]:
    """A series for each arm: the runs of the trial that was selected for it."""
    histories = store.histories(
        db,
        [run.id for tuned_arm in study_verdict.arms.values() for run in tuned_arm.runs.values()],
    )
    return [
        Series(
            label=tuned_arm.title,
            histories=tuple(histories[run.id] for run in tuned_arm.runs.values()),
        )
        for tuned_arm in study_verdict.arms.values()
        if tuned_arm.runs
    ]


def _curve_metrics(study_verdict: StudyVerdict, series: list[Series]) -> list[str]:
    """The compared metrics that have curves, at most two quantities; loss if none has."""
    compared = [
        metric
        for result in study_verdict.results
        for metric in metrics_in(result.comparison.metric)
    ]
    with_curves = [metric for metric in dict.fromkeys(compared) if _is_curve(metric, series)]
    quantities = list(dict.fromkeys(metric.partition("/")[2] for metric in with_curves))
    shown = quantities[:_MAX_PANELS]
    return [metric for metric in with_curves if metric.partition("/")[2] in shown] or ["loss"]


def _is_curve(metric: str, series: list[Series]) -> bool:
    curves = [history.get(metric) for trial in series for history in trial.histories]
    return any(curve is not None and len(curve) > 1 for curve in curves)


def draw_claim_intervals(rows: Sequence[ClaimInterval]) -> Figure:
    """A figure with a row for each comparison: its interval, and the claimed region shaded."""
    with style_context():
        count = max(1, len(rows))
        entries = _legend_entries(expected=any(row.expected is not None for row in rows))

        def draw(axes: Sequence[Axes]) -> None:
            for ax, row in zip(axes, rows, strict=False):
                _draw_row(ax, row)

        # Panels wider than half of the page stand below each other.
        half = 0.6 * current_paper().width / current_paper().scale
        figure = figure_with_legend(count, [entries], draw, height=_ROW_HEIGHT, least=half)
        freeze_layout(figure)
        return figure


def _legend_entries(*, expected: bool) -> list[LegendEntry]:
    ink = current_paper().look.ink
    entries = [
        LegendEntry(Patch(facecolor=color(5), alpha=_REGION_ALPHA, linewidth=0), "claimed region"),
        LegendEntry(Line2D([], [], color=ink, marker="o", linewidth=points(2)), "mean, 95 % CI"),
    ]
    if expected:
        marker = Line2D([], [], color=ink, marker=_EXPECTED_MARKER, linestyle="none")
        entries.append(LegendEntry(marker, "expected if the claim is true"))
    return entries


def _draw_row(ax: Axes, row: ClaimInterval) -> None:
    color_index = _VERDICT_COLORS.get(row.verdict)
    row_color = current_paper().look.ink if color_index is None else color(color_index)
    width = available_text_width()
    size = current_paper().size
    title = wrap_to_width(row.title, width, size)
    ax.set_title(f"{title}\n{_result_text(row)}", loc="left", fontsize=size)
    ax.set_xlabel(wrap_to_width(row.quantity, width, size), fontsize=size)
    ax.set_yticks([])
    ax.set_ylim(-1, 1)
    ax.spines["left"].set_visible(False)
    low, high = _axis_limits(row)
    if row.log:
        ax.set_xscale("log")
        if high / low < _MIN_RATIO_FOR_LOG_TICKS:
            ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.set_xlim(low, high)
    start = low if row.above is None else row.above
    end = high if row.below is None else row.below
    ax.axvspan(start, end, color=color(5), alpha=_REGION_ALPHA, linewidth=0, zorder=1)
    if row.expected is not None:
        ink = current_paper().look.ink
        ax.plot([row.expected], [_EXPECTED_HEIGHT], marker=_EXPECTED_MARKER, color=ink, zorder=4)
    if math.isfinite(row.mean):
        ax.hlines(0, max(row.low, low), min(row.high, high), color=row_color, linewidth=points(2))
        ax.plot([row.mean], [0], marker="o", color=row_color, zorder=4)


def _result_text(row: ClaimInterval) -> str:
    """The verdict with the mean and its interval."""
    if not all(map(math.isfinite, (row.mean, row.low, row.high))):
        return row.verdict
    interval = format_interval(row.low, row.high)
    mean = without_rounding_error(row.mean, row.low, row.high)
    return with_powers_of_ten(f"{row.verdict}: {mean:.3g} (95 % CI {interval})")


def _axis_limits(row: ClaimInterval) -> tuple[float, float]:
    """The limits of the axis: they contain the interval and the bounds, with a margin."""
    bounds = [row.mean, row.low, row.high, row.above, row.below, row.expected]
    bounds.append(1.0 if row.log else 0.0)
    finite = [value for value in bounds if value is not None and math.isfinite(value)]
    if row.log:
        logs = [math.log(value) for value in finite if value > 0]
        margin = 0.12 * (max(logs) - min(logs)) or 0.1
        return math.exp(min(logs) - margin), math.exp(max(logs) + margin)
    margin = 0.12 * (max(finite) - min(finite)) or 0.1
    return min(finite) - margin, max(finite) + margin
