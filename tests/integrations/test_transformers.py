"""The callback of Hugging Face's Trainer: `report_to="nnlab"`, resumption, evaluations."""

import json
from pathlib import Path

import pytest
from recorded_runs import changed_script, recorded_runs, recorded_samples, run_here
from tracker_adapters import adapted_script

from nnlab.records import Status
from nnlab.tracking.run_handle import RunHandle

pytest.importorskip("transformers", reason="transformers is in the extra `test`")
pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and torch

REPORT = adapted_script("transformers_tiny_model.py").lines


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("sys.argv", ["script"])
    return tmp_path / "runs.db"


def logged_by_trainer(db: Path) -> list[dict[str, float]]:
    """The history that the Trainer itself writes to its last checkpoint."""
    state = json.loads((db.parent / "output/checkpoint-12/trainer_state.json").read_text())
    history: list[dict[str, float]] = state["log_history"]
    return history


def test_a_trainer_stores_what_it_writes_to_its_state(db: Path) -> None:
    run_here(changed_script("transformers_tiny_model.py", REPORT, db.parent))
    samples = recorded_samples(db)
    history = logged_by_trainer(db)
    for stored_name, name in (
        ("train/loss", "loss"), ("lr", "learning_rate"), ("train/grad_norm", "grad_norm"),
        ("val/loss", "eval_loss"), ("val/accuracy", "eval_accuracy"),
    ):  # fmt: skip
        expected = [(row["step"], row["epoch"], row[name]) for row in history if name in row]
        stored = [(item.step, item.epoch, item.value) for item in samples[stored_name]]
        # The evaluation after the training is not in the checkpoint.
        assert stored[: len(expected)] == expected, name
    assert [item.step for item in samples["val/loss"]] == [4, 8, 12, 12]
    assert [item.epoch for item in samples["val/loss"]] == [1, 2, 3, 3]
    assert not any("runtime" in metric or "per_second" in metric for metric in samples)
    (run,) = recorded_runs(db)
    assert (run.name, run.status, run.seed) == ("tiny-bert", Status.FINISHED, 42)
    assert run.results["train_loss"] == pytest.approx(0.693, abs=0.01)
    setting = run.trial.setting
    assert setting["learning_rate"] == 1e-3
    assert setting["model.hidden_size"] == 8
    assert not {"output_dir", "seed", "run_name", "logging_steps"} & set(setting)


def test_a_resumed_training_continues_its_run(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here(changed_script("transformers_tiny_model.py", REPORT, db.parent))
    monkeypatch.setattr("sys.argv", ["script", "output/checkpoint-8"])
    run_here(db.parent / "transformers_tiny_model.py")
    (run,) = recorded_runs(db)
    assert run.status is Status.FINISHED
    steps = [item.step for item in recorded_samples(db)["train/loss"]]
    assert steps == [*range(1, 13), *range(9, 13)]


def test_a_request_to_stop_ends_the_training(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunHandle, "should_stop", property(lambda _: True))
    run_here(changed_script("transformers_tiny_model.py", REPORT, db.parent))
    steps = {item.step for item in recorded_samples(db)["train/loss"]}
    assert steps == {1}


def test_a_callback_gets_the_arguments_of_a_run(db: Path) -> None:
    callback = {
        "import sys\n": "import sys\nfrom nnlab.integrations.transformers import NnlabCallback\n",
        'report_to="tensorboard"': 'report_to="none"',
        "eval_dataset=Tokens(),": (
            'eval_dataset=Tokens(), callbacks=[NnlabCallback("lm", tags=["small"], seed=7)],'
        ),
        "num_train_epochs=3": "num_train_epochs=1",
    }
    run_here(changed_script("transformers_tiny_model.py", callback, db.parent))
    (run,) = recorded_runs(db)
    assert (run.trial.study, run.tags, run.seed) == ("lm", ("small",), 7)
