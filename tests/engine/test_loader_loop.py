"""The loop over loaders: equal to plain loops, exact after an interruption at any step."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from loader_examples import (
    loader_config,
    numbered,
    resumed,
    run_values,
    start,
    write_user_file,
)
from torch import nn

from nnlab.engine import loop
from nnlab.engine.data import facts_of
from nnlab.engine.loader_loop import LoaderSession, build_loader_session, train
from nnlab.engine.user_code import load_object
from nnlab.errors import ConfigError, DataError, UserCodeError
from nnlab.records import Status
from nnlab.settings import RunConfig, digest_of, resolve, setting_of


@pytest.fixture(autouse=True)
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a user's file."""
    monkeypatch.chdir(tmp_path)
    write_user_file(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"data": "iris"},
        {"data": "diabetes", "decay": "cosine", "warmup": 1.0, "clip": 0.5},
        {"data": "digits", "l2": 1e-3, "average": "ema", "opt": "momentum"},
    ],
    ids=str,
)
def test_streamed_data_trains_like_data_in_memory(settings: dict[str, Any]) -> None:
    config = RunConfig(epochs=3, width=8, depth=1, **settings)
    config = resolve(config, facts_of(config))
    memory = loop.build_session(config)
    expected = [dict(epoch.values) for epoch in loop.train(memory)]
    session = build_loader_session(replace(config, stream=True, threads=memory.threads))
    values = [values for _, values in run_values(session)]
    for name, tensor in memory.model.state_dict().items():
        assert torch.equal(session.model.state_dict()[name], tensor), name
    for streamed, in_memory in zip(values, expected, strict=True):
        shared = streamed.keys() & in_memory.keys()
        assert {"train/loss", "val/loss", "lr", "cost/state_bytes", "train/grad_norm"} <= shared
        for name in shared:
            assert streamed[name] == pytest.approx(in_memory[name], rel=1e-5), name
    assert dict(session.test()) == pytest.approx(dict(memory.test()), rel=1e-5)


