"""Means rounded by their uncertainty; hand-computed cases."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnlab.stats import format_interval, format_mean
from nnlab.stats.rounding import without_rounding_error


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.97312, 0.0041, "0.973 ± 0.004"),
        (0.97312, 0.0014, "0.9731 ± 0.0014"),
        (0.5, 0.0196, "0.50 ± 0.02"),
        (0.5, 0.097, "0.50 ± 0.10"),
        (0.5, 0.0149, "0.500 ± 0.015"),
        (99.96, 0.3, "100.0 ± 0.3"),
        (-1.2345, 0.02, "-1.23 ± 0.02"),
        (1234.4, 3.0, "1234 ± 3"),
        (1234.0, 30.0, "(1.23 ± 0.03)e+03"),
        (1234567.0, 23456.0, "(1.23 ± 0.02)e+06"),
        (1.2345e-7, 3e-9, "(1.23 ± 0.03)e-07"),
        (1e-9, 0.5, "0.0 ± 0.5"),
        (-0.001, 0.1, "0.00 ± 0.10"),
        (5.0, 1e30, "(0.0 ± 1.0)e+30"),
        (0.0, 0.0, "0 ± 0"),
        (12.0, 0.0, "12 ± 0"),
        (1e300, 1e-300, "1e+300 ± 0"),
        (0.1 + 0.2, 5e-17, "0.3 ± 0"),
        (1e-18, 3e-17, "0 ± 0"),
        (1e-17, 3e-18, "(1.0 ± 0.3)e-17"),
    ],
)
def test_by_hand(mean: float, sd: float, text: str) -> None:
    assert format_mean(mean, sd) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.1234, 0.5678, "0.12 to 0.57"),
        (-0.14, 1.2, "-0.1 to 1.2"),
        (0.0175, 0.99912, "0.02 to 1.00"),
        (0.95449, 0.95461, "0.95449 to 0.95461"),
        (1234.0, 5678.0, "1234 to 5678"),
        (-1.43e13, 5.6e13, "(-1.4 to 5.6)e+13"),
        (1.2e-7, 3.04e-7, "(1.2 to 3.0)e-07"),
        (0.00035, 114.2, "0.00035 to 114"),
        (2e-9, 114.2, "2.0e-09 to 114"),
        (5.9e33, 3.2e37, "5.9e+33 to 3.2e+37"),
        (0.3, 0.1 + 0.2, "0.3 to 0.3"),
        (-1e-17, 2e-17, "0 to 0"),
        (2.0, 2.0, "2 to 2"),
        (math.nan, 1.0, ""),
        (0.0, math.inf, ""),
        (-1.7e308, 1.7e308, "(-1.7 to 1.7)e+308"),
    ],
)
def test_intervals_by_hand(low: float, high: float, text: str) -> None:
    assert format_interval(low, high) == text


@pytest.mark.parametrize("sd", [None, math.nan, math.inf, -1.0])
def test_without_a_spread_the_mean_stands_alone(sd: float | None) -> None:
    assert format_mean(0.973124, sd) == "0.9731"


@pytest.mark.parametrize("mean", [math.nan, math.inf, -math.inf])
def test_a_mean_that_is_no_number_is_said_plainly(mean: float) -> None:
    assert format_mean(mean, 0.1) == str(mean)


@given(
    st.floats(-1e12, 1e12, allow_subnormal=False),
    st.floats(1e-9, 1e12, allow_subnormal=False),
)
def test_what_is_written_differs_by_at_most_half_the_uncertainty(mean: float, sd: float) -> None:
    assume(sd > 1e-15 * abs(mean))  # else it is rounding noise, written as 0
    text = format_mean(mean, sd)
    power = 1.0
    if text.startswith("("):
        text, _, exponent = text[1:].rpartition(")e")
        power = 10.0 ** int(exponent)
    left, right = (float(part) * power for part in text.split(" ± "))
    assert abs(left - mean) <= 0.5 * sd + 1e-9 * abs(mean)
    assert abs(right - sd) <= 0.34 * sd


def test_a_mean_of_differences_that_cancel_is_zero() -> None:
    mean = math.fsum([0.3 - 0.2, 0.1 - 0.2]) / 2
    assert mean != 0
    assert without_rounding_error(mean, -0.09, 0.09) == 0
    assert without_rounding_error(1e-6, -0.09, 0.09) == 1e-6
    assert without_rounding_error(0.5, -math.inf, math.inf) == 0.5
    assert without_rounding_error(1e-20, 0.0, 0.0) == 1e-20
