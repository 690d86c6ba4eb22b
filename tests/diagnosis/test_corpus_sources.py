"""The sources of the corpus on which the diagnosis is measured: curves, trainings, halves."""

import math

import numpy as np
import pytest
import torch
from diagnosis.assembly import GROUPS
from diagnosis.corpus import specimens
from diagnosis.fitted_curves import FITTED_CURVES
from diagnosis.generated_tasks import FITTED_TASKS, TASKS, UNSEEN_TASKS
from diagnosis.nnlab_kinds import KINDS
from diagnosis.simulated_curves import draw
from diagnosis.specimen import read_specimens, write_specimens
from diagnosis.torch_corpus import torch_specimens
from diagnosis.torch_kinds import run_groups
from diagnosis.torch_training import RunGroup, StackedNetwork, train_group
from diagnosis.unseen_curves import UNSEEN_CURVES


def small_group(**changes: object) -> RunGroup:
    values: dict[str, object] = {
        "task": "linear regression",
        "seed": 3,
        "train_size": 60,
        "epochs": 3,
        "batch_size": 60,
        "widths": (),
        "activation": "relu",
        "optimizer": "adam",
        "lr": 0.05,
        "decay": "none",
        "weight_decay": 0.0,
        "batch_norm": False,
        "label_noise": [0.0, 0.3],
        "noisy_validation": [False, True],
        "dropout": [0.0, 0.0],
        "label_smoothing": [0.0, 0.0],
        "smoothed_validation": [False, False],
        "val_sizes": [40, 90],
        "train_in_eval_mode": [True, False],
    }
    return RunGroup(**{**values, **changes})  # type: ignore[arg-type]


def test_no_kind_is_in_both_halves() -> None:
    assert not FITTED_CURVES.keys() & UNSEEN_CURVES.keys()
    assert not set(FITTED_TASKS) & set(UNSEEN_TASKS)
    assert set(FITTED_TASKS) | set(UNSEEN_TASKS) == TASKS.keys()
    further = {
        half: {kind[1] for kind in KINDS if kind[0] == half} for half in ("fitted", "unseen")
    }
    assert not further["fitted"] & further["unseen"]
    healthy_but_ugly = [kind for kind in FITTED_CURVES.values() if kind.group == "ugly"]
    healthy_but_ugly += [kind for kind in UNSEEN_CURVES.values() if kind.group == "ugly"]
    assert len(healthy_but_ugly) >= 20


def test_every_specimen_belongs_to_a_group_of_the_report() -> None:
    assert {specimen.group for specimen in specimens()} <= GROUPS.keys()


@pytest.mark.parametrize("name", [*FITTED_CURVES, *UNSEEN_CURVES])
def test_simulated_curves_are_finite_and_deterministic(name: str) -> None:
    kind = {**FITTED_CURVES, **UNSEEN_CURVES}[name]
    first, second = draw(name, kind, 1), draw(name, kind, 1)
    assert first == second
    assert first.curves != draw(name, kind, 2).curves
    for curve in first.history.curves.values():
        assert all(map(math.isfinite, curve.values))
        assert list(curve.epochs) == sorted(set(curve.epochs))


@pytest.mark.parametrize("name", [*FITTED_CURVES, *UNSEEN_CURVES])
def test_a_simulated_rise_agrees_with_its_truth(name: str) -> None:
    kind = {**FITTED_CURVES, **UNSEEN_CURVES}[name]
    for seed in range(4):
        risk = [value for _, value in draw(name, kind, seed).risk]
        if kind.truth:
            assert risk[-1] >= 1.05 * min(risk)
        elif risk:
            assert risk[-1] - min(risk) <= 0.02 * abs(min(risk)) + 0.02 * (max(risk) - min(risk))


