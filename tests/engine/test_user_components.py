"""User-defined losses, optimizers and schedules, compared to the built-in ones and to torch."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from nnlab.engine import losses, user_code
from nnlab.engine.batched.grouping import can_batch
from nnlab.engine.checkpoint import restore_checkpoint, serialize_checkpoint
from nnlab.engine.class_weights import class_weights, positive_weights
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.schedules import build_schedule
from nnlab.errors import ConfigError, DataError, UserCodeError
from nnlab.settings import RunConfig, resolve

LOSSES = """
import torch
from torch import nn
from torch.nn import functional as F

def entropy(outputs, targets):
    return F.cross_entropy(outputs, targets)

def each(outputs, targets):
    return F.cross_entropy(outputs, targets, reduction="none")

class Focal(nn.Module):
    def __init__(self, gamma=0.0):
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs, targets):
        log_p = outputs.log_softmax(1).gather(1, targets[:, None])[:, 0]
        return -((1 - log_p.exp()) ** self.gamma) * log_p

class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, outputs, targets):
        return self.scale * F.cross_entropy(outputs, targets)

def wrong_shape(outputs, targets):
    return outputs * 2

def number(outputs, targets):
    return 1.0

def constant(outputs, targets):
    return (outputs.argmax(1) != targets).float().mean()

def broken(outputs, targets):
    return outputs - targets.reshape(5, 5)

def unrelated(outputs, targets):
    return torch.ones((), requires_grad=True)

def complex_value(outputs, targets):
    return F.cross_entropy(outputs, targets) * (1 + 1j)

VALUE = 3
"""
OPTIMIZERS = """
import torch
from torch.optim import Optimizer, SGD

class Plain(SGD):
    pass

class Lookahead(Optimizer):
    def __init__(self, params, lr=0.1, sync=3, alpha=0.5):
        super().__init__(params, {"lr": lr, "sync": sync, "alpha": alpha})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["step"], state["slow"] = 0, p.clone()
                p.add_(p.grad, alpha=-group["lr"])
                state["step"] += 1
                if state["step"] % group["sync"] == 0:
                    state["slow"].lerp_(p, group["alpha"])
                    p.copy_(state["slow"])

def make(params, **options):
    return SGD(params, **options)

def none(params, lr):
    return None

def broken(params, lr):
    raise ValueError("no such option")

class NeedsClosure(SGD):
    def step(self, closure):
        return super().step(closure)
"""
SCHEDULES = """
import math

def exponential(t):
    return math.exp(-0.1 * t)

def linear(t, epochs):
    return 1 - t / epochs

def negative(t):
    return 1 - t

def text(t):
    return "slow"

def broken(t):
    return 1 / t
