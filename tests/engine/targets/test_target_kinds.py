"""Runs of every kind of targets: equal to a plain torch loop, and to themselves when resumed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from target_kinds import KINDS, make_config, train_plainly

from nnlab.catalogue import Task
from nnlab.engine import checkpoint
from nnlab.engine.batched.grouping import can_batch
from nnlab.engine.loop import build_session, train
from nnlab.settings.metric_list import TASK_METRICS

every_kind = pytest.mark.parametrize("task", KINDS)


@every_kind
def test_a_run_equals_a_plain_torch_loop(folder: Path, task: Task) -> None:
    config = make_config(folder, task)
    session = build_session(config)
    epochs = [dict(epoch.values) for epoch in train(session)]
    expected = train_plainly(build_session(config), KINDS[task])
    assert session.data.task == task
    for values, plain in zip(epochs, expected, strict=True):
        for name, value in plain.items():
            if name in values:
                assert values[name] == pytest.approx(value, rel=2e-5), name
        assert {f"val/{name}" for name in TASK_METRICS[task]} <= set(values)
        assert {f"train/{name}" for name in TASK_METRICS[task]} <= set(values)
    assert epochs[-1]["train/loss"] < epochs[0]["train/loss"]
    test = session.test()
    selected = expected[session.selected_epoch - 1]
    for name in TASK_METRICS[task]:
        if f"test/{name}" in selected:
            assert test[f"test/{name}"] == pytest.approx(selected[f"test/{name}"], rel=2e-5), name


@every_kind
def test_a_resumed_run_equals_one_that_was_not_stopped(folder: Path, task: Task) -> None:
    config = make_config(folder, task)
    straight = [dict(epoch.values) for epoch in train(build_session(config))]
    first = build_session(config)
    next(train(first))
    resumed = build_session(config)
    checkpoint.restore_checkpoint(resumed, checkpoint.serialize_checkpoint(first), "first")
    assert [dict(epoch.values) for epoch in train(resumed)] == straight[1:]


@every_kind
def test_runs_of_these_kinds_are_not_batched_and_name_their_task(folder: Path, task: Task) -> None:
    config = make_config(folder, task)
    assert config.task == task
    config = replace(config, model="linear")
    assert not can_batch(config)
    assert can_batch(replace(config, data="diabetes", task=None))


@every_kind
@pytest.mark.parametrize("probe", ["light", "full", "sensitivity"])
def test_probes_measure_every_kind(folder: Path, task: Task, probe: str) -> None:
    session = build_session(make_config(folder, task, probe=probe, epochs=1))
    values = next(iter(train(session))).values
    assert values["probe/start_loss"] > 0


@every_kind
def test_the_default_objective_selects_an_epoch(folder: Path, task: Task) -> None:
    config = make_config(folder, task)
    expected = {
        "token_classification": "val/accuracy:max",
        "segmentation": "val/mean_iou:max",
    }
    assert config.objective == expected.get(task, "val/loss:min")


@pytest.mark.parametrize(
    ("task", "objective"),
    [
        ("multilabel", "val/exact_match:max"),
        ("language_modeling", "val/perplexity:min"),
        ("segmentation", "val/mean_iou:max"),
    ],
)
def test_objectives_have_known_directions(folder: Path, task: Task, objective: str) -> None:
    config = make_config(folder, task, objective=objective.partition(":")[0])
    assert config.objective == objective


def test_reconstructions_are_of_the_augmented_input(folder: Path) -> None:
    session = build_session(make_config(folder, "reconstruction", augment="noise", epochs=1))
    seen: list[torch.Tensor] = []
    loss = session.loss

    def record(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(targets)
        return loss(outputs, targets)

    session.loss = record
    inputs: list[torch.Tensor] = []
    session.model.register_forward_pre_hook(
        lambda module, args: inputs.append(args[0]) if module.training else None
    )
    list(train(session))
    assert all(torch.equal(x, y) for x, y in zip(inputs, seen, strict=False))
    assert not torch.equal(torch.cat(seen), session.data.train.examples)
