"""Optimizers without a learning rate: hand-computed steps, cost, and minimum."""

from collections.abc import Callable

import pytest
import scipy.optimize
import torch
from torch import nn, optim
from torch.nn import functional

from nnlab.engine.optimizers import ClosureOptimizer, EvaluationCounts, build, set_lr
from nnlab.engine.optimizers.lbfgs import LBFGS
from nnlab.engine.optimizers.newton_cg import NewtonCG
from nnlab.errors import ConfigError
from nnlab.settings import DataFacts, RunConfig, resolve

SECOND_ORDER = ("lbfgs", "newton-cg")


def config_of(opt: str, **settings: object) -> RunConfig:
    return resolve(RunConfig(opt=opt, **settings), DataFacts("classification"))  # type: ignore[arg-type]


def problem() -> tuple[nn.Linear, Callable[[], torch.Tensor]]:
    """Softmax regression with a little L2: one minimum."""
    generator = torch.Generator().manual_seed(1)
    examples = torch.randn(60, 4, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, 3, (60,), generator=generator)
    model = nn.Linear(4, 3).double()
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)

    def loss_of() -> torch.Tensor:
        penalty = 0.01 * sum((p**2).sum() for p in model.parameters())
        return functional.cross_entropy(model(examples), targets) + penalty

    return model, loss_of


def least_loss(model: nn.Linear, loss_of: Callable[[], torch.Tensor]) -> float:
    """By SciPy, from where the model is."""
    parameters = list(model.parameters())

    def both(flat: object) -> tuple[float, object]:
        nn.utils.vector_to_parameters(torch.as_tensor(flat), parameters)
        loss = loss_of()
        gradients = torch.autograd.grad(loss, parameters)
        return loss.item(), torch.cat([g.flatten() for g in gradients]).numpy()

    start = nn.utils.parameters_to_vector(parameters).detach().numpy()
    return float(scipy.optimize.minimize(both, start, jac=True, method="BFGS", tol=1e-10).fun)


@pytest.mark.parametrize("opt", SECOND_ORDER)
def test_the_minimum_is_scipys(opt: str) -> None:
    expected = least_loss(*problem())
    model, loss_of = problem()
    optimizer = build(model, config_of(opt))
    assert isinstance(optimizer, ClosureOptimizer)
    for _ in range(10):
        optimizer.step(loss_of)
    assert loss_of().item() == pytest.approx(expected, abs=1e-8)


