"""User-defined code: located, hashed without executing it, errors reported with its line."""

import hashlib
import re
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn

from nnlab.engine import models, user_code
from nnlab.engine.data import dataset_facts
from nnlab.engine.loop import build_session, train
from nnlab.engine.seeds import make_generator
from nnlab.errors import ConfigError, UserCodeError
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

CPU = torch.device("cpu")

MODEL = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, in_features, num_classes, width=16):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(in_features, width), nn.ReLU(), nn.Dropout(0.5)
        )
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.head(self.body(x))


def make(in_shape, outputs):
    return nn.Linear(in_shape[0], outputs)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def built(model: str, shape: tuple[int, ...] = (4,), outputs: int = 3, seed: int = 0) -> nn.Module:
    config = resolve(RunConfig(data="iris", model=model, seed=seed), DataFacts("classification"))
    return models.build(config, shape, outputs, make_generator(seed, "weights"))


def test_a_name_in_a_file_is_loaded() -> None:
    write("sub/model.py", "def make():\n    return 5\n")
    make = user_code.load_object("sub/model.py:make")
    assert callable(make)
    assert make() == 5


def test_a_name_in_a_module_of_the_working_folder_is_loaded() -> None:
    write("pack/__init__.py", "")
    write("pack/inner.py", "VALUE = 7\n")
    assert user_code.load_object("pack.inner:VALUE") == 7


def test_a_file_imports_its_neighbours_now_and_later() -> None:
    write("sub/near.py", "VALUE = 3\n")
    write("sub/late.py", "VALUE = 4\n")
    write(
        "sub/model.py",
        "import near\ndef make():\n    import late\n    return near.VALUE + late.VALUE\n",
    )
    make = user_code.load_object("sub/model.py:make")
    assert callable(make)
    assert make() == 7


def test_a_users_file_does_not_take_the_place_of_an_installed_module() -> None:
    write("colorsys.py", "raise RuntimeError\n")
    write("model.py", "VALUE = 1\n")
    user_code.load_object("model.py:VALUE")
    sys.modules.pop("colorsys", None)
    import colorsys

    assert hasattr(colorsys, "rgb_to_hsv")


def test_a_file_that_has_changed_is_loaded_anew() -> None:
    write("model.py", "VALUE = 1\n")
    assert user_code.load_object("model.py:VALUE") == 1
    write("model.py", "VALUE = 2\n")
    assert user_code.load_object("model.py:VALUE") == 2


def test_dataclasses_work_in_a_users_file() -> None:
    write(
        "model.py", "from dataclasses import dataclass\n\n@dataclass\nclass A:\n    x: 'int' = 1\n"
    )
    make = user_code.load_object("model.py:A")
    assert callable(make)
    assert make().x == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = x\n", "model.py, line 2: NameError: name 'x' is not defined"),
        ("a = 1\n\nb = (\n", "model.py, line 3: SyntaxError: '(' was never closed"),
        (
            "import nowhere_at_all\n",
            "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ("import sys\nsys.exit(3)\n", "model.py, line 2: SystemExit: 3"),
        ("def f():\n    raise ValueError('no')\nf()\n", "model.py, line 2, in f: ValueError: no"),
        ("import json\njson.loads('x')\n", "model.py, line 2: JSONDecodeError: Expecting value"),
    ],
)
def test_an_error_in_a_file_is_reported_with_its_line(text: str, message: str) -> None:
    write("model.py", text)
    with pytest.raises(UserCodeError, match=re.escape(message)):
        user_code.load_object("model.py:Net")


def test_an_error_in_what_a_file_imports_names_the_imported_file() -> None:
    write("near.py", "a = 1\nb = a / 0\n")
    write("model.py", "import near\n")
    with pytest.raises(UserCodeError, match=r"^near.py, line 2: ZeroDivisionError"):
        user_code.load_object("model.py:Net")


def test_a_syntax_error_in_what_a_file_imports_names_the_imported_file() -> None:
    write("near.py", "a = 1\nb = )\n")
    write("model.py", "import near\n")
    with pytest.raises(UserCodeError, match=r"^near.py, line 2: SyntaxError"):
        user_code.load_object("model.py:Net")


