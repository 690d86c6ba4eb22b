"""Data: built-in sets against scikit-learn, splits, scaling, and a user's own table."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets

from nnlab.config import RunConfig, resolve
from nnlab.engine.data import builtin, facts, read
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.prepare import prepare
from nnlab.engine.data.split import split
from nnlab.errors import DataError

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast-cancer", "diabetes"])
def test_built_in_sets_are_scikit_learns(name: str) -> None:
    loader = getattr(datasets, f"load_{name.replace('-', '_')}")
    bunch = loader(scaled=False) if name == "diabetes" else loader()
    ours = read(name)
    assert np.array_equal(ours.examples.reshape(len(bunch.data), -1), bunch.data)
    assert np.array_equal(ours.targets, bunch.target)
    if ours.task == "classification":
        assert ours.classes == tuple(str(c) for c in bunch.target_names)


def test_a_release_that_moved_its_files_is_asked_instead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    direct = read("iris")
    monkeypatch.setattr(builtin, "_folder", lambda: tmp_path)
    asked = read("iris")
    assert np.array_equal(asked.examples, direct.examples)
    assert np.array_equal(asked.targets, direct.targets)


def toy(counts: list[int]) -> Dataset:
    targets = np.repeat(np.arange(len(counts)), counts)
    return Dataset(
        "toy",
        "classification",
        np.arange(len(targets) * 2, dtype=np.float64).reshape(-1, 2),
        targets,
        tuple(map(str, range(len(counts)))),
    )


@given(st.lists(st.integers(10, 80), min_size=2, max_size=6), st.integers(0, 5))
def test_splits_are_disjoint_complete_and_stratified(counts: list[int], seed: int) -> None:
    dataset = toy(counts)
    parts = split(dataset, val=0.2, test=0.1, seed=seed)
    rows = np.concatenate([parts.train, parts.val, parts.test])
    assert sorted(rows) == list(range(sum(counts)))
    for part, share in ((parts.val, 0.2), (parts.test, 0.1)):
        assert len(part) == round(share * sum(counts))
        per_class = np.bincount(dataset.targets[part], minlength=len(counts))
        assert np.all(np.abs(per_class - share * np.array(counts)) <= 2)


def test_the_split_follows_from_its_seed() -> None:
    one, again, other = (split(toy([50, 50]), val=0.2, test=0.2, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.val, again.val)
    assert not np.array_equal(one.val, other.val)


def test_a_set_too_small_to_split_is_refused() -> None:
    with pytest.raises(DataError, match="too few: the val split would be empty"):
        split(toy([1, 1]), val=0.1, test=0.1, seed=0)


def prepared(tmp_path: Path, table: str, **settings: object):  # type: ignore[no-untyped-def]
    name = f"csv:{written(tmp_path, table)}#y"
    config = RunConfig(data=name, dtype="float64", **settings)  # type: ignore[arg-type]
    return prepare(resolve(config, facts(name)), CPU)


def written(tmp_path: Path, table: str) -> Path:
    path = tmp_path / "points.csv"
    path.write_text(table)
    return path


TABLE = "a,b,y\n" + "".join(f"{i},5,{'no' if i % 2 else 'yes'}\n" for i in range(40))


def test_inputs_are_standardised_on_the_training_split(tmp_path: Path) -> None:
    data = prepared(tmp_path, TABLE)
    train = data.train.examples
    assert train[:, 0].mean().item() == pytest.approx(0, abs=1e-12)
    assert train[:, 0].std(correction=0).item() == pytest.approx(1)
    assert abs(data.val.examples[:, 0].mean().item()) > 1e-6  # its own mean is not used


def test_a_constant_feature_becomes_zero_not_nan(tmp_path: Path) -> None:
    data = prepared(tmp_path, TABLE)
    assert torch.equal(data.train.examples[:, 1], torch.zeros(28, dtype=torch.float64))


def test_inputs_centred_or_left_alone(tmp_path: Path) -> None:
    centred = prepared(tmp_path, TABLE, inputs="centre").train.examples[:, 0]
    assert centred.mean().item() == pytest.approx(0, abs=1e-12)
    assert centred.std().item() > 5
    assert prepared(tmp_path, TABLE, inputs="none").train.examples[:, 1].eq(5).all()


def test_images_are_standardised_per_channel() -> None:
    data = prepare(resolve(RunConfig(dtype="float64"), facts("digits")), CPU)
    assert data.train.examples.shape[1:] == (1, 8, 8)
    assert data.train.examples.std(correction=0).item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (lambda i: "cat" if i % 2 else "dog", "classification"),
        (lambda i: str(i % 3), "classification"),
        (lambda i: f"{i * 0.5}", "regression"),
        (lambda i: str(i), "regression"),
    ],
    ids=["text", "few whole numbers", "fractions", "many whole numbers"],
)
def test_the_task_follows_from_the_target(tmp_path: Path, target, task: str) -> None:  # type: ignore[no-untyped-def]
    rows = "".join(f"{i},{target(i)}\n" for i in range(30))
    path = written(tmp_path, "x,y\n" + rows)
    assert facts(f"csv:{path}#y").task == task
    assert facts(f"csv:{path}").task == task  # the last column is the default target


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("a,y\n1,0\n,1\n3,0\n", "line 3, column 'a': the value is missing"),
        ("a,y\n1,0\nred,1\n", "line 3, column 'a': 'red' is not a number"),
        ("a,y\n1,0\nnan,1\n", "line 3, column 'a': 'nan' is not a number"),
        ("a,y\n1,\n2,1\n", "line 2, column 'y': the value is missing"),
        ("a,y\n1,0\n2,one\n3,1\n", "line 3, column 'y': 'one' is not a number"),
        ("a,y\n1,0\n2\n", "line 3: 1 values where the header has 2 columns"),
        ("a,y\n", "has no data"),
        ("", "has no data"),
        ("y\n1\n2\n", "has one column"),
        ("a,y\n1,same\n2,same\n", "holds one value only: 'same'"),
        ("a,target\n1,2\n", "unknown column 'y'"),
    ],
)
def test_a_bad_table_is_reported_with_line_and_column(
    tmp_path: Path, table: str, told: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(f"csv:{written(tmp_path, table)}#y")
    assert told in caught.value.message


def test_many_bad_cells_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "a,y\n" + "x,1\n" * 9)
    with pytest.raises(DataError, match=r"and 4 more cells"):
        read(f"csv:{path}#y")


def test_a_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data file at"):
        read(f"csv:{tmp_path / 'none.csv'}#y")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="is no table in UTF-8"):
        read(f"csv:{tmp_path / 'b.csv'}#y")


def test_a_file_that_changed_is_another_data_set(tmp_path: Path) -> None:
    name = f"csv:{written(tmp_path, TABLE)}#y"
    config = resolve(RunConfig(data=name), facts(name))
    written(tmp_path, TABLE + "99,5,yes\n")
    with pytest.raises(DataError, match="has changed since this run was set up"):
        prepare(config, CPU)
