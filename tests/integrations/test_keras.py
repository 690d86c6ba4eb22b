"""The Keras callback: the logs of each epoch, of batches, and of evaluations."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest
from recorded_runs import (
    changed_script,
    recorded_runs,
    recorded_samples,
    recorded_values,
    run_process,
)

from nnlab.records import Status

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="keras is in the extra `test`")
IMPORT = {"import keras\n": "import keras\nfrom nnlab.integrations.keras import NnlabCallback\n"}
BOTH = 'callbacks=[callback, NnlabCallback("digits", batch_interval=2, seed=0)]'


def test_fit_stores_what_the_csv_logger_stores(tmp_path: Path) -> None:
    # Keras chooses its backend when it is imported, so that it has a process of its own.
    script = changed_script("keras_digits.py", {**IMPORT, "callbacks=[callback]": BOTH}, tmp_path)
    script.write_text(
        script.read_text()
        + "model.evaluate(x[384:] / 16, y[384:], verbose=0, callbacks=[NnlabCallback('digits')])\n"
    )
    run_process(script, tmp_path)
    db = tmp_path / "runs.db"
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    values, samples = recorded_values(db), recorded_samples(db)
    for stored, name in (
        ("train/loss", "loss"), ("train/accuracy", "accuracy"), ("val/loss", "val_loss"),
        ("val/accuracy", "val_accuracy"),
    ):  # fmt: skip
        expected = [(4 * (int(row["epoch"]) + 1), float(row[name])) for row in rows]
        assert values[stored] == expected, name
        assert [item.epoch for item in samples[stored]] == [1, 2, 3]
    assert [step for step, _ in values["batch/loss"]] == [2, 4, 6, 8, 10, 12]
    fit, evaluation = recorded_runs(db)
    assert (fit.status, fit.seed, fit.trial.study) == (Status.FINISHED, 0, "digits")
    assert fit.trial.setting["optimizer.name"] == "Adam"
    assert fit.trial.setting["optimizer.learning_rate"] == pytest.approx(0.01)
    assert fit.trial.setting["parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    assert recorded_values(db, evaluation.id).keys() == {"test/loss", "test/accuracy"}
