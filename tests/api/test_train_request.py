"""The keywords of `nnlab.train` as a request: values, grids, arrays, seeds, calls."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnlab.api.train_request import (
    call_text,
    option_from_environment,
    parse_seeds_keywords,
    setting_values,
    switch_from_environment,
)
from nnlab.errors import ConfigError
from nnlab.settings.space import Space, parse_seeds, parse_space

RATES = st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=4, unique=True)
COUNTS = st.lists(st.integers(1, 500), min_size=1, max_size=4, unique=True)


def space(**settings: Any) -> Space:
    return parse_space(setting_values(settings))


@given(RATES)
def test_numbers_are_the_same_as_list_tuple_array_and_text(rates: list[float]) -> None:
    spellings = (rates, tuple(rates), np.array(rates), torch.tensor(rates, dtype=torch.float64))
    for values in (*spellings, ",".join(map(repr, rates))):
        assert space(lr=values) == {"lr": tuple(rates)}


def test_seeds_in_arrays_are_listed_and_scalars_are_counts() -> None:
    assert parse_seeds_keywords(None, np.array([0, 3])) == ("0,3", None)  # type: ignore[arg-type]
    assert parse_seeds_keywords(None, torch.tensor([0, 3])) == ("0,3", None)  # type: ignore[arg-type]
    assert parse_seeds_keywords(None, np.int64(3)) == (None, 3)  # type: ignore[arg-type]


@given(COUNTS)
def test_whole_numbers_are_the_same_in_every_spelling(counts: list[int]) -> None:
    for values in (counts, np.array(counts), [np.int64(n) for n in counts]):
        assert space(width=values) == {"width": tuple(counts)}
    for value in (counts[0], np.int32(counts[0]), str(counts[0])):
        assert space(width=value) == {"width": (counts[0],)}


def test_ranges_of_python_and_of_the_command_line_are_grids() -> None:
    assert space(depth=range(1, 4)) == {"depth": (1, 2, 3)}
    assert space(lr="1e-3..1e-1") == {"lr": (0.001, 0.01, 0.1)}
    assert space(lr=["1e-3..1e-2", 0.5]) == {"lr": space(lr="1e-3..1e-2")["lr"] + (0.5,)}


def test_a_list_of_numbers_is_one_value_where_values_are_lists() -> None:
    assert space(widths=[32, 16]) == {"widths": ("32,16",)}
    assert space(widths=[[32, 16], (8,)]) == {"widths": ("32,16", "8")}
    assert space(widths="32,16;8") == {"widths": ("32,16", "8")}
    assert space(decay_at=[0.5, 0.75]) == {"decay_at": ("0.5,0.75",)}
    assert space(decay_at=np.array([10, 20])) == {"decay_at": ("10,20",)}


def test_paths_booleans_and_none() -> None:
    path = Path("a/model.pt")
    assert setting_values({"start_from": path, "lr": None, "seed": 3}) == {"start_from": str(path)}
    assert space(exact_train=[True, False]) == {"exact_train": (True, False)}
    assert space(batch_size=["full", 32]) == {"batch_size": ("full", 32)}


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5, unique=True))
def test_lists_of_seeds_are_seeds(seeds: list[int]) -> None:
    spellings: tuple[tuple[Any, Any], ...] = (
        (seeds, None), (None, seeds), (np.array(seeds), None), (None, tuple(seeds)),
    )  # fmt: skip
    for keywords in spellings:
        listed, count = parse_seeds_keywords(*keywords)
        assert count is None
        assert parse_seeds(listed) == tuple(seeds)


def test_a_number_of_seeds_is_counted() -> None:
    assert parse_seeds_keywords(None, 3) == (None, 3)
    assert parse_seeds_keywords(None, "3") == (None, 3)
    numpy_count: Any = np.int64(3)
    assert parse_seeds_keywords(None, numpy_count) == (None, 3)
    assert parse_seeds_keywords(None, "0..2") == ("0..2", None)
    assert parse_seeds_keywords(7, None) == ("7", None)
    assert parse_seeds_keywords(None, None) == (None, None)
    with pytest.raises(ConfigError):
        parse_seeds_keywords([1], [2])


def test_the_call_in_a_hint_is_python() -> None:
    text = call_text("a'b", [0, 1], None, {"opt": ["sgd"], "lr": None})
    assert text == """nnlab.train(study="a'b", seed=[0, 1], opt=['sgd'], extend=True)"""
    compile(text, "hint", "eval")


def test_options_have_their_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNLAB_DEVICES", "cpu:3")
    assert option_from_environment(None, "NNLAB_DEVICES") == "cpu:3"
    assert option_from_environment("cpu:1", "NNLAB_DEVICES") == "cpu:1"
    assert option_from_environment(["cuda:0", "cuda:1"], "NNLAB_DEVICES") == "cuda:0,cuda:1"
    assert option_from_environment(Path("x"), "NNLAB_DEVICES") == "x"
    for text, expected in (("1", True), ("TRUE", True), ("0", False), ("", False)):
        monkeypatch.setenv("NNLAB_NO_GIT_DIFF", text)
        assert switch_from_environment("NNLAB_NO_GIT_DIFF") is expected
