"""`nnlab.diagnose`: curves as records, lists, mappings and arrays, under usual names."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nnlab as api
from nnlab.api.diagnose import history_of_values
from nnlab.diagnosis import diagnose
from nnlab.errors import DataError, UnknownName, UsageError
from nnlab.records import Curve, History, Scalar

TRAIN = [1.00, 0.60, 0.40, 0.28, 0.20, 0.14, 0.10, 0.07]
VAL = [1.05, 0.80, 0.70, 0.74, 0.82, 0.93, 1.05, 1.20]
EXPECTED = History(
    {
        "train/loss": Curve("train/loss", tuple(range(1, 9)), tuple(TRAIN)),
        "val/loss": Curve("val/loss", tuple(range(1, 9)), tuple(VAL)),
    }
)


@pytest.mark.parametrize(
    "values",
    [
        {"train/loss": TRAIN, "val/loss": VAL},
        {"loss": tuple(TRAIN), "val_loss": np.array(VAL)},
        {"Train Loss": torch.tensor(TRAIN, dtype=torch.float64), "Val/Loss": VAL},
        {"train/loss": dict(enumerate(TRAIN, 1)), "val/loss": dict(enumerate(VAL, 1))},
        {"train/loss": dict(enumerate(TRAIN)), "val/loss": dict(enumerate(VAL))},
        {"train/loss": [*TRAIN, None], "val/loss": {np.int64(n): v for n, v in enumerate(VAL, 1)}},
        {"train/loss": [np.float64(value) for value in TRAIN], "val/loss": VAL},
    ],
)
def test_curves_are_the_same_in_every_spelling(values: Any) -> None:
    assert history_of_values(values) == EXPECTED
    assert list(api.diagnose(values)) == list(diagnose(EXPECTED))


def test_a_history_is_taken_as_it_is() -> None:
    findings = api.diagnose(EXPECTED)
    assert findings[0].code == "NN101"
    assert findings[0].onset == 3
    assert repr(findings).startswith(f"{len(findings)} finding")


def test_the_setting_is_passed_to_the_rules() -> None:
    history = History({"train/loss": Curve("train/loss", (1, 2), (1.0, 1.0))})
    setting: dict[str, Scalar] = {"opt": "sgd", "lr": 1e-9, "momentum": 0.0}
    assert list(api.diagnose(history, setting)) == list(diagnose(history, setting))


def test_a_test_loss_is_validation_only_where_there_is_no_other() -> None:
    only = history_of_values({"loss": TRAIN, "test_loss": VAL})
    assert only.metrics == ("train/loss", "val/loss")
    both = history_of_values({"loss": TRAIN, "val_loss": VAL, "test_loss": VAL})
    assert both.metrics == ("test_loss", "train/loss", "val/loss")
    own = history_of_values({"train/loss": TRAIN, "test/loss": VAL})
    assert own.metrics == ("train/loss", "val/loss")


def test_values_that_are_not_finite_are_kept() -> None:
    history = history_of_values({"loss": [1.0, math.inf, math.nan]})
    assert history["train/loss"].values[:2] == (1.0, math.inf)
    assert math.isnan(history["train/loss"].values[2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no curve of a loss or an accuracy among nothing"),
        ({"lr": [0.1]}, "no curve of a loss or an accuracy among lr"),
        ({"loss": []}, "no curve of a loss or an accuracy among loss"),
        ({"loss": "0.5"}, "a value for each epoch is needed"),
        ({"loss": 0.5}, "a value for each epoch is needed"),
        ({"loss": ["0.5"]}, "'0.5' is not a number"),
        ({"loss": [[0.5]]}, "is not a number"),
        ({"loss": {1.5: 0.5}}, "an epoch must be a whole number, got 1.5"),
        ({"loss": {-1: 0.5}}, "an epoch must be a whole number, got -1"),
        ({"loss": {True: 0.5}}, "an epoch must be a whole number, got True"),
    ],
)
def test_wrong_curves_are_data_errors(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        api.diagnose(values)


def test_an_unknown_name_in_the_setting_is_an_error() -> None:
    with pytest.raises(UnknownName, match="name in the setting 'optt': did you mean 'opt'"):
        api.diagnose({"loss": [1.0, 0.5]}, setting={"optt": "sgd"})
    stored: dict[str, Scalar] = {"opt": "sgd", "model.width": 8, "model_version": "1"}
    api.diagnose({"loss": [1.0, 0.5]}, setting=stored)


def test_other_arguments_are_usage_errors() -> None:
    wrong: Any = [1.0, 0.5]
    with pytest.raises(UsageError, match="not a list"):
        api.diagnose(wrong)


@given(
    st.dictionaries(
        st.sampled_from(["train/loss", "val/loss", "lr", "weights/norm"]),
        st.lists(st.none() | st.floats(allow_nan=False), max_size=6),
    )
)
def test_every_number_is_in_the_history(values: dict[str, Any]) -> None:
    points = {
        name: {n: value for n, value in enumerate(curve, 1) if value is not None}
        for name, curve in values.items()
    }
    measured = {name: curve for name, curve in points.items() if curve}
    if not {"train/loss", "val/loss"} & set(measured):
        with pytest.raises(DataError):
            history_of_values(values)
        return
    history = history_of_values(values)
    assert {name: dict(curve) for name, curve in history.curves.items()} == measured
