"""Which values `log` accepts, and under which names they are stored."""

import contextlib
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from recorded_programs import stored_run, stored_samples, values_of

import nnlab
from nnlab import store
from nnlab.tracking.logged_values import (
    DeviceScalar,
    DeviceVector,
    LoggedCall,
    convert_values,
    fetch_device_numbers,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0),
        (3, 3.0),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (np.bool_(True), 1.0),
        (np.array(2.5), 2.5),
        (np.array([[2.5]]), 2.5),
        (torch.tensor(1.5), 1.5),
        (torch.tensor([1.5], dtype=torch.float16), 1.5),
        (torch.tensor(1.5, requires_grad=True), 1.5),
        (torch.tensor(True), 1.0),
        (10**400, math.inf),
    ],
)
def test_scalars_of_all_libraries_are_numbers(db: str, value: object, number: float) -> None:
    with nnlab.init("s") as run:
        run.log({"x": value})
    assert values_of(db, "x") == [number]


def test_values_are_those_at_the_time_of_the_call(db: str) -> None:
    total, array, nested = torch.zeros(()), np.zeros(()), {"b": 1.0}
    with nnlab.init("s") as run:
        for _ in range(3):
            total += 1
            array += 2
            nested["b"] += 1
            run.log({"total": total, "array": array, "a": nested})
    assert values_of(db, "total") == [1.0, 2.0, 3.0]
    assert values_of(db, "array") == [2.0, 4.0, 6.0]
    assert values_of(db, "a.b") == [2.0, 3.0, 4.0]


def test_numbers_on_a_device_are_fetched_together() -> None:
    calls = [
        LoggedCall(
            0.0,
            n,
            None,
            {
                "x": DeviceScalar(torch.tensor(float(n)), None),
                "a": {"half": DeviceScalar(torch.tensor([n], dtype=torch.float16), None)},
                "": DeviceVector(torch.tensor([n, 2.0 * n]), lambda v: {"sum": sum(v)}),
            },
        )
        for n in range(3)
    ]
    numbers = fetch_device_numbers(calls)
    converted = [convert_values(call.values, numbers).numbers for call in calls]
    assert converted == [{"x": n, "a.half": n, "sum": 3.0 * n} for n in range(3)]


def test_texts_are_results_and_other_objects_are_noted_once(
    db: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with nnlab.init("s") as run:
        for _ in range(2):
            run.log({"best": "model.pt", "x": 1.0, "bad": object(), "wide": torch.zeros(3)})
    assert stored_run(db).results == {"best": "model.pt"}
    assert values_of(db, "x") == [1.0, 1.0]
    errors = capsys.readouterr().err
    assert errors.count("'bad' is not recorded") == 1
    assert "'wide' is not recorded" in errors
    assert "not Tensor of shape (3,)" in errors


def test_an_object_whose_conversion_fails_does_not_stop_the_recording(db: str) -> None:
    class Broken:
        def __float__(self) -> float:
            raise RuntimeError("no")

    with nnlab.init("s") as run:
        run.log({"x": 1.0, "broken": Broken(), 3: 2.0})  # type: ignore[dict-item]
    assert values_of(db, "x") == [1.0]
    assert values_of(db, "3") == [2.0]


def test_the_value_epoch_is_the_epoch_of_the_others(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"epoch": 2, "val/loss": 0.5})
    (sample,) = stored_samples(db, "val/loss")
    assert (sample.epoch, sample.step) == (2.0, 0)
    assert stored_run(db).axis == "epoch"


def test_epochs_and_steps_may_be_scalars_of_numpy_and_torch(db: str) -> None:
    with nnlab.init("s", db=db) as run:
        run.log({"val/loss": 0.5}, step=torch.tensor(4), epoch=torch.tensor(1))  # type: ignore[arg-type]
        run.log({"val/loss": 0.4}, step=np.int64(5), epoch=np.float32(2))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="could not convert"):
            run.log({"val/loss": 0.3}, epoch="three")  # type: ignore[arg-type]
        run.log({"val/loss": 0.2}, step=6, epoch=3)
    with contextlib.closing(store.open_database(db, write=False)) as database:
        samples = [item for _, item in store.samples(database, 1, ["val/loss"])]
    assert [(item.step, item.epoch) for item in samples] == [(4, 1.0), (5, 2.0), (6, 3.0)]