def plain_losses(model: nn.Module, inputs: Callable[[torch.Tensor], Any]) -> list[float]:
    """The train loss of each epoch of a plain loop over the rows of `loader` in order."""
    x: Any = load_object("user.py:X")
    y: Any = load_object("user.py:Y")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        total = 0.0
        for begin in range(0, 60, 8):
            rows = slice(begin, min(begin + 8, 60))
            outputs = model(*inputs(x[rows]))
            outputs = outputs[0] if isinstance(outputs, tuple) else outputs
            loss = nn.functional.cross_entropy(outputs, y[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(y[rows])
        losses.append(total / 60)
    return losses


@pytest.mark.parametrize("data", ["stream", "stateful", "loader"])
def test_a_plain_loop_over_the_same_loader_gives_the_same_losses(data: str) -> None:
    session = start(f"user.py:{data}", opt="sgd", lr=0.1, model="linear")
    model = nn.Linear(4, 3)
    layer = next(m for m in session.model.modules() if isinstance(m, nn.Linear))
    model.load_state_dict(layer.state_dict())
    losses = [values["train/loss"] for _, values in run_values(session)]
    assert losses == pytest.approx(plain_losses(model, lambda x: (x,)), rel=1e-5)


@pytest.mark.parametrize("data", ["named", "pairs"])
def test_several_inputs_and_a_selected_output(data: str) -> None:
    session = start(
        f"user.py:{data}", model="user.py:TwoInputs", model_output="0", opt="sgd", lr=0.1
    )
    values = run_values(session)
    assert [number for number, _ in values] == [1, 2, 3]
    assert values[-1][1]["train/loss"] < values[0][1]["train/loss"]


@pytest.mark.parametrize(
    ("settings", "metrics"),
    [
        (
            {"data": "user.py:tags", "task": "multilabel", "model": "user.py:Linear"},
            {"exact_match"},
        ),
        ({"data": "user.py:several", "model": "user.py:Linear"}, {"rmse", "mae", "r2"}),
        (
            {"data": "user.py:inputs_only", "task": "reconstruction", "model": "user.py:Encoder"},
            {"rmse", "mae"},
        ),
        (
            {"data": "user.py:pixels", "task": "segmentation", "model": "user.py:Pixels"},
            {"mean_iou"},
        ),
        (
            {
                "data": "user.py:inputs_only",
                "task": "unsupervised",
                "model": "user.py:Encoder",
                "loss": "user.py:spread",
            },
            set(),
        ),
    ],
    ids=lambda value: " ".join(sorted(value)),
)
def test_every_kind_of_targets_trains_over_a_loader(
    settings: dict[str, Any], metrics: set[str]
) -> None:
    values = [values for _, values in run_values(start(**settings, opt="sgd", lr=0.1))]
    assert values[-1]["train/loss"] < values[0]["train/loss"]
    assert {f"val/{name}" for name in {"loss", *metrics}} <= values[-1].keys()
    assert all(math.isfinite(value) for value in values[-1].values())


class StopAfter:
    """Stops a run after some steps, counted over all epochs."""

    def __init__(self, steps: int) -> None:
        self.remaining = steps

    def __call__(self, session: LoaderSession) -> bool:
        self.remaining -= 1
        return self.remaining == 0


EXACT = [
    {"data": "user.py:noisy", "model": "user.py:Net", "metrics": "f1"},
    {"data": "user.py:stateful", "model": "user.py:Net"},
    {"data": "user.py:noisy", "model": "user.py:HeadFirst"},
    {"data": "user.py:noisy", "dropout": 0.3, "augment": "noise", "clip": 0.1, "average": "ema"},
    {"data": "user.py:stateful", "steps": 20, "eval_every": 6, "decay": "cosine"},
    {"data": "digits", "train_size": 200, "steps": 20, "eval_every": 15},
]


@pytest.mark.parametrize("settings", EXACT, ids=str)
def test_a_run_resumed_after_any_step_is_the_same_to_the_last_bit(settings: dict[str, Any]) -> None:
    if "metrics" in settings:
        pytest.importorskip("torchmetrics")
    uninterrupted = start(**settings)
    expected = run_values(uninterrupted)
    for stop_after in range(1, 14, 3):
        session = start(**settings)
        values = [numbered(epoch) for epoch in train(session, on_step=StopAfter(stop_after))]
        assert session.status is Status.INTERRUPTED
        assert session.step > 0
        continued = resumed(session)
        assert continued.position == session.position
        assert values + run_values(continued) == expected
        for name, tensor in uninterrupted.selected_weights.items():
            assert torch.equal(continued.selected_weights[name], tensor), name


def test_the_first_step_of_a_users_model_is_inspected() -> None:
    values = [
        values for _, values in run_values(start("user.py:stateful", model="user.py:HeadFirst"))
    ]
    facts = {name: value for name, value in values[0].items() if "probe/model_" in name}
    assert facts["probe/model_activations_tanh"] == 1.0
    assert facts["probe/model_dropout"] == 0.3
    assert facts["probe/model_weight_layers"] == 2.0
    assert not any("probe/model_" in name or "start_" in name for name in values[1])
    session = start("user.py:stateful", model="user.py:HeadFirst")
    next(iter(train(session)))
    norms = [
        parameter.grad.norm().item()
        for name in ("first.weight", "head.weight")
        if (parameter := session.model.get_parameter(name)).grad is not None
    ]
    assert values[0]["probe/gradient_ratio"] == pytest.approx(norms[0] / norms[1])
    assert values[0]["probe/start_gradient_ratio"] != values[0]["probe/gradient_ratio"]


def test_without_the_probe_nothing_is_inspected() -> None:
    settings = {"data": "user.py:noisy", "model": "user.py:HeadFirst"}
    probed, plain = (run_values(start(**settings, probe=probe)) for probe in ("light", "none"))
    for (_, ours), (_, theirs) in zip(probed, plain, strict=True):
        assert not any(name.startswith("probe/") for name in theirs)
        assert theirs.items() <= ours.items()


def test_a_loader_without_a_state_is_saved_between_epochs_only() -> None:
    session = start("user.py:stream")
    for _ in train(session, on_step=lambda s: s.step == 3):
        pass
    assert not session.can_save
    assert session.position == (0, 3)
    assert any("cannot be continued inside an epoch" in note for note in session.notes)


def test_a_pass_that_cannot_be_continued_is_replaced_by_the_next_one_with_a_note() -> None:
    session = start("user.py:stream", steps=20, eval_every=5)
    next(iter(train(session)))
    assert session.can_save
    continued = resumed(session)
    (note,) = [note for note in continued.notes if "next pass" in note]
    assert "after batch 5 of pass 1" in note
    assert (continued.cursor.pass_number, continued.cursor.batch) == (2, 0)
    assert [number for number, _ in run_values(continued)] == [2, 3, 4]


def test_steps_are_counted_across_passes_of_unknown_length() -> None:
    session = start("user.py:stateful", steps=20, eval_every=6)  # a pass has 8 batches
    assert session.config.epochs == 4
    counts: list[int] = []
    epochs = list(train(session, on_step=lambda s: counts.append(s.step) or False))  # type: ignore[func-returns-value]
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert counts == [1, 2, 3, 4, 5, 6] * 3 + [1, 2]
    assert (session.cursor.pass_number, session.cursor.batch) == (3, 4)
    assert session.status is Status.FINISHED


def test_the_rate_follows_the_steps_of_an_interval() -> None:
    session = start("user.py:stateful", steps=20, eval_every=5, decay="linear", lr=0.1, opt="sgd")
    rates: list[float] = []
    list(train(session, on_step=lambda s: rates.append(s.last_lr or 0) or False))  # type: ignore[func-returns-value]
    assert rates == pytest.approx([0.1 * (1 - step / 20) for step in range(20)])


def test_the_rate_is_constant_in_an_epoch_of_unknown_length() -> None:
    session = start("user.py:stateful", epochs=2, decay="linear", lr=0.1, opt="sgd")
    rates: list[float] = []
    list(train(session, on_step=lambda s: rates.append(s.last_lr or 0) or False))  # type: ignore[func-returns-value]
    assert rates == pytest.approx([0.1] * 8 + [0.05] * 8)


def test_the_time_limit_counts_all_attempts() -> None:
    session = start("user.py:noisy", max_time="2h", epochs=5)
    for _ in train(session, on_step=lambda s: s.step == 2):
        pass
    session.earlier_seconds = 3600.0 * 2
    continued = resumed(session)
    assert continued.earlier_seconds >= 7200.0
    assert [number for number, _ in run_values(continued)] == [1]
    assert continued.status is Status.FINISHED
    assert continued.reason == "--max-time 2h is reached after epoch 1"


def test_the_time_limit_ends_a_run_in_memory() -> None:
    config = RunConfig(data="iris", epochs=5, width=8, depth=1, max_time="30m")
    session = loop.build_session(resolve(config, facts_of(config)))
    session.earlier_seconds = 1800.0
    assert [epoch.number for epoch in loop.train(session)] == [1]
    assert session.status is Status.FINISHED
    assert session.reason == "--max-time 30m is reached after epoch 1"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_time": "soon"}, "--max-time soon is no duration"),
        ({"eval_every": 5}, "--eval-every needs --steps"),
        ({"steps": 10, "epochs": 7}, "--epochs and --steps exclude each other"),
        ({"opt": "lbfgs"}, "--opt lbfgs does not work with streamed data"),
        ({"exact_train": True}, "--exact-train does not work with streamed data"),
        ({"class_weights": "balanced"}, "--class-weights balanced does not work with streamed"),
    ],
)
def test_choices_that_do_not_work(settings: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"data": "iris", "stream": True, **settings}
    config = RunConfig(**values)
    with pytest.raises(ConfigError, match=message):
        resolve(config, facts_of(config))