@pytest.mark.parametrize("use", [user_code.load_object, user_code.code_version])
def test_an_unknown_name_lists_those_there_are(use: Callable[[str], object]) -> None:
    write("model.py", MODEL)
    with pytest.raises(UserCodeError, match=r"'Nett': did you mean 'Net'\? Known: Net, make"):
        use("model.py:Nett")


@pytest.mark.parametrize(
    "text",
    [
        "from torch.nn import Linear as Net\n",
        "if True:\n    Net = 1\n",
        "try:\n    import Net\nexcept ImportError as error:\n    Net = None\n",
        "a, (*Net, b) = 1, (2, 3)\n",
        "Net: int = 3\n",
        "(Net := 3)\n",
        "for Net in 1, 2: ...\n",
        "with open('x') as Net: ...\n",
        "def make():\n    global Net\n    Net = 1\nmake()\n",
        "globals()['Net'] = 1\n",
        "from other import *\n",
        "def __getattr__(name): return 1\n",
    ],
)
def test_a_name_that_may_be_there_is_not_missed(text: str) -> None:
    assert user_code.code_version(f"{write('model.py', text)}:Net") is not None


@pytest.mark.parametrize(
    "text",
    ["def f():\n    Net = 1\n", "class A:\n    Net = 1\n", "Net.x = 1\n", "x = [Net for n in y]\n"],
)
def test_a_name_inside_something_is_not_of_the_file(text: str) -> None:
    with pytest.raises(UserCodeError, match=r"unknown name in model\.py 'Net'"):
        user_code.code_version(f"{write('model.py', text)}:Net")


def test_invalid_python_is_reported_with_its_line_when_planned() -> None:
    write("model.py", "a = 1\n\nb = (\n")
    with pytest.raises(UserCodeError, match=r"model\.py, line 3: SyntaxError: '\(' was never"):
        user_code.code_version("model.py:Net")
    Path("model.py").write_bytes(b"a = 1\x00\n")
    with pytest.raises(UserCodeError, match=r"model\.py.*null bytes"):
        user_code.code_version("model.py:Net")


@pytest.mark.parametrize("use", [user_code.load_object, user_code.code_version])
@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("model.py:Net", r"model\.py: no such file"),
        ("no.such.module:Net", "no module 'no.such.module'"),
        ("json.nothing:Net", "no module 'json.nothing'"),
        ("model", "'model' is not a reference to code"),
        ("model.py:", "is not a reference to code"),
        ("model.py:a b", "is not a reference to code"),
    ],
)
def test_a_missing_file_module_or_name_is_reported(
    use: object, reference: str, message: str
) -> None:
    assert callable(use)
    with pytest.raises(UserCodeError, match=message):
        use(reference)


def test_the_version_is_the_hash_of_the_file_and_nothing_is_executed() -> None:
    bomb = "raise RuntimeError('executed')\nclass Net: ...\n"
    write("pack/__init__.py", bomb)
    paths = {
        "model.py:Net": write("model.py", bomb),
        "pack.inner:Net": write("pack/inner.py", bomb),
    }
    for reference, path in paths.items():
        expected = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        assert user_code.code_version(reference) == expected
    assert "pack" not in sys.modules
    versions = user_code.code_versions(RunConfig(model="model.py:Net"))
    assert versions["model_version"] == user_code.code_version("model.py:Net")
    assert user_code.code_versions(RunConfig(model="mlp"))["model_version"] is None


def test_the_version_of_an_installed_module_is_its_files() -> None:
    import json.decoder

    expected = hashlib.sha256(Path(json.decoder.__file__).read_bytes()).hexdigest()[:16]
    assert user_code.code_version("json.decoder:JSONDecoder") == expected
    assert user_code.code_version("time:sleep") is None


def test_errors_outside_of_user_code_have_no_location() -> None:
    with pytest.raises(UserCodeError) as caught:
        user_code.load_object("nowhere.py:Net")
    assert user_code.locate_user_error(caught.value) is None
    assert user_code.locate_user_error(ValueError("never raised")) is None


