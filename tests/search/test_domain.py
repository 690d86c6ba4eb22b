"""Search domains: positions of values, and how a space is converted for a sampler."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.functions import domains, make_request

from nnlab.errors import ConfigError
from nnlab.search import next_values
from nnlab.search.domain import domain_contains, fixed_values, sampled_domains, value_at
from nnlab.settings.ranges import Range
from nnlab.settings.space import parse_space


def test_fields_without_a_choice_are_fixed() -> None:
    space = parse_space(
        {"lr": "1e-4..1", "epochs": "5", "opt": "sgd,adam", "depth": "1..3:3"}, whole_ranges=True
    )
    assert dict(sampled_domains(space)) == {
        "lr": Range(1e-4, 1.0, log=True, whole=False),
        "opt": ("sgd", "adam"),
        "depth": (1, 2, 3),
    }
    assert fixed_values(space) == {"epochs": 5}


def test_a_range_is_stored_as_text_that_means_the_same_for_ever() -> None:
    space = parse_space({"lr": "1e-4..1", "depth": "1..4"}, whole_ranges=True)
    assert space == {"lr": ("0.0001..1.0:log",), "depth": ("1..4:lin",)}
    assert parse_space({k: v[0] for k, v in space.items()}, whole_ranges=True) == space


def test_a_range_that_is_sampled_stands_alone() -> None:
    with pytest.raises(ConfigError, match="cannot be combined with other values"):
        parse_space({"lr": "1e-4..1,0.5"}, whole_ranges=True)


@given(
    st.floats(1e-6, 1.0),
    st.floats(1.001, 1e6),
    st.booleans(),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_what_lies_in_a_range_is_in_it(low: float, factor: float, log: bool, share: float) -> None:
    domain = Range(low, low * factor, log=log, whole=False)
    assert domain_contains(domain, value_at(domain, share))


@given(st.integers(-5, 50), st.integers(1, 50), st.floats(0.0, 1.0, exclude_max=True))
def test_whole_numbers_have_slices_of_one_length(low: int, span: int, share: float) -> None:
    domain = Range(low, low + span, log=False, whole=True)
    value = value_at(domain, share)
    assert isinstance(value, int)
    assert (
        value == low + int(share * (span + 1) + 1e-12)
        or abs(share * (span + 1) - round(share * (span + 1))) < 1e-6
    )


def test_a_choice_has_slices_of_one_length() -> None:
    domain = domains(opt="sgd,adam,lion")["opt"]
    assert [value_at(domain, share) for share in (0.0, 0.32, 0.34, 0.66, 0.67, 0.999)] == [
        "sgd",
        "sgd",
        "adam",
        "adam",
        "lion",
        "lion",
    ]


@pytest.mark.parametrize("low", [0.999, 0.99999, 1.0 - 1e-9])
def test_a_narrow_range_keeps_the_digits_that_it_needs(low: float) -> None:
    domain = Range(low, 1.0 - (1.0 - low) / 10, log=False, whole=False)
    shares = [(step + 0.5) / 1000 for step in range(1000)]
    values = [value_at(domain, share) for share in shares]
    assert len(set(values)) == 1000
    assert all(domain_contains(domain, value) for value in values)


@given(st.floats(1e-6, 100.0), st.floats(0.12, 1e6), st.floats(0.0, 1.0), st.booleans())
def test_four_digits_where_they_are_enough(
    low: float, factor: float, share: float, log: bool
) -> None:
    """An extended study must propose the same values as before."""
    domain = Range(low, low * (1 + factor), log=log, whole=False)
    short = float(f"{domain.at(share):.4g}")
    assert value_at(domain, share) == min(max(short, domain.low), domain.high)


@given(st.integers(0, 2**62), st.integers(1, 2**40), st.floats(0.0, 1.0, exclude_max=True))
def test_large_whole_numbers_are_exact(low: int, span: int, share: float) -> None:
    value = value_at(Range(low, low + span, log=False, whole=True), share)
    assert isinstance(value, int)
    assert abs(value - low - math.floor(Fraction(share) * (span + 1))) <= 1


def test_twenty_trials_of_a_narrow_range_are_twenty() -> None:
    chosen = domains(average_decay="0.999..0.9999")
    proposals = next_values("random", make_request(chosen), (), 20)
    assert len({values["average_decay"] for values in proposals}) == 20
