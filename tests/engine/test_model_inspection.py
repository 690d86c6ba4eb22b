"""Inspection of models: facts by hand, the gradient ratio against autograd, no effect on runs."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from nnlab.engine.checkpoint import restore_checkpoint, serialize_checkpoint
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, forward_backward, train
from nnlab.engine.models.dropout import ChannelDropout
from nnlab.engine.probe import Probe
from nnlab.engine.probe.deferred import fetch_metrics
from nnlab.engine.probe.function_calls import observe_pass
from nnlab.engine.probe.gradient_ratio import gradient_ratio
from nnlab.engine.probe.model_inspection import inspect_model, used_weights
from nnlab.engine.session import Session
from nnlab.engine.user_code import code_versions
from nnlab.settings import RunConfig, resolve

MODELS = """
import torch
from torch import nn
from torch.nn import functional as F

class Functional(nn.Module):
    def __init__(self, in_features, outputs, act="relu"):
        super().__init__()
        self.out = nn.Linear(8, outputs)  # registered first, used last
        self.a, self.b = nn.Linear(in_features, 8), nn.Linear(8, 8)
        self.act = {"relu": F.relu, "tanh": torch.tanh}[act]

    def forward(self, x):
        x = self.act(self.a(x))
        return self.out(F.dropout(self.act(self.b(x)), 0.3, self.training))

def modules(in_features, outputs):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(in_features, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(),
                         nn.Linear(8, outputs))

class SameAsModules(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([nn.Linear(in_features, 8), nn.Linear(8, 8),
                                     nn.Linear(8, outputs)])
        self.act = nn.ReLU()

    def forward(self, x):
        return self.layers[2](self.act(self.layers[1](self.act(self.layers[0](x)))))

class Encoder(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.embed, self.encoder = nn.Linear(1, 8), nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, outputs)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x[:, :, None])).mean(1))

class Noisy(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        self.a, self.b = nn.Linear(in_features, 8), nn.Linear(8, outputs)

    def forward(self, x):  # random in evaluation too
        return self.b(torch.relu(self.a(x)) * torch.rand(8))

class OnlyLargeBatches(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        self.a, self.b = nn.Linear(in_features, 8), nn.Linear(8, outputs)

    def forward(self, x):
        if len(x) == 64:  # the batch of the probe
            raise RuntimeError("not now")
        x = x.flatten(1)
        return self.b(torch.relu(self.a(x)))
"""


class Functional(nn.Module):
    """Functions instead of modules, and a sigmoid as gate."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.g, self.b = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.layer_norm(torch.tanh(self.a(x)), (4,))
        x = x.tanh() * torch.sigmoid(self.g(x))
        return functional.log_softmax(
            self.b(functional.dropout(x, p=0.7, training=self.training)), dim=1
        )


def facts(model: nn.Module, *shape: int) -> dict[str, float]:
    observed = observe_pass(model, torch.randn(5, *shape))
    assert observed is not None
    values = inspect_model(model, observed[0])
    return {
        name: value
        for name, value in values.items()
        if "gain" not in name and "bias" not in name and value
    }


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (
            nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.8), nn.Linear(4, 2)),
            (3,),
            {"weight_layers": 2, "activations_relu": 1, "dropout": 0.8},
        ),
        (
            Functional(),
            (3,),
            {
                "weight_layers": 3, "activations_tanh": 2, "activations_sigmoid": 1, "norms": 1,
                "dropout": 0.7, "output_logsoftmax": 1,
            },
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.LeakyReLU(), nn.Dropout2d(0.4),
                          ChannelDropout(0.6), nn.Flatten(), nn.Linear(8, 2), nn.Sigmoid()),
            (1, 4, 4),
            {
                "weight_layers": 2, "norms": 1, "activations_leakyrelu": 1, "dropout": 0.6,
                "output_sigmoid": 1,
            },
        ),
        (
            nn.TransformerEncoderLayer(8, 2, 16, dropout=0.25, batch_first=True),
            (6, 8),
            {"weight_layers": 4, "activations_relu": 1, "norms": 2, "dropout": 0.25},
        ),
        (nn.Linear(3, 2), (3,), {"weight_layers": 1}),
        (nn.Flatten(), (3, 2), {}),
    ],
    ids=["modules", "functions", "convolution", "attention", "one layer", "no parameters"],
)  # fmt: skip
def test_the_facts_of_a_model(
    model: nn.Module, shape: tuple[int, ...], expected: dict[str, float]
) -> None:
    assert facts(model, *shape) == pytest.approx(expected)


