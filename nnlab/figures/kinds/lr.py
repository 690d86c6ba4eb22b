"""`nnlab plot lr`: learning rates as schedules set them, of runs or of settings untrained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.config import RunConfig, config_of
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import UsageError
from nnlab.figures.draw.learning_rate import LearningRateCurve
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import rank_for_figure
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.records import Setting

# More than a figure can show.
_MAX_POINTS = 2000


def learning_rates(
    db: store.Database,
    words: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    steps: int = 100,
) -> PreparedFigure:
    """A line for each learning rate, drawn step by step from its schedule.

    Args:
        db: the database.
        words: studies or runs, whose settings are drawn.
        settings: where no words are given, those typed, by field.
        steps: in an epoch.

    Raises:
        ConfigError: settings that do not hold.
        UnknownName: a word is neither a study nor a run.
        UsageError: an optimizer among them has no learning rate.
    """
    runs: tuple[int, ...] = ()
    found: list[tuple[RunConfig, Setting]]
    if words:
        ranking = rank_for_figure(db, words, mixed=True)  # schedules are drawn, nothing is compared
        found = [(config_of(row.setting, 0), row.setting) for row in ranking.rows]
        runs = tuple(run for row in ranking.rows for run in row.runs)
    else:
        found = [(point.config, point.setting) for point in expand_settings(settings or {})]
    if without := sorted({config.opt for config, _ in found if config.lr is None}):
        raise UsageError(f"--opt {', '.join(without)} has no learning rate to draw")
    lines = _learning_rate_curves(found, steps)

    def draw() -> "Figure":
        from nnlab.figures.draw.learning_rate import learning_rates as drawn

        return drawn(lines)

    rows = [
        (line.label, epoch, rate)
        for line in lines
        for epoch, rate in zip(line.epochs, line.rates, strict=True)
    ]
    notes = []
    if any(config.decay == "plateau" for config, _ in found):
        notes = ["plateau follows val/loss: drawn as if that had a new best in every epoch"]
    table = numbers(("setting", "epoch", "lr"), rows)
    return PreparedFigure(draw, table, runs, format_count(len(lines), "schedule"), tuple(notes))


def _learning_rate_curves(
    found: "Sequence[tuple[RunConfig, Setting]]", steps: int
) -> list[LearningRateCurve]:
    """A line for each learning rate; settings of a decay that differ only elsewhere share one."""
    drawn: dict[tuple[object, ...], tuple[Setting, LearningRateCurve]] = {}
    for config, setting in found:
        epochs, rates = _learning_rate_by_epoch(config, steps)
        key = (config.decay, epochs, rates)
        drawn.setdefault(key, (setting, LearningRateCurve("", epochs, rates)))
    fields = distinguishing_fields([setting for setting, _ in drawn.values()]) or ("decay",)
    return [replace(line, label=setting_label(setting, fields)) for setting, line in drawn.values()]


def _learning_rate_by_epoch(
    config: RunConfig, steps: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Epochs and the learning rate from each on; the last one stands twice, to the very end."""
    from nnlab.engine.schedules import build_schedule

    assert config.lr is not None
    schedule = build_schedule(config, steps)
    count = config.epochs * steps
    epochs = [step / steps for step in range(0, count, math.ceil(count / _MAX_POINTS))]
    rates = [config.lr * schedule(epoch) for epoch in epochs]
    return (*epochs, float(config.epochs)), (*rates, rates[-1])