def test_newton_cg_solves_a_quadratic_in_one_step() -> None:
    weight = nn.Parameter(torch.tensor([3.0, -2.0], dtype=torch.float64))
    matrix = torch.tensor([[4.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    goal = torch.tensor([1.0, 2.0], dtype=torch.float64)

    def loss_of() -> torch.Tensor:
        return 0.5 * weight @ matrix @ weight - goal @ weight

    optimizer = NewtonCG([weight], iterations=10, damping=0.0)
    # The residual may be half the gradient: a second step ends what the first has not.
    before = optimizer.step(loss_of)
    assert before.item() == pytest.approx(0.5 * (36 - 12 + 12) - (3 - 4))
    for _ in range(4):
        optimizer.step(loss_of)
    assert torch.allclose(weight, torch.linalg.solve(matrix, goal), atol=1e-8)


def test_the_damping_is_added_to_the_curvature() -> None:
    """One dimension: the step is -g / (h + damping)."""
    weight = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = NewtonCG([weight], iterations=5, damping=1.0)
    optimizer.step(lambda: (1.5 * weight**2).sum())
    assert weight.item() == pytest.approx(2.0 - 6.0 / (3.0 + 1.0))


def test_negative_curvature_is_walked_down_the_gradient() -> None:
    """At x = 0.1 of x^4 / 4 - x^2 / 2 a Newton step would climb to the maximum at 0."""
    weight = nn.Parameter(torch.tensor([0.1], dtype=torch.float64))

    def loss_of() -> torch.Tensor:
        return (weight**4 / 4 - weight**2 / 2).sum()

    optimizer = NewtonCG([weight], iterations=5, damping=0.0)
    optimizer.step(loss_of)
    assert weight.item() == pytest.approx(0.1 + (0.1 - 0.001))  # x - g, g = x^3 - x
    for _ in range(20):
        optimizer.step(loss_of)
    assert weight.item() == pytest.approx(1.0, abs=1e-6)


def test_a_step_that_would_raise_the_loss_is_halved() -> None:
    """Newton's step for sqrt(1 + x^2) from 2 goes to -8; quarters of it bring the loss down."""
    weight = nn.Parameter(torch.tensor([2.0], dtype=torch.float64))
    optimizer = NewtonCG([weight], iterations=5, damping=0.0)
    before = optimizer.step(lambda: torch.sqrt(1 + weight**2).sum())
    assert before.item() == pytest.approx(5**0.5)
    assert weight.item() == pytest.approx(2.0 - 10.0 / 4)
    assert optimizer.evaluation_counts == EvaluationCounts(
        loss_evaluations=3, gradient_evaluations=1, hessian_vector_products=1
    )


def test_where_nothing_helps_nothing_moves() -> None:
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = NewtonCG([weight], iterations=5, damping=0.1)
    optimizer.step(lambda: (weight**2).sum())
    assert weight.item() == 0.0


def test_a_loss_without_curvature_moves_by_the_damping() -> None:
    weight = nn.Parameter(torch.tensor([3.0], dtype=torch.float64))
    optimizer = NewtonCG([weight], iterations=5, damping=2.0)
    optimizer.step(lambda: weight.sum())
    assert weight.item() == pytest.approx(3.0 - 1.0 / 2.0)
    assert optimizer.evaluation_counts.hessian_vector_products == 0


def test_lbfgs_is_torchs() -> None:
    model, loss_of = problem()
    ours = LBFGS(list(model.parameters()), memory=3, iterations=4)
    twin, twin_loss = problem()
    theirs = optim.LBFGS(
        twin.parameters(),
        max_iter=4,
        max_eval=100,
        history_size=3,
        line_search_fn="strong_wolfe",
    )

    def closure() -> float:
        theirs.zero_grad()
        loss = twin_loss()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    for _ in range(3):
        ours.step(loss_of)
        theirs.step(closure)  # type: ignore[no-untyped-call]
    assert torch.equal(model.weight, twin.weight)


@pytest.mark.parametrize("opt", SECOND_ORDER)
def test_the_cost_is_what_was_computed(opt: str) -> None:
    """Passes through the loss are losses and gradients; nothing is left uncounted."""
    model, loss_of = problem()
    passes = 0

    def counted() -> torch.Tensor:
        nonlocal passes
        passes += 1
        return loss_of()

    optimizer = build(model, config_of(opt))
    assert isinstance(optimizer, ClosureOptimizer)
    for _ in range(2):
        optimizer.step(counted)
    assert (
        passes
        == optimizer.evaluation_counts.loss_evaluations
        + optimizer.evaluation_counts.gradient_evaluations
        > 2
    )
    assert (optimizer.evaluation_counts.hessian_vector_products > 0) == (opt == "newton-cg")
    optimizer.reset_evaluation_counts()
    assert optimizer.evaluation_counts == EvaluationCounts(0, 0, 0)


@pytest.mark.parametrize("opt", SECOND_ORDER)
def test_a_learning_rate_that_the_loop_sets_does_nothing(opt: str) -> None:
    ends: list[torch.Tensor] = []
    for lr in (None, 0.0):
        model, loss_of = problem()
        optimizer = build(model, config_of(opt))
        assert isinstance(optimizer, ClosureOptimizer)
        if lr is not None:
            set_lr(optimizer, lr)
        optimizer.step(loss_of)
        ends.append(model.weight.detach())
    assert torch.equal(*ends)
    assert ends[0].any()


@pytest.mark.parametrize("opt", SECOND_ORDER)
def test_the_gradient_of_a_step_is_left_behind(opt: str) -> None:
    model, loss_of = problem()
    optimizer = build(model, config_of(opt))
    assert isinstance(optimizer, ClosureOptimizer)
    optimizer.step(loss_of)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_attention_can_be_differentiated_twice() -> None:
    query = nn.Parameter(torch.randn(1, 2, 4, 8, generator=torch.Generator().manual_seed(0)))
    optimizer = NewtonCG([query], iterations=3, damping=0.1)
    before = optimizer.step(
        lambda: functional.scaled_dot_product_attention(query, query, query).square().mean()
    )
    assert before.isfinite()
    assert optimizer.evaluation_counts.hessian_vector_products > 0


@pytest.mark.parametrize("opt", SECOND_ORDER)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": "exp"}, "--decay and --warmup have no effect"),
        ({"warmup": 1.0}, "--decay and --warmup have no effect"),
        ({"clip": 1.0}, "--clip and --clip-value have no effect"),
        ({"clip_value": 1.0}, "--clip and --clip-value have no effect"),
        ({"head_lr_factor": 2.0}, "--head-lr-factor and --depth-lr-factor have no effect"),
        ({"dtype": "float16"}, "does not work with --dtype float16"),
    ],
)
def test_what_needs_a_learning_rate_is_refused(
    opt: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        config_of(opt, **settings)


def test_newton_cg_cannot_be_compiled() -> None:
    with pytest.raises(ConfigError, match="needs second derivatives"):
        config_of("newton-cg", compile=True)
