"""Domains: what lies where in a range, and how a space is read for a sampler."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.functions import domains

from nnlab.errors import ConfigError
from nnlab.ranges import Range
from nnlab.search.domain import at, domains_of, fixed_in, holds
from nnlab.space import parse_space


def test_fields_without_a_choice_are_fixed() -> None:
    space = parse_space(
        {"lr": "1e-4..1", "epochs": "5", "opt": "sgd,adam", "depth": "1..3:3"}, whole_ranges=True
    )
    assert dict(domains_of(space)) == {
        "lr": Range(1e-4, 1.0, log=True, whole=False),
        "opt": ("sgd", "adam"),
        "depth": (1, 2, 3),
    }
    assert fixed_in(space) == {"epochs": 5}


def test_a_range_is_stored_as_text_that_means_the_same_for_ever() -> None:
    space = parse_space({"lr": "1e-4..1", "depth": "1..4"}, whole_ranges=True)
    assert space == {"lr": ("0.0001..1.0:log",), "depth": ("1..4:lin",)}
    assert parse_space({k: v[0] for k, v in space.items()}, whole_ranges=True) == space


def test_a_range_that_is_sampled_stands_alone() -> None:
    with pytest.raises(ConfigError, match="stands alone"):
        parse_space({"lr": "1e-4..1,0.5"}, whole_ranges=True)


@given(
    st.floats(1e-6, 1.0),
    st.floats(1.001, 1e6),
    st.booleans(),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_what_lies_in_a_range_is_in_it(low: float, factor: float, log: bool, share: float) -> None:
    domain = Range(low, low * factor, log=log, whole=False)
    assert holds(domain, at(domain, share))


@given(st.integers(-5, 50), st.integers(1, 50), st.floats(0.0, 1.0, exclude_max=True))
def test_whole_numbers_have_slices_of_one_length(low: int, span: int, share: float) -> None:
    domain = Range(low, low + span, log=False, whole=True)
    value = at(domain, share)
    assert isinstance(value, int)
    assert (
        value == low + int(share * (span + 1) + 1e-12)
        or abs(share * (span + 1) - round(share * (span + 1))) < 1e-6
    )


def test_a_choice_has_slices_of_one_length() -> None:
    domain = domains(opt="sgd,adam,lion")["opt"]
    assert [at(domain, share) for share in (0.0, 0.32, 0.34, 0.66, 0.67, 0.999)] == [
        "sgd",
        "sgd",
        "adam",
        "adam",
        "lion",
        "lion",
    ]