def test_dropout_between_the_layers_of_an_rnn_counts_only_if_there_are_several() -> None:
    assert inspect_model(nn.LSTM(3, 4, num_layers=2, dropout=0.6))["dropout"] == 0.6
    with pytest.warns(UserWarning, match="dropout"):
        single = nn.GRU(3, 4, dropout=0.6)
    assert "dropout" not in inspect_model(single)


def test_spread_of_weights_and_biases_by_hand() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        model.get_parameter("0.weight").copy_(torch.tensor([[1.0, -1.0], [1.0, -1.0]]))
        model.get_parameter("2.weight").copy_(torch.tensor([[3.0, -3.0], [3.0, 3.0], [-3.0, -3.0]]))
        model.get_parameter("0.bias").copy_(torch.tensor([-3.0, -5.0]))
        model.get_parameter("2.bias").zero_()
        model.get_parameter("4.weight").fill_(0.0)
    values = inspect_model(model)
    assert values["smallest_gain"] == pytest.approx(math.sqrt(2))
    assert values["largest_gain"] == pytest.approx(3 * math.sqrt(2))
    assert (values["bias_mean"], values["bias_sd"]) == pytest.approx((-4.0, 1.0))
    assert (values["symmetric_layers"], values["symmetric_head"]) == (1.0, 1.0)
    with torch.no_grad():
        model.get_parameter("4.weight").copy_(torch.tensor([[1.0, 2.0, 1.0]]))
    assert "symmetric_head" not in inspect_model(model)


@pytest.mark.parametrize("value", [0.0, 0.05])
def test_constant_weights_are_symmetric(value: float) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    for parameter in model.parameters():
        nn.init.constant_(parameter, value)
    values = inspect_model(model)
    assert (values["symmetric_layers"], values["symmetric_head"]) == (2.0, 1.0)


def test_position_embeddings_and_embeddings_are_no_layers() -> None:
    model = nn.Module()
    model.position = nn.Parameter(torch.zeros(5, 4))
    model.embedding, model.head = nn.Embedding(7, 4), nn.Linear(4, 2)
    assert inspect_model(model)["weight_layers"] == 1.0


def test_lazy_modules_and_shared_weights_are_counted_once() -> None:
    lazy = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))
    assert inspect_model(lazy)["weight_layers"] == 0.0
    lazy(torch.zeros(2, 3))
    assert inspect_model(lazy)["weight_layers"] == 2.0
    shared = nn.Linear(3, 3)
    assert inspect_model(nn.Sequential(shared, nn.ReLU(), shared))["weight_layers"] == 1.0


def test_a_pass_that_fails_or_returns_several_outputs_is_no_error() -> None:
    assert observe_pass(nn.Linear(3, 2), torch.zeros(4, 7)) is None
    observed = observe_pass(nn.LSTM(3, 4), torch.zeros(4, 5, 3))
    assert observed is not None
    assert observed[0].hidden == ()


def test_observation_preserves_modes_and_random_numbers() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    model[2].eval()
    state = torch.get_rng_state()
    observe_pass(model, torch.randn(4, 3, generator=torch.Generator()))
    assert [m.training for m in model] == [True, True, False]
    assert torch.equal(torch.get_rng_state(), state)
    assert model.get_buffer("2.num_batches_tracked") == 0


def test_the_gradient_ratio_against_autograd() -> None:
    model = nn.Sequential(
        nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 2)
    ).double()
    x, y = torch.randn(8, 3).double(), torch.randint(0, 2, (8,))
    weights = used_weights(model)
    expected = [
        gradient.norm().item()
        for gradient in torch.autograd.grad(functional.cross_entropy(model(x), y), weights)
    ]

    def measured() -> float:
        return fetch_metrics(gradient_ratio(weights))["probe/gradient_ratio"]

    functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
    assert measured() == pytest.approx(expected[0] / expected[2])
    for parameter in model.parameters():
        assert parameter.grad is not None
        parameter.grad *= 1024  # a loss scale
    assert measured() == pytest.approx(expected[0] / expected[2])
    model[0].requires_grad_(False)
    assert measured() == pytest.approx(expected[1] / expected[2])
    model[2].requires_grad_(False)
    assert fetch_metrics(gradient_ratio(weights)) == {}


def test_the_order_of_the_weights_is_that_of_the_calls() -> None:
    model = nn.ModuleDict({"head": nn.Linear(3, 2), "first": nn.Linear(3, 3)})
    assert used_weights(model) == (model["head"].weight, model["first"].weight)
    called = used_weights(model, [model["first"], model["head"], model["first"]])
    assert called == (model["first"].weight, model["head"].weight)


