"""A small log in each format, written without the tool, for tests of all readers."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

RUN_ID = "0d85baf8e74845aeac7ec137fd45ca53"
EXPERIMENT_KEY = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
_TIME = 1_700_000_000_000


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_mlflow(folder: Path) -> Path:
    """A file store with one run of two metrics."""
    run = folder / "mlruns" / "7" / RUN_ID
    _write(folder / "mlruns/7/meta.yaml", "experiment_id: '7'\nname: digits\n")
    _write(
        run / "meta.yaml",
        f"end_time: {_TIME + 5000}\nlifecycle_stage: active\nrun_id: {RUN_ID}\n"
        f"run_name: wise-owl-1\nstart_time: {_TIME}\nstatus: 3\n",
    )
    _write(run / "params/lr", "0.1")
    _write(run / "params/seed", "4")
    _write(run / "tags/mlflow.source.name", "train.py")
    _write(run / "tags/team", "vision")
    _write(run / "metrics/val/loss", f"{_TIME} 1.5 0\n{_TIME + 2000} 0.5 1\n")
    _write(run / "metrics/loss", f"{_TIME} 2.5 0\n{_TIME + 1000} nan 1\n")
    return folder / "mlruns"


def write_mlflow_sqlite(folder: Path) -> Path:
    """A database of MLflow with one run."""
    path = folder / "mlflow.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            "CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT,"
            " start_time BIGINT, end_time BIGINT, lifecycle_stage TEXT, experiment_id INTEGER);"
            "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT,"
            " step BIGINT, is_nan BOOLEAN);"
            "CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);"
            "CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);"
            "INSERT INTO experiments VALUES (7, 'digits');"
        )
        run = (RUN_ID, "wise-owl-1", "FINISHED", _TIME, _TIME + 5000, "active", 7)
        db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", run)
        db.execute("INSERT INTO params VALUES ('lr', '0.1', ?), ('seed', '4', ?)", (RUN_ID, RUN_ID))
        rows = [
            ("loss", 2.5, _TIME, RUN_ID, 0, 0),
            ("loss", 0.0, _TIME + 1000, RUN_ID, 1, 1),
            ("loss", 1.7976931348623157e308, _TIME + 2000, RUN_ID, 2, 0),
        ]
        db.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    return path


def write_trackio(folder: Path) -> Path:
    """A database of trackio with one run."""
    path = folder / "digits.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT,"
            " run_name TEXT, step INTEGER, metrics TEXT);"
            "CREATE TABLE configs (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT,"
            " config TEXT, created_at TEXT);"
        )
        for step, values in enumerate([{"loss": 2.5, "epoch": 0}, {"loss": "NaN", "t": "x"}]):
            row = (RUN_ID, f"2023-11-14T22:13:2{step}+00:00", "owl", step, json.dumps(values))
            db.execute(
                "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )
        config = json.dumps({"lr": 0.1, "seed": 4, "_Group": "sweep", "_Username": None})
        db.execute(
            "INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)",
            (RUN_ID, "owl", config, "2023-11-14T22:13:20+00:00"),
        )
    return path


def write_lightning(folder: Path) -> Path:
    """A folder of CSVLogger with hyperparameters."""
    version = folder / "lightning_logs" / "version_0"
    _write(version / "hparams.yaml", "lr: 0.1\nseed: 3\nact: !!python/name:torch.relu ''\n")
    return _write(
        version / "metrics.csv",
        "epoch,step,train_loss,val_loss\r\n0,49,2.5,\r\n0,99,,1.5\r\n1,149,1.25,\r\n1,199,,nan\r\n",
    )


def write_trainer_state(folder: Path) -> Path:
    """The state of a Trainer with two log rows and a summary."""
    state = {
        "global_step": 20,
        "log_history": [
            {"epoch": 0.5, "loss": 2.5, "learning_rate": 1e-4, "step": 10},
            {"epoch": 1.0, "eval_loss": 1.5, "eval_runtime": 0.1, "step": 20},
            {"epoch": 1.0, "step": 20, "train_runtime": 3.5, "train_loss": 2.0},
        ],
        "max_steps": 20,
        "num_train_epochs": 1,
        "train_batch_size": 8,
    }
    return _write(folder / "bert" / "trainer_state.json", json.dumps(state, indent=2))


def write_wandb_csv(folder: Path) -> Path:
    """A chart with two runs."""
    return _write(
        folder / "wandb_export_2024.csv",
        '"Step","owl-1 - loss","owl-1 - loss__MIN","owl-1 - loss__MAX",'
        '"fox-2 - loss","fox-2 - loss__MIN","fox-2 - loss__MAX"\n'
        '"0","2.5","2.4","2.6","","",""\n"1","1.5","1.5","1.5","NaN","NaN","NaN"\n',
    )


def write_wandb_json(folder: Path) -> Path:
    """The rows of a history."""
    rows = [
        {"_step": 0, "_runtime": 1.5, "_timestamp": 1_700_000_000.5, "loss": 2.5},
        {
            "_step": 1,
            "_runtime": 2.5,
            "_timestamp": 1_700_000_001.5,
            "loss": "NaN",
            "opt": {"a": 1},
        },
    ]
    return _write(folder / "history.json", json.dumps(rows))


def write_wandb_runs(folder: Path) -> Path:
    """The table that the script in W&B's documentation writes, with two runs."""
    return _write(
        folder / "project.csv",
        ",summary,config,name\n"
        "0,\"{'_step': 9, '_timestamp': 1700000000.5, 'loss': 2.5, 'val': {'acc': nan},"
        " '_wandb': {'runtime': 3}}\",\"{'lr': 0.1, 'seed': 4, 'sizes': [1, 2]}\",owl\n"
        "1,\"{'loss': 1.5, 'note': 'x'}\",\"{'lr': 0.2}\",fox\n",
    )


