"""Optimizers: torch's compared step by step, nnlab's against their algorithms; all resume
exactly.
"""

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, optim
from torch.nn import functional

from nnlab.catalogue import builtin_names
from nnlab.engine.optimizers import ClosureOptimizer, build, gradient_norm, set_lr
from nnlab.engine.optimizers.lion import Lion
from nnlab.engine.optimizers.muon import orthogonalize
from nnlab.errors import ConfigError
from nnlab.settings import DataFacts, RunConfig, resolve

STEPS = 6


def config_of(opt: str, **settings: object) -> RunConfig:
    return resolve(RunConfig(opt=opt, **settings), DataFacts("classification"))  # type: ignore[arg-type]


class Network(nn.Module):
    """Two hidden layers and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(5, 7), nn.Linear(7, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.head(self.second(self.first(x).tanh()).tanh())
        return outputs


def network(dtype: torch.dtype = torch.float64) -> Network:
    generator = torch.Generator().manual_seed(3)
    model = Network()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return model.to(dtype)


def batch(step: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    examples = torch.randn(20, 5, generator=generator).to(dtype)
    return examples, torch.randint(0, 3, (20,), generator=generator)


def walk(model: nn.Module, optimizer: optim.Optimizer, begin: int = 0, end: int = STEPS) -> None:
    """Some steps, each on a batch of its own."""
    dtype = next(model.parameters()).dtype
    for step in range(begin, end):
        examples, targets = batch(step, dtype)

        def loss_of(examples: torch.Tensor = examples, targets: torch.Tensor = targets) -> Any:
            return functional.cross_entropy(model(examples), targets)

        if isinstance(optimizer, ClosureOptimizer):
            optimizer.step(loss_of)
        else:
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()


def weights(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def hand_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim == 1]},
    ]


BETAS = {"beta1": 0.8, "beta2": 0.95}
TORCHS: dict[str, tuple[dict[str, Any], Callable[[Any], optim.Optimizer]]] = {
    "sgd": ({}, lambda g: optim.SGD(g, 0.03)),
    "momentum": ({"momentum": 0.7}, lambda g: optim.SGD(g, 0.03, momentum=0.7)),
    "nesterov": ({"momentum": 0.7}, lambda g: optim.SGD(g, 0.03, momentum=0.7, nesterov=True)),
    "adagrad": ({"eps": 1e-4}, lambda g: optim.Adagrad(g, 0.03, eps=1e-4)),
    "rmsprop": (
        {"beta2": 0.9, "momentum": 0.5, "eps": 1e-4},
        lambda g: optim.RMSprop(g, 0.03, alpha=0.9, momentum=0.5, eps=1e-4),
    ),
    "adadelta": ({"beta2": 0.8, "eps": 1e-4}, lambda g: optim.Adadelta(g, 0.03, 0.8, 1e-4)),
    "adam": ({**BETAS, "eps": 1e-4}, lambda g: optim.Adam(g, 0.03, (0.8, 0.95), 1e-4)),
    "adamw": (
        {**BETAS, "eps": 1e-4},
        # Torch gives every group a decay of 0.01 that does not say otherwise.
        lambda g: optim.AdamW(g, 0.03, (0.8, 0.95), 1e-4, weight_decay=0.0),
    ),
    "amsgrad": (
        {**BETAS, "eps": 1e-4},
        lambda g: optim.Adam(g, 0.03, (0.8, 0.95), 1e-4, amsgrad=True),
    ),
    "nadam": ({**BETAS, "eps": 1e-4}, lambda g: optim.NAdam(g, 0.03, (0.8, 0.95), 1e-4)),
    "radam": ({**BETAS, "eps": 1e-4}, lambda g: optim.RAdam(g, 0.03, (0.8, 0.95), 1e-4)),
    "adamax": ({**BETAS, "eps": 1e-4}, lambda g: optim.Adamax(g, 0.03, (0.8, 0.95), 1e-4)),
}


@pytest.mark.parametrize("opt", TORCHS)
def test_a_walk_is_torchs_and_only_weights_decay(opt: str) -> None:
    settings, make = TORCHS[opt]
    model, twin = network(), network()
    walk(model, build(model, config_of(opt, lr=0.03, weight_decay=0.1, **settings)))
    walk(twin, make(hand_groups(twin, decay=0.1)))
    assert torch.allclose(weights(model), weights(twin), rtol=1e-10, atol=1e-12)
    assert not torch.allclose(weights(model), weights(network()), atol=1e-3)


@pytest.mark.parametrize(
    ("opt", "theirs"),
    [
        ("adagrad", optim.Adagrad),
        ("rmsprop", lambda p, lr: optim.RMSprop(p, lr, alpha=0.99)),
        ("adadelta", optim.Adadelta),
        ("adam", optim.Adam),
        ("adamw", optim.AdamW),
        ("nadam", optim.NAdam),
        ("radam", optim.RAdam),
        ("adamax", optim.Adamax),
    ],
)
def test_the_defaults_are_torchs(opt: str, theirs: Callable[..., optim.Optimizer]) -> None:
    """Runs stored before an option was there mean what torch's default did."""
    ours = build(network(), config_of(opt)).param_groups[0]
    torchs = theirs([torch.zeros(1, requires_grad=True)], lr=ours["lr"]).param_groups[0]
    shared = {"betas", "eps", "alpha", "rho", "momentum", "weight_decay"} & set(torchs)
    assert {name: ours[name] for name in shared} == {name: torchs[name] for name in shared}


