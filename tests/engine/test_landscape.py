"""The loss landscape compared to the exact Hessian; the weights are restored afterwards."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from nnlab.engine.loss_landscape import (
    LossLandscape,
    loss_along_line,
    loss_surface,
    random_filter_normalized_direction,
    top_eigenvalue,
)

Make = Callable[..., object]


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def landscape() -> LossLandscape:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double().eval()
    examples = torch.randn(20, 3, generator=make_generator(1), dtype=torch.float64)
    return LossLandscape(model, functional.cross_entropy, examples, torch.arange(20) % 2)


def hessian(landscape: LossLandscape) -> torch.Tensor:
    """The exact one, over all parameters in a row: [n, n]."""
    names = [name for name, _ in landscape.model.named_parameters()]
    parts = [p.detach() for p in landscape.parameters]

    def loss(row: torch.Tensor) -> torch.Tensor:
        pieces = torch.split(row, [p.numel() for p in parts])
        named = {n: v.view_as(p) for n, v, p in zip(names, pieces, parts, strict=True)}
        outputs = torch.func.functional_call(landscape.model, named, (landscape.examples,))
        return functional.cross_entropy(outputs, landscape.targets)

    row = torch.cat([p.flatten() for p in parts])
    matrix = torch.autograd.functional.hessian(loss, row)  # type: ignore[no-untyped-call]
    assert isinstance(matrix, torch.Tensor)
    return matrix


def test_a_hessian_vector_product_equals_that_of_the_exact_hessian(
    landscape: LossLandscape,
) -> None:
    direction = [
        torch.randn(p.shape, generator=make_generator(5), dtype=torch.float64)
        for p in landscape.parameters
    ]
    product = torch.cat([part.flatten() for part in landscape.hessian_vector_product(direction)])
    row = torch.cat([part.flatten() for part in direction])
    assert torch.allclose(product, hessian(landscape) @ row)


def test_the_eigenvalue_is_that_of_the_exact_hessian(landscape: LossLandscape) -> None:
    values = torch.linalg.eigvalsh(hessian(landscape))
    expected = max(values.tolist(), key=abs)
    eigenvalue = top_eigenvalue(landscape, make_generator(), tolerance=1e-9, max_iterations=2000)
    assert eigenvalue.converged
    assert eigenvalue.value == pytest.approx(expected, rel=1e-4)
    assert not top_eigenvalue(
        landscape, make_generator(), tolerance=1e-15, max_iterations=2
    ).converged


def test_the_gradient_is_torchs(landscape: LossLandscape) -> None:
    functional.cross_entropy(landscape.model(landscape.examples), landscape.targets).backward()  # type: ignore[no-untyped-call]
    for gradient, parameter in zip(landscape.gradient(), landscape.parameters, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(gradient, parameter.grad)


def test_each_filter_of_a_direction_has_the_norm_of_the_models_filter(
    landscape: LossLandscape,
) -> None:
    direction = random_filter_normalized_direction(landscape.model, make_generator())
    for part, parameter in zip(direction, landscape.parameters, strict=True):
        if parameter.ndim == 1:
            assert not part.any()
        else:
            assert torch.allclose(part.norm(dim=1), parameter.norm(dim=1))


def test_slices_agree_at_the_weights_and_restore_them(landscape: LossLandscape) -> None:
    before = [p.detach().clone() for p in landscape.parameters]
    first, second = (
        random_filter_normalized_direction(landscape.model, make_generator(seed)) for seed in (0, 1)
    )
    steps = (-0.5, 0.0, 0.5)
    plane = loss_surface(landscape, first, second, steps)
    assert loss_along_line(landscape, first, steps) == pytest.approx(plane[1])
    assert plane[1][1] == pytest.approx(landscape.loss_value())
    assert all(torch.equal(p, q) for p, q in zip(landscape.parameters, before, strict=True))
