"""Signatures of user code: read from the source, executed only where the source is not enough."""

import sys
from pathlib import Path

import pytest

from nnlab.engine import user_code
from nnlab.engine.models import ModelFacts, user_defined
from nnlab.engine.signatures import PASSED_TO_MODELS, find_signature, signature_of
from nnlab.errors import UserCodeError
from nnlab.settings.arguments import Signature

SOURCE = """\
from __future__ import annotations
from typing import Literal, Optional
import torch
from torch import nn

Size = int
WIDTH = 16

class Net(nn.Module):
    def __init__(self, in_features, num_classes, width: Size = WIDTH, *, depth: "int" = 2,
                 act: Literal["relu", "tanh"] = "relu", rate=0.0, hidden: tuple[int, ...] = (8, 4),
                 limit: int = None, layer: type[nn.Module] = nn.ReLU, size=2 * 8):
        super().__init__()

class Child(Net):
    pass

class Bare(nn.Module):
    pass

def make(outputs: int, width: Optional[int], **settings):
    return nn.Linear(4, outputs)
"""
PARAMETERS = {
    "in_features": "in_features",
    "num_classes": "num_classes",
    "width": "width: Size = WIDTH",
    "depth": "depth: int = 2",
    "act": "act: Literal['relu', 'tanh'] = 'relu'",
    "rate": "rate=0.0",
    "hidden": "hidden: tuple[int, ...] = (8, 4)",
    "limit": "limit: int = None",
    "layer": "layer: type[nn.Module] = nn.ReLU",
    "size": "size=2 * 8",
}
MARKER = "from pathlib import Path\nPath('executed').touch()\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def signature(text: str, name: str, *, has_arguments: bool = True) -> Signature | None:
    Path("wm.py").write_text(text)
    return find_signature("model", f"wm.py:{name}", has_arguments)


@pytest.mark.parametrize("name", ["Net", "Child"])
def test_the_source_shows_the_parameters(folder: Path, name: str) -> None:
    found = signature(SOURCE.replace("import torch\n", f"import torch\n{MARKER}"), name)
    assert found is not None
    assert {n: str(p) for n, p in found.parameters.items()} == PARAMETERS
    assert not found.accepts_any
    assert found.passed == PASSED_TO_MODELS
    assert not (folder / "executed").exists()


def test_the_source_and_the_loaded_class_have_the_same_parameters() -> None:
    static = signature(SOURCE.replace("from __future__ import annotations", ""), "Net")
    loaded = signature_of("wm.py:Net", user_code.load_object("wm.py:Net"), PASSED_TO_MODELS)
    assert static is not None
    assert loaded is not None
    assert list(static.parameters) == list(loaded.parameters)
    for name in set(PARAMETERS) - {"size"}:  # the type of an expression is that of its value
        assert static.parameters[name].type == loaded.parameters[name].type, name
    assert loaded.parameters["layer"].default == "ReLU"


def test_functions_classes_without_constructor_and_open_signatures() -> None:
    function = signature(SOURCE, "make")
    assert function is not None
    assert list(function.parameters) == ["outputs", "width"]
    assert function.accepts_any
    assert function.find_parameter("anything") is not None
    bare = signature(SOURCE, "Bare")
    assert bare is not None
    assert (bare.parameters, bare.accepts_any) == ({}, False)
    loaded = signature_of("wm.py:Bare", user_code.load_object("wm.py:Bare"), frozenset())
    assert loaded is not None
    assert not loaded.accepts_any


@pytest.mark.parametrize(
    "text",
    [
        "import functools\ndef make(w: int): ...\nNet = functools.partial(make)\n",
        "import functools\n@functools.cache\ndef Net(w: int): ...\n",
        "import torch\nif torch:\n    def Net(w: int): ...\n",
        "class Base:\n    def __new__(cls, w: int): ...\nclass Net(Base): ...\n",
    ],
)
def test_code_is_executed_only_if_the_source_is_not_enough_and_arguments_are_set(
    folder: Path, text: str
) -> None:
    assert signature(MARKER + text, "Net", has_arguments=False) is None
    with user_code.forbid_execution("a test"):
        assert signature(MARKER + text, "Net") is None
    assert not (folder / "executed").exists()
    found = signature(MARKER + text, "Net")
    assert found is not None
    assert [str(p) for p in found.parameters.values()] == ["w: int"]
    assert (folder / "executed").exists()


def test_modules_are_read_like_files(folder: Path) -> None:
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("raise ValueError('executed')")
    (folder / "package" / "models.py").write_text("def net(outputs, depth: int = 3): ...")
    found = find_signature("model", "package.models:net", True)
    assert found is not None
    assert str(found.parameters["depth"]) == "depth: int = 3"


def test_built_in_models_have_no_signature_and_broken_files_are_reported() -> None:
    assert find_signature("model", "mlp", True) is None
    with pytest.raises(UserCodeError, match=r"wm.py, line 1: SyntaxError"):
        signature("def Net(:\n", "Net")
    with pytest.raises(UserCodeError, match="no such file"):
        find_signature("model", "other.py:Net", True)


def test_the_names_that_are_passed_are_those_of_the_builder() -> None:
    images = set(user_defined.available_arguments((1, 8, 8), 3))
    tokens = set(user_defined.available_arguments((12,), 3, ModelFacts((12, 3), vocab_size=50)))
    assert images | tokens == PASSED_TO_MODELS
    assert tokens - images == {"vocab_size", "sequence_length"}
    assert "in_channels" not in user_defined.available_arguments((4,), 3)


COMPONENTS = """\
from torch import nn
from torch.optim import SGD

def focal(outputs, targets, /, gamma: float = 2.0, *, alpha=0.5):
    return outputs

def only_names(*, gamma=1):
    return gamma

class Focal(nn.Module):
    def __init__(self, gamma: float):
        super().__init__()

class Scaled(SGD):
    def __init__(self, params, lr, rho=0.5):
        super().__init__(params, lr)

def waves(t, epochs, cycles: int = 2):
    return 1.0

shared = Focal(1.0)
"""


@pytest.mark.parametrize(
    ("component", "name", "parameters"),
    [
        ("loss", "focal", ["gamma: float = 2.0", "alpha=0.5"]),
        ("loss", "only_names", ["gamma=1"]),
        ("loss", "Focal", ["gamma: float"]),
        ("loss", "shared", []),
        ("opt", "Scaled", ["lr", "rho=0.5"]),
        ("decay", "waves", ["epochs", "cycles: int = 2"]),
    ],
)
@pytest.mark.parametrize("decorated", [False, True])
def test_what_nnlab_passes_by_position_is_no_argument(
    folder: Path, component: str, name: str, parameters: list[str], decorated: bool
) -> None:
    # A decorator hides the signature from the reader of the source.
    source = COMPONENTS + (f"{name} = {name}\n" if decorated else "")
    (folder / "mine.py").write_text(source)
    signature = find_signature(component, f"mine.py:{name}", True)
    assert signature is not None
    assert [str(each) for each in signature.parameters.values()] == parameters
    assert not signature.accepts_any
    assert set(signature.reserved) >= signature.passed
    assert signature.find_parameter("lr" if component == "opt" else "reduction") is None
