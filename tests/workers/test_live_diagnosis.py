"""Live diagnosis of a resumed run ignores stored epochs after its checkpoint."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nnlab import store
from nnlab.records import Curve, Epoch, History, Run, Status, Trial
from nnlab.workers.live_diagnosis import LiveDiagnosis

RUN = Run(
    id=1, trial=Trial(1, "s", {"stop_on": "NN201"}, "d"), seed=0, repeat=0, current=True,
    status=Status.RUNNING, name=None, tags=(), epochs=6, epochs_planned=9, selected_epoch=None,
    data_fingerprint=None, parent_id=None, reason=None, wall_seconds=None, device_seconds=None,
    created_at=datetime.now(UTC), started_at=None, ended_at=None,
)  # fmt: skip
LOSSES = (1.0, 0.9, 0.8, 0.7, 0.6, math.nan)


def stored(db: object, number: int) -> History:
    """Six epochs, the last of which diverged."""
    del db, number
    return History({"train/loss": Curve("train/loss", tuple(range(1, 7)), LOSSES)})


def watching(monkeypatch: pytest.MonkeyPatch, after: int) -> LiveDiagnosis:
    """Of a run whose checkpoint is of an earlier epoch than the last stored."""
    monkeypatch.setattr(store, "history", stored)
    return LiveDiagnosis(object(), RUN, print, after=after)  # type: ignore[arg-type]


def epoch(number: int) -> Epoch:
    return Epoch(number, {"train/loss": LOSSES[number - 1]}, 0.1)


@pytest.mark.parametrize("after", [0, 3])
def test_epochs_that_are_trained_again_are_judged_one_by_one(
    monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    looked = watching(monkeypatch, after)
    for number in range(after + 1, 6):
        assert looked.check_epoch(epoch(number)) is None
    text = looked.check_epoch(epoch(6))
    assert text is not None
    assert text.startswith("stopped on NN201 diverged")


def test_a_run_that_is_to_stop_on_nothing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "history", stored)
    free = replace(RUN, trial=Trial(1, "s", {}, "d"))
    looked = LiveDiagnosis(object(), free, print, after=5)  # type: ignore[arg-type]
    assert looked.check_epoch(epoch(6)) is None
