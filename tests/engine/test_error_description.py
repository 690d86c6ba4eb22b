"""Descriptions of errors in a model: line, layer, shapes, traceback."""

import pytest
import torch
from torch import nn

from nnlab.engine.error_description import (
    MAX_TRACEBACK_CHARS,
    describe_error,
    describe_failing_layer,
    format_traceback,
)
from nnlab.errors import UserCodeError


def _error_of(model: nn.Module, x: torch.Tensor) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  each model fails in its own way
        model(x)
    return caught.value


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(128, 32), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.net(x)
        return out


def test_the_layer_whose_shapes_do_not_match_is_named() -> None:
    error = _error_of(Outer(), torch.zeros(5, 128))
    layer = "net.2 (Linear(in_features=64, out_features=10, bias=True)) got [5, 32]"
    assert describe_failing_layer(error) == layer
    assert describe_error(error).endswith(f"(5x32 and 64x10) - in layer {layer}")
    assert "test_error_description.py, line" in describe_error(error)


def test_an_error_in_the_outermost_module_names_no_layer() -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ torch.zeros(7, 7)

    error = _error_of(Root(), torch.zeros(2, 3))
    assert describe_failing_layer(error) is None
    assert "in layer" not in describe_error(error)
    assert describe_failing_layer(ValueError("never raised")) is None


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (nn.Sequential(nn.Embedding(10, 4)), torch.zeros(2, 3)),
        (nn.Sequential(nn.Embedding(10, 4)), torch.full((2, 3), -1)),
    ],
    ids=["floats", "out of range"],
)
def test_token_ids_that_were_standardised_are_recognised(model: nn.Module, x: torch.Tensor) -> None:
    message = describe_error(_error_of(model, x))
    assert "in layer 0 (Embedding(10, 4)) got [2, 3]" in message
    assert "--inputs none" in message
    assert "x.long()" in message


def test_a_traceback_has_the_users_frames_and_the_last_one() -> None:
    error = _error_of(Outer(), torch.zeros(5, 128))
    text = format_traceback(error)
    assert text.startswith("Traceback (most recent call last):")
    assert "in forward" in text
    assert "out: torch.Tensor = self.net(x)" in text
    assert "_call_impl" not in text
    assert text.splitlines()[-1].startswith("RuntimeError: mat1 and mat2")


def test_an_nnlab_error_shows_the_traceback_of_its_cause() -> None:
    try:
        try:
            raise KeyError("inner")  # noqa: TRY301
        except KeyError as inner:
            raise UserCodeError("--model fails") from inner
    except UserCodeError as error:
        text = format_traceback(error)
    assert text.splitlines()[-1] == "KeyError: 'inner'"
    assert "UserCodeError" not in text


def test_a_traceback_is_short_and_holds_no_secret() -> None:
    try:
        raise ValueError("postgresql://ann:hunter2@h/d " + "x" * 20_000)  # noqa: TRY301
    except ValueError as error:
        text = format_traceback(error)
    assert "hunter2" not in text
    assert len(text) < MAX_TRACEBACK_CHARS + 20
    assert text.startswith("Traceback")