def test_commit_false_collects_values_for_the_next_call(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"x": 1.0}, commit=False)
        run.log({"y": 2.0})
        run.log({"x": 3.0}, commit=False)
    assert [(s.value, s.step) for s in stored_samples(db, "x")] == [(1.0, 0), (3.0, 1)]
    assert [(s.value, s.step) for s in stored_samples(db, "y")] == [(2.0, 0)]


def test_a_definition_gives_metrics_another_x_axis_and_a_direction(db: str) -> None:
    with nnlab.init("s") as run:
        run.define("val/*", x="epoch", goal="max")
        run.define_metric("gan/*", step_metric="gan/step", summary="min")
        for step in range(6):
            run.log({"train/loss": 1.0, "gan/step": 10 * step, "gan/d": -step}, step=step)
        run.log({"val/gini": 0.5, "epoch": 3})
        assert run.summary["gan/d.min"] == -5.0
    assert [s.step for s in stored_samples(db, "gan/d")] == [0, 10, 20, 30, 40, 50]
    assert [s.epoch for s in stored_samples(db, "val/gini")] == [3.0]
    assert stored_run(db).results == {"gan/d.min": -5.0}
    with nnlab.open(db) as results:
        run_record = results.run("1")
    assert run_record.metrics["val/gini"].best == 0.5


def test_module_style_of_wandb(db: str) -> None:
    import nnlab as wandb

    wandb.login()
    run = wandb.init(
        project="demo",
        entity="me",
        name="first",
        config={"lr": 0.1, "epochs": 2},
        mode="offline",
        tags=["a"],
        group="g",
    )
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    wandb.watch(model, log="all", log_freq=10)
    wandb.define_metric("val/accuracy", summary="max")
    optimizer = torch.optim.SGD(model.parameters(), lr=wandb.config.lr)
    for epoch in range(wandb.config["epochs"]):
        loss = model(torch.ones(3, 2)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        wandb.log({"epoch": epoch, "train/loss": loss, "val/accuracy": 0.5 + epoch})
        wandb.log({"examples": [wandb.Image(np.zeros((4, 4, 3)), caption="zero")]}, commit=False)
    wandb.config.update({"extra": "yes"}, allow_val_change=True)
    wandb.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"]])})
    wandb.log({"histogram": wandb.Histogram([1, 2, 3])})
    assert wandb.run is run
    wandb.run.summary["best"] = 1.5
    assert wandb.summary["val/accuracy.max"] == 1.5
    assert (wandb.run.name, wandb.run.id, run.project) == ("first", "1", "demo")
    torch.save(model.state_dict(), wandb.run.dir + "/model.pt")
    wandb.save(wandb.run.dir + "/model.pt")
    wandb.finish()
    stored = stored_run(db)
    assert stored.trial.setting == {"lr": 0.1, "epochs": 2, "extra": "yes"}
    assert stored.tags == ("a", "group:g")
    assert stored.results == {"best": 1.5, "val/accuracy.max": 1.5}
    assert values_of(db, "val/accuracy") == [0.5, 1.5]
    assert len(values_of(db, "train/grad_norm")) >= 1


def test_a_step_that_goes_back_is_noted_once(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    with nnlab.init("s") as run:
        for step in (1, 2, 2, -1, 3, 2, 1):
            run.log({"val/loss": float(step)}, step=step)
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "went back" in text]
    assert line == (
        "nnlab: the step of val/loss went back from 3 to 2: every value is kept, and the curve"
        " shows the newest ones"
    )
    assert values_of(db, "val/loss") == [1, 2, 2, -1, 3, 2, 1]
