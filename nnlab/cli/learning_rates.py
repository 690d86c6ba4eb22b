"""What `nnlab plot lr` draws: the learning rate of each setting, step by step, untrained."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nnlab
from nnlab.cli.plan import Typed, plan_of
from nnlab.cli.render import note, say
from nnlab.config import RunConfig
from nnlab.engine.schedules import schedule_of
from nnlab.errors import UsageError
from nnlab.plots.learning_rate import Rates, learning_rates
from nnlab.plots.save import save
from nnlab.report.ranking import plural
from nnlab.space import Point, label, telling

# More than a figure can show.
_MOST_POINTS = 2000


def draw(typed: Typed, output: Sequence[Path], *, steps: int, db: str | None) -> None:
    """Draws the settings that were typed to files.

    Raises:
        ConfigError: settings that do not hold.
        UsageError: an optimizer among them has no learning rate.
    """
    points = plan_of(typed, db=db).points
    if without := sorted({p.config.opt for p in points if p.config.lr is None}):
        raise UsageError(f"--opt {', '.join(without)} has no learning rate to draw")
    lines = _lines(points, steps)
    figure = learning_rates(lines)
    for path in output:
        save(figure, path, {"nnlab": nnlab.__version__, "schedules": _words(typed)})
        say(f"{path}: {plural(len(lines), 'schedule')}")
    if any(point.config.decay == "plateau" for point in points):
        note("plateau follows val/loss: drawn as if that had a new best in every epoch")


def _lines(points: Sequence[Point], steps: int) -> list[Rates]:
    """A line for each learning rate; settings of a decay that differ only elsewhere share one."""
    drawn: dict[tuple[object, ...], tuple[Point, Rates]] = {}
    for point in points:
        epochs, rates = _rates(point.config, steps)
        key = (point.config.decay, epochs, rates)
        drawn.setdefault(key, (point, Rates("", epochs, rates)))
    settings = [point.setting for point, _ in drawn.values()]
    fields = telling(settings) or ("decay",)
    return [replace(line, label=label(point.setting, fields)) for point, line in drawn.values()]


def _rates(config: RunConfig, steps: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Epochs and the learning rate from each on; the last one stands twice, to the very end."""
    assert config.lr is not None
    schedule = schedule_of(config, steps)
    count = config.epochs * steps
    epochs = [step / steps for step in range(0, count, math.ceil(count / _MOST_POINTS))]
    rates = [config.lr * schedule(epoch) for epoch in epochs]
    return (*epochs, float(config.epochs)), (*rates, rates[-1])


def _words(typed: Typed) -> str:
    """The settings as they were typed, for the file's metadata."""
    return " ".join(f"{name}={value}" for name, value in typed.settings.items()) or "defaults"
