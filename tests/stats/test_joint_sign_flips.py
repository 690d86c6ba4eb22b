"""The step-down sign-flip test of several settings against one control."""

import random
from itertools import product

import pytest

from nnlab.stats.joint_sign_flips import joint_sign_flip_p
from nnlab.stats.paired import sign_flip_p


def test_one_setting_has_the_exact_sign_flip_test() -> None:
    rng = random.Random(1)
    for seeds in (1, 5, 8, 12):
        differences = [rng.gauss(0.3, 1.0) for _ in range(seeds)]
        assert joint_sign_flip_p([differences]) == (sign_flip_p(differences, "greater"),)


def test_the_least_p_does_not_depend_on_the_number_of_settings() -> None:
    rows = [[1.0, 2.0, 1.5, 1.0, 2.0]] * 6
    assert joint_sign_flip_p(rows) == (1 / 32,) * 6


def test_the_steps_of_the_adjustment() -> None:
    """Counted by hand: the first of two settings has the maximum of both as its distribution."""
    rows = [[3.0, 4.0, 0.0], [1.0, -1.0, 2.0]]
    units = [[value / sum(v * v for v in row) ** 0.5 for value in row] for row in rows]
    sums = [
        [sum(s * v for s, v in zip(signs, row, strict=True)) for row in units]
        for signs in product((1, -1), repeat=3)
    ]
    first, second = 7 / 5, 2 / 6**0.5
    p_first = sum(max(pair) >= first - 1e-9 for pair in sums) / 8
    p_second = sum(pair[1] >= second - 1e-9 for pair in sums) / 8
    assert joint_sign_flip_p(rows) == pytest.approx((p_first, max(p_first, p_second)))


def test_settings_that_are_equal_to_the_control() -> None:
    assert joint_sign_flip_p([[0.0] * 6, [0.0] * 6]) == (1.0, 1.0)
    assert joint_sign_flip_p([]) == ()


def test_many_seeds_are_tested_with_random_patterns() -> None:
    rng = random.Random(2)
    strong = [rng.gauss(1.0, 1.0) for _ in range(30)]
    weak = [rng.gauss(0.0, 1.0) for _ in range(30)]
    p_strong, p_weak = joint_sign_flip_p([strong, weak])
    assert p_strong == pytest.approx(sign_flip_p(strong, "greater"), abs=0.001)
    assert p_weak == pytest.approx(sign_flip_p(weak, "greater"), abs=0.02)


@pytest.mark.parametrize("kind", ["normal", "lognormal", "collapses"])
def test_the_error_rate_without_an_effect(kind: str) -> None:
    """The share of studies in which any of six equal settings seems better is at most 5 %."""
    rng = random.Random(3)

    def value() -> float:
        if kind == "normal":
            return rng.gauss(0.0, 1.0)
        if kind == "lognormal":
            return -rng.lognormvariate(0.0, 1.0)
        return 0.3 if rng.random() < 0.15 else rng.gauss(0.9, 0.02)

    false_positives, studies = 0, 600
    for _ in range(studies):
        control = [value() for _ in range(6)]
        rows = [[value() - base for base in control] for _ in range(6)]
        false_positives += min(joint_sign_flip_p(rows)) <= 0.05
    # Three standard errors above 5 %.
    assert false_positives / studies <= 0.05 + 3 * (0.05 * 0.95 / studies) ** 0.5
