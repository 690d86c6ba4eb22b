"""NN101 and NN103: which epochs they compare, on curves whose shape is known."""

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.diagnosis import diagnose
from nnlab.diagnosis.loss_pair import loss_pair, tail_start
from nnlab.diagnosis.smoothing import fall_in_ranks, smooth_over_epochs
from nnlab.diagnosis.val_increase import val_increase_confidence
from nnlab.diagnosis.val_minimum import ValMinimum, measure_val_minimum
from nnlab.records import Curve, Finding, History


def history(**metrics: Sequence[float]) -> History:
    curves = {}
    for name, values in metrics.items():
        metric = name.replace("__", "/")
        curves[metric] = Curve(metric, tuple(range(1, len(values) + 1)), tuple(values))
    return History(curves)


def sampled(n: int, shape: Callable[[float], float]) -> list[float]:
    return [shape((i + 1) / n) for i in range(n)]


def falling(share: float) -> float:
    return 2.3 * math.exp(-6 * share)


def turning(share: float, rise: float = 0.3, turn: float = 0.3) -> float:
    """Falls from 2 to 1 at `turn`, then rises linearly by `rise`."""
    if share <= turn:
        return 1 + (1 - share / turn) ** 2
    return 1 + rise * (share - turn) / (1 - turn)


def measured(of: History) -> ValMinimum:
    pair = loss_pair(of)
    assert pair is not None
    return measure_val_minimum(pair)


def find(of: History, code: str) -> Finding | None:
    return next((finding for finding in diagnose(of) if finding.code == code), None)


@pytest.mark.parametrize(
    ("epochs", "start"),
    [
        (range(1, 11), 8),  # a tenth is one epoch, and two validations are the least
        (range(1, 101), 90),
        (range(1, 1001), 900),
        (range(0, 1000, 10), 90),
        (range(5, 6), 0),
        # Dense at the end: ten of 19 validations lie in the last tenth of the epochs.
        ([*range(10, 100, 10), *range(91, 101)], 9),
    ],
)
def test_tail_is_the_last_tenth_in_epochs(epochs: Sequence[int], start: int) -> None:
    assert tail_start(list(epochs)) == start


@pytest.mark.parametrize("n", [100, 1000, 20_000])
def test_end_is_the_median_of_the_last_tenth_at_any_length(n: int) -> None:
    minimum = measured(
        history(
            train__loss=sampled(n, falling),
            val__loss=sampled(n, lambda share: turning(share, rise=0.1)),
        )
    )
    # The middle of the last tenth lies at 0.95 of the run: 0.1 * (0.95 - 0.3) / 0.7.
    assert minimum.end == pytest.approx(1.0929, abs=0.001)
    assert minimum.rise_relative == pytest.approx(0.093, abs=0.004)


@pytest.mark.parametrize("rise", [0.055, 0.06])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_a_slow_rise_over_a_thousand_epochs(rise: float, noise: float) -> None:
    draw = random.Random(5)
    val = sampled(1000, lambda share: turning(share, rise, 0.1) * (1 + noise * draw.gauss(0, 1)))
    finding = find(history(train__loss=sampled(1000, falling), val__loss=val), "NN101")
    assert finding is not None
    assert finding.onset == pytest.approx(100, abs=60)


def test_training_loss_that_is_noisy_at_the_end_has_fallen() -> None:
    """The noise of training is in proportion to its loss, and in single epochs far larger."""
    draw = random.Random(2)
    train = sampled(600, lambda share: falling(share) * math.exp(0.5 * draw.gauss(0, 1)))
    train[-1] = 0.5
    val = sampled(600, lambda share: turning(share, 0.37) * (1 + 0.01 * draw.gauss(0, 1)))
    assert find(history(train__loss=train, val__loss=val), "NN101") is not None


def test_a_level_validation_loss_with_noise_is_no_overfitting() -> None:
    for seed in range(50):
        draw = random.Random(seed)
        val = [0.5 + 1.8 * math.exp(-i / 10) + 0.02 * draw.gauss(0, 1) for i in range(300)]
        assert find(history(train__loss=sampled(300, falling), val__loss=val), "NN101") is None


@pytest.mark.parametrize(("examples", "found"), [(25, False), (2000, True)])
def test_few_validation_examples_need_a_larger_rise(examples: int, found: bool) -> None:
    of = history(
        train__loss=sampled(60, falling),
        val__loss=sampled(60, lambda share: turning(share, 0.07)),
        data__val=[examples],
    )
    assert (find(of, "NN101") is not None) == found


@given(
    scale=st.floats(1e-3, 1e3),
    rise=st.floats(0.02, 1.0),
    noise=st.floats(0.0, 0.05),
    seed=st.integers(0, 99),
)
@settings(max_examples=50)
def test_confidence_does_not_depend_on_the_unit_of_the_loss(
    scale: float, rise: float, noise: float, seed: int
) -> None:
    draw = random.Random(seed)
    train = sampled(80, falling)
    val = sampled(80, lambda share: turning(share, rise) * (1 + noise * draw.gauss(0, 1)))
    plain = measured(history(train__loss=train, val__loss=val))
    scaled = measured(
        history(train__loss=[scale * v for v in train], val__loss=[scale * v for v in val])
    )
    assert scaled.onset == plain.onset
    assert val_increase_confidence(scaled) == pytest.approx(val_increase_confidence(plain), 1e-6)


