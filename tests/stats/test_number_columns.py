"""Columns of numbers: equal decimals, from the resolution of the metric or from the spreads."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.stats.number_columns import interval_column, number_column, written_column
from nnlab.stats.rounding import describe_p, format_p


@pytest.mark.parametrize(
    ("examples", "decimals"), [(22, 2), (100, 2), (270, 3), (1000, 3), (10_000, 4)]
)
def test_an_accuracy_has_the_decimals_of_its_number_of_examples(
    examples: int, decimals: int
) -> None:
    column = written_column([0.98765, 0.6, 1.0], [0.05, 0.4, 0.0], resolution=1 / examples)
    assert {len(number.value.partition(".")[2]) for number in column} == {decimals}
    assert [number.spread for number in column][2] == "0"


def test_a_spread_below_the_resolution_gets_one_more_decimal() -> None:
    column = number_column([0.9876, 0.9812], [0.0004, 0.0004], resolution=1 / 270)
    assert column == ("0.9876 ± 0.0004", "0.9812 ± 0.0004")


@pytest.mark.parametrize(
    ("values", "spreads", "texts"),
    [
        # A loss has no resolution: the median spread decides.
        ([0.51, 0.5412, 0.662], [0.03, 0.0331, 0.09],
         ("0.51 ± 0.03", "0.54 ± 0.03", "0.66 ± 0.09")),
        ([0.4, 0.3], [1e-17, 2e-16], ("0.40 ± 0", "0.30 ± 0")),
        ([1e-17, 0.25], [3e-17, 0.02], ("0.00 ± 0", "0.25 ± 0.02")),
        ([1e-17], [3e-17], ("0 ± 0",)),
        ([12.0], [0.0], ("12.00 ± 0",)),
        ([0.973124], [None], ("0.9731",)),
        ([0.01234, 0.015, 1e5], [0.0004, 0.0006, 3e4],
         ("0.0123 ± 0.0004", "0.0150 ± 0.0006", "(1.0 ± 0.3)e+05")),
        ([0.5, 3e7, math.inf, math.nan], [0.1, 2e6, math.nan, None],
         ("0.50 ± 0.10", "(3.0 ± 0.2)e+07", "inf", "–")),  # noqa: RUF001
        ([1.5e-7, 2.25e-7], [2e-9, 3e-9], ("(1.50 ± 0.02)e-07", "(2.25 ± 0.03)e-07")),
        ([0.5, 2e-6], [0.03, 1e-7], ("0.50 ± 0.03", "(2.00 ± 0.10)e-06")),
        ([1234.4, 1300.2], [30.0, 41.0], ("1234 ± 30", "1300 ± 41")),
    ],
)  # fmt: skip
def test_columns_by_hand(
    values: list[float], spreads: list[float | None], texts: tuple[str, ...]
) -> None:
    assert number_column(values, spreads) == texts


def test_intervals_have_equal_decimals_and_never_seem_to_contain_zero() -> None:
    assert interval_column([(0.97123, 0.98812), (0.1006, 0.107), None], resolution=1 / 270) == (
        "0.971 to 0.988", "0.101 to 0.107", "",
    )  # fmt: skip
    (text,) = interval_column([(0.0002, 0.031)], resolution=1 / 270)
    assert text == "0.00020 to 0.031"
    assert interval_column([(-1e-17, 2e-17)]) == ("0 to 0",)
    assert interval_column([(math.nan, 1.0), (0.0, math.inf)]) == ("", "")


finite = st.floats(-1e9, 1e9, allow_subnormal=False)
positive = st.floats(1e-7, 1e6, allow_subnormal=False)
spread = st.one_of(st.none(), st.just(0.0), positive)
cells = st.lists(st.tuples(finite, spread), min_size=1, max_size=8)


fractions = st.lists(
    st.tuples(st.floats(0, 1), st.one_of(st.none(), st.just(0.0), st.floats(1e-6, 1))), min_size=1
)


@given(fractions, st.integers(2, 100_000))
def test_fractions_of_examples_share_their_decimals(
    column: list[tuple[float, float | None]], examples: int
) -> None:
    values, spreads = [v for v, _ in column], [s for _, s in column]
    written = written_column(values, spreads, resolution=1 / examples)
    decimals = {len(number.value.partition(".")[2]) for number in written}
    decimals |= {len(n.spread.partition(".")[2]) for n in written if n.spread not in (None, "0")}
    assert len(decimals) == 1
    assert {number.power for number in written} == {0}


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0.01, 10)), min_size=1))
def test_numbers_of_one_magnitude_share_their_decimals(column: list[tuple[float, float]]) -> None:
    written = written_column([v for v, _ in column], [s for _, s in column])
    texts = [text for n in written for text in (n.value, n.spread or "0.0")]
    assert len({len(text.partition(".")[2]) for text in texts}) == 1


@given(cells)
def test_texts_hold_the_value_within_half_the_last_digit(
    column: list[tuple[float, float | None]],
) -> None:
    values, spreads = [v for v, _ in column], [s for _, s in column]
    largest = max(map(abs, values))
    for value, number in zip(values, written_column(values, spreads), strict=True):
        step = 10.0 ** (number.power - len(number.value.partition(".")[2]))
        error = abs(float(number.value) * 10.0**number.power - value)
        assert error <= 0.501 * step + 1e-13 * largest
        assert "e-1" not in number.value
        assert number.value.lstrip("-") == number.value or float(number.value) != 0


@given(st.lists(st.tuples(finite, positive), min_size=1, max_size=6))
def test_an_interval_contains_zero_in_print_as_in_numbers(pairs: list[tuple[float, float]]) -> None:
    intervals = [(low, low + width) for low, width in pairs]
    largest = max(abs(bound) for interval in intervals for bound in interval)
    for interval, text in zip(intervals, interval_column(intervals), strict=True):
        parts = text.rpartition(")")[0].strip("(") or text
        for bound, part in zip(interval, parts.split(" to "), strict=True):
            if abs(bound) > 1e-12 * largest:
                assert math.copysign(1, float(part)) == math.copysign(1, bound)
                assert float(part) != 0


def test_a_column_needs_as_many_spreads_as_values() -> None:
    with pytest.raises(ValueError, match="2 values have 1 spreads"):
        number_column([1.0, 2.0], [0.1])


@given(st.floats(0, 1))
def test_a_p_value_reads_as_it_is_decided(p: float) -> None:
    text = format_p(p)
    printed = 0.0 if text.startswith("<") else float(text)
    assert (printed <= 0.05) == (p <= 0.05)
    assert (text == "< 0.001") == (p < 0.001)
    assert describe_p(p) in (f"p {text}", f"p = {text}")
