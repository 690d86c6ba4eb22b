"""Histories that resemble overfitting but are not, and the opposite."""

import math
import random
import subprocess
import sys
from collections.abc import Sequence

import pytest

from nnlab.diagnosis import ALL_RULES, diagnose, group_symptoms
from nnlab.diagnosis.priority import PRIORITY, SYMPTOM_CODES, sort_by_priority
from nnlab.records import Curve, Finding, History, Severity


def history(train: Sequence[float], val: Sequence[float], **others: Sequence[float]) -> History:
    epochs = tuple(range(1, len(train) + 1))
    metrics = {"train/loss": train, "val/loss": val}
    metrics |= {name.replace("__", "/"): values for name, values in others.items()}
    return History({name: Curve(name, epochs, tuple(v)) for name, v in metrics.items()})


def codes(of: History) -> list[str]:
    return [finding.code for finding in diagnose(of)]


def falling(n: int, start: float, end: float, rate: float = 6.0) -> list[float]:
    return [end + (start - end) * math.exp(-rate * i / n) for i in range(n)]


@pytest.mark.parametrize("start", [0.3, 2.3])
@pytest.mark.parametrize("train_end", [0.02, 0.06])
def test_tiny_absolute_rise_of_a_healthy_dropout_run(start: float, train_end: float) -> None:
    down = falling(12, start, 0.043, 9)
    up = [0.043 + 0.005 * (i + 1) / 12 for i in range(12)]
    assert "NN101" not in codes(history(falling(24, 0.6, train_end, 9), down + up))


@pytest.mark.parametrize("last", [math.nan, math.inf, 1e150])
def test_a_run_that_ends_without_a_number_diverged(last: float) -> None:
    val = [1.0, 0.8, 0.7, 0.9, 2.0, 40.0, last]
    (finding,) = diagnose(history([1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2], val))
    assert (finding.code, finding.onset, finding.severity) == ("NN201", 7, Severity.ERROR)
    (finding,) = diagnose(history([1.0, 0.8, 0.6, 0.5, 0.4, 0.3, last], [*val[:-1], 60.0]))
    assert (finding.code, finding.onset) == ("NN201", 7)


def test_both_losses_rising_is_divergence() -> None:
    up = [1.0 + 0.3 * i**2 for i in range(10)]
    both = history(falling(10, 2, 1) + up, falling(10, 2, 1.1) + [1.2 * v for v in up])
    assert codes(both)[0] == "NN201"
    assert "NN101" not in codes(both)


@pytest.mark.parametrize("period", [2, 3, 5, 8])
def test_oscillation_of_both_losses(period: int) -> None:
    wave = [0.2 * math.sin(2 * math.pi * i / period + 1) for i in range(60)]
    val = [v + w for v, w in zip(falling(60, 2.3, 0.6), wave, strict=True)]
    train = [v + w / 2 for v, w in zip(falling(60, 2.3, 0.5), wave, strict=True)]
    assert "NN101" not in codes(history(train, val))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4, 0.5])
def test_a_history_cut_before_the_rise_says_nothing(share: float) -> None:
    val = [1 + 4 * (i / 100 - 0.5) ** 2 for i in range(100)]
    n = int(100 * share)
    assert set(codes(history(falling(100, 2, 0.1)[:n], val[:n]))) <= {"NN105"}


@pytest.mark.parametrize("factor", [0.1, 1.0, 10.0])
def test_training_loss_on_another_scale(factor: float) -> None:
    train = [factor * v for v in falling(40, 2.3, 0.2, 4)]
    healthy = falling(40, 2.0, 0.5, 3)
    worse = falling(15, 2.0, 0.5, 8) + [0.5 + 0.02 * i for i in range(25)]
    assert "NN101" not in codes(history(train, healthy))
    assert "NN101" in codes(history(train, worse))


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_broken_validation_set_told_by_accuracy(classes: int) -> None:
    draw = random.Random(1)
    chance = 1 / classes
    of = history(
        falling(30, math.log(classes), 0.01, 12),
        [math.log(classes) * (1 + 0.1 * i) for i in range(30)],
        train__accuracy=[1 - (1 - chance) * 0.7**i for i in range(30)],
        val__accuracy=[chance + draw.uniform(-0.01, 0.01) for _ in range(30)],
    )
    (group,) = group_symptoms(diagnose(of))
    assert (group.finding.code, group.finding.severity) == ("NN404", Severity.ERROR)
    assert [symptom.code for symptom in group.symptoms] == ["NN101"]


