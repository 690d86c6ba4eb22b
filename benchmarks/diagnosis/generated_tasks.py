"""Learning tasks from which any number of fresh examples can be drawn, for the plain-torch runs.

Each task is a function (generator, number of runs, examples, difficulty) -> (x, y), where x has the
shape (runs, examples, ...) and y holds classes (int64) or standardised numbers (float32). A task
draws what is fixed for a run, such as class centres, from a generator that is seeded by the run.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Targets = NDArray[np.int64] | NDArray[np.float64]
Sample = Callable[[np.random.Generator, int], tuple[Floats, Targets]]


@dataclass(frozen=True, slots=True)
class Task:
    """A task: a function that fixes a problem and returns a sampler of its examples.

    `classes` is 0 for a regression; `is_sequence` if x has the shape (runs, examples, steps, 1).
    """

    problem: Callable[[np.random.Generator], Sample]
    classes: int
    is_sequence: bool = False


def _moons(problem: np.random.Generator) -> Sample:
    noise = problem.uniform(0.1, 0.4)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        y = rng.integers(0, 2, n)
        angle = rng.uniform(0, math.pi, n)
        x = np.where(y == 0, np.cos(angle), 1 - np.cos(angle)) - 0.5
        height = np.where(y == 0, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
        return 1.5 * np.stack([x, height], 1) + rng.normal(0, 1.5 * noise, (n, 2)), y

    return sample


def _circles(problem: np.random.Generator) -> Sample:
    noise, ratio = problem.uniform(0.08, 0.3), problem.uniform(0.4, 0.7)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        y = rng.integers(0, 2, n)
        angle = rng.uniform(0, 2 * math.pi, n)
        radius = np.where(y == 0, 1.0, ratio)
        x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
        return 1.5 * (x + rng.normal(0, noise, (n, 2))), y

    return sample


def _clouds(problem: np.random.Generator) -> Sample:
    features = int(problem.integers(2, 21))
    centres = problem.normal(0, 1, (3, features)) * problem.uniform(0.8, 2.0) / features**0.25

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        y = rng.integers(0, 3, n)
        x = np.zeros((n, 20))
        x[:, :features] = centres[y] + rng.normal(0, 1, (n, features))
        x[:, features:] = rng.normal(0, 1, (n, 20 - features))
        return x / 1.4, y

    return sample


def _stretched_clouds(problem: np.random.Generator) -> Sample:
    """Five classes of two clouds each, with a covariance per cloud."""
    centres = problem.normal(0, problem.uniform(0.6, 1.5), (10, 8))
    spreads = problem.normal(0, 0.35, (10, 8, 8)) + 0.5 * np.eye(8)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        cloud = rng.integers(0, 10, n)
        x = centres[cloud] + np.einsum("nij,nj->ni", spreads[cloud], rng.normal(0, 1, (n, 8)))
        return x / 1.4, cloud // 2

    return sample


def _sparse_logistic(problem: np.random.Generator) -> Sample:
    """A linear boundary over 3 of 40 features."""
    weights = np.zeros(40)
    weights[:3] = problem.normal(0, 1, 3) * problem.uniform(1, 3)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        x = rng.normal(0, 1, (n, 40))
        return x, (rng.random(n) < 1 / (1 + np.exp(-x @ weights))).astype(np.int64)

    return sample


def _checkerboard(problem: np.random.Generator) -> Sample:
    cells = int(problem.integers(2, 5))
    features = int(problem.integers(2, 7))

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        x = rng.uniform(-1.7, 1.7, (n, 6))
        cell = np.floor((x[:, :2] / 3.4 + 0.5) * cells).astype(int)
        x[:, features:] = 0
        return x, cell.sum(1) % 2

    return sample


def _friedman(problem: np.random.Generator) -> Sample:
    """Friedman's first function of five of ten features (Friedman 1991)."""
    noise = problem.uniform(0.2, 3.0)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        x = rng.uniform(0, 1, (n, 10))
        y = 10 * np.sin(math.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
        y += 10 * x[:, 3] + 5 * x[:, 4] + rng.normal(0, noise, n)
        return (x - 0.5) * 3.46, (y - 14.4) / 4.9

    return sample


def _polynomial(problem: np.random.Generator) -> Sample:
    """A polynomial of degree 3 to 6 in one of three features, and noise."""
    coefficients = problem.normal(0, 1, int(problem.integers(4, 8)))
    noise = problem.uniform(0.1, 0.8)
    grid = np.polynomial.legendre.legval(np.linspace(-1, 1, 201), coefficients)
    mean, sd = float(grid.mean()), float(grid.std())

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        x = rng.uniform(-1, 1, (n, 3))
        y = (np.polynomial.legendre.legval(x[:, 0], coefficients) - mean) / sd
        return 1.73 * x, y + rng.normal(0, noise, n)

    return sample


def _linear_regression(problem: np.random.Generator) -> Sample:
    """A linear function of 30 features, and noise."""
    weights = problem.normal(0, 1, 30) / math.sqrt(30)
    noise = problem.uniform(0.1, 1.0)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        x = rng.normal(0, 1, (n, 30))
        return x, x @ weights + rng.normal(0, noise, n)

    return sample


def _order_of_pulses(problem: np.random.Generator) -> Sample:
    """Sequences of 12 noisy values with an upward and a downward pulse: which comes first?"""
    noise = problem.uniform(0.2, 0.9)

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        x = rng.normal(0, noise, (n, 12))
        places = np.argsort(rng.random((n, 12)), 1)[:, :2]
        rows = np.arange(n)
        x[rows, places[:, 0]] += 1.5
        x[rows, places[:, 1]] -= 1.5
        return x[:, :, None], (places[:, 0] < places[:, 1]).astype(np.int64)

    return sample


def _frequencies(problem: np.random.Generator) -> Sample:
    """Sequences of 16 values of a sine with one of three frequencies, and noise."""
    noise = problem.uniform(0.4, 1.5)
    frequencies = 0.6 * np.array([1.0, 1.25, 1.5])

    def sample(rng: np.random.Generator, n: int) -> tuple[Floats, Targets]:
        y = rng.integers(0, 3, n)
        phase = rng.uniform(0, 2 * math.pi, (n, 1))
        x = np.sin(frequencies[y][:, None] * np.arange(16) + phase)
        return (x + rng.normal(0, noise, x.shape))[:, :, None], y

    return sample


TASKS: Mapping[str, Task] = {
    "moons": Task(_moons, 2),
    "clouds": Task(_clouds, 3),
    "sparse logistic": Task(_sparse_logistic, 2),
    "Friedman": Task(_friedman, 0),
    "order of pulses": Task(_order_of_pulses, 2, is_sequence=True),
    "circles": Task(_circles, 2),
    "stretched clouds": Task(_stretched_clouds, 5),
    "checkerboard": Task(_checkerboard, 2),
    "polynomial": Task(_polynomial, 0),
    "linear regression": Task(_linear_regression, 0),
    "frequencies": Task(_frequencies, 3, is_sequence=True),
}
# The kinds of the two halves are disjoint.
FITTED_TASKS = ("moons", "clouds", "sparse logistic", "Friedman", "order of pulses")
UNSEEN_TASKS = (
    "circles", "stretched clouds", "checkerboard", "polynomial", "linear regression", "frequencies",
)  # fmt: skip
