"""`--decay sawtooth`: linear from lr to decay-floor, again every decay-every epochs."""

from collections.abc import Callable

from nnlab.plugins import RunConfig, SchedulePlugin


def build(config: RunConfig, epochs: float) -> Callable[[float], float]:
    every, floor = config.decay_every, config.decay_floor
    return lambda t: 1.0 - (1.0 - floor) * (t % every) / every


SAWTOOTH = SchedulePlugin(
    name="sawtooth",
    summary="lr(t) falls linearly to f lr0 in each period of decay-every epochs",
    defaults={"decay_every": 4, "decay_floor": 0.1},
    build=build,
)
