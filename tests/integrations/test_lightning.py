"""The Lightning logger: what a Trainer logs, with its steps and epochs."""

import csv
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import (
    SCRIPTS,
    changed_script,
    recorded_runs,
    recorded_samples,
    recorded_values,
    run_here,
    run_process,
)
from tracker_adapters import adapted_script

from nnlab.records import Status
from nnlab.tracking.run_handle import RunHandle

pytest.importorskip("lightning", reason="lightning is in the extra `test`")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Lightning

LOGGER = adapted_script("lightning_regression.py").lines


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs.db"


def values_of_csv_logger(path: Path) -> dict[str, list[tuple[int, float]]]:
    values: dict[str, list[tuple[int, float]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            for name, text in row.items():
                if text and name not in ("epoch", "step"):
                    values.setdefault(name, []).append((int(row["step"]), float(text)))
    return values


def test_a_trainer_stores_what_the_csv_logger_stores(db: Path) -> None:
    run_here(changed_script("lightning_regression.py", LOGGER, db.parent))
    run_process(SCRIPTS / "lightning_regression.py", db.parent)
    expected = values_of_csv_logger(db.parent / "logs/regression/first/metrics.csv")
    stored = recorded_values(db)
    assert stored.keys() == expected.keys() == {
        "train_loss_step", "train_loss_epoch", "val_loss", "test_loss", "lr-SGD",
    }  # fmt: skip
    for metric, values in expected.items():
        assert [step for step, _ in stored[metric]] == [step for step, _ in values], metric
        numbers = [value for _, value in stored[metric]]
        assert numbers == pytest.approx([value for _, value in values], rel=1e-6), metric
    (run,) = recorded_runs(db)
    assert (run.trial.study, run.status, run.seed) == ("regression", Status.FINISHED, 0)
    assert run.trial.setting == {"width": 8, "lr": 0.05}
    # Lightning counts the finished epochs; the values of the first epoch belong to epoch 1.
    samples = recorded_samples(db)
    assert [sample.epoch for sample in samples["val_loss"]] == [1, 2, 3]
    assert [sample.epoch for sample in samples["train_loss_step"]] == [1, 1, 2, 2, 3, 3]
    assert [sample.epoch for sample in samples["test_loss"]] == [3]
    assert run.results["checkpoint/best_score"] == pytest.approx(expected["val_loss"][-1][1])


def test_a_failed_training_stores_the_traceback(db: Path) -> None:
    broken = {
        **LOGGER,
        'self.log("val_loss", self.loss(batch), prog_bar=True)': (
            'raise ArithmeticError("no validation")'
        ),
        "log_every_n_steps=1,": "log_every_n_steps=1, num_sanity_val_steps=0,",
    }
    with pytest.raises(ArithmeticError, match="no validation"):
        run_here(changed_script("lightning_regression.py", broken, db.parent))
    (run,) = recorded_runs(db)
    assert run.status is Status.FAILED
    assert "ArithmeticError: no validation" in str(run.reason)
    assert len(recorded_values(db)["train_loss_step"]) == 2


def test_a_request_to_stop_ends_the_training(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunHandle, "should_stop", property(lambda _: True))
    stop = {
        **LOGGER,
        "LearningRateMonitor(),": "LearningRateMonitor(), NnlabStop(),",
        "import torch\n": "import torch\nfrom nnlab.integrations.lightning import NnlabStop\n",
    }
    run_here(changed_script("lightning_regression.py", stop, db.parent))
    assert len(recorded_values(db)["train_loss_step"]) == 1


def test_a_run_of_the_program_is_used_and_not_ended(db: Path) -> None:
    import nnlab
    from nnlab.integrations.lightning import NnlabLogger

    with nnlab.init("own", config={"depth": 1}) as run:
        logger = NnlabLogger()
        assert logger.experiment is run
        logger.log_hyperparams({"lr": 0.5})
        logger.log_metrics({"loss": 1.0, "epoch": 0}, step=3)
        logger.finalize("success")
        run.log({"loss": 0.5}, step=4)
        assert (logger.name, logger.version) == ("own", "1")
    (stored,) = recorded_runs(db)
    assert stored.trial.setting == {"depth": 1, "lr": 0.5}
    assert recorded_values(db)["loss"] == [(3, 1.0), (4, 0.5)]


def test_a_logger_is_one_of_every_package_of_lightning(db: Path) -> None:
    import lightning.pytorch.loggers
    import pytorch_lightning.loggers

    from nnlab.integrations.lightning import NnlabLogger

    logger: Any = NnlabLogger("s")
    assert isinstance(logger, lightning.pytorch.loggers.Logger)
    assert isinstance(logger, pytorch_lightning.loggers.Logger)
    assert logger.version is None
    assert not db.exists()


def test_images_are_files_of_the_run(db: Path) -> None:
    import torch

    from nnlab.integrations.lightning import NnlabLogger

    logger = NnlabLogger("s")
    logger.log_image("samples", [torch.zeros(3, 4, 4), torch.ones(3, 4, 4)], step=7)
    logger.finalize("success")
    media = db.parent / "runs.artifacts/1/media"
    assert len(list(media.glob("samples*7.png"))) == 2
