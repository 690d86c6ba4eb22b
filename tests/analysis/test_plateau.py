"""Plateau detection: known changes of slope, and curves without one."""

import math
import random

import pytest

from nnlab.analysis.plateau import MIN_EPOCHS, fit_loss_trend
from nnlab.stats.piecewise_linear import fit_piecewise_linear, noise_sd


def losses(epochs: int, kink: int, fall: float, noise: float, seed: int) -> list[float]:
    """Falls by a share an epoch until `kink`, then scatters around one value."""
    draw = random.Random(seed)
    return [math.exp(-fall * min(e, kink) + draw.gauss(0, noise)) for e in range(1, epochs + 1)]


@pytest.mark.parametrize(
    ("epochs", "kink", "fall", "noise"),
    [(40, 14, 0.03, 0.02), (60, 20, 0.1, 0.02), (200, 60, 0.03, 0.03)],
)
def test_a_known_kink_is_found_within_two_epochs(
    epochs: int, kink: int, fall: float, noise: float
) -> None:
    for seed in range(5):
        stall = fit_loss_trend(losses(epochs, kink, fall, noise, seed)).plateau
        assert stall is not None
        assert abs(stall.epoch - kink) <= 2
        assert stall.noise == pytest.approx(noise, rel=0.5)


@pytest.mark.parametrize(
    ("kink", "fall", "noise", "message"),
    [
        (40, 0.05, 0.02, "no decay is needed yet"),
        (40, 0.0, 0.02, "did not fall by more than its noise"),
        (14, 0.08, 0.0, "constant, without noise"),
    ],
    ids=["falls to the end", "never fell", "no noise"],
)
def test_without_a_stall_it_says_why(kink: int, fall: float, noise: float, message: str) -> None:
    for seed in range(5):
        movement = fit_loss_trend(losses(40, kink, fall, noise, seed))
        assert movement.plateau is None
        assert message in movement.why


@pytest.mark.parametrize("wrong", [[1.0] * (MIN_EPOCHS - 1), [1.0] * 20 + [0.0], [math.nan] * 20])
def test_what_cannot_be_read_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match=r"epochs|positive"):
        fit_loss_trend(wrong)


def test_joined_pieces_are_found_exactly_where_there_is_no_noise() -> None:
    values = [10.0 - 2 * min(i, 4) - 0.5 * max(0, i - 4) for i in range(20)]
    fit = fit_piecewise_linear(values)
    assert fit.breakpoints == (4,)
    assert fit.slopes == pytest.approx((-2.0, -0.5))
    assert fit.fit == pytest.approx(values)


def test_noise_is_told_from_a_slope() -> None:
    draw = random.Random(0)
    values = [-0.3 * i + draw.gauss(0, 0.5) for i in range(5000)]
    assert noise_sd(values) == pytest.approx(0.5, rel=0.05)
