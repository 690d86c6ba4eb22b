"""Readers of the logs of Lightning, Keras and the Hugging Face Trainer, on what these write."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from log_examples import write_keras_csv, write_lightning, write_trainer_state
from log_readings import read_one, read_path, read_run

from nnlab.exchange.keras_csv import KerasCsvReader
from nnlab.exchange.keras_history import KerasHistoryReader
from nnlab.exchange.lightning_csv import LightningCsvReader
from nnlab.exchange.trainer_state import TrainerStateReader
from nnlab.records import Status

_LIGHTNING = """
import pathlib, torch
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
class Model(LightningModule):
    def __init__(self, lr=0.1, seed=3, act=torch.nn.ReLU, betas=(0.9, 0.99),
                 opt={"a": {"b": [1, 2, {"c": None}]}}, text="a: 'b' # c\\nline", path=None):
        super().__init__()
        self.save_hyperparameters()
        self.linear = torch.nn.Linear(2, 1)
    def training_step(self, batch, index):
        loss = self.linear(batch).pow(2).mean()
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss
    def validation_step(self, batch, index):
        self.log("val_loss", self.linear(batch).pow(2).mean())
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams.lr)
data = torch.utils.data.DataLoader(torch.randn(16, 2), batch_size=4)
trainer = Trainer(max_epochs=3, logger=CSVLogger("logs", flush_logs_every_n_steps=2),
                  log_every_n_steps=2, enable_progress_bar=False, enable_checkpointing=False,
                  enable_model_summary=False, accelerator="cpu")
trainer.fit(Model(path=pathlib.Path("/x/y")), data, data)
"""
_KERAS = """
import json, keras, numpy
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
x = numpy.random.rand(16, 3)
loggers = [keras.callbacks.CSVLogger("a.csv"), keras.callbacks.CSVLogger("b.log", separator=";")]
history = model.fit(x, x.sum(1), validation_split=0.25, validation_freq=2, epochs=4, verbose=0,
                    callbacks=loggers[:0])
json.dump(history.history, open("sparse.json", "w"))
history = model.fit(x, x.sum(1), validation_split=0.25, epochs=3, verbose=0, callbacks=loggers)
json.dump(history.history, open("history.json", "w"))
"""
_TRAINER = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
config = BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=8, max_position_embeddings=8)
data = [{"input_ids": torch.randint(0, 20, (6,)), "labels": torch.tensor(i % 2)} for i in range(16)]
arguments = TrainingArguments("out", num_train_epochs=3, per_device_train_batch_size=4,
                              logging_steps=2, eval_strategy="epoch", save_strategy="epoch",
                              report_to=[], use_cpu=True, disable_tqdm=True)
trainer = Trainer(BertForSequenceClassification(config), arguments, train_dataset=data,
                  eval_dataset=data)
trainer.train()
trainer.save_state()
"""


def test_lightning(run_script: Callable[..., Path]) -> None:
    folder = run_script("lightning", _LIGHTNING)
    reading = read_one(LightningCsvReader(), folder / "logs")
    assert reading.run.external_id == "logs/lightning_logs/version_0"
    assert reading.details.config == {
        "betas": [0.9, 0.99], "lr": 0.1, "opt": {"a": {"b": [1, 2, {"c": None}]}}, "seed": 3,
        "text": "a: 'b' # c\nline",
    }  # fmt: skip
    assert reading.details.seed == 3
    assert reading.notes == {"yaml-tag": 2}
    with (folder / "logs/lightning_logs/version_0/metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for metric in ("train_loss_step", "train_loss_epoch", "val_loss"):
        assert reading.curve(metric) == [
            (int(row["step"]), int(row["epoch"]) + 1, float(row[metric]))
            for row in rows
            if row[metric]
        ]
    assert len(reading.curve("val_loss")) == 3


def test_a_new_column_rewrites_the_file_of_lightning(tmp_path: Path) -> None:
    path = write_lightning(tmp_path)
    first = read_one(LightningCsvReader(), tmp_path)
    path.write_text("acc,epoch,step,train_loss,val_loss\n,0,49,2.5,\n0.5,0,99,,1.5\n")
    second = read_run(LightningCsvReader(), first.run, first.position)
    assert second.restarts == 1
    assert second.curve("acc") == [(99, 1, 0.5)]


def test_a_killed_lightning_run_loses_only_its_last_line(tmp_path: Path) -> None:
    path = write_lightning(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])  # "1,199,,nan" without the line end and `n`
    reading = read_one(LightningCsvReader(), tmp_path)
    assert len(reading.samples) == 3
    assert reading.notes["truncated"] == 1


def test_an_unreadable_hparams_file_is_noted(tmp_path: Path) -> None:
    path = write_lightning(tmp_path)
    (path.parent / "hparams.yaml").write_text("a: [1, 2\nb: 'c")
    reading = read_one(LightningCsvReader(), tmp_path)
    assert reading.details.config == {}
    assert reading.notes == {"unreadable-config": 1}
    assert len(reading.samples) == 4


