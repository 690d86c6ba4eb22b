"""`nnlab plot init`: what the layers of untrained models put out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.analysis.ranking import plural
from nnlab.config import config_of
from nnlab.config.space import Point, label, telling
from nnlab.figures.figure import Picture, numbers
from nnlab.figures.untrained import points_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.engine.init_probe import LayerOutputs

# The lecture's figure: weights too small, too large, and two that hold.
_BASE: Mapping[str, Any] = {"depth": 10, "width": 100}
_INITS: tuple[Mapping[str, Any], ...] = (
    {"init": "normal", "init_scale": 0.01},
    {"init": "normal", "init_scale": 0.3},
    {"init": "xavier"},
    {"init": "msra"},
)


def init(
    _: store.Database | None,
    words: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Picture:
    """Histograms of the outputs of each layer and their sd, a row a setting.

    Args:
        words: none; nothing is trained.
        settings: as typed, by field; without an initialisation among them, those of the lecture.
        seed: of the weights.

    Raises:
        ConfigError: settings that do not hold.
        UsageError: a model without activations.
    """
    assert not words
    found = outputs_of(settings or {}, seed)

    rows = [
        (name, layer, mean, sd)
        for name, outputs in found.items()
        for layer, (mean, sd) in enumerate(zip(outputs.means, outputs.sds, strict=True), start=1)
    ]
    table = numbers(("setting", "layer", "mean", "sd"), rows)
    return Picture(lambda: init_figure(found), table, (), plural(len(found), "setting"))


def init_figure(found: "Mapping[str, LayerOutputs]") -> "Figure":
    """Draws what layers put out, a row a setting."""
    from nnlab.engine.layer_statistics import spread
    from nnlab.figures.draw.init_histograms import MOST_COLUMNS, Outputs, init_histograms

    return init_histograms(
        [
            Outputs(
                name,
                outputs.sds,
                {n + 1: outputs.samples[n] for n in spread(len(outputs.sds), MOST_COLUMNS)},
            )
            for name, outputs in found.items()
        ]
    )


def outputs_of(settings: Mapping[str, Any], seed: int) -> "dict[str, LayerOutputs]":
    """What the layers put out, by what tells the settings apart.

    Raises:
        ConfigError: settings that do not hold.
        UsageError: a model without activations.
    """
    points = _points(settings)
    # torch takes its second or two here, after the settings were found to be good.
    from nnlab.engine.init_probe import layer_outputs
    from nnlab.engine.loop import start

    fields = telling([point.setting for point in points])
    return {
        label(p.setting, fields) or p.config.model: layer_outputs(start(config_of(p.setting, seed)))
        for p in points
    }


def _points(settings: Mapping[str, Any]) -> tuple[Point, ...]:
    """The settings typed; without an initialisation among them, those of the lecture."""
    given = {**_BASE, **settings} if settings.get("model", "mlp") == "mlp" else dict(settings)
    inits: Sequence[Mapping[str, Any]] = ({},) if "init" in settings else _INITS
    return tuple(point for init in inits for point in points_of({**given, **init}))
