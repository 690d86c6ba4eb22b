"""The line between two weights, compared to values computed by hand."""

import math

import pytest
import torch

from nnlab.engine.interpolation import loss_barrier, relative_distance, weights_between


def test_the_barrier_of_a_double_well() -> None:
    """The loss (w² - 1)² between its minima -1 and 1 is highest at 0, where it is 1."""
    positions = [index / 4 for index in range(5)]
    first, second = {"w": torch.tensor([-1.0])}, {"w": torch.tensor([1.0])}
    weights = [weights_between(first, second, t)["w"].item() for t in positions]
    assert weights == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert loss_barrier(positions, [(w**2 - 1) ** 2 for w in weights]) == 1.0


def test_the_barrier_is_above_the_line_between_the_ends() -> None:
    # The line is 1, 1.5, 2, 2.5, 3; the losses are above it by 0, 0.25, 1, -0.5, 0.
    losses = [1.0, 1.75, 3.0, 2.0, 3.0]
    assert loss_barrier([0.0, 0.25, 0.5, 0.75, 1.0], losses) == 1.0


def test_a_convex_loss_has_no_barrier() -> None:
    positions = [index / 10 for index in range(11)]
    assert loss_barrier(positions, [(3 * t - 1) ** 2 for t in positions]) == pytest.approx(0.0)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_is_an_infinite_barrier(value: float) -> None:
    assert loss_barrier([0.0, 0.5, 1.0], [1.0, value, 1.0]) == math.inf


def test_both_ends_of_the_line_are_the_weights_themselves() -> None:
    first = {"w": torch.tensor([0.1, 0.7]), "batches": torch.tensor(3)}
    second = {"w": torch.tensor([0.3, -0.2]), "batches": torch.tensor(5)}
    assert torch.equal(weights_between(first, second, 0.0)["w"], first["w"])
    assert torch.equal(weights_between(first, second, 1.0)["w"], second["w"])
    assert weights_between(first, second, 0.5)["batches"] == 3


@pytest.mark.parametrize(
    ("other", "distance"),
    [([3.0, 4.0], 0.0), ([-4.0, 3.0], math.sqrt(2)), ([-3.0, -4.0], 2.0)],
)
def test_distances_are_relative_to_the_norms(other: list[float], distance: float) -> None:
    first = {"w": torch.tensor([3.0, 4.0]), "mean": torch.tensor([100.0])}
    second = {"w": torch.tensor(other), "mean": torch.tensor([0.0])}
    assert relative_distance(first, second, ["w"]) == pytest.approx(distance)


def test_a_known_distance() -> None:
    """|a - b|² = 4, |a|² = 1, |b|² = 9: the root mean square of the norms is sqrt(5)."""
    first, second = {"w": torch.tensor([1.0])}, {"w": torch.tensor([3.0])}
    assert relative_distance(first, second, ["w"]) == pytest.approx(2 / math.sqrt(5))
