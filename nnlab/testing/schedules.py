"""`ScheduleContract`: a schedule is a pure function of the progress, finite and not negative."""

import math
from typing import ClassVar

from nnlab.engine.schedules import build_schedule
from nnlab.testing.choices import EPOCHS, ChoiceContract

_STEPS = 10  # per epoch


class ScheduleContract(ChoiceContract):
    """A learning rate schedule of `--decay`; set `choice` to its name.

    Attributes:
        has_own_warmup: whether it cannot be combined with `--warmup`.
    """

    kind: ClassVar[str] = "decay"
    has_own_warmup: ClassVar[bool] = False

    def test_its_factors_are_finite_and_not_negative(self, name: str) -> None:
        """At every step, and at the end of the training."""
        factor = build_schedule(self.make_config(name), _STEPS)
        for t in _progress():
            value = factor(t)
            assert isinstance(value, float), f"the factor at {t} epochs is {value!r}"
            assert math.isfinite(value), f"the factor at {t} epochs is {value}"
            assert value >= 0.0, f"the factor at {t} epochs is {value}"

    def test_it_does_not_depend_on_the_calls_before(self, name: str) -> None:
        """Another function of the same config, called in another order, has the same values."""
        config = self.make_config(name)
        forward = build_schedule(config, _STEPS)
        values = [forward(t) for t in _progress()]
        backward = build_schedule(config, _STEPS)
        assert [backward(t) for t in reversed(_progress())][::-1] == values
        assert [forward(t) for t in _progress()] == values

    def test_per_epoch_it_holds_the_factor_of_the_epochs_start(self, name: str) -> None:
        """`--decay-per epoch`."""
        by_step = build_schedule(self.make_config(name), _STEPS)
        by_epoch = build_schedule(self.make_config(name, decay_per="epoch"), _STEPS)
        for epoch in range(EPOCHS):
            values = {by_epoch(epoch + step / _STEPS) for step in range(_STEPS)}
            assert values == {by_step(float(epoch))}

    def test_it_starts_after_a_warmup(self, name: str) -> None:
        """During the warmup the factors rise linearly to the first factor of the schedule."""
        if self.has_own_warmup or name == "onecycle":
            return
        factor = build_schedule(self.make_config(name, warmup=1.0), _STEPS)
        rise = [factor(step / _STEPS) for step in range(_STEPS)]
        assert rise == sorted(rise)
        assert math.isfinite(factor(1.0))


def _progress() -> list[float]:
    return [step / _STEPS for step in range(EPOCHS * _STEPS + 1)]