def test_the_innermost_user_frame_is_reported() -> None:
    write("model.py", "def outer():\n    inner()\n\ndef inner():\n    int('x')\n")
    call = user_code.load_object("model.py:outer")
    assert callable(call)
    with pytest.raises(ValueError, match="invalid literal") as caught:
        call()
    assert user_code.locate_user_error(caught.value) == (
        "model.py, line 5, in inner: ValueError: invalid literal for int() with base 10: 'x'"
    )


def test_a_users_class_gets_the_arguments_that_it_names() -> None:
    write("model.py", MODEL)
    net = built("model.py:Net", (1, 2, 3), 5)
    assert net(torch.zeros(7, 1, 2, 3)).shape == (7, 5)
    assert built("model.py:make")(torch.zeros(7, 4)).shape == (7, 3)
    assert models.head_layer_name(net) == "head"


def test_in_channels_are_given_for_images_only() -> None:
    write("model.py", (
        "from torch import nn\n"
        "def make(in_channels, outputs):\n"
        "    return nn.Sequential(nn.Conv2d(in_channels, outputs, 2), nn.Flatten())\n"
    ))  # fmt: skip
    assert built("model.py:make", (3, 2, 2))(torch.zeros(1, 3, 2, 2)).shape == (1, 3)
    with pytest.raises(
        UserCodeError, match="requires the arguments in_channels; with iris nnlab passes in_shape"
    ):
        built("model.py:make")


def test_the_weights_of_a_users_model_follow_from_the_seed() -> None:
    write("model.py", MODEL)
    state = torch.get_rng_state()
    first = built("model.py:Net").state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    repeated, other_seed = (
        built("model.py:Net").state_dict(),
        built("model.py:Net", seed=1).state_dict(),
    )
    assert all(torch.equal(first[name], repeated[name]) for name in first)
    assert not torch.equal(first["head.weight"], other_seed["head.weight"])


def test_torchs_own_dropout_is_seeded_epoch_by_epoch() -> None:
    write("model.py", MODEL)
    net, x = built("model.py:Net"), torch.ones(8, 4)
    assert net.training
    outputs = []
    for epoch in (1, 2, 1):
        torch.manual_seed(epoch * 17)
        torch.rand(epoch)
        models.seed_model_noise(net, 5, epoch, CPU)
        outputs.append(net(x))
    assert torch.equal(outputs[0], outputs[2])
    assert not torch.equal(outputs[0], outputs[1])


def test_a_builtin_model_does_not_use_the_global_generator() -> None:
    net = built("mlp")
    state = torch.get_rng_state()
    models.seed_model_noise(net, 5, 1, CPU)
    assert torch.equal(torch.get_rng_state(), state)


