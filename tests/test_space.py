"""Search spaces: lists, ranges, products, and invalid values."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.errors import ConfigError, UsageError
from nnlab.objective import format_exact
from nnlab.records import Setting
from nnlab.settings import DataFacts, RunConfig
from nnlab.settings.ranges import Range
from nnlab.settings.setting_differences import differing_fields, format_value, setting_label
from nnlab.settings.space import (
    duplicate_value_notes,
    expand_space,
    parse_seeds,
    parse_space,
    parse_values,
)


def facts(config: RunConfig) -> DataFacts:
    return DataFacts("regression" if config.data == "diabetes" else "classification")


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("lr", "1e-4..1e-1", (1e-4, 1e-3, 1e-2, 1e-1)),
        ("lr", "1e-4..1e-1:7", (1e-4, 0.000316228, 1e-3, 0.00316228, 0.01, 0.0316228, 0.1)),
        ("lr", ".1..0.5", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("lr", "0.1..0.4:3:log", (0.1, 0.2, 0.4)),
        ("lr", "0.001..1:3:lin", (0.001, 0.5005, 1.0)),
        ("depth", "2..5", (2, 3, 4, 5)),
        ("width", "16..64:3:log", (16, 32, 64)),
        ("opt", "sgd,adam,sgd", ("sgd", "adam")),
        ("lr", "0.1, 0.2", (0.1, 0.2)),
        ("lr", [0.1, "0.2..0.4:3"], (0.1, 0.2, 0.3, 0.4)),
        ("data", "csv:a,b.csv#y", ("csv:a,b.csv#y",)),
    ],
)
def test_values(name: str, text: object, values: tuple[object, ...]) -> None:
    assert parse_values(name, text) == values


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("lr", "1..0.1", "1 is not less than 0.1"),
        ("dropout", "0..0.5:log", "a log range must start above 0"),
        ("lr", "0.1..0.2:1", "a range must have 2 to 1000 values, got 1"),
        ("lr", "0.1..0.2:cubic", "a range is lo..hi"),
        ("lr", "0.1,,0.2", "--lr must be a number, got nothing"),
        ("opt", "sgd,adm", "did you mean 'adam'"),
        ("lr", [], "--lr needs a value"),
    ],
)
def test_bad_values(name: str, text: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_values(name, text)
    assert message in caught.value.message


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_space({"lr": "x,-1", "dropout": "2", "learning_rate": 1, "opt": "adm"})
    assert len(caught.value.problems) == 5


def test_a_grid_is_the_product_without_doubles() -> None:
    points = expand_space(
        parse_space({"opt": "sgd,adam", "decay": "none,exp", "decay_rate": "0.1,0.2"}), facts
    )
    assert len(points) == 2 * (1 + 2)
    assert len({point.digest for point in points}) == len(points)


def test_an_option_that_does_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="--decay-rate has no effect with --decay step, none"):
        expand_space(parse_space({"decay": "step,none", "decay_rate": "0.1"}), facts)


def test_conflicts_of_a_grid_are_told_once() -> None:
    with pytest.raises(ConfigError) as caught:
        expand_space(parse_space({"norm": "batch", "batch_size": "1", "lr": "0.1,0.2"}), facts)
    assert len(caught.value.problems) == 1


def test_a_grid_too_large_is_refused_before_it_is_made() -> None:
    space = {"lr": tuple(i / 1000 for i in range(1, 900)), "batch_size": tuple(range(1, 900))}
    with pytest.raises(UsageError, match="808,201 combinations"):
        expand_space(space, facts)


def test_tasks_may_differ_in_one_space() -> None:
    points = expand_space(parse_space({"data": "digits,diabetes"}), facts)
    assert [point.config.loss for point in points] == ["cross_entropy", "mse"]


@given(st.integers(0, 50), st.integers(1, 18))
def test_integer_ranges_hold_every_integer(low: int, length: int) -> None:
    assert parse_seeds(f"{low}..{low + length}") == tuple(range(low, low + length + 1))


@given(st.floats(1e-6, 1.0), st.floats(1.5, 1e4), st.integers(2, 50))
def test_ranges_rise_and_keep_their_ends(low: float, factor: float, count: int) -> None:
    low, high = float(f"{low:.6g}"), min(float(f"{low * factor:.6g}"), 1000.0)
    values = [v for v in parse_values("lr", f"{low}..{high}:{count}") if isinstance(v, float)]
    assert values[0] == low
    assert values[-1] == high
    assert values == sorted(values)


def test_labels_show_what_differs() -> None:
    settings: list[Setting] = [
        {"opt": "sgd", "lr": 0.1, "momentum": 0.9},
        {"opt": "adam", "lr": 0.1, "momentum": None},
    ]
    fields = differing_fields(settings)
    assert fields == ("opt", "momentum")
    assert [setting_label(s, fields) for s in settings] == ["opt=sgd momentum=0.9", "opt=adam"]


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("seed", "20240101..20240105", tuple(range(20240101, 20240106))),
        ("seed", "9007199254740993..9007199254740996", tuple(range(2**53 + 1, 2**53 + 5))),
        ("samples", "1000001..1000009:3", (1000001, 1000005, 1000009)),
        ("lr", "0.1000001..0.1000009:5", (0.1000001, 0.1000003, 0.1000005, 0.1000007, 0.1000009)),
        ("average_decay", "0.999..0.9999:4", (0.999, 0.9993, 0.9996, 0.9999)),
        ("decay_at", "0.6666666666666666", ("0.6666666666666666",)),
        ("start_from", [1234567], ("1234567",)),
        ("start_from", [12], ("12",)),
        ("decay_at", [10], ("10",)),
    ],
)
def test_numbers_are_exact(name: str, text: object, values: tuple[object, ...]) -> None:
    assert parse_values(name, text) == values


LIMITS = st.integers(0, 2**63 - 1)


@given(LIMITS, st.integers(1, 19))
def test_a_range_of_seeds_holds_each_of_them(low: int, more: int) -> None:
    assert parse_seeds(f"{low}..{low + more}") == tuple(range(low, low + more + 1))


@given(LIMITS, LIMITS, st.integers(2, 1000))
def test_whole_numbers_of_a_range_are_even_to_half_a_number(one: int, two: int, count: int) -> None:
    low, high = min(one, two), max(one, two) + 1
    values = Range(low, high, log=False, whole=True, count=count).values()
    assert all(isinstance(value, int) for value in values)
    assert (values[0], values[-1]) == (low, high)
    for step, value in enumerate(values):
        exact = low + Fraction(step * (high - low), count - 1)
        assert abs(value - exact) <= Fraction(1, 2)


NUMBERS = st.floats(1e-9, 100, allow_nan=False)


@given(NUMBERS, st.floats(1e-8, 1e3), st.integers(2, 1000), st.booleans())
def test_values_of_a_range_lie_inside_rise_and_are_even(
    low: float, relative: float, count: int, log: bool
) -> None:
    requested_range = Range(low, low * (1 + relative), log, whole=False, count=count)
    values = requested_range.values()
    assert len(set(values)) == count
    assert list(values) == sorted(values)
    assert (values[0], values[-1]) == (requested_range.low, requested_range.high)
    exact = [requested_range.at(step / (count - 1)) for step in range(count)]
    for step in range(1, count - 1):
        gap = min(exact[step + 1] - exact[step], exact[step] - exact[step - 1])
        assert abs(values[step] - exact[step]) <= 0.051 * gap + 4e-16 * low


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_an_exact_text_is_read_back(number: float) -> None:
    assert float(format_exact(number)) == float(number)
    if isinstance(number, int):
        assert int(format_exact(number)) == number


@given(st.floats(1e-6, 1e6))
def test_settings_that_differ_never_look_the_same(number: float) -> None:
    other = math.nextafter(number, math.inf)
    assert format_value(number) != format_value(other)


def test_digests_of_usual_ranges_are_those_of_the_first_release() -> None:
    """Six digits, where they are enough: a study that is run again must find its trials."""
    for low, high, count, log in (
        (1e-4, 1e-1, 7, True), (0.1, 0.5, 5, False), (0.0, 1.0, 1000, False),
        (0.9, 0.99, 20, False), (1.0, 1.5, 1000, False), (1e-6, 10.0, 50, True),
        (0.5, 1.0, 1000, False),
    ):  # fmt: skip
        requested_range = Range(low, high, log, whole=False, count=count)
        inner = [float(f"{requested_range.at(i / (count - 1)):.6g}") for i in range(1, count - 1)]
        assert requested_range.values() == (low, *inner, high)


def test_a_range_with_fewer_values_than_asked_for_says_so() -> None:
    given = {
        "depth": "1..4:10",
        "lr": "0.1..0.2:5",
        "width": ["8..64:4:log", "1..2:5"],
        "opt": "sgd",
    }
    assert duplicate_value_notes(given) == (
        "--depth 1..4:10: 4 different values, not 10",
        "--width 1..2:5: 2 different values, not 5",
    )
