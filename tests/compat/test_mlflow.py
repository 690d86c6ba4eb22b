"""`nnlab.compat.mlflow`: the same script as with MLflow, the same values."""

import json
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import (
    changed_script,
    recorded_files,
    recorded_runs,
    recorded_values,
    run_here,
    run_process,
)
from tracker_adapters import adapted_script

from nnlab.compat import mlflow as drop_in
from nnlab.records import Status

DROP_IN = adapted_script("mlflow_iris.py").lines
mlflow: Any = drop_in
pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow, matplotlib and scikit-learn


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    mlflow.set_experiment("p")
    return tmp_path / "runs.db"


def values_of_mlflow(path: Path) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The metrics of each run by its name, from MLflow's database."""
    import sqlite3

    values: dict[str, dict[str, list[tuple[int, float]]]] = {}
    connection = sqlite3.connect(path)
    query = "select r.name, m.key, m.step, m.value from metrics m join runs r using (run_uuid)"
    for run, key, step, value in connection.execute(f"{query} order by m.step"):
        values.setdefault(run, {}).setdefault(key, []).append((step, value))
    connection.close()
    return values


@pytest.mark.slow  # MLflow takes 10 s to create its database
def test_a_typical_script_stores_what_mlflow_stores(db: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is in the extra `test`")
    run_here(changed_script("mlflow_iris.py", DROP_IN, db.parent))
    # The model is the slow part of MLflow.
    without_model = {"    mlflow.sklearn.log_model": "    0 and mlflow.sklearn.log_model"}
    run_process(changed_script("mlflow_iris.py", without_model, db.parent), db.parent)
    expected = values_of_mlflow(db.parent / "mlflow.db")
    parent, child = recorded_runs(db)
    assert recorded_values(db, parent.id) == expected["logistic"]
    assert recorded_values(db, child.id) == expected["child"]


def test_a_typical_script_is_recorded(db: Path) -> None:
    run_here(changed_script("mlflow_iris.py", DROP_IN, db.parent))
    parent, child = recorded_runs(db)
    assert (parent.trial.study, parent.name, parent.status) == (
        "iris", "logistic", Status.FINISHED,
    )  # fmt: skip
    assert parent.trial.setting == {
        "solver": "lbfgs", "max_iter": 100, "random_state": 8888, "split": "default",
    }  # fmt: skip
    assert set(parent.tags) == {
        "kind:quickstart", "Training Info:Basic LR model for iris data", "release:1",
    }  # fmt: skip
    assert (child.name, child.tags) == ("child", ("parent:1",))
    assert recorded_values(db)["val_loss"] == [(e, 1.5 / e) for e in range(1, 6)]
    names = {kind.removeprefix("file/") for kind in recorded_files(db)}
    assert names == {
        "classes.json", "notes/description.txt", "figures/line.png", "tables/table.csv",
        "iris_model/model.joblib",
    }  # fmt: skip
    files = db.parent / "runs.artifacts/1/files"
    assert json.loads((files / "classes.json").read_text()) == {"classes": [0, 1, 2]}


def test_a_failed_block_stores_the_traceback(db: Path) -> None:
    with pytest.raises(ArithmeticError), mlflow.start_run():
        raise ArithmeticError("lost")
    mlflow.start_run()
    mlflow.end_run("FAILED")
    assert mlflow.active_run() is None
    first, second = recorded_runs(db)
    assert (first.status, second.status) == (Status.FAILED, Status.FAILED)
    assert "ArithmeticError: lost" in str(first.reason)


def test_a_metric_without_a_run_starts_one_and_an_id_continues_it(db: Path) -> None:
    mlflow.log_metric("loss", 1.0)
    run = mlflow.active_run()
    mlflow.end_run()
    with mlflow.start_run(run_id=run.info.run_id) as again:
        mlflow.log_metric("loss", 0.5, step=7)
        mlflow.log_metric("loss", 0.25)
        assert again.info.run_id == run.info.run_id
    assert recorded_values(db)["loss"] == [(0, 1.0), (7, 0.5), (8, 0.25)]


def test_the_client_records_runs_by_their_number(db: Path) -> None:
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("remote")
    run = client.create_run(experiment, run_name="a", tags={"k": "v"})
    for step in range(3):
        client.log_metric(run.info.run_id, "loss", 1.0 / (step + 1), step=step)
    client.log_param(run.info.run_id, "lr", 0.1)
    client.log_text(run.info.run_id, "text", "note.txt")
    client.set_terminated(run.info.run_id)
    assert mlflow.active_run() is None
    assert client.search_runs([experiment]) is not None
    (stored,) = recorded_runs(db)
    assert (stored.trial.study, stored.status, stored.tags) == (
        "remote", Status.FINISHED, ("k:v",),
    )  # fmt: skip
    assert stored.trial.setting == {"lr": 0.1}
    assert recorded_values(db)["loss"] == [(s, 1.0 / (s + 1)) for s in range(3)]


def test_the_weights_of_a_module_are_a_file(db: Path) -> None:
    import torch

    model = torch.nn.Linear(2, 1)
    with mlflow.start_run():
        logged = mlflow.pytorch.log_model(model, name="net")
    path = db.parent / "runs.artifacts/1/files/net/state_dict.pt"
    assert logged.model_uri == path.parent.as_uri()
    assert torch.equal(torch.load(path, weights_only=True)["weight"], model.weight)


def test_what_mlflow_has_and_nnlab_does_not_does_nothing_and_says_so_once(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        mlflow.autolog()
        mlflow.pytorch.autolog(log_models=False)
        mlflow.register_model("runs:/1/net", "net")

    @mlflow.trace  # type: ignore[untyped-decorator]
    def double(x: int) -> int:
        return 2 * x

    @mlflow.trace(name="triple")  # type: ignore[untyped-decorator]
    def triple(x: int) -> int:
        return 3 * x

    assert (double(2), triple(2)) == (4, 6)
    assert issubclass(mlflow.exceptions.MlflowException, Exception)
    with mlflow.start_span("a") as span:
        span.set_inputs({"x": 1})
    message = capsys.readouterr().err
    assert message.count("mlflow.autolog does nothing") == 1
    assert message.count("mlflow.register_model ") == 1
    assert not db.exists()
