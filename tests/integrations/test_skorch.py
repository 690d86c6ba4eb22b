"""The skorch callback: the history of a net, partial_fit, and grid searches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded_runs import (
    changed_script,
    recorded_runs,
    recorded_samples,
    recorded_values,
    run_here,
)
from tracker_adapters import adapted_script

from nnlab.records import Status
from nnlab.tracking.run_handle import RunHandle

pytest.importorskip("skorch", reason="skorch is in the extra `test`")
pytestmark = pytest.mark.filterwarnings("ignore")  # of skorch and scikit-learn

CALLBACK = adapted_script("skorch_digits.py").lines


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.db"


def test_fit_stores_the_history_of_the_net(db: Path) -> None:
    script = changed_script("skorch_digits.py", CALLBACK, db.parent)
    script.write_text(script.read_text() + 'net.history.to_file("history.json")\n')
    run_here(script)
    import json

    history = json.loads((db.parent / "history.json").read_text())
    values = recorded_values(db)
    for stored, name in (
        ("train/loss", "train_loss"), ("val/loss", "valid_loss"), ("val/accuracy", "valid_acc"),
        ("balanced_accuracy", "balanced_accuracy"), ("epoch_seconds", "dur"),
    ):  # fmt: skip
        assert [v for _, v in values[stored]] == [float(row[name]) for row in history], name
    assert values.keys() == {
        "train/loss", "val/loss", "val/accuracy", "balanced_accuracy", "epoch_seconds",
    }  # fmt: skip
    assert [(item.step, item.epoch) for item in recorded_samples(db)["val/loss"]] == [
        (4, 1), (8, 2), (12, 3),
    ]  # fmt: skip
    (run,) = recorded_runs(db)
    assert (run.trial.study, run.seed, run.status) == ("digits", 1, Status.FINISHED)
    setting = run.trial.setting
    assert (setting["lr"], setting["module__width"], setting["module"]) == (0.1, 8, "Classifier")


def make_net(**settings: Any) -> Any:
    import torch
    from skorch import NeuralNetRegressor

    from nnlab.integrations.skorch import NnlabCallback

    torch.manual_seed(0)
    return NeuralNetRegressor(
        torch.nn.Linear,
        module__in_features=2,
        module__out_features=1,
        max_epochs=2,
        verbose=0,
        callbacks=[NnlabCallback("grid")],
        **settings,
    )


def data() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def test_partial_fit_continues_the_run_and_fit_begins_one(db: Path) -> None:
    net = make_net(lr=0.1)
    net.fit(*data())
    net.partial_fit(*data())
    assert [item.epoch for item in recorded_samples(db)["val/loss"]] == [1, 2, 3, 4]
    net.fit(*data())
    assert [item.epoch for item in recorded_samples(db, 2)["val/loss"]] == [1, 2]


def test_a_request_to_stop_ends_the_training(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunHandle, "should_stop", property(lambda _: True))
    net = make_net().fit(*data())
    assert len(net.history) == 1
    (run,) = recorded_runs(db)
    assert run.status is Status.FINISHED


def test_each_fit_of_a_grid_search_is_a_run(db: Path) -> None:
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(make_net(), {"lr": [0.1, 0.01]}, cv=2, refit=False, n_jobs=1)
    search.fit(*data())
    runs = recorded_runs(db)
    assert sorted(float(str(run.trial.setting["lr"])) for run in runs) == [0.01, 0.01, 0.1, 0.1]
    assert {run.status for run in runs} == {Status.FINISHED}