def write_mlflow_export(folder: Path) -> Path:
    """A run as the API of MLflow returns it, with lists of metrics."""
    run = {
        "info": {"run_id": RUN_ID, "run_name": "owl", "status": "FINISHED", "start_time": _TIME},
        "data": {
            "metrics": [
                {"key": "loss", "value": 2.5, "timestamp": _TIME, "step": 0},
                {"key": "loss", "value": "NaN", "timestamp": str(_TIME + 1), "step": "1"},
            ],
            "params": [{"key": "lr", "value": "0.1"}, {"key": "seed", "value": "4"}],
            "tags": [{"key": "team", "value": "vision"}],
        },
    }
    return _write(folder / "run.json", json.dumps({"run": run}))


def write_comet(folder: Path) -> Path:
    """The files of `comet download` for one experiment."""
    experiment = folder / EXPERIMENT_KEY
    metadata = {
        "experimentKey": EXPERIMENT_KEY, "experimentName": "owl", "projectName": "digits",
        "startTimeMillis": _TIME, "endTimeMillis": _TIME + 5000, "running": False,
        "tags": ["baseline"],
    }  # fmt: skip
    parameters = [{"name": "lr", "valueCurrent": "0.1"}, {"name": "seed", "valueCurrent": "4"}]
    _write(experiment / "metadata.json", json.dumps(metadata))
    _write(experiment / "parameters.json", json.dumps(parameters))
    records = [
        {"metricName": "train_loss", "metricValue": "2.5", "timestamp": _TIME, "step": 0,
         "epoch": 1, "runContext": "train"},
        {"metricName": "train_loss", "metricValue": "NaN", "timestamp": _TIME + 1000, "step": 1,
         "epoch": None, "runContext": "train"},
    ]  # fmt: skip
    return _write(experiment / "metrics.jsonl", "".join(json.dumps(r) + "\n" for r in records))


def write_keras_csv(folder: Path) -> Path:
    """A file of CSVLogger of Keras."""
    return _write(
        folder / "training.log", "epoch,accuracy,loss,val_loss\r\n0,0.5,2.5,1.5\r\n1,0.6,nan,1\r\n"
    )


def write_keras_history(folder: Path) -> Path:
    """History.history as JSON."""
    return _write(folder / "h.json", json.dumps({"loss": [2.5, 1.5], "val_loss": [2.0, 1.0]}))


def write_json_lines(folder: Path) -> Path:
    """A configuration and two lines of metrics."""
    rows = [
        {"config": {"lr": 0.1, "seed": 3}},
        {"step": 0, "epoch": 0, "train": {"loss": 2.5}, "time": 1_700_000_000},
        {"step": 1, "epoch": 0, "train": {"loss": None}, "val": {"acc": "NaN"}},
    ]
    return _write(folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def write_csv(folder: Path) -> Path:
    """A table of no particular tool."""
    return _write(folder / "curves.csv", "Epoch;Train Loss;Val Acc\n1;2.5;12.5%\n2;;50%\n")


# By the kind of the reader.
EXAMPLES: Mapping[str, Callable[[Path], Path]] = {
    "mlflow": write_mlflow,
    "mlflow-sqlite": write_mlflow_sqlite,
    "trackio": write_trackio,
    "lightning": write_lightning,
    "trainer-state": write_trainer_state,
    "wandb-csv": write_wandb_csv,
    "wandb-json": write_wandb_json,
    "wandb-runs": write_wandb_runs,
    "mlflow-export": write_mlflow_export,
    "comet": write_comet,
    "keras-csv": write_keras_csv,
    "keras-history": write_keras_history,
    "jsonl": write_json_lines,
    "csv": write_csv,
}
