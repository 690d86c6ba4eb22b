"""By which value remedies are judged, and that none is proved by preventing learning."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.analysis.remedy_measure import RemedyMeasure, measure_of_finding
from nnlab.objective import Objective

ACCURACY = Objective.parse("val/accuracy:max")
METRICS = ("train/loss", "val/loss", "val/accuracy")


@pytest.mark.parametrize(
    ("code", "measure"),
    [
        ("NN101", RemedyMeasure("val/loss", "min", "last")),
        ("NN102", RemedyMeasure("val/loss", "min", "last")),
        ("NN103", RemedyMeasure("val/loss", "min", "last")),
        ("NN107", RemedyMeasure("val/accuracy", "max", "last")),
        ("NN204", RemedyMeasure("val/accuracy", "max", "last")),
        ("NN203", RemedyMeasure("val/accuracy", "max", "best")),
        ("NN301", RemedyMeasure("val/accuracy", "max", "best")),
        ("", RemedyMeasure("val/accuracy", "max", "best")),
    ],
)
def test_the_measure_of_a_finding(code: str, measure: RemedyMeasure) -> None:
    assert measure_of_finding(code, ACCURACY, METRICS, is_external=False) == measure


def test_other_programs_have_names_of_their_own() -> None:
    names: tuple[str, ...] = ("loss", "eval_loss", "eval_acc")
    objective = Objective.parse("eval_acc:max")
    measure = measure_of_finding("NN101", objective, names, is_external=True)
    assert measure == RemedyMeasure("eval_loss", "min", "last")
    # Without a validation loss the objective at the last epoch is left.
    measure = measure_of_finding("NN101", objective, ("loss", "eval_acc"), is_external=True)
    assert measure == RemedyMeasure("eval_acc", "max", "last")
    # Two parts of a loss are no metric.
    names = ("train_box_loss", "train_cls_loss", "val_box_loss", "val_cls_loss", "val_acc")
    measure = measure_of_finding("NN101", objective, names, is_external=True)
    assert (measure.metric, measure.at) == ("eval_acc", "last")


def test_the_improvement_is_positive_if_the_remedy_is_better() -> None:
    assert RemedyMeasure("val/loss", "min", "last").difference(0.2, 0.5) == pytest.approx(0.3)
    assert RemedyMeasure("val/accuracy", "max", "best").difference(0.2, 0.5) == pytest.approx(-0.3)


SCRIPT = """
import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--weight-decay", type=float, default=0.0)
parser.add_argument("--label-smoothing", type=float, default=0.0)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
noise = random.Random(options.seed).uniform(0, 0.01)
for epoch in range(1, 25):
    train = 0.69 * 0.8**epoch
    val = 0.3 + noise + (0.3 * 0.6**epoch if epoch < 6 else 0.05 * (epoch - 6))
    accuracy = 0.9 - noise
    if options.weight_decay:
        train, val, accuracy = 0.69 - epoch / 1000, 0.69 + noise, 0.5
    if options.label_smoothing:
        val, accuracy = val + 0.5, 0.92
    print(f"epoch {epoch} loss {train:.6f} val_loss {val:.6f} val_accuracy {accuracy:.6f}")
"""


def test_a_better_loss_is_no_help_if_the_model_learns_less(nnlab: Nnlab, folder: Path) -> None:
    (folder / "train.py").write_text(SCRIPT)
    nnlab("run", "--objective", "val_accuracy:max", "-q", "train.py")
    text = " ".join(nnlab("remedy", "1", "--seeds", "5").out.split())
    assert "weight decay: val/accuracy at the last epoch is worse, so a better val/loss" in text
    answer = nnlab("remedy", "1", "--seeds", "5", "--format", "json").json
    assert (answer["finding"], answer["judged_by"]) == ("NN101", "val/loss at the last epoch")
    by_name = {remedy["name"]: remedy for remedy in answer["remedies"]}
    decay = by_name["weight decay"]
    assert decay["effect"] == pytest.approx(0.3 + 0.05 * 18 - 0.69, abs=1e-5)
    assert (decay["outcome"], decay["is_worse_at_end"]) == ("did not help", True)
    # Smoothed labels change what the script calls the loss: accuracy at the last epoch judges it.
    smoothing = by_name["label smoothing"]
    assert (smoothing["metric"], smoothing["at"]) == ("val/accuracy", "last")
    assert smoothing["outcome"] == "helped"
    assert "label smoothing (val/accuracy at the last epoch)" in text


def test_runs_that_fail_are_left_out_and_do_not_spoil_json(nnlab: Nnlab, folder: Path) -> None:
    failing = "if options.weight_decay:\n    raise SystemExit('no such thing')\nnoise ="
    (folder / "train.py").write_text(SCRIPT.replace("noise =", failing, 1))
    nnlab("run", "--objective", "val_accuracy:max", "-q", "train.py")
    answer = nnlab("remedy", "1", "--seeds", "5", "--format", "json")
    assert "weight decay" not in {remedy["name"] for remedy in answer.json["remedies"]}
    assert "no result for weight decay" in answer.err
    # Failures are printed, but not among the JSON of standard output.
    assert "no such thing" in answer.err
