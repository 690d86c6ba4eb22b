"""Reads the curves that show the evidence of a finding, with its onset and the affected range."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import store
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.scope_command import run_command
from nnlab.board.selection import visible_runs
from nnlab.diagnosis.headlines import HEADLINE_CODES, PLATEAU_CODE
from nnlab.errors import UnknownName
from nnlab.figures.draw.downsample import downsample_band
from nnlab.figures.usual_curves import with_usual_names
from nnlab.records import Curve, Finding, History, Run
from nnlab.stats.curve_band import CurveBand

_MAX_POINTS = 600
_MAX_LAYERS = 8
_MAX_NON_FINITE = 200
# A loss that spans more than this ratio is drawn over a logarithmic axis.
_LOG_RATIO = 100.0

_LAYER = re.compile(r"[0-9]{1,6}")

_LOSSES = ("train/loss", "val/loss")
_ACCURACIES = ("train/accuracy", "val/accuracy")
_ERRORS = ("train/rmse", "val/rmse")
# What a rule reads besides the losses; `*` stands for the layers.
_METRICS_BY_CODE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "NN103": (_LOSSES, _ACCURACIES),
    "NN106": (_ACCURACIES, _LOSSES),
    "NN107": (_ACCURACIES, _LOSSES),
    "NN205": (_LOSSES, ("lr",)),
    "NN301": (("probe/grad_norm/*",), _LOSSES),
    "NN302": (("train/grad_norm",), _LOSSES),
    "NN303": (("probe/dead/*",), _LOSSES),
    "NN304": (("probe/saturated/*",), _LOSSES),
}
_USUAL_METRICS = (_LOSSES, _ACCURACIES, _ERRORS)


def read_evidence(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The evidence of the finding `code` of the run `run`: measurements, and panels of curves.

    Raises:
        UnknownName: the board shows no such run, or the run has no such finding.
    """
    db, code = context.db, parameters.text("code")
    (run_id,) = visible_runs(context, (parameters.integer("run", 0, low=0, high=2**53),))
    (run,) = store.runs(db, run_ids=[run_id])
    findings = store.findings(db, [run_id]).get(run_id, ())
    finding = next((finding for finding in findings if finding.code == code), None)
    if finding is None:
        raise UnknownName("finding", code, [finding.code for finding in findings])
    history = with_usual_names(store.history(db, run_id), run.trial.setting)
    panels = [
        {
            **_panel_values(history, metrics, run, finding),
            "command": run_command(context, "plot", "curves", run_id, *_metric_options(metrics)),
        }
        for metrics in _panel_metrics(history, code)
    ]
    return {
        "run": run_id,
        "code": code,
        "axis": run.axis,
        "measurements": dict(finding.evidence),
        "panels": panels,
    }


def _panel_metrics(history: History, code: str) -> list[tuple[str, ...]]:
    """The metrics of each panel: up to two panels whose curves the run has."""
    names = [
        measured
        for pattern in _METRICS_BY_CODE.get(code, ())
        if (measured := _measured_metrics(history, pattern))
    ]
    if not names:
        usual = (_measured_metrics(history, pattern) for pattern in _USUAL_METRICS)
        names = [measured for measured in usual if measured][:1]
    return names[:2]


def _measured_metrics(history: History, pattern: Sequence[str]) -> tuple[str, ...]:
    """The metrics that a pattern names and the run has, layers in their order."""
    if pattern[0].endswith("/*"):
        prefix = pattern[0][:-1]
        layers = [name for name in history.metrics if name.startswith(prefix)]
        layers = [name for name in layers if _LAYER.fullmatch(name, len(prefix))]
        return tuple(sorted(layers, key=lambda name: int(name[len(prefix) :]))[:_MAX_LAYERS])
    return tuple(metric for metric in pattern if history.get(metric))


def _metric_options(metrics: Sequence[str]) -> list[str]:
    """The options of `nnlab plot curves`; a quantity alone draws both splits in one panel."""
    quantities = dict.fromkeys(
        metric.removeprefix("train/").removeprefix("val/") for metric in metrics
    )
    return [word for quantity in quantities for word in ("--metric", quantity)]


def _panel_values(
    history: History, metrics: Sequence[str], run: Run, finding: Finding
) -> dict[str, Any]:
    curves = [history[metric] for metric in metrics]
    last = max((curve.epochs[-1] for curve in curves if len(curve)), default=0)
    is_layers = metrics[0].startswith("probe/")
    quantity = metrics[0].split("/")[1 if is_layers else -1]
    is_shaded = finding.code in HEADLINE_CODES and finding.onset is not None
    return {
        "title": f"{quantity} by layer" if is_layers else ", ".join(metrics),
        "quantity": quantity,
        "lines": [curve_line(curve, run.selected_epoch) for curve in curves],
        "y_log": all("loss" in metric or "norm" in metric for metric in metrics)
        and _spans_decades(curves),
        "onset": finding.onset,
        "rule": "plateau" if finding.code == PLATEAU_CODE else "onset",
        "shaded": [finding.onset, last] if is_shaded else None,
    }


def curve_line(curve: Curve, selected: int | None) -> dict[str, Any]:
    """A curve; of a long one the mean, minimum and maximum of groups of epochs."""
    band = CurveBand(curve.epochs, curve.values, curve.values, curve.values, (1,) * len(curve))
    drawn = downsample_band(band, _MAX_POINTS)
    is_reduced = len(drawn) < len(curve)
    values = dict(curve)
    best = values.get(selected) if selected is not None else None
    marks_best = curve.metric.startswith("val/") and best is not None and math.isfinite(best)
    non_finite = [epoch for epoch, value in curve if not math.isfinite(value)]
    return {
        "metric": curve.metric,
        "x": drawn.epochs,
        "y": drawn.mean,
        "low": drawn.low if is_reduced else None,
        "high": drawn.high if is_reduced else None,
        "count": len(curve),
        "non_finite": non_finite[:_MAX_NON_FINITE],
        "best": [selected, best] if marks_best else None,
    }


def _spans_decades(curves: Sequence[Curve]) -> bool:
    values = [value for curve in curves for value in curve.values if math.isfinite(value)]
    return bool(values) and min(values) > 0 and max(values) > _LOG_RATIO * min(values)