def test_broken_validation_set_told_by_loss_alone() -> None:
    val = [math.log(10) * (1 + 0.1 * i) for i in range(30)]
    assert codes(history(falling(30, 2.2, 0.01, 12), val)) == ["NN404", "NN101"]


@pytest.mark.parametrize("classes", [2, 10, 97])
def test_validation_at_chance_is_overfitting_where_training_learns_slowly(classes: int) -> None:
    """Memorisation, or the time before grokking: only many epochs fit the training examples."""
    chance = 1 / classes
    of = history(
        falling(200, math.log(classes), 0.01),
        [math.log(classes) * (1 + 0.02 * i) for i in range(200)],
        train__accuracy=[1 - (1 - chance) * 0.97**i for i in range(200)],
        val__accuracy=[chance + 0.001 * (i % 2) for i in range(200)],
    )
    found = codes(of)
    assert found[0] == "NN101"
    assert not {"NN404", "NN103"} & set(found)


def test_fine_tuning_that_overfits_at_once_is_no_broken_set() -> None:
    of = history(
        falling(10, 0.5, 0.01),
        [0.5 + 0.06 * i for i in range(10)],
        train__accuracy=[0.85 + 0.015 * i for i in range(10)],
        val__accuracy=[0.85 - 0.002 * i for i in range(10)],
    )
    (group,) = group_symptoms(diagnose(of))
    assert (group.finding.code, [symptom.code for symptom in group.symptoms]) == (
        "NN101",
        ["NN107"],
    )


def test_warm_restarts_cut_in_a_rise() -> None:
    level = [0.5 + 1.5 * math.exp(-i / 20) for i in range(70)]
    wave = [1 + 0.15 * (1 + math.cos(2 * math.pi * (i % 30) / 60)) for i in range(70)]
    val = [a * b for a, b in zip(level, wave, strict=True)]
    assert "NN101" not in codes(history([0.8 * v for v in val], val))


def test_double_descent_that_ends_at_a_new_best() -> None:
    bump = [0.5 * math.exp(-(((i - 40) / 12) ** 2)) for i in range(100)]
    val = [a + b for a, b in zip(falling(100, 2.0, 0.4, 4), bump, strict=True)]
    assert "NN101" not in codes(history(falling(100, 2.0, 0.01, 8), val))
    assert codes(history(falling(40, 2.0, 0.01, 8), val[:40])) == ["NN101"]


def test_unscaled_regression_with_a_huge_first_loss() -> None:
    val = [500.0, 120.0, 40.0, 18.0, 12.0, 10.5, 10.0, 10.2, 10.6, 11.2, 11.9, 12.6, 13.3, 14.0]
    train = [550.0, 130.0, 42.0, 17.0, 11.0, 8.0, 6.5, 5.5, 4.7, 4.0, 3.4, 2.9, 2.5, 2.2]
    assert codes(history(train, val)) == ["NN101"]


def test_plateau_while_training_falls_is_a_finding_of_its_own() -> None:
    of = history(falling(60, 2.3, 0.01, 8), falling(60, 2.3, 0.6, 25))
    (finding,) = diagnose(of)
    assert (finding.code, finding.severity) == ("NN102", Severity.INFO)
    assert finding.onset == pytest.approx(10, abs=4)
    assert finding.evidence["level"] == pytest.approx(0.6, rel=0.01)
    assert finding.message.startswith("plateau since epoch 12: validation -3.9 %, training -98 %")


def test_a_training_loss_that_swings_has_not_kept_falling() -> None:
    """It ended at 3.695; the luckier of its last two epochs was 1.31."""
    train = [32.959, 1.602, 1.526, 4.263, 2.832, 2.501, 3.345, 2.895, 1.217, 2.088, 4.448, 2.984,
             2.141, 1.31, 3.695]  # fmt: skip
    val = [1.673, 1.522, 8.476, 3.999, 1.558, 1.913, 1.973, 1.801, 1.43, 2.241, 1.157, 1.556,
           1.076, 3.104, 3.541]  # fmt: skip
    assert not {"NN101", "NN102"} & set(codes(history(train, val)))


@pytest.mark.parametrize("end", [0.97, 1.0, 1.5])
def test_noise_of_training_alone_is_no_plateau(end: float) -> None:
    """The level of training stays; only the first of two noisy values is high."""
    draw = random.Random(7)
    train = [2.3, 1.5] + [1 + draw.uniform(-0.3, 0.3) for _ in range(57)] + [end]
    assert "NN102" not in codes(history(train, falling(60, 2.3, 0.6, 25)))


