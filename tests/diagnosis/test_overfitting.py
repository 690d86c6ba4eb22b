"""NN101: message, onset, evidence and confidence on hand-computed curves."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.diagnosis import diagnose
from nnlab.diagnosis.loss_pair import loss_pair
from nnlab.diagnosis.val_increase import val_increase_confidence
from nnlab.diagnosis.val_minimum import ValMinimum, measure_val_minimum
from nnlab.records import Curve, Finding, History, Severity


def history(
    train: Sequence[float],
    val: Sequence[float],
    *,
    epochs: Sequence[int] | None = None,
    **others: Sequence[float],
) -> History:
    at = tuple(epochs or range(1, len(train) + 1))
    metrics = {"train/loss": train, "val/loss": val}
    metrics |= {name.replace("__", "/"): values for name, values in others.items()}
    return History({name: Curve(name, at, tuple(values)) for name, values in metrics.items()})


def codes(of: History) -> list[str]:
    return [finding.code for finding in diagnose(of)]


def overfitting(of: History) -> Finding:
    (finding,) = [finding for finding in diagnose(of) if finding.code == "NN101"]
    return finding


FALLING = [2.0 * 0.8**i for i in range(20)]
TURNING = [1.0 + 0.02 * abs(i - 8) ** 1.5 for i in range(20)]


def test_onset_is_the_epoch_after_which_validation_no_longer_improved() -> None:
    finding = overfitting(history(FALLING, TURNING))
    assert finding.onset == 9
    assert finding.severity is Severity.WARNING
    assert finding.confidence > 0.8
    assert "after epoch 9" in finding.message
    assert "stop at the best epoch" in finding.remedy


def test_evidence_is_the_numbers_it_rests_on() -> None:
    evidence = overfitting(history(FALLING, TURNING)).evidence
    assert evidence["best_val_loss"] == 1.0
    assert evidence["best_epoch"] == 9
    assert evidence["final_val_loss"] == TURNING[-1]
    assert evidence["epochs_since_onset"] == 11
    assert evidence["train_loss_at_onset"] > evidence["final_train_loss"]
    assert evidence["rise"] == pytest.approx(TURNING[-1] - 1.0, rel=0.3)
    assert evidence["gap"] == pytest.approx(TURNING[-1] - FALLING[-1], rel=0.2)
    json.dumps(dict(evidence), allow_nan=False)


def test_three_epochs_are_enough_when_each_is_worse() -> None:
    assert overfitting(history([0.5, 0.3, 0.1], [0.5, 0.7, 0.9])).onset == 1


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_epochs_say_nothing(n: int) -> None:
    assert codes(history([0.5, 0.3][:n], [0.5, 0.9][:n])) == []


def test_one_bad_last_epoch_is_not_overfitting() -> None:
    assert codes(history(FALLING, [*FALLING[:19], 1.5])) == []


def test_missing_curves_say_nothing() -> None:
    val_only = {"val/loss": Curve("val/loss", (1, 2, 3), (1.0, 2.0, 3.0))}
    assert codes(History()) == []
    assert codes(History(val_only)) == []
    assert codes(History(val_only | {"train/loss": Curve("train/loss", (), ())})) == []


def test_exact_training_loss_is_preferred_to_the_running_one() -> None:
    rising = [1.0 + 0.1 * i for i in range(20)]
    assert "NN101" not in codes(history(rising, TURNING))
    assert "NN101" in codes(history(rising, TURNING, train__loss_exact=FALLING))


def test_accuracy_that_still_improves_is_said() -> None:
    better = [0.5 + 0.02 * i for i in range(20)]
    finding = overfitting(history(FALLING, TURNING, val__accuracy=better))
    assert "accuracy still improves" in finding.message
    worse = [0.9 - 0.02 * abs(i - 8) for i in range(20)]
    finding = overfitting(history(FALLING, TURNING, val__accuracy=worse))
    assert "accuracy" not in finding.message


@pytest.mark.parametrize("n", [12, 300, 20_000])
def test_onset_is_found_at_any_length(n: int) -> None:
    train = [2 * math.exp(-8 * i / n) + 0.001 for i in range(n)]
    val = [1 + abs(i / n - 0.4) ** 1.5 + 0.002 * (-1) ** i for i in range(n)]
    assert overfitting(history(train, val)).onset == pytest.approx(0.4 * n, abs=0.05 * n + 1)


def test_an_early_minimum_of_a_long_run_is_seen() -> None:
    n = 50_000
    val = [1 + (0.5 * (40 - i) / 40 if i < 40 else 2e-5 * (i - 40)) for i in range(n)]
    finding = overfitting(history([3 / (i + 1) for i in range(n)], val))
    assert finding.onset == pytest.approx(41, abs=3)


def test_a_hundred_thousand_epochs_are_read_in_a_moment() -> None:
    n = 100_000
    of = history([1 / (i + 1) for i in range(n)], [1 + (i % 7) * 0.01 + i / n for i in range(n)])
    start = time.perf_counter()
    assert codes(of) == ["NN101"]
    assert time.perf_counter() - start < 5  # a tenth of that, even on a busy machine


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_scale_of_the_loss_does_not_matter(scale: float) -> None:
    finding = overfitting(history([scale * v for v in FALLING], [scale * v for v in TURNING]))
    plain = overfitting(history(FALLING, TURNING))
    assert finding.onset == plain.onset
    assert finding.confidence == pytest.approx(plain.confidence)


def test_negative_losses_are_judged_by_what_was_gained() -> None:
    val = [v - 5 for v in [3.0, 2.0, 1.2, 1.0, *TURNING[8:]]]
    train = [v - 5 for v in FALLING[:16]]
    assert codes(history(train, val)) == ["NN101"]
    assert codes(history(train, train)) == []


def test_missing_epochs_and_sparse_validation() -> None:
    epochs = [e for e in range(1, 101) if e % 7]
    train = Curve("train/loss", tuple(epochs), tuple(2 * 0.95**e for e in epochs))
    checks = tuple(range(5, 101, 5))
    val = Curve("val/loss", checks, tuple(1 + 0.0005 * (e - 40) ** 2 for e in checks))
    assert overfitting(History({"train/loss": train, "val/loss": val})).onset == 40


def test_nan_in_between_is_skipped() -> None:
    val = [math.nan if i in (3, 8, 12) else v for i, v in enumerate(TURNING)]
    train = [math.inf if i in (4, 15) else v for i, v in enumerate(FALLING)]
    assert overfitting(history(train, val)).onset in (8, 10)


def measured(of: History) -> ValMinimum:
    pair = loss_pair(of)
    assert pair is not None
    return measure_val_minimum(pair)


MORE_IS_SURER = (
    "rise_relative",
    "rise_share",
    "rise_in_standard_errors",
    "train_fall_relative",
    "train_fall_share",
    "validations_since",
    "gap",
)


@given(
    name=st.sampled_from(MORE_IS_SURER),
    factor=st.floats(1, 100),
    numbers=st.lists(st.floats(0.001, 10), min_size=7, max_size=7),
)
def test_confidence_never_falls_with_more_evidence(
    name: str, factor: float, numbers: list[float]
) -> None:
    base = measured(history(FALLING, TURNING))
    changes: Any = dict(zip(MORE_IS_SURER, numbers, strict=True))
    base = replace(base, **changes)
    more = replace(base, **(changes | {name: changes[name] * factor}))
    assert 0 <= val_increase_confidence(base) <= val_increase_confidence(more) <= 1


def test_higher_rise_is_surer() -> None:
    grow = [overfitting(history(FALLING, [1 + k * (v - 1) for v in TURNING])) for k in (0.3, 1, 3)]
    confidences = [round(finding.confidence, 9) for finding in grow]
    assert confidences == sorted(confidences)


ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(pairs=st.lists(st.tuples(ANY, ANY), max_size=40))
def test_nothing_that_a_history_holds_raises(pairs: list[tuple[float, float]]) -> None:
    for finding in diagnose(history([t for t, _ in pairs], [v for _, v in pairs])):
        assert 0 <= finding.confidence <= 1
        assert finding.onset is not None
        assert 1 <= finding.onset <= len(pairs)
        json.dumps(dict(finding.evidence), allow_nan=False)
