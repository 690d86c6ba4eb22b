"""Models with several outputs: which one is used, and what is said if that is not clear."""

import shutil
import sys
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.models.output_selection import OutputSelection
from nnlab.engine.user_code import code_versions
from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig, resolve

SOURCE = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, num_classes, kind: str = "tensor"):
        super().__init__()
        self.body, self.head = nn.Linear(in_features, 8), nn.Linear(8, num_classes)
        self.kind = kind

    def forward(self, x):
        hidden = self.body(x).relu()
        scores = self.head(hidden)
        if self.kind == "auxiliary":
            return (scores, hidden) if self.training else scores
        return {"tensor": scores, "tuple": (hidden, scores), "list": [scores, hidden],
                "dict": {"hidden": hidden, "scores": scores}, "single": {"y": scores, "n": 3},
                "logits": {"loss": hidden.sum(), "logits": scores}}[self.kind]
"""
A, B = torch.zeros(2, 3), torch.ones(2, 8)
Named = namedtuple("Named", "first second")


@dataclass
class Fields:
    hidden: torch.Tensor
    logits: torch.Tensor


@pytest.fixture(autouse=True)
def model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("net.py").write_text(SOURCE)


def config(kind: str, output: str | None = None, **settings: object) -> RunConfig:
    fixed = {"data": "iris", "model": "net.py:Net", "epochs": 2, "device": "cpu"}
    arguments = (("model.kind", kind),)
    asked = RunConfig(**fixed, arguments=arguments, model_output=output, **settings)  # type: ignore[arg-type]
    return resolve(asked, dataset_facts("iris"), versions=code_versions(asked))


def weights(kind: str, output: str | None = None, **settings: object) -> dict[str, torch.Tensor]:
    session = build_session(config(kind, output, **settings))
    for _ in train(session):
        pass
    return session.model.state_dict()


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        ("tuple", "1"), ("tuple", "-1"), ("list", "0"), ("dict", "scores"), ("single", None),
        ("single", "y"), ("logits", None), ("auxiliary", "0"),
    ],
)  # fmt: skip
def test_a_selected_output_trains_exactly_like_a_model_that_returns_it(
    kind: str, output: str | None
) -> None:
    expected, trained = weights("tensor"), weights(kind, output)
    assert list(trained) == list(expected)  # the names of the weights are the model's own
    assert all(torch.equal(trained[name], expected[name]) for name in expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++ on the CPU")
def test_a_compiled_model_uses_the_selected_output() -> None:
    session = build_session(config("dict", "scores", compile=True))
    assert session.forward(torch.zeros(2, 4)).shape == (2, 3)


@pytest.mark.parametrize(
    ("kind", "output", "message"),
    [
        ("tuple", None, r"returns several outputs: 0 \[2, 8\], 1 \[2, 3\]; --output 0 uses one of"),
        ("dict", None, r"outputs: hidden \[2, 8\], scores \[2, 3\]; --output hidden uses one of"),
        ("dict", "score", r"--output score: .* has no such output; it returns hidden \[2, 8\], s"),
        ("tuple", "2", r"--output 2: .* has no such output; it returns 0 \[2, 8\], 1 \[2, 3\]"),
        ("tuple", "0", r"returns \[2, 8\] .* \[2, 3\]: one output per class - net.py, line 9"),
    ],
)  # fmt: skip
def test_an_unclear_or_unknown_output_lists_the_outputs(
    kind: str, output: str | None, message: str
) -> None:
    with pytest.raises(UserCodeError, match=message):
        build_session(config(kind, output))


def test_a_selection_from_a_model_with_one_output_is_refused_in_training() -> None:
    with pytest.raises(UserCodeError, match=r"--output scores: --model net.py:Net returns only \["):
        weights("tensor", "scores")


@pytest.mark.parametrize(
    ("output", "selected", "chosen"),
    [
        (Fields(B, A), None, A),
        (Fields(B, A), "hidden", B),
        (Fields(B, A), "0", B),
        (Named(A, B), "second", B),
        (Named(A, B), "1", B),
        ({0: A, 1: B}, "1", B),
    ],
)
def test_outputs_of_every_kind(output: object, selected: str | None, chosen: torch.Tensor) -> None:
    assert OutputSelection("m.py:Net", selected).select(output, training=True) is chosen


def test_a_prepared_selection_is_part_of_the_setting_only_if_it_is_chosen() -> None:
    assert config("tensor").model_output is None
    assert config("dict", "scores").model_output == "scores"
    select: Callable[..., object] = OutputSelection("m.py:Net").select
    assert select(A, training=True) is A
    assert isinstance(select(nn.Linear(1, 1), training=True), nn.Module)