def test_a_plateau_needs_a_training_loss_that_falls_by_more_than_its_digits() -> None:
    train = [1.0 - 0.0001 * i for i in range(60)]
    assert "NN102" not in codes(history(train, falling(60, 2.3, 0.6, 25)))


def test_plateau_of_both_losses_is_convergence() -> None:
    assert codes(history(falling(60, 2.3, 0.5, 30), falling(60, 2.3, 0.6, 30))) == []


def test_a_loss_that_never_moved_is_no_plateau() -> None:
    assert "NN102" not in codes(history(falling(60, 2.3, 0.01, 8), [2.3] * 60))


def make_finding(
    code: str, severity: Severity = Severity.WARNING, confidence: float = 0.9
) -> Finding:
    return Finding(code, "", severity, confidence, None, "", "", {})


def test_causes_come_before_symptoms_and_what_is_only_worth_knowing_last() -> None:
    overfits, swings = make_finding("NN101"), make_finding("NN202", confidence=0.6)
    notes = make_finding("NN402", Severity.INFO, 0.99), make_finding("NN105", Severity.INFO)
    dead, nothing = make_finding("NN303"), make_finding("NN106", Severity.ERROR)
    ordered = sort_by_priority([overfits, *notes, nothing, dead, swings])
    assert [f.code for f in ordered] == ["NN202", "NN303", "NN106", "NN101", "NN105", "NN402"]


def test_symptoms_are_folded_under_their_cause() -> None:
    first, other = group_symptoms(
        [make_finding("NN106", Severity.ERROR), make_finding("NN403"), make_finding("NN303")]
    )
    assert (first.finding.code, [s.code for s in first.symptoms]) == ("NN303", ["NN106"])
    assert (other.finding.code, other.symptoms) == ("NN403", ())


def test_a_symptom_of_a_symptom_is_folded_under_the_same_cause() -> None:
    (group,) = group_symptoms(
        [
            make_finding("NN202"),
            make_finding("NN106", Severity.ERROR),
            make_finding("NN102", Severity.INFO),
        ]
    )
    assert [s.code for s in group.symptoms] == ["NN106", "NN102"]
    (group,) = group_symptoms([make_finding("NN401"), make_finding("NN101")])
    assert (group.finding.code, [s.code for s in group.symptoms]) == ("NN401", ["NN101"])


def test_what_is_only_worth_knowing_is_no_cause() -> None:
    folds = group_symptoms(
        [make_finding("NN305", Severity.INFO), make_finding("NN106", Severity.ERROR)]
    )
    assert [entry.finding.code for entry in folds] == ["NN106", "NN305"]


def test_every_code_has_its_place() -> None:
    assert sorted(PRIORITY) == [rule.code for rule in ALL_RULES]
    for cause, symptoms in SYMPTOM_CODES.items():
        assert cause not in symptoms
        assert {cause, *symptoms} <= set(PRIORITY)


def test_rules_have_their_own_codes_and_three_parts() -> None:
    assert len({rule.code for rule in ALL_RULES}) == len(ALL_RULES)
    for rule in ALL_RULES:
        assert rule.remedy
        assert rule.code.startswith("NN")
        text = type(rule).__doc__ or ""
        assert all(part in text for part in ("Detects:", "Why it matters:", "What to try:"))


def test_importing_the_rules_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'matplotlib', 'sqlalchemy', 'statistics'}"
    code = f"import sys, nnlab.diagnosis, nnlab.stats; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_accuracies_alone_are_enough() -> None:
    """Error rates stand in for losses."""
    epochs = tuple(range(1, 41))
    train = tuple(1 - 0.5 * math.exp(-e / 6) for e in epochs)
    turning = tuple(0.85 - 0.3 * math.exp(-e / 3) - 0.006 * max(0, e - 10) for e in epochs)
    healthy = tuple(0.93 - 0.4 * math.exp(-e / 6) for e in epochs)

    def overfitting_codes(val: Sequence[float]) -> list[str]:
        return codes(
            History(
                {
                    "train/accuracy": Curve("train/accuracy", epochs, train),
                    "val/accuracy": Curve("val/accuracy", epochs, tuple(val)),
                }
            )
        )

    assert "NN101" in overfitting_codes(turning)
    assert "NN101" not in overfitting_codes(healthy)


@pytest.mark.parametrize("length", [3, 30, 1000])
@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_no_cut_of_a_healthy_history_gets_a_warning(length: int, share: float) -> None:
    n = max(3, int(length * share))
    of = history(falling(length, 2.3, 0.3)[:n], falling(length, 2.3, 0.35)[:n])
    assert not [f.code for f in diagnose(of) if f.severity is not Severity.INFO]