def test_steps_stream_data_in_memory_and_set_the_epochs() -> None:
    config = RunConfig(data="iris", steps=95)
    resolved = resolve(config, facts_of(config))
    assert (resolved.stream, resolved.eval_every, resolved.epochs) == (True, 10, 10)
    assert resolve(resolved, facts_of(config)) == resolved


def test_loader_workers_are_not_part_of_the_digest() -> None:
    first, second = (setting_of(loader_config("iris", loader_workers=n)) for n in (0, 2))
    assert digest_of(first) == digest_of(second)


def test_a_wrong_output_names_shapes_and_line() -> None:
    with pytest.raises(UserCodeError, match=r"\[1, 5\].*\[1, 4\].*\[1, 3\].*user.py"):
        start("user.py:noisy", model="user.py:Wide")


def test_a_built_in_model_needs_one_tensor() -> None:
    with pytest.raises(DataError, match="takes one tensor"):
        start("user.py:named")


def test_the_session_in_memory_refuses_streamed_data() -> None:
    with pytest.raises(DataError, match="needs the data in memory"):
        loop.build_session(loader_config("iris"))


def test_test_metrics_are_those_of_the_selected_epoch() -> None:
    session = start("user.py:noisy", epochs=2, test_fraction=0.3)
    run_values(session)
    weights = {name: tensor.clone() for name, tensor in session.selected_weights.items()}
    values = session.test()
    assert math.isfinite(values["test/loss"])
    assert all(torch.equal(session.model.state_dict()[n], t) for n, t in weights.items())
