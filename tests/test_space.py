"""Spaces: lists, ranges, products, and what is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.config import DataFacts
from nnlab.errors import ConfigError, UsageError
from nnlab.records import Setting
from nnlab.space import differing, expand, label, parse_seeds, parse_space, values_of


def facts(name: str) -> DataFacts:
    return DataFacts("regression" if name == "diabetes" else "classification")


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
    assert values_of(name, text) == values


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("lr", "1..0.1", "a range rises, but 1 is not below 0.1"),
        ("dropout", "0..0.5:log", "a log range starts above 0"),
        ("lr", "0.1..0.2:1", "a range has 2 to 1000 values, got 1"),
        ("lr", "0.1..0.2:cubic", "a range is lo..hi"),
        ("lr", "0.1,,0.2", "--lr must be a number, got nothing"),
        ("opt", "sgd,adm", "did you mean 'adam'"),
        ("lr", [], "--lr needs a value"),
    ],
)
def test_bad_values(name: str, text: object, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        values_of(name, text)
    assert told in caught.value.message


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_space({"lr": "x,-1", "dropout": "2", "learning_rate": 1, "opt": "adm"})
    assert len(caught.value.problems) == 5


def test_a_grid_is_the_product_without_doubles() -> None:
    points = expand(
        parse_space({"opt": "sgd,adam", "decay": "none,exp", "decay_rate": "0.1,0.2"}), facts
    )
    assert len(points) == 2 * (1 + 2)
    assert len({point.digest for point in points}) == len(points)


def test_an_option_that_does_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="--decay-rate does nothing with --decay step, none"):
        expand(parse_space({"decay": "step,none", "decay_rate": "0.1"}), facts)


def test_conflicts_of_a_grid_are_told_once() -> None:
    with pytest.raises(ConfigError) as caught:
        expand(parse_space({"norm": "batch", "batch_size": "1", "lr": "0.1,0.2"}), facts)
    assert len(caught.value.problems) == 1


def test_a_grid_too_large_is_refused_before_it_is_made() -> None:
    space = {"lr": tuple(i / 1000 for i in range(1, 900)), "batch_size": tuple(range(1, 900))}
    with pytest.raises(UsageError, match="808,201 combinations"):
        expand(space, facts)


def test_tasks_may_differ_in_one_space() -> None:
    points = expand(parse_space({"data": "digits,diabetes"}), facts)
    assert [point.config.loss for point in points] == ["cross_entropy", "mse"]


@given(st.integers(0, 50), st.integers(1, 18))
def test_integer_ranges_hold_every_integer(low: int, length: int) -> None:
    assert parse_seeds(f"{low}..{low + length}") == tuple(range(low, low + length + 1))


@given(st.floats(1e-6, 1.0), st.floats(1.5, 1e4), st.integers(2, 50))
def test_ranges_rise_and_keep_their_ends(low: float, factor: float, count: int) -> None:
    low, high = float(f"{low:.6g}"), min(float(f"{low * factor:.6g}"), 1000.0)
    values = [v for v in values_of("lr", f"{low}..{high}:{count}") if isinstance(v, float)]
    assert values[0] == low
    assert values[-1] == high
    assert values == sorted(values)


def test_labels_show_what_differs() -> None:
    settings: list[Setting] = [
        {"opt": "sgd", "lr": 0.1, "momentum": 0.9},
        {"opt": "adam", "lr": 0.1, "momentum": None},
    ]
    fields = differing(settings)
    assert fields == ("opt", "momentum")
    assert [label(s, fields) for s in settings] == ["opt=sgd momentum=0.9", "opt=adam"]