@pytest.mark.parametrize("name", TASKS)
def test_fresh_examples_of_a_task_have_unit_scale(name: str) -> None:
    task = TASKS[name]
    x, y = task.problem(np.random.default_rng(1))(np.random.default_rng(2), 2000)
    assert 0.2 <= x.std() <= 2.5
    if task.classes:
        assert sorted(set(y.tolist())) == list(range(task.classes))
        assert np.bincount(y.astype(int)).min() >= 2000 / task.classes / 2
    else:
        assert abs(y.mean()) < 0.3
        assert 0.7 <= y.std() <= 2.0


def test_a_stacked_network_equals_torch_modules() -> None:
    group = small_group(task="moons", widths=(8, 4), activation="tanh")
    network = StackedNetwork(group, TASKS["moons"], 2, torch.Generator().manual_seed(1))
    x = torch.randn(2, 5, 2, generator=torch.Generator().manual_seed(2))
    outputs = network(x, training=False)
    for run in range(2):
        reference = torch.nn.Sequential(
            torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4), torch.nn.Tanh(),
            torch.nn.Linear(4, 2),
        )  # fmt: skip
        with torch.no_grad():
            for number, layer in enumerate((reference[0], reference[2], reference[4])):
                assert isinstance(layer, torch.nn.Linear)
                layer.weight.copy_(network.weights[2 * number][run].T)
                layer.bias.copy_(network.weights[2 * number + 1][run, 0])
        torch.testing.assert_close(outputs[run], reference(x[run]))


def test_a_linear_network_reaches_the_least_squares_fit() -> None:
    group = small_group(epochs=400)
    history = train_group(group)
    rng = np.random.default_rng([group.seed, 0])
    x, y = TASKS[group.task].problem(rng)(rng, group.train_size)
    with_bias = np.hstack([x, np.ones((len(x), 1))])
    weights = np.linalg.lstsq(with_bias, y, rcond=None)[0]
    least = ((with_bias @ weights - y) ** 2).mean()
    assert history.curves["train/loss"][0, -1] == pytest.approx(least, rel=0.02)


def test_the_true_risk_has_no_noise_of_few_validation_examples() -> None:
    history = train_group(small_group(epochs=60))
    steps = np.abs(np.diff(history.risk, axis=1)).mean()
    assert history.risk.shape == (2, len(history.risk_epochs))
    assert history.risk_epochs[-1] == 60
    assert steps < history.risk.mean() / 10


def test_label_smoothing_and_noise_differ_between_the_runs_of_a_group() -> None:
    group = small_group(task="clouds", widths=(16,), label_smoothing=[0.0, 0.2], dropout=[0.0, 0.5])
    history = train_group(group)
    assert set(history.curves) == {"train/loss", "train/accuracy", "val/loss", "val/accuracy"}
    # The accuracy of a run is a multiple of one over its own number of validation examples.
    for run, size in enumerate(group.val_sizes):
        counts = history.curves["val/accuracy"][run] * size
        np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)


def test_fine_tuning_begins_with_a_trained_network() -> None:
    fresh = train_group(small_group(epochs=1, lr=1e-6))
    tuned = train_group(small_group(epochs=1, lr=1e-6, pretraining_epochs=5))
    assert tuned.risk[0, 0] < fresh.risk[0, 0] / 2


def test_trainings_are_cached(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    group = small_group()
    monkeypatch.setattr("diagnosis.torch_corpus.run_groups", lambda _: [("torch: test", group)])
    first = list(torch_specimens("fitted", tmp_path))
    monkeypatch.setattr("diagnosis.torch_corpus.train_group", None)
    assert list(torch_specimens("fitted", tmp_path)) == first
    assert [specimen.specimen.setting["label_noise"] for specimen in first] == [0.0, 0.3]
    write_specimens(tmp_path / "copy.gz", first)
    assert read_specimens(tmp_path / "copy.gz") == first


def test_groups_are_within_the_stated_ranges() -> None:
    for half in ("fitted", "unseen"):
        for _, group in run_groups(half):
            assert 60 <= group.train_size <= 3000
            assert group.epochs <= 600
            assert all(40 <= size <= 600 for size in group.val_sizes)