def test_lion_by_hand() -> None:
    """Two steps of one weight: lr 0.1, betas 0.5 and 0.75, weight decay 0.1."""
    weight = nn.Parameter(torch.tensor([[1.0]], dtype=torch.float64))
    groups = [{"params": [weight], "weight_decay": 0.1}]
    optimizer = Lion(groups, lr=0.1, betas=(0.5, 0.75))
    weight.grad = torch.tensor([[2.0]], dtype=torch.float64)
    optimizer.step()
    # c = 0.5 x 0 + 0.5 x 2 = 1, so w = 1 (1 - 0.01) - 0.1; then m = 0.25 x 2 = 0.5
    assert weight.item() == pytest.approx(0.89)
    weight.grad = torch.tensor([[-0.4]], dtype=torch.float64)
    optimizer.step()
    # c = 0.5 x 0.5 - 0.5 x 0.4 > 0, though the gradient is negative; m = 0.375 - 0.1 = 0.275
    assert weight.item() == pytest.approx(0.89 * 0.99 - 0.1)
    assert optimizer.state[weight]["exp_avg"].item() == pytest.approx(0.275)


@given(
    rows=st.integers(2, 24),
    columns=st.integers(2, 24),
    scale=st.sampled_from([1e-4, 1.0, 1e3]),
    seed=st.integers(0, 99),
)
def test_orthogonalised_brings_singular_values_near_one(
    rows: int, columns: int, scale: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    u, _, v = torch.linalg.svd(torch.randn(rows, columns, generator=generator), full_matrices=False)
    spectrum = torch.linspace(0.2, 1.0, min(rows, columns))
    result = orthogonalize(scale * u @ torch.diag(spectrum) @ v)
    assert float(torch.linalg.svdvals(result).min()) > 0.6
    assert float(torch.linalg.svdvals(result).max()) < 1.25
    # The singular vectors are those of the matrix: U' X V is diagonal.
    inner = u.T @ result @ v.T
    assert torch.allclose(inner, torch.diag(inner.diagonal()), atol=1e-3)


@pytest.mark.skipif(not hasattr(optim, "Muon"), reason="torch has Muon from 2.9 on")
def test_muon_turns_hidden_weights_as_torchs_does() -> None:
    """To the 3 % that torch loses by iterating in bfloat16."""
    model, twin = network(torch.float32), network(torch.float32)
    walk(model, build(model, config_of("muon", lr=0.05, momentum=0.8, weight_decay=0.1)), end=1)
    theirs = optim.Muon(
        [twin.first.weight, twin.second.weight],
        lr=0.05,
        momentum=0.8,
        weight_decay=0.1,
        adjust_lr_fn="match_rms_adamw",
    )
    walk(twin, theirs, end=1)
    start = network(torch.float32)
    for layer in ("first", "second"):
        before = start.get_parameter(f"{layer}.weight").detach()
        moved = model.get_parameter(f"{layer}.weight").detach() - before
        expected = twin.get_parameter(f"{layer}.weight").detach() - before
        assert float((moved - expected).norm() / expected.norm()) < 0.03


def test_muon_is_adamw_for_biases_and_head() -> None:
    model, twin = network(), network()
    for hidden in (model.first, model.second, twin.first, twin.second):
        hidden.weight.requires_grad_(False)
    walk(model, build(model, config_of("muon", lr=0.03, weight_decay=0.1)))
    walk(twin, build(twin, config_of("adamw", lr=0.03, weight_decay=0.1)))
    assert torch.allclose(weights(model), weights(twin), rtol=1e-10, atol=1e-12)


def test_muon_leaves_embeddings_and_places_to_adamw_and_flattens_convolutions() -> None:
    conv, linear = nn.Conv1d(2, 5, 2), nn.Linear(10, 6)
    model = nn.Sequential(nn.Embedding(4, 3), conv, nn.Flatten(), linear, nn.Linear(6, 2))
    model.register_parameter("places", nn.Parameter(torch.zeros(2, 3)))
    optimizer = build(model, config_of("muon"))
    turned = [p for g in optimizer.param_groups if g["orthogonal"] for p in g["params"]]
    assert [p.shape for p in turned] == [conv.weight.shape, linear.weight.shape]
    model(torch.tensor([[0, 1], [2, 3]])).sum().backward()
    before = conv.weight.detach().clone()
    optimizer.step()
    step = (conv.weight.detach() - before * (1 - 1e-3 * 0.01)).flatten(1)
    assert float(torch.linalg.svdvals(step).max()) < 1.25 * 1e-3 * 0.2 * 5**0.5


@pytest.mark.parametrize("opt", builtin_names("opt"))
def test_a_resumed_walk_ends_at_the_same_bits(opt: str) -> None:
    model, twin = network(torch.float32), network(torch.float32)
    optimizer = build(model, config_of(opt))
    walk(model, optimizer, 0, 3)
    stored = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, stored)
    stored.seek(0)
    state = torch.load(stored, weights_only=True)
    two = build(twin, config_of(opt))
    twin.load_state_dict(state["model"])
    two.load_state_dict(state["optimizer"])
    walk(model, optimizer, 3)
    walk(twin, two, 3)
    assert torch.equal(weights(model), weights(twin))


