"""Curves of other programs: which of them are the losses, percentages, steps, missing ones."""

import math
import random

import pytest

from nnlab.diagnosis.external_curves import curve_names, diagnose_external, external_curves
from nnlab.metric_names import is_evaluation, split_of, usual_name
from nnlab.records import Curve, History

TRAIN_LOSS, VAL_LOSS = "train/loss", "val/loss"


def history(**curves: dict[int, float]) -> History:
    """Curves by name; __ in a name stands for a slash."""
    named = {name.replace("__", "/"): points for name, points in curves.items()}
    return History(
        {name: Curve(name, tuple(points), tuple(points.values())) for name, points in named.items()}
    )


OVERFITTING = {
    "train": [2 * 0.7**e for e in range(1, 16)],
    "val": [1 + 0.04 * abs(e - 4) ** 1.5 for e in range(1, 16)],
}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # Lightning, Hugging Face, Keras, fastai, timm, skorch
        (["train_loss_epoch", "train_loss_step", "val_loss"], ["train_loss_epoch", "val_loss"]),
        (["loss", "eval_loss", "learning_rate", "eval_runtime"], ["loss", "eval_loss"]),
        (["loss", "accuracy", "val_loss", "val_accuracy"], ["loss", "val_loss"]),
        (["train_loss", "valid_loss", "error_rate"], ["train_loss", "valid_loss"]),
        (["train_loss", "eval_loss", "eval_top1"], ["train_loss", "eval_loss"]),
        (["train_loss", "valid_loss", "valid_acc"], ["train_loss", "valid_loss"]),
        # TensorBoard, Keras in TensorBoard, W&B, nanoGPT, XGBoost, detectron2
        (["Loss/train", "Loss/valid"], ["Loss/train", "Loss/valid"]),
        (
            ["train/epoch_loss", "validation/epoch_loss", "epoch"],
            ["train/epoch_loss", "validation/epoch_loss"],
        ),
        (["train/loss", "eval/loss"], ["train/loss", "eval/loss"]),
        (["train.loss", "val.loss"], ["train.loss", "val.loss"]),
        (["iter", "train loss", "val loss", "mfu"], ["train loss", "val loss"]),
        (["train-logloss", "eval-logloss"], ["train-logloss", "eval-logloss"]),
        (["total_loss", "validation_loss"], ["total_loss", "validation_loss"]),
        (["trainLoss", "valLoss"], ["trainLoss", "valLoss"]),
        (["loss_step", "test_loss"], ["loss_step", "test_loss"]),
        (["loss", "test_loss", "val_loss"], ["loss", "val_loss"]),
        (["val_loss/dataloader_idx_0", "train_loss"], ["train_loss", "val_loss/dataloader_idx_0"]),
    ],
)  # fmt: skip
def test_the_losses_of_each_tool_are_found(names: list[str], expected: list[str]) -> None:
    found = curve_names(names)
    assert [*found[TRAIN_LOSS], *found[VAL_LOSS]] == expected


def test_a_bare_accuracy_is_of_the_split_that_has_none() -> None:
    keras = curve_names(["loss", "accuracy", "val_loss", "val_accuracy"])
    assert (keras["train/accuracy"], keras["val/accuracy"]) == (("accuracy",), ("val_accuracy",))
    assert curve_names(["loss", "accuracy"])["train/accuracy"] == ("accuracy",)
    fastai = curve_names(["train_loss", "valid_loss", "accuracy"])
    assert fastai["val/accuracy"] == ("accuracy",)
    assert "train/accuracy" not in fastai


def test_the_parts_of_a_loss_are_added() -> None:
    parts = ("box_loss", "cls_loss")
    names = [f"{split}/{part}" for split in ("train", "val") for part in parts]
    found = curve_names([*names, "metrics/mAP50(B)"])
    assert found[TRAIN_LOSS] == ("train/box_loss", "train/cls_loss")
    curves = history(
        train__box_loss={1: 1.0, 2: 0.5}, train__cls_loss={1: 2.0, 2: 1.0},
        val__box_loss={1: 1.5, 2: 1.0}, val__cls_loss={1: 2.5, 2: 2.0},
    )  # fmt: skip
    assert external_curves(curves).history[VAL_LOSS].values == (4.0, 3.0)


@pytest.mark.parametrize(
    "names",
    [
        ["g_loss", "d_loss"],
        ["loss_G", "loss_D"],
        ["errD", "errG"],
        ["Loss/generator", "Loss/discriminator"],
        ["train/g_loss", "train/d_loss", "val/g_loss", "val/d_loss"],
        ["train_gen_loss", "train_disc_loss", "val_gen_loss", "val_disc_loss"],
        ["actor_loss", "critic_loss"],
    ],
)
def test_losses_of_networks_against_each_other_are_no_losses(names: list[str]) -> None:
    assert curve_names(names) == {}
    curves = external_curves(history(**{name: {1: 1.0, 2: 0.5} for name in names}))
    (note, _) = curves.notes
    assert note.startswith("losses of networks that are trained against each other: ")
    assert all(name in note for name in names)
    with_loss = curve_names([*names, "train_loss", "val_loss"])
    assert with_loss == {TRAIN_LOSS: ("train_loss",), VAL_LOSS: ("val_loss",)}


def test_a_generator_alone_has_ordinary_losses() -> None:
    assert curve_names(["train/gen_loss", "val/gen_loss"])[VAL_LOSS] == ("val/gen_loss",)


