"""`nnlab plot init`: what the layers of untrained models put out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.config import config_of
from nnlab.config.space import TrialSpec, distinguishing_fields, setting_label
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.engine.initial_outputs import LayerOutputs

# The lecture's figure: weights too small, too large, and two that hold.
_BASE_SETTINGS: Mapping[str, Any] = {"depth": 10, "width": 100}
_DEFAULT_INITS: tuple[Mapping[str, Any], ...] = (
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
) -> PreparedFigure:
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
    found = layer_outputs_by_setting(settings or {}, seed)

    rows = [
        (name, layer, mean, sd)
        for name, outputs in found.items()
        for layer, (mean, sd) in enumerate(zip(outputs.means, outputs.sds, strict=True), start=1)
    ]
    table = numbers(("setting", "layer", "mean", "sd"), rows)
    return PreparedFigure(
        lambda: draw_init_figure(found), table, (), format_count(len(found), "setting")
    )


def draw_init_figure(found: "Mapping[str, LayerOutputs]") -> "Figure":
    """Draws what layers put out, a row a setting."""
    from nnlab.engine.layer_statistics import evenly_spaced_indices
    from nnlab.figures.draw.init_histograms import MAX_COLUMNS, InitHistograms, draw_init_histograms

    return draw_init_histograms(
        [
            InitHistograms(
                name,
                outputs.sds,
                {
                    n + 1: outputs.samples[n]
                    for n in evenly_spaced_indices(len(outputs.sds), MAX_COLUMNS)
                },
            )
            for name, outputs in found.items()
        ]
    )


def layer_outputs_by_setting(settings: Mapping[str, Any], seed: int) -> "dict[str, LayerOutputs]":
    """What the layers put out, by what tells the settings apart.

    Raises:
        ConfigError: settings that do not hold.
        UsageError: a model without activations.
    """
    points = _trial_specs(settings)
    # torch takes its second or two here, after the settings were found to be good.
    from nnlab.engine.initial_outputs import measure_layer_outputs
    from nnlab.engine.loop import build_session

    fields = distinguishing_fields([point.setting for point in points])
    return {
        setting_label(p.setting, fields) or p.config.model: measure_layer_outputs(
            build_session(config_of(p.setting, seed))
        )
        for p in points
    }


def _trial_specs(settings: Mapping[str, Any]) -> tuple[TrialSpec, ...]:
    """The settings typed; without an initialisation among them, those of the lecture."""
    given = (
        {**_BASE_SETTINGS, **settings} if settings.get("model", "mlp") == "mlp" else dict(settings)
    )
    inits: Sequence[Mapping[str, Any]] = ({},) if "init" in settings else _DEFAULT_INITS
    return tuple(point for init in inits for point in expand_settings({**given, **init}))
