"""`nnlab plot activations` and `gradients`: what the probe saw in each layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.series import Series
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import load_trial_curves
from nnlab.stats.curve_band import mean_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACTIVATION_METRICS = ("activation_sd", "dead", "saturated", "zeros", "activation_mean")
_GRADIENT_METRICS = ("grad_norm", "update_ratio")

# Of each layer the epochs and the means over seeds.
_LayerMeans = dict[int, tuple[tuple[int, ...], tuple[float, ...]]]


def activations(
    db: store.Database, words: Sequence[str], *, what: Sequence[str] = (), top: int = 2
) -> PreparedFigure:
    """What the layers put out: sd and dead or saturated units, a line a layer.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or no probe measured it.
    """
    chosen = tuple(what) or _ACTIVATION_METRICS[:3]
    return _layer_figure(db, words, chosen, top, "train with --probe light (the default) or full")


def gradients(
    db: store.Database, words: Sequence[str], *, what: Sequence[str] = (), top: int = 2
) -> PreparedFigure:
    """Gradient norms and sizes of updates, a line a layer of weights.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: nothing was trained there, or no probe measured it.
    """
    return _layer_figure(
        db, words, tuple(what) or _GRADIENT_METRICS, top, "train with --probe full"
    )


def _layer_figure(
    db: store.Database, words: Sequence[str], what: Sequence[str], top: int, hint: str
) -> PreparedFigure:
    trials = load_trial_curves(db, words, top=top)
    panels = [
        (one.label, f"probe/{name}", curves)
        for one in trials.series
        for name in what
        if (curves := _layer_means(one, f"probe/{name}"))
    ]
    if not panels:
        raise UsageError(f"no {', '.join(what)} was measured of {trials.told}", hint=hint)

    def draw() -> "Figure":
        from nnlab.figures.draw.layer_curves import LayerCurves, layers

        return layers([LayerCurves(*panel) for panel in panels])

    rows = [
        (title, quantity, layer, epoch, value)
        for title, quantity, curves in panels
        for layer, (epochs, values) in sorted(curves.items())
        for epoch, value in zip(epochs, values, strict=True)
    ]
    table = numbers(("trial", "metric", "layer", "epoch", "mean"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.told, trials.notes)


def _layer_means(one: Series, quantity: str) -> _LayerMeans:
    measured = {m for history in one.histories for m in history.metrics}
    found: _LayerMeans = {}
    for metric in measured:
        head, _, layer = metric.rpartition("/")
        if head == quantity and layer.isdigit():
            band = mean_curve([c for h in one.histories if (c := h.get(metric))])
            found[int(layer)] = (band.epochs, band.mean)
    return found