@pytest.fixture
def user_config(tmp_path: Path) -> Callable[..., RunConfig]:
    """The config of a run with a model of MODELS."""
    path = tmp_path / "model.py"
    path.write_text(MODELS, encoding="utf-8")

    def config(name: str, **settings: object) -> RunConfig:
        raw = RunConfig(
            model=f"{path}:{name}", device="cpu", threads=1,
            **{"data": "iris", "epochs": 2, "batch_size": 16, **settings},  # type: ignore[arg-type]
        )  # fmt: skip
        return resolve(raw, dataset_facts(raw.data), versions=code_versions(raw))

    return config


def all_values(session: Session) -> list[dict[str, float]]:
    return [dict(epoch.values) for epoch in train(session)]


def test_functions_are_measured_like_modules(user_config: Callable[..., RunConfig]) -> None:
    """A module that is called twice gives the metrics of two modules."""
    expected, values = (
        all_values(build_session(user_config(name))) for name in ("modules", "SameAsModules")
    )
    assert "probe/dead/2" in expected[0]
    assert "probe/start_activation_sd/2" in expected[0]
    for ours, theirs in zip(values, expected, strict=True):
        assert ours.keys() == theirs.keys()
        assert ours == pytest.approx(theirs, nan_ok=True)


def test_the_first_step_of_a_users_model_is_measured(
    user_config: Callable[..., RunConfig],
) -> None:
    config = user_config("Functional", dtype="float64", batch_size="full", epochs=1)
    (values,) = all_values(build_session(config))
    values = {name.removeprefix("probe/"): value for name, value in values.items()}
    assert values["model_dropout"] == 0.3
    assert values["model_activations_relu"] == 2.0
    # The only step of the epoch is also its first.
    assert values["start_gradient_ratio"] == values["gradient_ratio"]
    assert values["start_gradient_ratio"] > 0


def test_the_ratio_of_a_run_is_that_of_its_first_batch(config: Callable[..., RunConfig]) -> None:
    run = config(dtype="float64", batch_size="full", epochs=1, activation="sigmoid", depth=3)
    (epoch,) = train(build_session(run))
    session = build_session(run)
    forward_backward(session, session.data.train.examples, session.data.train.targets)
    norms = [p.grad.norm().item() for p in session.model.parameters() if p.ndim > 1]  # type: ignore[union-attr]
    assert epoch.values["probe/start_gradient_ratio"] == pytest.approx(norms[0] / norms[-1])


def test_an_optimizer_with_several_evaluations_has_the_ratio_of_the_last_one(
    config: Callable[..., RunConfig],
) -> None:
    (epoch,) = train(build_session(config(opt="lbfgs", epochs=1)))
    assert "probe/start_gradient_ratio" not in epoch.values
    assert epoch.values["probe/gradient_ratio"] > 0


@pytest.mark.parametrize("name", ["Functional", "SameAsModules", "Encoder", "Noisy"])
def test_the_probe_does_not_change_the_training_of_a_users_model(
    user_config: Callable[..., RunConfig], name: str
) -> None:
    sessions = [build_session(user_config(name, probe=probe)) for probe in ("light", "none")]
    probed, plain = (all_values(session) for session in sessions)
    for with_probe, without in zip(probed, plain, strict=True):
        assert without.items() <= with_probe.items()  # the metrics of evaluation too
    for key, tensor in sessions[0].model.state_dict().items():
        assert torch.equal(tensor, sessions[1].model.state_dict()[key]), key


def test_a_resumed_run_of_a_users_model_is_measured_alike(
    user_config: Callable[..., RunConfig],
) -> None:
    expected = all_values(build_session(user_config("Functional", epochs=4)))
    broken = build_session(user_config("Functional", epochs=4))
    iterator = train(broken)
    values = [dict(next(iterator).values) for _ in range(2)]
    resumed = build_session(user_config("Functional", epochs=4))
    restore_checkpoint(resumed, serialize_checkpoint(broken), "checkpoint.pt")
    values += all_values(resumed)
    assert values == expected


def test_a_model_that_rejects_the_probe_is_trained_without_its_first_measurements(
    user_config: Callable[..., RunConfig],
) -> None:
    session = build_session(user_config("OnlyLargeBatches", epochs=1, data="digits"))
    (values,) = all_values(session)
    assert "probe/start_loss" not in values
    assert values["probe/model_weight_layers"] == 2.0
    assert "probe/gradient_ratio" in values


def test_an_untracked_module_has_no_layer_statistics() -> None:
    values = Probe(nn.Sequential(nn.Flatten()), torch.ones(3, 2), observes_calls=True)
    assert values.measure_before_training() == {"probe/model_weight_layers": 0.0}
