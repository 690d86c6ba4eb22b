"""Stands-in for what nnlab does not have: every use does nothing."""

import copy
import math
import pickle
from typing import Any

import pytest

from nnlab.compat.unsupported import Unsupported, exception_class, unsupported_attributes


def test_every_use_of_a_stand_in_does_nothing() -> None:
    nothing: Any = Unsupported("wandb.Api")
    assert list(nothing("me/project").runs(filters={})) == []
    assert not nothing
    assert len(nothing) == 0
    assert "x" not in nothing
    nothing.attribute = nothing["key"] = 3
    assert isinstance(nothing.attribute, Unsupported)
    with nothing.context() as inner:
        inner.log(1)
    assert math.isnan(float(nothing.summary["accuracy"] + 1))
    assert int(nothing) == 0
    assert not nothing > 3
    assert not isinstance(3, nothing)
    assert repr(nothing.run) == "<wandb.Api.run: not available in nnlab>"


def test_a_stand_in_is_a_decorator_a_base_class_and_has_exceptions() -> None:
    nothing: Any = Unsupported("mlflow.pyfunc")

    @nothing.decorate
    def double(x: int) -> int:
        return 2 * x

    class PlainModel(nothing.PythonModel):  # type: ignore[misc]
        pass

    assert double(2) == 4
    assert PlainModel.__mro__ == (PlainModel, object)
    with pytest.raises(ValueError, match="kept"):
        raise_inside(nothing.errors.CommError)
    assert exception_class("wandb.errors.UsageError").__name__ == "UsageError"


def raise_inside(kind: type[Exception]) -> None:
    try:
        raise ValueError("kept")
    except kind:
        raise AssertionError from None


def test_a_stand_in_can_be_copied_and_sent_to_a_process() -> None:
    nothing = Unsupported("wandb.Api")
    for other in (copy.deepcopy(nothing), pickle.loads(pickle.dumps(nothing))):
        assert repr(other) == repr(nothing)


def test_names_of_python_are_no_names_of_a_tracker() -> None:
    attribute = unsupported_attributes("wandb")
    with pytest.raises(AttributeError):
        attribute("__path__")
    assert not hasattr(Unsupported("x"), "__array__")


def test_a_remark_replaces_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    attribute = unsupported_attributes("tracker", {"fit": "needs nnlab train"})
    attribute("fit")
    attribute("fit")
    attribute("other")
    assert capsys.readouterr().err == (
        "nnlab: tracker.fit needs nnlab train\n"
        "nnlab: tracker.other is not available in nnlab, and does nothing\n"
    )