LINEAR = "from torch import nn\ndef make(outputs):\n    return "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LINEAR + "nn.Linear(4, 7)", r"returns \[2, 7\] .*needs \[2, 3\]: one output per class"),
        (LINEAR + "nn.Linear(9, 3)", "raises an error: .*mat1 and mat2 shapes cannot be"),
        (LINEAR + "5", "returns an object of type int, nnlab needs"),
        (LINEAR + "nn.Linear(4, outputs).requires_grad_(False)", "has no parameters to train"),
        (LINEAR + "nn.LSTM(4, 3)", r"returns several outputs: 0 \[2, 3\], 1 \(tuple\)"),
        (LINEAR + "outputs.x", "model.py, line 3, in make: AttributeError: 'int' object has no"),
        ("def make(hidden, size=3): ...", "requires the arguments hidden; with iris nnlab"),
        ("make = 5", "is of type int; nnlab needs a class or function"),
        ("from torch import nn\nmake = nn.Linear(4, 3)", "is of type Linear; nnlab needs a class"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_refused_with_the_reason(text: str, message: str) -> None:
    write("model.py", text)
    with pytest.raises(UserCodeError, match=message):
        built("model.py:make")


def test_an_error_in_forward_is_reported_with_its_line() -> None:
    write("model.py", MODEL.replace("self.head(self.body(x))", "self.head(self.boddy(x))"))
    with pytest.raises(
        UserCodeError, match=r"model.py, line 14, in forward: AttributeError: 'Net'"
    ):
        built("model.py:Net")


def test_batch_normalisation_of_a_batch_of_one_is_refused_before_training(folder: Path) -> None:
    (folder / "norms.py").write_text(
        "from torch import nn\n"
        "def flat(in_features, outputs):\n"
        "    return nn.Sequential(nn.BatchNorm1d(in_features), nn.Linear(in_features, outputs))\n"
        "def images(in_channels, outputs):\n"
        "    return nn.Sequential(nn.Conv2d(in_channels, 4, 3), nn.BatchNorm2d(4), nn.Flatten(),\n"
        "                         nn.Linear(4 * 6 * 6, outputs))\n"
    )
    for data, name in (("iris", "flat"), ("digits", "images")):
        model = f"norms.py:{name}"
        chosen = RunConfig(data=data, model=model, batch_size=1, device="cpu", train_size=20)
        config = resolve(chosen, dataset_facts(data), versions=user_code.code_versions(chosen))
        if name == "flat":
            with pytest.raises(ConfigError, match="--batch-size of at least 2, got 1"):
                build_session(config)
        else:
            # A channel of an image has many values: one image has a variance.
            session = build_session(config)
            before = session.model[1].running_mean.clone()  # type: ignore[index]
            assert torch.equal(before, torch.zeros(4))
            assert len(list(islice(train(session), 1))) == 1


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@pytest.mark.parametrize(
    "statement",
    [
        "import near",
        "import near as n",
        "from near import f",
        "from near import *",
        "def make():\n    from near import f",
        "try:\n    import near\nexcept ImportError:\n    near = None",
    ],
)
def test_a_helper_that_a_model_imports_is_part_of_its_version(statement: str) -> None:
    path = write("sub/model.py", f"{statement}\nclass Net: ...\n")
    helper = write("sub/near.py", "def f(): return 1\n")
    before = user_code.code_version("sub/model.py:Net")
    assert before != _hash(path)
    assert list(user_code.helper_files("sub/model.py:Net")) == ["near.py"]
    helper.write_text("def f(): return 2\n")
    assert user_code.code_version("sub/model.py:Net") not in (before, None)


def test_helpers_of_helpers_and_packages_are_followed() -> None:
    write("model.py", "import a\nclass Net: ...\n")
    write("a.py", "from pack.deep import x\nimport model\n")
    write("pack/__init__.py", "")
    write("pack/deep.py", "from . import beside\nfrom .other import y\nfrom .. import far\n")
    write("pack/beside.py", "import os, json, torch\n")
    write("pack/other.py", "y = 1\n")
    write("unused.py", "")
    assert list(user_code.helper_files("model.py:Net")) == [
        "a.py", "pack/__init__.py", "pack/beside.py", "pack/deep.py", "pack/other.py",
    ]  # fmt: skip


def test_a_module_of_the_working_folder_has_helpers_by_their_full_names() -> None:
    write("pack/__init__.py", "")
    write("pack/inner.py", "from pack.near import x\nfrom .other import y\nclass Net: ...\n")
    write("pack/near.py", "x = 1\n")
    write("pack/other.py", "y = 1\n")
    helpers = list(user_code.helper_files("pack.inner:Net"))
    assert helpers == ["pack/__init__.py", "pack/near.py", "pack/other.py"]


def test_a_file_alone_keeps_the_version_that_earlier_runs_have() -> None:
    path = write("model.py", "import os, torch\nfrom torch import nn\nclass Net: ...\n")
    assert user_code.code_version("model.py:Net") == _hash(path)


def test_a_helper_that_is_no_python_or_refers_to_itself_is_no_obstacle() -> None:
    write("model.py", "import a, b\nclass Net: ...\n")
    write("a.py", "import a\nimport b\n")
    write("b.py", "def (:\n")
    assert list(user_code.helper_files("model.py:Net")) == ["a.py", "b.py"]


def test_a_run_of_an_earlier_version_is_of_the_same_code() -> None:
    path = write("model.py", "import near\nclass Net: ...\n")
    write("near.py", "x = 1\n")
    for version in (_hash(path), user_code.code_version("model.py:Net")):
        user_code.check_unchanged(RunConfig(model="model.py:Net", model_version=version))
    user_code.check_unchanged(RunConfig(model="mlp"))
    for model in ("model.py:Net", "mlp"):
        with pytest.raises(UserCodeError, match="changed since this run was set up"):
            user_code.check_unchanged(RunConfig(model=model, model_version="0" * 16))
