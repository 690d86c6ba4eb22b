"""NN107: training examples that are memorised, by hand-computed curves."""

import math
from collections.abc import Mapping, Sequence

import pytest

from nnlab.diagnosis import diagnose, group_symptoms
from nnlab.diagnosis.accuracy_drop import implied_examples, measure_accuracy_drop
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.records import Curve, Finding, History, Scalar, Severity

EPOCHS = 60
EXAMPLES = 270


def curve(metric: str, values: Sequence[float]) -> Curve:
    return Curve(metric, tuple(range(1, len(values) + 1)), tuple(values))


def history(**metrics: Sequence[float]) -> History:
    names = {name.replace("__", "/"): values for name, values in metrics.items()}
    return History({name: curve(name, values) for name, values in names.items()})


def rounded(values: Sequence[float], examples: int = EXAMPLES) -> list[float]:
    """Accuracies as counts of right examples give them."""
    return [round(value * examples) / examples for value in values]


def noisy_labels(drop: float = 0.07, *, best: float = 0.86, level: float = 0.6) -> History:
    """A run with wrong training labels: best at epoch 15, loss level afterwards."""
    rise = [best * (1 - math.exp(-epoch / 4)) for epoch in range(1, 16)]
    fall = [best - drop * (1 - math.exp(-(epoch - 15) / 15)) for epoch in range(16, EPOCHS + 1)]
    return history(
        train__loss=[2.3 * math.exp(-epoch / 12) for epoch in range(1, EPOCHS + 1)],
        val__loss=[level + 1.7 * math.exp(-epoch / 4) for epoch in range(1, EPOCHS + 1)],
        train__accuracy=[1 - 0.9 * math.exp(-epoch / 12) for epoch in range(1, EPOCHS + 1)],
        val__accuracy=rounded([*rise, *fall]),
    )


def memorisation(of: History, setting: Mapping[str, Scalar] | None = None) -> Finding | None:
    return next((f for f in diagnose(of, setting or {}) if f.code == "NN107"), None)


def test_accuracy_that_fell_while_training_was_fitted() -> None:
    finding = memorisation(noisy_labels())
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert finding.confidence > 0.6
    assert finding.onset == pytest.approx(15, abs=2)
    assert "validation accuracy fell" in finding.message
    evidence = finding.evidence
    assert evidence["best_val_accuracy"] == pytest.approx(0.85, abs=0.02)
    assert evidence["final_val_accuracy"] == pytest.approx(0.793, abs=0.005)
    assert evidence["drop"] == pytest.approx(0.055, abs=0.01)
    assert evidence["final_train_accuracy"] == pytest.approx(0.99, abs=0.01)


@pytest.mark.parametrize("drop", [0.0, 0.005])
def test_accuracy_that_hardly_fell_is_no_memorisation(drop: float) -> None:
    assert memorisation(noisy_labels(drop)) is None


def test_a_small_validation_split_hides_a_small_drop() -> None:
    values = noisy_labels(0.04).curves["val/accuracy"].values
    train = noisy_labels().curves["train/accuracy"]
    small = measure_accuracy_drop(train, curve("val/accuracy", values), 20)
    large = measure_accuracy_drop(train, curve("val/accuracy", values), 2000)
    assert small is not None
    assert large is not None
    assert small.drop == large.drop
    assert small.drop_in_standard_errors < 1 < 3 < large.drop_in_standard_errors


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_known_wrong_labels_that_are_fitted_are_memorised_whatever_validation_does(
    share: float,
) -> None:
    finding = memorisation(noisy_labels(0.0), {"label_noise": share})
    assert finding is not None
    assert "wrong labels" in finding.message


def test_known_wrong_labels_that_are_not_fitted_are_no_memorisation() -> None:
    metrics = {name: c.values for name, c in noisy_labels(0.0).curves.items()}
    metrics["train/accuracy"] = tuple(0.7 * value for value in metrics["train/accuracy"])
    of = history(**{name.replace("/", "__"): values for name, values in metrics.items()})
    assert memorisation(of, {"label_noise": 0.3}) is None


def test_overfitting_of_the_loss_is_listed_first() -> None:
    of = noisy_labels()
    rising = [0.6 + 0.02 * abs(epoch - 15) for epoch in range(1, EPOCHS + 1)]
    curves = {**of.curves, "val/loss": curve("val/loss", rising)}
    (group,) = group_symptoms(diagnose(History(curves)))
    assert group.finding.code == "NN101"
    assert [symptom.code for symptom in group.symptoms] == ["NN107"]


def test_examples_learned_one_by_one_at_chance_level_are_memorised() -> None:
    of = history(
        train__loss=[0.7 * math.exp(-epoch / 30) for epoch in range(1, 201)],
        val__loss=[0.69 + 0.0002 * epoch for epoch in range(1, 201)],
        train__accuracy=[1 - 0.5 * math.exp(-epoch / 30) for epoch in range(1, 201)],
        val__accuracy=[0.5 + 0.01 * (epoch % 2) for epoch in range(1, 201)],
    )
    found = [finding.code for finding in diagnose(of)]
    assert "NN107" in found
    assert "NN404" not in found


def test_percentages_of_another_program_on_steps() -> None:
    steps = tuple(100 * epoch for epoch in range(1, EPOCHS + 1))
    names = {"train/loss": "loss", "val/loss": "val_loss", "train/accuracy": "accuracy"}
    curves = {}
    for metric, of in noisy_labels().curves.items():
        name, factor = names.get(metric, "val_accuracy"), 100 if "accuracy" in metric else 1
        curves[name] = Curve(name, steps, tuple(factor * value for value in of.values))
    finding = next(f for f in diagnose_external(History(curves), "step") if f.code == "NN107")
    plain = memorisation(noisy_labels())
    assert plain is not None
    assert plain.onset is not None
    assert finding.onset == 100 * plain.onset
    assert f"step {finding.onset:,}" in finding.message
    assert finding.evidence == pytest.approx(dict(plain.evidence))


@pytest.mark.parametrize("examples", [40, 270, 997])
def test_number_of_examples_is_implied_by_accuracies(examples: int) -> None:
    counts = (1, 7, 11, 13, 20, 29, 33)
    single = [float(f"{count / examples:.8g}") for count in counts]
    assert implied_examples(single) == examples


@pytest.mark.parametrize(
    "accuracies", [[], [0.5, 0.5], [0.5, 0.25, 0.75], [math.pi / 10, 0.5, 0.7, 0.9, 0.123457]]
)
def test_few_or_arbitrary_accuracies_imply_no_number(accuracies: list[float]) -> None:
    assert implied_examples(accuracies) is None
