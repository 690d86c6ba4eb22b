"""`ChoiceContract`: what all choices of a setting have in common."""

import math
from collections.abc import Mapping
from typing import ClassVar

import pytest

from nnlab.catalogue import find_choice
from nnlab.engine.checkpoint import restore_checkpoint, serialize_checkpoint
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.session import Session
from nnlab.records import Epoch
from nnlab.settings import RunConfig, resolve, setting_fields

EPOCHS = 4


class ChoiceContract:
    """A choice is described, and training with it can be repeated and resumed bit for bit.

    Attributes:
        kind: the field of the setting, such as `opt`.
        choice: its value, such as `sign-sgd`; a test class may define a fixture instead.
        settings: other fields of the setting in which the choice is tested.
    """

    kind: ClassVar[str] = ""
    choice: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture
    def name(self) -> str:
        """The choice that is tested."""
        return self.choice

    def make_config(self, name: str, **changes: object) -> RunConfig:
        """A resolved config of a small run with the choice."""
        small: dict[str, object] = {"data": "iris", "model": "linear", "epochs": EPOCHS}
        chosen = {**small, **self.settings, self.kind: name, "device": "cpu", **changes}
        config = RunConfig(**chosen)  # type: ignore[arg-type]
        return resolve(config, dataset_facts(config.data))

    def test_it_is_described_and_its_defaults_have_options(self, name: str) -> None:
        """`nnlab choices` lists a summary in one line, and the options with their defaults."""
        row = find_choice(self.kind, name)
        assert row.name == name
        assert row.summary.strip()
        assert "\n" not in row.summary
        for field in row.defaults:
            assert setting_fields()[field].option.default_from == self.kind

    def test_training_can_be_repeated_and_resumed_bit_for_bit(self, name: str) -> None:
        """A run that was interrupted after two epochs has the numbers of one that was not."""
        config = self.make_config(name)
        expected = _train(build_session(config))
        assert _train(build_session(config)) == expected
        interrupted = build_session(config)
        first = _train(interrupted, stop_after=2)
        resumed = build_session(config)
        restore_checkpoint(resumed, serialize_checkpoint(interrupted), "the checkpoint")
        assert first + _train(resumed) == expected


def _train(session: Session, stop_after: int = EPOCHS) -> list[dict[str, float]]:
    """The metrics of each epoch, without durations."""
    epochs = train(session, lambda: session.epoch >= stop_after)
    return [_comparable_metrics(epoch) for epoch in epochs]


def _comparable_metrics(epoch: Epoch) -> dict[str, float]:
    """The metrics of an epoch that are not NaN, which equals nothing."""
    return {name: value for name, value in epoch.values.items() if not math.isnan(value)}