"""


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "losses.py").write_text(LOSSES)
    (folder / "opts.py").write_text(OPTIMIZERS)
    (folder / "schedules.py").write_text(SCHEDULES)


def make_config(**settings: object) -> RunConfig:
    small = {"data": "iris", "width": 8, "depth": 1, "epochs": 4, "batch_size": 16, "device": "cpu"}
    config = RunConfig(**(small | settings))  # type: ignore[arg-type]
    versions = user_code.code_versions(config)
    return resolve(config, dataset_facts(config.data), versions=versions)


def curves_of(config: RunConfig) -> list[dict[str, float]]:
    return [dict(epoch.values) for epoch in train(build_session(config))]


def test_a_user_loss_trains_to_the_same_bits_as_the_built_in_one() -> None:
    user = curves_of(make_config(loss="losses.py:entropy"))
    assert user == curves_of(make_config(loss="cross_entropy"))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_per_example_is_reduced_as_configured(reduction: str) -> None:
    user, built_in = (
        curves_of(make_config(loss=loss, reduction=reduction, lr=1e-4))
        for loss in ("losses.py:each", "cross_entropy")
    )
    for values, expected in zip(user, built_in, strict=True):
        assert values == pytest.approx(expected, rel=1e-5)


def test_a_module_class_is_a_loss() -> None:
    torch.manual_seed(0)
    outputs, targets = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    loss = losses.build(make_config(loss="losses.py:Focal"))
    expected = functional.cross_entropy(outputs, targets)
    torch.testing.assert_close(loss(outputs, targets), expected)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wrong_shape", r"returns a tensor of shape \[2, 3\] for 2 examples; nnlab needs a scalar"),
        ("number", "returns the Python number 1.0 for 2 examples.* - losses.py, line 33, in"),
        ("constant", "returns a value without a gradient"),
        ("unrelated", "returns a value without a gradient"),
        ("complex_value", "returns complex numbers, nnlab needs real ones"),
        ("broken", r"raises an error: losses.py, line 39, in broken: RuntimeError"),
        ("Scaled", "has trainable parameters"),
        ("VALUE", "is of type int; nnlab needs a function of"),
        ("entropi", "did you mean 'entropy'"),
    ],
)
def test_an_unusable_loss_is_reported_before_training(name: str, message: str) -> None:
    with pytest.raises(UserCodeError, match=message):
        build_session(make_config(loss=f"losses.py:{name}"))


def test_a_scalar_cannot_be_summed() -> None:
    with pytest.raises(UserCodeError, match="scalar, which --reduction sum cannot reduce"):
        build_session(make_config(loss="losses.py:entropy", reduction="sum"))


def test_settings_of_other_losses_have_no_effect_on_a_user_loss() -> None:
    assert make_config(loss="losses.py:entropy").label_smoothing is None
    with pytest.raises(ConfigError, match="--mixup and --cutmix mix targets"):
        make_config(loss="losses.py:entropy", mixup=0.2, data="digits")


@pytest.mark.parametrize("setting", [{"loss": "losses.py:each"}, {"class_weights": "balanced"}])
def test_runs_that_cannot_be_batched_are_trained_one_by_one(setting: dict[str, str]) -> None:
    assert can_batch(make_config())
    assert not can_batch(make_config(**setting))


def test_class_weights_equal_those_of_torch() -> None:
    torch.manual_seed(1)
    outputs, targets = torch.randn(7, 3), torch.tensor([0, 1, 2, 2, 1, 0, 0])
    weights = torch.tensor([0.2, 0.5, 2.0])
    for name, function in (
        ("cross_entropy", functional.cross_entropy),
        ("nll", lambda o, t, **w: functional.nll_loss(o.log_softmax(1), t, **w)),
    ):
        config = make_config(loss=name, class_weights="0.2,0.5,2")
        expected = function(outputs, targets, weight=weights)
        torch.testing.assert_close(losses.build(config, weights)(outputs, targets), expected)
        plain = function(outputs, targets)
        torch.testing.assert_close(losses.build_eval_loss(config)(outputs, targets), plain)


def test_balanced_weights_equal_those_of_scikit_learn() -> None:
    targets = torch.tensor([0] * 8 + [1] * 3 + [2])
    weights = class_weights("balanced", targets, 3, torch.float64)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets.numpy())
    assert weights is not None
    np.testing.assert_allclose(weights.numpy(), expected)


def test_a_class_without_examples_has_weight_1() -> None:
    weights = class_weights("balanced", torch.tensor([0, 0, 0, 2]), 3, torch.float64)
    assert weights is not None
    assert weights.tolist() == pytest.approx([4 / 6, 1.0, 2.0])


def test_positive_weights_equal_those_of_torch() -> None:
    torch.manual_seed(2)
    outputs, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 2, 0])
    config = make_config(loss="bce", pos_weight="3")
    weights = positive_weights(config.pos_weight, 3, targets, torch.float32)
    expected = functional.binary_cross_entropy_with_logits(
        outputs, functional.one_hot(targets, 3).float(), pos_weight=torch.full((3,), 3.0),
        reduction="sum",
    )  # fmt: skip
    torch.testing.assert_close(losses.build(config, weights)(outputs, targets), expected / 5)


@pytest.mark.parametrize(
    "setting", [{"class_weights": "1,2"}, {"loss": "bce", "pos_weight": "1,2,3,4"}]
)
def test_a_wrong_number_of_weights_is_an_error(setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"has [24] weights, iris has 3 classes"):
        make_config(**setting)
    # The classes that are used are known only when the data is read.
    selected = make_config(**setting, classes="0-1" if "loss" in setting else "0+2+1")
    with pytest.raises(DataError, match=r"has [24] weights, the data has [23] classes"):
        build_session(selected)


def test_training_with_class_weights_equals_a_plain_torch_loop() -> None:
    config = make_config(opt="sgd", lr=0.1, batch_size="full", class_weights="0.3,1,2")
    session = build_session(config)
    start = {name: value.clone() for name, value in session.model.state_dict().items()}
    measured = [epoch.values["val/loss"] for epoch in train(session)]
    model, data = build_session(config).model, session.data
    model.load_state_dict(start)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    expected = []
    for _ in range(config.epochs):
        optimizer.zero_grad()
        functional.cross_entropy(
            model(data.train.examples), data.train.targets, weight=torch.tensor([0.3, 1.0, 2.0])
        ).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            expected.append(functional.cross_entropy(model(data.val.examples), data.val.targets))
    assert measured == pytest.approx([float(value) for value in expected], rel=1e-5)


@pytest.mark.parametrize("opt", ["opts.py:Plain", "opts.py:make"])
def test_a_user_optimizer_trains_to_the_same_bits_as_the_built_in_one(opt: str) -> None:
    assert user_metrics(opt=opt, lr=0.1) == user_metrics(opt="sgd", lr=0.1)


def user_metrics(**settings: object) -> list[dict[str, float]]:
    return [
        {name: value for name, value in values.items() if not name.startswith("cost/")}
        for values in curves_of(make_config(**settings))
    ]


def test_a_user_optimizer_is_resumed_bit_for_bit() -> None:
    config = make_config(opt="opts.py:Lookahead", lr=0.05, loss="losses.py:each")
    whole = curves_of(config)
    session = build_session(config)
    epochs = train(session)
    parts = [dict(next(epochs).values), dict(next(epochs).values)]
    content = serialize_checkpoint(session)
    resumed = build_session(config)
    restore_checkpoint(resumed, content, "half.pt")
    parts += [dict(epoch.values) for epoch in train(resumed)]
    assert parts == whole
    assert whole[-1]["train/loss"] < whole[0]["train/loss"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "returns an object of type NoneType, nnlab needs a torch.optim.Optimizer"),
        ("NeedsClosure", r"step\(\) requires the argument 'closure'"),
        ("broken", "raises an error: opts.py, line 34, in broken: ValueError: no such option"),
    ],
)
def test_an_unusable_optimizer_is_reported(name: str, message: str) -> None:
    with pytest.raises(UserCodeError, match=message):
        build_session(make_config(opt=f"opts.py:{name}"))


@pytest.mark.parametrize(
    ("user", "built_in"),
    [
        ({"decay": "schedules.py:exponential"}, {"decay": "exp", "decay_rate": 0.1}),
        ({"decay": "schedules.py:linear", "warmup": 1.0}, {"decay": "linear", "warmup": 1.0}),
    ],
)
def test_a_user_schedule_equals_the_built_in_one(
    user: dict[str, object], built_in: dict[str, object]
) -> None:
    schedules = [build_schedule(make_config(**setting), 10) for setting in (user, built_in)]
    for step in range(40):
        assert schedules[0](step / 10) == pytest.approx(schedules[1](step / 10), abs=1e-12)
    assert can_batch(make_config(**user))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("negative", r"returns -0.5 at t = 1.5; nnlab needs a finite number of at least 0"),
        ("text", "returns the text 'slow' at t = 1.5.* - schedules.py, line 14, in text"),
    ],
)
def test_a_factor_that_is_no_factor_is_an_error(name: str, message: str) -> None:
    schedule = build_schedule(make_config(decay=f"schedules.py:{name}"), 10)
    with pytest.raises(UserCodeError, match=message):
        schedule(1.5)


def test_an_error_in_a_schedule_names_its_line() -> None:
    schedule = build_schedule(make_config(decay="schedules.py:broken"), 10)
    with pytest.raises(
        UserCodeError, match=r"schedules\.py, line 17, in broken: ZeroDivisionError"
    ):
        schedule(0.0)


def test_a_schedule_that_is_edited_during_training_stays_the_same(folder: Path) -> None:
    config = make_config(decay="schedules.py:exponential")
    assert build_schedule(config, 10)(1.0) == math.exp(-0.1)
    (folder / "schedules.py").write_text("def exponential(t):\n    return 7.0\n")
    assert build_schedule(config, 10)(1.0) == math.exp(-0.1)
    with pytest.raises(
        UserCodeError, match=r"schedules\.py:exponential has changed since this run"
    ):
        build_session(config)


@pytest.mark.parametrize("kind", ["loss", "opt", "decay"])
def test_changed_code_is_another_trial(folder: Path, kind: str) -> None:
    reference = {
        "loss": "losses.py:entropy", "opt": "opts.py:Plain", "decay": "schedules.py:linear",
    }[kind]  # fmt: skip
    first = make_config(**{kind: reference})
    path = folder / reference.partition(":")[0]
    path.write_text(path.read_text() + "\n")
    second = make_config(**{kind: reference})
    assert getattr(first, f"{kind}_version") != getattr(second, f"{kind}_version")
    assert first.model_version is None