def test_keras(run_script: Callable[..., Path]) -> None:
    folder = run_script("keras", _KERAS, KERAS_BACKEND="torch")
    history = json.loads((folder / "history.json").read_text())
    readings = [
        *read_path(KerasCsvReader(), folder),
        read_one(KerasHistoryReader(), folder / "history.json"),
    ]
    assert len(readings) == 3
    for reading in readings:
        for metric, values in history.items():
            curve = reading.curve(metric)
            assert curve == [(None, epoch, value) for epoch, value in enumerate(values, 1)]
    sparse = read_one(KerasHistoryReader(), folder / "sparse.json")
    assert [epoch for _, epoch, _ in sparse.curve("val_loss")] == [2, 4]
    assert [epoch for _, epoch, _ in sparse.curve("loss")] == [1, 2, 3, 4]


def test_a_history_of_keras_that_was_extended_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "h.json"
    path.write_text('{"loss": [3, 2], "lr": [0.1, 0.1]}')
    first = read_one(KerasHistoryReader(), path)
    path.write_text('{"loss": [3, 2, NaN], "lr": [0.1, 0.1, null]}')
    second = read_run(KerasHistoryReader(), first.run, first.position)
    [(step, epoch, value)] = second.curve("loss")
    assert (step, epoch, second.restarts) == (None, 3, 0)
    assert math.isnan(value)
    assert not second.curve("lr")


def test_other_json_files_are_no_history(tmp_path: Path) -> None:
    (tmp_path / "ids.json").write_text('{"input_ids": [1, 2, 3]}')
    (tmp_path / "config.json").write_text('{"loss": "mse"}')
    assert not list(KerasHistoryReader().find(tmp_path))


def test_a_log_of_keras_that_is_being_written(tmp_path: Path) -> None:
    path = write_keras_csv(tmp_path)
    path.write_bytes(path.read_bytes()[:-2])
    reading = read_one(KerasCsvReader(), tmp_path)
    assert reading.curve("val_loss") == [(None, 1, 1.5)]


def test_trainer_of_hugging_face(run_script: Callable[..., Path]) -> None:
    folder = run_script("transformers", _TRAINER)
    reading = read_one(TrainerStateReader(), folder)
    assert reading.run.paths == (folder / "out" / "trainer_state.json",)
    assert reading.details.status is Status.FINISHED
    assert reading.details.config["train_batch_size"] == 4
    assert reading.details.results["train_runtime"]
    history = json.loads((folder / "out" / "trainer_state.json").read_text())["log_history"]
    for metric in ("loss", "learning_rate", "grad_norm", "eval_loss"):
        assert reading.curve(metric) == [
            (row["step"], row["epoch"], row[metric]) for row in history if metric in row
        ]
    # The average over the training is a result, and no value of the loss.
    assert not reading.curve("train_loss")

    part = read_one(TrainerStateReader(), folder / "out" / "checkpoint-4")
    assert part.run.external_id == "out"
    assert part.details.status is Status.RUNNING
    rest = read_run(TrainerStateReader(), reading.run, part.position)
    assert part.samples + rest.samples == reading.samples
    assert rest.restarts == 0


def test_the_newest_checkpoint_of_a_killed_training_is_read(tmp_path: Path) -> None:
    for step in (9, 20, 100):
        write_trainer_state(tmp_path / str(step))
        target = tmp_path / "out" / f"checkpoint-{step}" / "trainer_state.json"
        target.parent.mkdir(parents=True)
        text = (tmp_path / str(step) / "bert" / "trainer_state.json").read_text()
        target.write_text(text.replace('"global_step": 20', f'"global_step": {step}'))
    [run] = TrainerStateReader().find(tmp_path / "out")
    assert (run.external_id, run.paths[0].parent.name) == ("out", "checkpoint-100")


def test_a_truncated_state_has_its_complete_rows(tmp_path: Path) -> None:
    path = write_trainer_state(tmp_path)
    text = path.read_text()
    path.write_text(text[: text.index('"eval_runtime"')])
    reading = read_one(TrainerStateReader(), tmp_path)
    assert reading.curve("loss") == [(10, 0.5, 2.5)]
    assert not reading.curve("eval_loss")
    assert reading.notes["truncated"] == 1


@pytest.mark.parametrize("kind", ["lightning", "keras"])
def test_epochs_that_the_tool_counts_from_0_are_counted_from_1(kind: str, tmp_path: Path) -> None:
    if kind == "keras":
        write_keras_csv(tmp_path)
        reading = read_one(KerasCsvReader(), tmp_path)
    else:
        write_lightning(tmp_path)
        reading = read_one(LightningCsvReader(), tmp_path)
    assert {sample.epoch for sample in reading.samples} == {1, 2}
