"""Paths on surfaces, compared with closed forms and recursions."""

import math
from typing import Any

import pytest

from nnlab.engine.loss_surfaces import SURFACES, Point
from nnlab.engine.surface_paths import SurfacePath, follow_path
from nnlab.settings import config_of

LAMBDA = {"quadratic": (1.0, 4.0), "ravine": (0.1, 10.0)}


def path(
    name: str, start: Point | None = None, steps: int = 30, noise: float = 0.0, **setting: Any
) -> SurfacePath:
    surface = SURFACES[name]
    config = config_of({"epochs": steps, **setting}, 0)
    return follow_path(surface, config, start or surface.start, steps, noise=noise, seed=3)


@pytest.mark.parametrize("name", LAMBDA)
@pytest.mark.parametrize("lr", [0.05, 0.19])
def test_gradient_descent_on_a_quadratic_is_the_closed_form(name: str, lr: float) -> None:
    taken = path(name, opt="sgd", lr=lr)
    for t, point in enumerate(taken.points):
        expected = [
            w * (1 - lr * curvature) ** t
            for w, curvature in zip(SURFACES[name].start, LAMBDA[name], strict=True)
        ]
        assert point == pytest.approx(expected, abs=1e-12)
    assert taken.gradients == tuple(range(31))
    assert not taken.diverged


def test_momentum_follows_its_recursion() -> None:
    lr, momentum, curvatures = 0.02, 0.8, LAMBDA["ravine"]
    taken = path("ravine", opt="momentum", lr=lr, momentum=momentum)
    weights, velocity = list(SURFACES["ravine"].start), [0.0, 0.0]
    for point in taken.points[1:]:
        for i, curvature in enumerate(curvatures):
            velocity[i] = momentum * velocity[i] + curvature * weights[i]
            weights[i] -= lr * velocity[i]
        assert point == pytest.approx(weights, abs=1e-12)


def test_the_first_step_of_adam_has_the_length_of_the_rate() -> None:
    taken = path("ravine", opt="adam", lr=0.3, steps=1)
    (x0, y0), (x1, y1) = taken.points
    assert (x1 - x0, y1 - y0) == pytest.approx((0.3, -0.3), rel=1e-6)


def test_a_decay_scales_each_step_with_steps_as_epochs() -> None:
    taken = path("quadratic", opt="sgd", lr=0.1, decay="step", decay_every=1, steps=3)
    x = SURFACES["quadratic"].start[0]
    for step in range(3):
        x *= 1 - 0.1 * 0.5**step
        assert taken.points[step + 1][0] == pytest.approx(x)


@pytest.mark.parametrize("opt", ["lbfgs", "newton-cg"])
def test_second_order_optimizers_reach_the_minimum_of_rosenbrock(opt: str) -> None:
    inner: dict[str, Any] = {"inner_steps": 1} if opt == "lbfgs" else {}
    taken = path("rosenbrock", opt=opt, steps=400, **inner)
    assert taken.points[-1] == pytest.approx((1, 1), abs=1e-4)
    assert taken.gradients[-1] < 400
    steps = [b - a for a, b in zip(taken.gradients, taken.gradients[1:], strict=False)]
    assert min(steps) >= 1


def test_second_order_optimizers_get_no_more_gradients_than_steps() -> None:
    taken = path("rosenbrock", opt="lbfgs", inner_steps=5, steps=20)
    assert taken.gradients[-2] < 20


def test_gradient_descent_stays_on_the_ridge_of_a_saddle_without_noise() -> None:
    still = path("saddle", (-1.6, 0.0), 300, opt="sgd", lr=0.1)
    assert still.points[-1] == pytest.approx((0, 0), abs=1e-6)
    noisy = path("saddle", (-1.6, 0.0), 300, noise=0.05, opt="sgd", lr=0.1)
    assert abs(noisy.points[-1][1]) == pytest.approx(1, abs=0.1)
    assert noisy == path("saddle", (-1.6, 0.0), 300, noise=0.05, opt="sgd", lr=0.1)


def test_noise_has_its_standard_deviation_and_mean_zero() -> None:
    taken = path("quadratic", (0.0, 0.0), 4000, noise=0.5, opt="sgd", lr=1e-6)
    kicks = [(b[0] - a[0]) / 1e-6 for a, b in zip(taken.points, taken.points[1:], strict=False)]
    mean = sum(kicks) / len(kicks)
    assert mean == pytest.approx(0, abs=0.03)
    assert math.sqrt(sum(k * k for k in kicks) / len(kicks)) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("name", "lr"), [("ravine", 0.3), ("rosenbrock", 1.0), ("rosenbrock", 1000.0), ("minima", 9.0)]
)
def test_a_rate_that_is_too_high_diverges_and_ends(name: str, lr: float) -> None:
    taken = path(name, opt="sgd", lr=lr, steps=300)
    assert taken.diverged
    assert len(taken.points) == len(taken.losses) == len(taken.gradients) < 300


@pytest.mark.parametrize("opt", ["rmsprop", "adagrad", "adadelta", "nadam", "lion", "amsgrad"])
def test_all_optimizers_descend(opt: str) -> None:
    taken = path("quadratic", opt=opt, lr=1.0 if opt == "adadelta" else 0.02)
    assert taken.losses[-1] < taken.losses[0]


def test_a_path_from_the_minimum_has_one_point() -> None:
    assert path("rosenbrock", (1.0, 1.0), opt="sgd", lr=0.1).points == ((1.0, 1.0),)
