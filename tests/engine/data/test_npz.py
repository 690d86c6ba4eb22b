"""NPZ files: names, shapes, types, and invalid files."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError
from nnlab.settings import RunConfig

X = np.arange(60.0).reshape(20, 3)
Y = np.arange(20) % 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


def saved(path: Path, **arrays: Any) -> Dataset:
    np.savez(path, **arrays)
    return read_dataset(RunConfig(data=f"npz:{path}"))


def test_x_and_y_are_examples_and_targets(path: Path) -> None:
    dataset = saved(path, x=X, y=Y)
    assert np.array_equal(dataset.examples, X)
    assert np.array_equal(dataset.target_array, Y)
    assert (dataset.task, dataset.classes) == ("classification", ("0", "1"))
    assert (dataset.num_provided_test, dataset.num_provided_val) == (0, 0)


@pytest.mark.parametrize("name", ["{part}_{array}", "{array}_{part}"])
def test_parts_become_the_sets_own_splits(path: Path, name: str) -> None:
    arrays = {
        name.format(part=part, array=array): values
        for part, rows in (("test", slice(14, 20)), ("train", slice(0, 10)), ("val", slice(10, 14)))
        for array, values in (("x", X[rows]), ("y", Y[rows]))
    }
    dataset = saved(path, **arrays)
    assert (dataset.num_provided_test, dataset.num_provided_val) == (6, 4)
    assert np.array_equal(dataset.examples, X)
    facts = dataset_facts(f"npz:{path}")
    assert (facts.own_test, facts.own_val) == (True, True)
    assert facts.version == dataset.version


@pytest.mark.parametrize(
    ("y", "task", "classes"),
    [
        (np.arange(20) % 3 + 7, "classification", ("7", "8", "9")),
        (np.arange(20) % 2 == 0, "classification", ("False", "True")),
        (np.array(["cat", "dog"] * 10), "classification", ("cat", "dog")),
        (np.array([b"cat", b"dog"] * 10), "classification", ("cat", "dog")),
        (np.arange(20).astype(np.float32), "regression", ()),
        (np.arange(20)[:, None] % 2, "classification", ("0", "1")),
    ],
    ids=["whole numbers", "truths", "texts", "bytes", "floats", "a column"],
)
def test_the_task_follows_from_the_type_of_the_targets(
    path: Path, y: np.ndarray[Any, Any], task: str, classes: tuple[str, ...]
) -> None:
    dataset = saved(path, x=X, y=y)
    assert (dataset.task, dataset.classes) == (task, classes)
    assert dataset.target_array.dtype == (np.int64 if classes else np.float64)


@pytest.mark.parametrize(
    ("shape", "in_shape"),
    [
        ((20, 5), (5,)),
        ((20, 8, 9), (1, 8, 9)),
        ((20, 3, 8, 9), (3, 8, 9)),
        ((20, 8, 9, 3), (3, 8, 9)),
    ],
)
def test_images_have_their_channels_first(
    path: Path, shape: tuple[int, ...], in_shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).random(shape)
    dataset = saved(path, x=x, y=Y)
    assert dataset.in_shape == in_shape
    expected = x.transpose(0, 3, 1, 2) if shape[-1] == 3 and len(shape) == 4 else x
    assert np.array_equal(dataset.examples, expected.reshape(dataset.examples.shape))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.uint8, np.uint8),
        (np.bool_, np.uint8),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.int32, np.float64),
    ],
)
def test_number_formats_are_kept_narrow(path: Path, dtype: type, expected: type) -> None:
    assert saved(path, x=X.astype(dtype), y=Y).examples.dtype == expected


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": Y}, "has no x; it has y"),
        ({"train_x": X, "train_y": Y, "test_y": Y}, "has no test_x"),
        ({"images": X, "labels": Y}, "has images, labels; it needs x and y, or train_x"),
        ({"test_x": X, "test_y": Y}, "has test_x, test_y; it needs x and y, or train_x"),
        ({"x": X, "y": Y[:9]}, "x has 20 examples, y has 9"),
        ({"x": np.where(X == 7, np.nan, X), "y": Y}, r"x\[2, 1\] is nan"),
        ({"x": X, "y": np.where(Y == 1, np.inf, 0.5)}, r"y\[1\] is inf"),
        ({"x": X[:, 0], "y": Y}, r"x has shape \[20\]"),
        ({"x": X.astype(str), "y": Y}, "x has the type <U32, which is not numeric"),
        (
            {"x": X, "y": np.ones((20, 2, 2))},
            r"targets of shape \[20, 2, 2\] and type float64 fit no",
        ),
        ({"x": X, "y": np.zeros(20, int)}, "y has only one class: 0"),
        ({"x": np.zeros((20, 5, 8, 9)), "y": Y}, "images must have 1, 3 or 4 channels"),
        (
            {"train_x": X, "train_y": Y, "test_x": X[:, :2], "test_y": Y},
            r"an example of test_x has shape \[2\], one of train_x has \[3\]",
        ),
        ({"x": X, "y": np.array([object()] * 20)}, "own.npz, y: Object arrays cannot be loaded"),
    ],
    ids=lambda value: value if isinstance(value, str) else "npz",
)
def test_what_cannot_be_trained_on_names_the_member(
    path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        saved(path, **arrays)


def test_too_many_whole_numbers_are_no_classes(path: Path) -> None:
    with pytest.raises(DataError, match="1,500 different values, at most 1,000 classes"):
        saved(path, x=np.zeros((1500, 1)), y=np.arange(1500))


def test_a_file_that_is_none(path: Path) -> None:
    with pytest.raises(DataError, match="no data file at"):
        read_dataset(RunConfig(data=f"npz:{path}"))
    path.write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(DataError, match=r"is not an \.npz file"):
        read_dataset(RunConfig(data=f"npz:{path}"))
    path.write_text("a,b\n")
    with pytest.raises(DataError, match=r"is not an \.npz file"):
        read_dataset(RunConfig(data=f"npz:{path}"))
    np.save(path.with_suffix(".npy"), X)
    with pytest.raises(DataError, match="has a single array"):
        read_dataset(RunConfig(data=f"npz:{path.with_suffix('.npy')}"))


@pytest.mark.parametrize("value", [0.1, 1.0, 1e-20, -3e200])
def test_a_target_of_one_value_is_refused_whatever_it_is(path: Path, value: float) -> None:
    with pytest.raises(DataError, match="y has only one value: "):
        saved(path, x=X, y=np.full(20, value))


def test_a_target_in_a_small_unit_is_regressed(path: Path) -> None:
    assert saved(path, x=X, y=1e-20 * np.arange(20.0)).task == "regression"


def with_header(path: Path, shape: str, content: bytes = b"") -> None:
    """Writes an archive whose array x claims a shape."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    y = io.BytesIO()
    np.save(y, Y)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        size = len(header).to_bytes(2, "little")
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + size + header + content)
        archive.writestr("y.npy", y.getvalue())


def test_a_header_that_claims_more_than_is_there_is_refused(path: Path) -> None:
    with_header(path, "(10000000000000, 3)", b"12345678")
    with pytest.raises(
        DataError, match="x: its header announces 240,000,000,000,000 bytes, but there are 136"
    ):
        read_dataset(RunConfig(data=f"npz:{path}"))


def test_a_small_file_of_huge_arrays_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnlab.engine.data.npz.main_memory_bytes", lambda: 2_000_000)
    np.savez_compressed(path, x=np.zeros((100_000, 3)), y=np.arange(100_000) % 2)
    assert path.stat().st_size < 200_000
    with pytest.raises(DataError, match="its arrays need 3,200,000 bytes; the limit is 1,000,000"):
        read_dataset(RunConfig(data=f"npz:{path}"))


def test_a_member_that_is_no_array_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"text")
        archive.writestr("y.npy", b"text")
    with pytest.raises(DataError, match="one of its members is not an array"):
        read_dataset(RunConfig(data=f"npz:{path}"))