@pytest.mark.parametrize("seed", range(5))
def test_a_discriminator_and_a_generator_under_the_names_of_splits(seed: int) -> None:
    noise = random.Random(seed)
    epochs = range(1, 60)
    discriminator = {e: 0.8 + 0.586 * math.exp(-0.1 * e) + noise.gauss(0, 0.05) for e in epochs}
    generator = {e: 2.2 - 1.5 * math.exp(-0.1 * e) + noise.gauss(0, 0.08) for e in epochs}
    discriminator[1], generator[1] = 1.38, 0.70
    curves = history(train__loss=discriminator, val__loss=generator)
    assert diagnose_external(curves) == ()
    assert "like those of a discriminator and a generator" in external_curves(curves).notes[0]
    # With accuracies, or from another start, it is a loss that rises on other data.
    accuracy = dict.fromkeys(epochs, 0.5)
    assert (
        VAL_LOSS
        in external_curves(
            history(train__loss=discriminator, val__loss=generator, val__accuracy=accuracy)
        ).names
    )
    discriminator[1] = 0.7
    assert (
        VAL_LOSS in external_curves(history(train__loss=discriminator, val__loss=generator)).names
    )


def test_the_mean_loss_at_the_end_is_no_curve() -> None:
    trainer = history(loss={1: 2.0, 2: 1.0}, train_loss={2: 1.5}, eval_loss={1: 2.1, 2: 1.2})
    assert external_curves(trainer).names[TRAIN_LOSS] == ("loss",)


def test_accuracies_in_percent_become_fractions() -> None:
    percent = history(train_acc={1: 40.0, 2: 90.0}, val_acc={1: 0.5, 2: 80.0})
    curves = external_curves(percent)
    assert curves.history["val/accuracy"].values == (0.005, 0.8)
    assert "the accuracy is in percent" in curves.notes
    fractions = history(train_acc={1: 0.4, 2: 0.9}, val_acc={1: 0.5, 2: 0.8})
    assert external_curves(fractions).history["val/accuracy"].values == (0.5, 0.8)
    counts = history(train_loss={1: 1.0, 2: 0.5}, val_acc={1: 400.0, 2: 900.0})
    assert external_curves(counts).history.get("val/accuracy") is None


def test_what_is_missing_is_said() -> None:
    (note,) = external_curves(history(train_loss_epoch={1: 2.0, 2: 1.0})).notes
    assert note == (
        "found: train/loss (train_loss_epoch, 2 values);"
        " no validation loss or accuracy: overfitting cannot be seen"
    )
    (note,) = external_curves(history(eval_loss={1: 2.0, 2: 1.0})).notes
    assert "val/loss (eval_loss, 2 values); no training loss or accuracy" in note
    (note,) = external_curves(history(reward={1: 2.0, 2: 1.0})).notes
    assert (
        note == "found: no curve with a usual name; no loss or accuracy: nothing can be diagnosed"
    )
    (note,) = external_curves(history(loss={1: 2.0}, val_loss={1: 2.0})).notes
    assert note == "1 value per curve: too few for a diagnosis, which needs at least 3"
    falling = {epoch: 1 / epoch for epoch in range(1, 9)}
    assert external_curves(history(loss=falling, val_loss=falling)).notes == ()


def test_findings_over_steps_have_steps() -> None:
    steps = range(1000, 16000, 1000)
    curves = history(
        **{
            "train loss": dict(zip(steps, OVERFITTING["train"], strict=True)),
            "val loss": dict(zip(steps, OVERFITTING["val"], strict=True)),
        }
    )
    finding = diagnose_external(curves, "step")[0]
    assert (finding.code, finding.onset) == ("NN101", 4000)
    assert "after step 4,000" in finding.message
    assert finding.evidence["best_epoch"] == 4000.0


def test_epochs_from_zero_keep_their_numbers() -> None:
    curves = history(
        loss=dict(enumerate(OVERFITTING["train"])), val_loss=dict(enumerate(OVERFITTING["val"]))
    )
    finding = diagnose_external(curves)[0]
    assert (finding.code, finding.onset) == ("NN101", 3)
    assert "after epoch 3" in finding.message


def test_a_diverged_loss_is_found_under_any_name() -> None:
    curves = history(**{"Loss/train": {500: 2.0, 1000: math.nan}})
    (finding,) = diagnose_external(curves, "step")
    assert finding.code == "NN201"
    assert "in step 1,000" in finding.message


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("train", "val"),
    [("loss", "eval_loss"), ("train_loss_epoch", "val_loss"), ("Loss/train", "Loss/valid")],
)
def test_a_healthy_curve_has_no_warning(train: str, val: str, seed: int) -> None:
    noise = random.Random(seed)
    steps = range(250, 10_250, 250)
    curve = [0.3 + 2 * math.exp(-step / 1500) for step in steps]
    curves = History(
        {
            name: Curve(
                name,
                tuple(steps),
                tuple(gap + value * (1 + 0.01 * noise.gauss(0, 1)) for value in curve),
            )
            for name, gap in ((train, 0.0), (val, 0.02))
        }
    )
    assert [f.code for f in diagnose_external(curves, "step") if f.severity != "info"] == []


def test_usual_names() -> None:
    for name in ("val_loss", "eval/loss", "validation-loss", "Loss/valid", "valLoss", "val.loss"):
        assert (usual_name(name), split_of(name)) == ("val/loss", "val")
    assert usual_name("train/learning_rate") == usual_name("lr-Adam") == "lr"
    assert usual_name("metrics/mAP50(B)") == "metrics/mAP50(B)"
    assert not is_evaluation("latest")
