"""NN101 on simulated histories whose truth is the noise-free curve, not an eye's judgement.

The thresholds of the rule were set on the generators of `FITTED` only; those of `UNSEEN` draw
other shapes and other noise and were kept for this report. Every draw has a fixed seed.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from nnlab.diagnosis import diagnose
from nnlab.records import Curve, Finding, History, Severity

DRAWS = 60
GOAL_F1 = 0.967


@dataclass(frozen=True, slots=True)
class Truth:
    """Noise-free losses per epoch, the noise on validation, and the shape of that noise."""

    train: Sequence[float]
    val: Sequence[float]
    noise: float
    correlation: float = 0.0
    every: int = 1


Generator = Callable[[random.Random], Truth]


def length(r: random.Random, low: int = 10, high: int = 300) -> int:
    return round(math.exp(r.uniform(math.log(low), math.log(high))))


def decay(n: int, start: float, end: float, rate: float) -> list[float]:
    """From `start` towards `end`, `rate` time constants over the run."""
    return [end + (start - end) * math.exp(-rate * i / n) for i in range(n)]


def rising(r: random.Random, n: int, shape: Callable[[float], float], turn: float) -> list[float]:
    """A decay to a best loss at share `turn` of the run, then a rise by `shape` of [0, 1]."""
    best = math.exp(r.uniform(math.log(0.1), math.log(2.0)))
    start = best * r.uniform(1.5, 6.0)
    height = best * math.exp(r.uniform(math.log(0.12), math.log(2.0)))
    height = max(height, 0.08 * (start - best))
    at = max(1, int(turn * n))
    falling = [best + (start - best) * (1 - i / at) ** 2 for i in range(at)]
    return falling + [best + height * shape(i / (n - 1 - at)) for i in range(n - at)]


def learned(r: random.Random, n: int, *, start: float = 2.3) -> list[float]:
    return decay(n, start, r.uniform(0.001, 0.1), r.uniform(3, 8))


def noise_under(r: random.Random, val: Sequence[float]) -> float:
    """At most a fifth of the rise: below that nobody could tell."""
    return (val[-1] - min(val)) * r.uniform(0.0, 0.2)


# --- generators that the thresholds were set on ------------------------------------------------


def healthy_exponential(r: random.Random) -> Truth:
    n, end = length(r), r.uniform(0.05, 1.0)
    rate = r.uniform(1, 8)
    val = decay(n, 2.3, end, rate)
    return Truth(decay(n, 2.3, end * r.uniform(0.5, 1.0), rate), val, r.uniform(0, 0.08) * end)


def healthy_power_law(r: random.Random) -> Truth:
    n, power, floor = length(r), r.uniform(0.3, 1.0), r.uniform(0.0, 1.0)
    val = [floor + 2 * (i + 1) ** -power for i in range(n)]
    return Truth([v * r.uniform(0.8, 0.81) for v in val], val, r.uniform(0, 0.05) * val[-1])


def healthy_plateau(r: random.Random) -> Truth:
    """Validation stands still, training falls on: a plateau, not overfitting."""
    n, end = length(r, 20), r.uniform(0.2, 1.0)
    return Truth(learned(r, n), decay(n, 2.3, end, r.uniform(6, 15)), r.uniform(0, 0.05) * end)


def healthy_dropout(r: random.Random) -> Truth:
    """Training loss, measured with dropout, stays above a tiny validation loss that drifts."""
    n, end = length(r, 12, 100), r.uniform(0.03, 0.08)
    val = [v + end * r.uniform(0.0, 0.1) * i / n for i, v in enumerate(decay(n, 0.4, end, 10))]
    return Truth(decay(n, 0.8, end * r.uniform(1.0, 1.5), 8), val, r.uniform(0, 0.05) * end)


def healthy_step_decay(r: random.Random) -> Truth:
    n, levels = length(r, 30), (1.0, 0.45, 0.3)
    scale, drop = r.uniform(0.5, 2.0), n // 3
    val = [
        scale * (levels[min(i // drop, 2)] + 0.5 * math.exp(-8 * (i % drop) / drop))
        for i in range(n)
    ]
    return Truth([0.8 * v for v in val], val, r.uniform(0, 0.04) * val[-1])


def overfit_linear(r: random.Random) -> Truth:
    n = length(r)
    val = rising(r, n, lambda x: x, r.uniform(0.1, 0.7))
    return Truth(learned(r, n), val, noise_under(r, val))


def overfit_accelerating(r: random.Random) -> Truth:
    n = length(r)
    val = rising(r, n, lambda x: x * x, r.uniform(0.1, 0.5))
    return Truth(learned(r, n), val, noise_under(r, val))


def overfit_late(r: random.Random) -> Truth:
    n = length(r, 20)
    val = rising(r, n, lambda x: x, r.uniform(0.6, 0.75))
    return Truth(decay(n, 2.3, 0.01, r.uniform(2, 5)), val, noise_under(r, val) / 2)


FITTED: tuple[Generator, ...] = (
    healthy_exponential,
    healthy_power_law,
    healthy_plateau,
    healthy_dropout,
    healthy_step_decay,
    overfit_linear,
    overfit_accelerating,
    overfit_late,
)


# --- generators kept for the report ------------------------------------------------------------


def healthy_slow_start(r: random.Random) -> Truth:
    n, end, middle = length(r), r.uniform(0.1, 1.5), r.uniform(0.2, 0.6)
    val = [end + (2.5 - end) / (1 + math.exp(12 * (i / n - middle))) for i in range(n)]
    return Truth([0.9 * v for v in val], val, r.uniform(0, 0.05) * end, correlation=0.5)


def healthy_restarts(r: random.Random) -> Truth:
    """Cosine restarts: both losses jump up and come down lower, cut anywhere in a cycle."""
    n, cycle = length(r, 30), r.uniform(0.15, 0.4)
    end = r.uniform(0.2, 1.0)

    def level(i: int, floor: float) -> float:
        phase = (i / n % cycle) / cycle
        low = floor + (2 - floor) * math.exp(-5 * i / n)
        return low * (1 + 0.3 * (1 + math.cos(math.pi * phase)) / 2)

    train = [level(i, 0.6 * end) for i in range(n)]
    return Truth(train, [level(i, end) for i in range(n)], r.uniform(0, 0.03) * end)


def healthy_oscillating(r: random.Random) -> Truth:
    """A learning rate that is too high: both losses swing around a falling level."""
    n, end, swing = length(r, 15), r.uniform(0.2, 1.0), r.uniform(0.05, 0.4)
    period = r.uniform(2, 9)
    wave = [swing * end * math.sin(2 * math.pi * i / period) for i in range(n)]
    val = [v + w for v, w in zip(decay(n, 2.3, end, 6), wave, strict=True)]
    train = [v + w / 2 for v, w in zip(decay(n, 2.3, 0.7 * end, 6), wave, strict=True)]
    return Truth(train, val, 0.05 * end)


def healthy_recovery(r: random.Random) -> Truth:
    """Double descent: validation rises in the middle and ends at a new best."""
    n, end, hump = length(r, 30), r.uniform(0.2, 0.8), r.uniform(0.1, 0.6)
    val = [
        v + hump * math.exp(-(((i / n - 0.4) / 0.1) ** 2))
        for i, v in enumerate(decay(n, 2.3, end, 4))
    ]
    return Truth(learned(r, n), val, r.uniform(0, 0.03) * end)


def healthy_cut(r: random.Random) -> Truth:
    """A run cut while everything still falls, validated every few epochs."""
    n = length(r, 8, 100)
    val = decay(n, 2.3, 0.3, r.uniform(0.3, 1.5))
    return Truth(decay(n, 2.3, 0.2, 1.5), val, r.uniform(0, 0.03), every=r.choice((1, 2)))


def healthy_heavy_noise(r: random.Random) -> Truth:
    n, end = length(r, 20), r.uniform(0.2, 1.0)
    val = decay(n, 2.3, end, r.uniform(4, 10))
    noise = r.uniform(0.05, 0.2) * end
    return Truth(decay(n, 2.3, 0.6 * end, 6), val, noise, correlation=r.uniform(0, 0.6))


def overfit_saturating(r: random.Random) -> Truth:
    n = length(r)
    val = rising(r, n, lambda x: (1 - math.exp(-3 * x)) / 0.95, r.uniform(0.1, 0.6))
    return Truth(learned(r, n), val, noise_under(r, val), correlation=0.4)


def overfit_at_once(r: random.Random) -> Truth:
    """Fine-tuning: the first epochs are the best ones."""
    n, best = length(r, 5, 60), r.uniform(0.2, 0.6)
    height = best * r.uniform(0.2, 2.0)
    val = [best + height * (i / (n - 1)) ** 0.7 for i in range(n)]
    return Truth(decay(n, best, 0.01, 4), val, height * r.uniform(0, 0.1))


def overfit_smoothed_labels(r: random.Random) -> Truth:
    """Training loss on another scale: smoothed labels keep it above the validation loss."""
    n = length(r)
    val = rising(r, n, lambda x: x, r.uniform(0.15, 0.6))
    floor = 1.2 * max(val[-1], 0.5)
    return Truth(decay(n, floor + 1.5, floor, 5), val, noise_under(r, val))


def overfit_sparse(r: random.Random) -> Truth:
    n = length(r, 60, 400)
    val = rising(r, n, lambda x: x**1.5, r.uniform(0.1, 0.6))
    return Truth(learned(r, n), val, noise_under(r, val), every=5)


def overfit_after_restarts(r: random.Random) -> Truth:
    n = length(r, 40)
    val = rising(r, n, lambda x: x, r.uniform(0.2, 0.5))
    height = val[-1] - min(val)
    wave = [0.1 * height * math.sin(2 * math.pi * 8 * i / n) for i in range(n)]
    return Truth(learned(r, n), [v + w for v, w in zip(val, wave, strict=True)], 0.05 * height)


UNSEEN: tuple[Generator, ...] = (
    healthy_slow_start,
    healthy_restarts,
    healthy_oscillating,
    healthy_recovery,
    healthy_cut,
    healthy_heavy_noise,
    overfit_saturating,
    overfit_at_once,
    overfit_smoothed_labels,
    overfit_sparse,
    overfit_after_restarts,
)


def draw(generator: Generator, seed: int) -> tuple[Truth, History]:
    """A truth and what would have been measured of it."""
    r = random.Random(f"{generator.__name__}/{seed}")
    truth = generator(r)
    scale = 10 ** r.uniform(-3, 3)
    wander, val = 0.0, []
    for level in truth.val:
        fresh = r.gauss(0, truth.noise * math.sqrt(1 - truth.correlation**2))
        wander = truth.correlation * wander + fresh
        val.append(scale * max(level + wander, 0.2 * level))
    train = [scale * level * (1 + r.gauss(0, 0.02)) for level in truth.train]
    epochs = tuple(range(1, len(val) + 1))
    step = truth.every
    return truth, History(
        {
            "train/loss": Curve("train/loss", epochs, tuple(train)),
            "val/loss": Curve("val/loss", epochs[step - 1 :: step], tuple(val[step - 1 :: step])),
        }
    )


def overfitting_finding(history: History) -> Finding | None:
    return next((f for f in diagnose(history) if f.code == "NN101"), None)


@pytest.mark.parametrize(
    ("generators", "tolerated"),
    [
        pytest.param(FITTED, 0.0, id="fitted"),
        # One of 360: noise of a sixth of the loss, with neighbours alike, dips by chance and
        # the rule, set without having seen such noise, takes the dip for the minimum.
        pytest.param(UNSEEN, 0.01, id="unseen"),
    ],
)
def test_overfitting_is_told_from_health(
    generators: tuple[Generator, ...], tolerated: float
) -> None:
    right = missed = false = healthy = 0
    notes = []
    for generator in generators:
        hits = sum(
            overfitting_finding(draw(generator, seed)[1]) is not None for seed in range(DRAWS)
        )
        if generator.__name__.startswith("overfit"):
            right, missed = right + hits, missed + DRAWS - hits
        else:
            false, healthy = false + hits, healthy + DRAWS
        notes.append(f"{generator.__name__}: {hits} of {DRAWS}")
    assert 2 * right / (2 * right + missed + false) >= GOAL_F1, "\n".join(notes)
    assert false <= tolerated * healthy, "\n".join(notes)


def test_onset_is_near_the_true_minimum() -> None:
    errors = []
    for generator in (g for g in (*FITTED, *UNSEEN) if g.__name__.startswith("overfit")):
        for seed in range(DRAWS):
            truth, history = draw(generator, seed)
            finding = overfitting_finding(history)
            if finding is not None and finding.onset is not None:
                lowest = 1 + min(range(len(truth.val)), key=truth.val.__getitem__)
                errors.append(abs(finding.onset - lowest) / len(truth.val))
    errors.sort()
    assert errors[len(errors) // 2] <= 0.02, "half of the onsets within 2 % of the run"
    assert errors[9 * len(errors) // 10] <= 0.12


def test_no_healthy_history_gets_a_warning_of_any_rule() -> None:
    for generator in (g for g in FITTED if g.__name__.startswith("healthy")):
        for seed in range(DRAWS):
            for finding in diagnose(draw(generator, seed)[1]):
                assert finding.severity is Severity.INFO
