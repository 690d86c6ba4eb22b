"""The diagnosis of a small part of the corpus: simulated kinds, and runs trained here."""

import pytest
from diagnosis import score
from diagnosis.fitted_curves import FITTED_CURVES
from diagnosis.simulated_curves import draw
from diagnosis.specimen import Specimen, TrainedSpecimen
from diagnosis.torch_training import RunGroup, train_group

DRAWS = 4


@pytest.fixture(scope="module")
def simulated() -> list[score.DiagnosedSpecimen]:
    draws = [
        draw(name, kind, seed) for name, kind in FITTED_CURVES.items() for seed in range(DRAWS)
    ]
    return score.diagnose_corpus(draws)


def test_healthy_but_ugly_curves_get_no_warning(simulated: list[score.DiagnosedSpecimen]) -> None:
    alarms, healthy, codes = score.count_false_alarms(simulated)
    assert healthy >= 60
    assert alarms == 0, codes


def test_simulated_overfitting_is_the_first_finding(
    simulated: list[score.DiagnosedSpecimen],
) -> None:
    correct, faults, confusions = score.count_correct_first(simulated)
    assert correct >= 0.95 * faults, confusions


def test_overfitting_of_simulated_runs(simulated: list[score.DiagnosedSpecimen]) -> None:
    counts = score.count_overfitting(simulated)
    best = max(
        baseline.f1 for baseline in score.count_baselines(simulated).values() if baseline.f1 > 0
    )
    assert counts.f1 >= 0.97
    assert counts.f1 >= best


def trained_group(group: RunGroup) -> list[score.DiagnosedSpecimen]:
    history = train_group(group)
    specimens = []
    for run in range(len(group.dropout)):
        curves = {
            name: list(enumerate(map(float, values[run]), start=1))
            for name, values in history.curves.items()
        }
        risk = list(zip(history.risk_epochs, map(float, history.risk[run]), strict=True))
        specimen = Specimen("torch", "fitted", None, {}, run, group="torch")
        specimens.append(TrainedSpecimen(specimen, {}, curves, risk))
    return score.diagnose_corpus(specimens)


def group_of(*, label_noise: float, train_size: int, epochs: int, lr: float) -> RunGroup:
    runs = 4
    return RunGroup(
        task="clouds", seed=11, train_size=train_size, epochs=epochs, batch_size=32, widths=(64,),
        activation="relu", optimizer="adam", lr=lr, decay="none", weight_decay=0.0,
        batch_norm=False, label_noise=runs * [label_noise], noisy_validation=runs * [True],
        dropout=runs * [0.0], label_smoothing=runs * [0.0], smoothed_validation=runs * [False],
        val_sizes=runs * [400], train_in_eval_mode=runs * [False],
    )  # fmt: skip


def test_few_noisy_examples_overfit_by_the_true_risk_and_by_the_diagnosis() -> None:
    runs = trained_group(group_of(label_noise=0.3, train_size=100, epochs=80, lr=5e-3))
    assert all(run.truth == score.OVERFITTING for run in runs)
    assert score.count_overfitting(runs).true_positives == 4


def test_many_examples_and_few_epochs_do_not() -> None:
    runs = trained_group(group_of(label_noise=0.0, train_size=1500, epochs=15, lr=1e-3))
    assert all(run.truth == "" for run in runs)
    assert score.count_overfitting(runs).false_positives == 0