@given(rise=st.floats(0.0, 1.0), higher=st.floats(0.0, 1.0), examples=st.sampled_from([40, 1000]))
@settings(max_examples=50)
def test_confidence_never_falls_with_a_higher_rise(
    rise: float, higher: float, examples: int
) -> None:
    def confidence(height: float) -> float:
        val = sampled(100, lambda share: turning(share, height))
        of = history(train__loss=sampled(100, falling), val__loss=val)
        return val_increase_confidence(measured(of), examples)

    low, high = confidence(rise), confidence(rise + higher)
    assert low <= high + 1e-9


@given(n=st.integers(100, 5000), every=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_measurements_do_not_depend_on_how_densely_a_curve_is_sampled(n: int, every: int) -> None:
    of = history(train__loss=sampled(n, falling), val__loss=sampled(n, turning))
    thinned = of.curves["val/loss"]
    of = History(
        {
            **of.curves,
            "val/loss": Curve("val/loss", thinned.epochs[::every], thinned.values[::every]),
        }
    )
    minimum = measured(of)
    assert minimum.onset / n == pytest.approx(0.3, abs=0.1)
    assert minimum.rise_relative == pytest.approx(0.279, abs=0.06)
    assert val_increase_confidence(minimum) > 0.8


def test_smoothing_keeps_an_early_minimum_and_widens_later() -> None:
    values = [abs(i - 5) for i in range(100)]
    smooth, widths = smooth_over_epochs(values)
    assert min(range(100), key=smooth.__getitem__) == 5
    assert widths[:4] == [1, 3, 5, 5]
    assert (widths[50], widths[85], widths[99]) == (11, 17, 1)
    assert smooth[50] == pytest.approx(45)
    assert smooth_over_epochs([3.0, 1.0, 2.0]) == ([3.0, 1.0, 2.0], [1, 1, 1])


def test_ranks_of_a_falling_sequence() -> None:
    assert fall_in_ranks([5.0, 4.0, 2.0, 1.0]) == pytest.approx(math.sqrt(3))
    assert fall_in_ranks([1.0, 2.0, 4.0, 5.0]) == pytest.approx(-math.sqrt(3))
    assert fall_in_ranks([3.0, 1.0, 1.0, 3.0]) == pytest.approx(0.0)
    # scipy.stats.spearmanr([0, 1, 2, 3, 4], [4, 4, 2, 3, 1]) is -0.8720815992723809.
    assert fall_in_ranks([4, 4, 2, 3, 1]) == pytest.approx(2 * 0.8720815992723809)
    assert fall_in_ranks([1.0, 1.0, 1.0]) == 0.0
    assert fall_in_ranks([2.0, 1.0]) == 0.0


def test_a_gap_from_the_first_epochs_on_is_listed_before_the_overfitting_that_follows() -> None:
    """Validation examples of another distribution: worse at once, and again later."""
    of = history(
        train__loss=[1.2 * math.exp(-epoch / 3) for epoch in range(1, 41)],
        val__loss=[
            0.6 + 0.6 * math.exp(-epoch / 2) + 0.006 * max(0, epoch - 8) for epoch in range(1, 41)
        ],
        train__accuracy=[1 - 0.5 * math.exp(-epoch / 3) for epoch in range(1, 41)],
        val__accuracy=[0.75 - 0.3 * math.exp(-epoch / 3) for epoch in range(1, 41)],
    )
    found = [finding.code for finding in diagnose(of)]
    assert found[:2] == ["NN103", "NN101"]


def test_a_gap_that_grows_after_the_best_epoch_is_overfitting_alone() -> None:
    of = history(
        train__loss=[2.3 * math.exp(-epoch / 20) for epoch in range(1, 151)],
        val__loss=[1.2 + 1.1 * math.exp(-epoch / 10) + 0.02 * epoch for epoch in range(1, 151)],
        train__accuracy=[1 - 0.9 * math.exp(-epoch / 20) for epoch in range(1, 151)],
        val__accuracy=[0.6 - 0.5 * math.exp(-epoch / 12) for epoch in range(1, 151)],
    )
    found = [finding.code for finding in diagnose(of)]
    assert found[0] == "NN101"
    assert "NN103" not in found


def test_a_grokked_run_has_no_gap() -> None:
    """Training is perfect from epoch 100 on, validation from epoch 800 on."""
    epochs = range(1, 1001)
    late = [1 / (1 + math.exp(-(epoch - 700) / 20)) for epoch in epochs]
    of = history(
        train__loss=[4.6 * math.exp(-epoch / 20) + 1e-4 for epoch in epochs],
        val__loss=[
            4.6 + 3 * min(epoch / 300, 1) - 7.59 * share
            for epoch, share in zip(epochs, late, strict=True)
        ],
        train__accuracy=[1 - 0.99 * math.exp(-epoch / 20) for epoch in epochs],
        val__accuracy=[0.01 + 0.98 * share for share in late],
    )
    assert not {"NN101", "NN103", "NN107", "NN404"} & {finding.code for finding in diagnose(of)}


def test_before_it_groks_a_run_overfits_and_its_validation_labels_are_right() -> None:
    epochs = range(1, 301)
    of = history(
        train__loss=[4.6 * math.exp(-epoch / 20) + 1e-4 for epoch in epochs],
        val__loss=[4.6 + 3 * epoch / 300 for epoch in epochs],
        train__accuracy=[1 - 0.99 * math.exp(-epoch / 20) for epoch in epochs],
        val__accuracy=[0.01 + 0.002 * (epoch % 3) for epoch in epochs],
    )
    found = [finding.code for finding in diagnose(of)]
    assert found[0] == "NN101"
    assert not {"NN404", "NN103"} & set(found)
