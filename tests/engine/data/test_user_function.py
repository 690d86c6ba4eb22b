"""User-defined data functions: accepted return values, and errors that name the cause."""

from pathlib import Path

import numpy as np
import pytest

from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError, UserCodeError
from nnlab.settings import RunConfig

HEAD = """
import numpy as np
import torch

X = np.arange(60.0).reshape(20, 3)
Y = np.arange(20) % 2
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine.py"


def load_dataset(path: Path, body: str) -> Dataset:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    path.write_text(f"{HEAD}\n\ndef make():\n{indented}\n")
    return read_dataset(RunConfig(data="mine.py:make"))


X = np.arange(60.0).reshape(20, 3)
Y = np.arange(20) % 2


@pytest.mark.parametrize(
    "body",
    [
        "return X, Y",
        "return [X, Y]",
        "return X.tolist(), Y.tolist()",
        "return torch.tensor(X), torch.tensor(Y)",
        "return list(torch.tensor(X)), list(Y)",
        "return {'x': X, 'y': Y}",
        "return {'train': (X, Y)}",
        "return torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))",
        "return [(x, int(y)) for x, y in zip(X, Y)]",
    ],
)
def test_arrays_tensors_lists_and_torch_data_sets_are_taken(path: Path, body: str) -> None:
    dataset = load_dataset(path, body)
    assert np.array_equal(dataset.examples, X)
    assert np.array_equal(dataset.target_array, Y)
    assert dataset.classes == ("0", "1")
    assert dataset.name == "mine.py:make"


def test_a_dict_brings_splits_of_its_own(path: Path) -> None:
    body = "pairs = {'test': (X[14:], Y[14:]), 'train': (X[:10], Y[:10])}\n"
    dataset = load_dataset(path, body + "return {**pairs, 'val': (X[10:14], Y[10:14])}")
    assert (dataset.num_provided_test, dataset.num_provided_val) == (6, 4)
    assert np.array_equal(dataset.examples, X)
    assert dataset_facts("mine.py:make").own_val


def test_images_of_a_torch_data_set_have_their_channels_first(path: Path) -> None:
    body = (
        "images = torch.rand(8, 3, 5, 4)\nreturn [(image, k % 2) for k, image in enumerate(images)]"
    )
    assert load_dataset(path, body).in_shape == (3, 5, 4)


def test_floats_are_regressed(path: Path) -> None:
    assert load_dataset(path, "return X, X.sum(1)").task == "regression"


def test_the_version_is_that_of_the_file(path: Path) -> None:
    first = load_dataset(path, "return X, Y").version
    assert first is not None
    assert load_dataset(path, "return X + 1, Y").version != first


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", "returns int; it must return (x, y)"),
        ("return {'train': (X, Y), 'dev': (X, Y)}", "returns a dict of train, dev"),
        ("return {'test': (X, Y)}", "returns a dict of test; it needs train"),
        ("return [X, Y, X]", "the items must be pairs"),
        ("return X, Y[:5]", "x has 20 examples, y has 5"),
        ("return [[1, 2], [1]], [0, 1]", "x cannot be converted to one array"),
        ("return {'train': (X, Y), 'test': (X[:, :2], Y)}", "test x has shape [2]"),
    ],
)
def test_what_cannot_be_trained_on_is_told(path: Path, body: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset(path, body)
    assert message in caught.value.message


def test_an_error_is_told_with_the_users_file_and_line(path: Path) -> None:
    with pytest.raises(UserCodeError, match=r"mine\.py, line 10.*ZeroDivisionError"):
        load_dataset(path, "return X / (1 // 0), Y")


def test_a_name_that_is_not_there_or_no_function(path: Path) -> None:
    load_dataset(path, "return X, Y")
    with pytest.raises(UserCodeError, match="make"):
        read_dataset(RunConfig(data="mine.py:mak"))
    with pytest.raises(DataError, match=r"mine\.py:X is a ndarray, not a function"):
        read_dataset(RunConfig(data="mine.py:X"))