@pytest.mark.parametrize("opt", builtin_names("opt"))
def test_every_optimizer_lowers_the_loss(opt: str) -> None:
    model = network()
    examples, targets = batch(0)
    before = functional.cross_entropy(model(examples), targets).item()
    optimizer = build(model, config_of(opt))
    for _ in range(30):
        walk(model, optimizer, 0, 1)
    assert functional.cross_entropy(model(examples), targets).item() < before


@pytest.mark.parametrize("opt", builtin_names("opt"))
def test_frozen_parameters_stay_until_they_are_set_free(opt: str) -> None:
    model = network()
    model.first.requires_grad_(False)
    optimizer = build(model, config_of(opt))
    before = model.first.weight.clone()
    walk(model, optimizer, 0, 2)
    assert torch.equal(model.first.weight, before)
    model.first.requires_grad_(True)
    walk(model, optimizer, 2, 4)
    assert not torch.equal(model.first.weight, before)


def test_without_factors_there_are_two_groups_and_set_lr_sets_both() -> None:
    optimizer = build(network(), config_of("adam", weight_decay=0.1))
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    set_lr(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def rates(model: nn.Module, optimizer: optim.Optimizer) -> dict[str, float]:
    """The learning rate of each parameter by name."""
    by_id = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    return {name: by_id[id(parameter)] for name, parameter in model.named_parameters()}


def test_head_and_depth_have_learning_rates_of_their_own() -> None:
    model = nn.Sequential(
        nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 6), nn.Linear(6, 3)
    )
    model.register_parameter("token", nn.Parameter(torch.zeros(1, 5)))
    optimizer = build(model, config_of("sgd", head_lr_factor=10.0, depth_lr_factor=0.5))
    set_lr(optimizer, 0.8)
    lrs = rates(model, optimizer)
    assert lrs["4.weight"] == lrs["4.bias"] == pytest.approx(8.0)
    assert lrs["3.weight"] == pytest.approx(0.4)
    # A normalisation is as deep as the layer that it follows; a token enters at the bottom.
    assert lrs["0.weight"] == lrs["1.weight"] == lrs["token"] == pytest.approx(0.2)


def test_a_setting_of_an_old_checkpoint_has_no_factors() -> None:
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    set_lr(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5


def test_the_gradient_norm_is_that_of_one_vector() -> None:
    model = network()
    examples, targets = batch(0)
    functional.cross_entropy(model(examples), targets).backward()  # type: ignore[no-untyped-call]
    flat = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert gradient_norm(model) == pytest.approx(flat.norm().item())


def test_the_optimizers_without_a_learning_rate_ask_for_the_loss_again() -> None:
    asking = {
        opt
        for opt in builtin_names("opt")
        if isinstance(build(network(), config_of(opt)), ClosureOptimizer)
    }
    assert asking == {"lbfgs", "newton-cg"}
    assert {opt for opt in builtin_names("opt") if config_of(opt).lr is None} == asking
    assert {opt for opt in builtin_names("opt") if config_of(opt).batch_size == "full"} == asking


@pytest.mark.parametrize("opt", ["momentum", "nesterov"])
def test_momentum_of_none_is_refused_where_it_is_the_point(opt: str) -> None:
    with pytest.raises(ConfigError, match="needs --momentum greater than 0"):
        config_of(opt, momentum=0.0)
