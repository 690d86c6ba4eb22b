"""The surfaces: gradients, stationary points and condition numbers."""

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime, rosen, rosen_der

from nnlab.engine.loss_surfaces import SURFACES, LossSurface, Point
from nnlab.engine.surface_paths import condition_number, hessian_eigenvalues


def gradient(surface: LossSurface, at: Point) -> list[float]:
    weights = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (result,) = torch.autograd.grad(surface.function(*weights.unbind()), weights)
    return list(map(float, result))


@pytest.mark.parametrize("name", SURFACES)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    surface = SURFACES[name]
    at = np.array(surface.start) + 0.1
    numeric = approx_fprime(at, lambda p: surface.function(*p), 1e-7)
    assert gradient(surface, tuple(at)) == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_rosenbrock_is_that_of_scipy() -> None:
    surface, at = SURFACES["rosenbrock"], (-1.2, 1.0)
    assert surface.function(*at) == pytest.approx(rosen(at))
    assert gradient(surface, at) == pytest.approx(rosen_der(np.array(at)))


@pytest.mark.parametrize("name", SURFACES)
def test_known_points_are_stationary_and_of_their_kind(name: str) -> None:
    surface = SURFACES[name]
    for point in surface.stationary:
        assert gradient(surface, point.at) == pytest.approx((0, 0), abs=1e-9)
        low, high = hessian_eigenvalues(surface, point.at)
        assert high > 0
        assert (low < 0) == (point.kind == "saddle point")
        loss = surface.function(*point.at)
        if point.kind == "minimum":
            assert loss == pytest.approx(surface.lowest, abs=1e-12)
        elif point.kind == "local minimum":
            assert loss > surface.lowest + 0.1
        assert surface.xlim[0] < point.at[0] < surface.xlim[1]
        assert surface.ylim[0] < point.at[1] < surface.ylim[1]


@pytest.mark.parametrize("name", SURFACES)
def test_no_lower_loss_is_drawn_than_at_the_minimum(name: str) -> None:
    surface = SURFACES[name]
    x, y = np.linspace(*surface.xlim, 200), np.linspace(*surface.ylim, 200)
    assert surface.function(x[None, :], y[:, None]).min() >= surface.lowest - 1e-12


@pytest.mark.parametrize(
    ("name", "number"), [("quadratic", 4.0), ("ravine", 100.0), ("rosenbrock", 2508.0096)]
)
def test_condition_numbers(name: str, number: float) -> None:
    surface = SURFACES[name]
    assert condition_number(surface, surface.stationary[0].at) == pytest.approx(number, rel=1e-6)
