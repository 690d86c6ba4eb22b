"""Data in files and in memory as sources: equal to the data of the run in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nnlab.engine.batches import batch_bounds
from nnlab.engine.data import dataset_facts
from nnlab.engine.data.prepare import prepare_data
from nnlab.engine.data.table_options import TableOptions
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.streaming.lazy_dataset import read_lazy_dataset
from nnlab.engine.streaming.streamed_data import open_streamed_data
from nnlab.errors import DataError
from nnlab.settings import RunConfig, resolve

CPU = torch.device("cpu")


def resolved(name: str, **settings: Any) -> RunConfig:
    config = RunConfig(data=name, batch_size=16, epochs=1, **settings)
    return resolve(config, dataset_facts(name, TableOptions.of(config)))


def check_equals_memory(config: RunConfig, workers: int = 0) -> None:
    """Checks batches of two epochs, the other splits, the scale and the properties."""
    memory = prepare_data(config, CPU)
    streamed = open_streamed_data(config, CPU, num_workers=workers)
    bounds = batch_bounds(len(memory.train), 16)
    for epoch in (1, 2):
        order = draw_order(config, memory.train.targets.reshape(-1), epoch)
        batches = list(streamed.train.epoch(epoch))
        assert len(batches) == len(bounds) == streamed.train.batches_per_epoch
        for (inputs, targets), (begin, end) in zip(batches, bounds, strict=True):
            rows = order[begin:end]
            assert torch.equal(inputs, memory.train.examples[rows])
            assert torch.equal(targets, memory.train.targets[rows])
    for source, tensors in ((streamed.val, memory.val), (streamed.test, memory.test)):
        assert source is not None
        batches = list(source.epoch(1))
        assert torch.equal(torch.cat([inputs for inputs, _ in batches]), tensors.examples)
        assert torch.equal(torch.cat([targets for _, targets in batches]), tensors.targets)
    assert (streamed.target_scale, streamed.target_mean) == (
        memory.target_scale, memory.target_mean,
    )  # fmt: skip
    assert (streamed.in_shape, streamed.classes) == (memory.in_shape, memory.classes)
    assert streamed.columns == memory.columns


@pytest.mark.parametrize("inputs", ["standardise", "minmax", "zca"])
def test_built_in_data(inputs: str) -> None:
    config = resolved("iris", inputs=inputs)
    check_equals_memory(config)
    assert open_streamed_data(config, CPU).fingerprint == prepare_data(config, CPU).fingerprint


def test_regression_targets_and_loader_workers() -> None:
    check_equals_memory(resolved("diabetes"), workers=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int32, np.float16])
def test_arrays_in_files(tmp_path: Path, dtype: Any) -> None:
    generator = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", (generator.normal(size=(60, 5)) * 20 + 100).astype(dtype))
    np.save(tmp_path / "y.npy", generator.normal(size=60))
    config = resolved(f"npy:{tmp_path}")
    check_equals_memory(config)
    assert read_lazy_dataset(config).examples.dtype == dtype


def test_arrays_with_splits_and_images_with_channels_last(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for split, count in (("train", 40), ("val", 10), ("test", 12)):
        images = generator.integers(0, 256, (count, 6, 6, 3)).astype(np.uint8)
        np.save(tmp_path / f"{split}_x.npy", images)
        np.save(tmp_path / f"{split}_y.npy", np.arange(count) % 3)
    facts = dataset_facts(f"npy:{tmp_path}")
    assert (facts.own_val, facts.own_test, facts.classes) == (True, True, ("0", "1", "2"))
    check_equals_memory(resolved(f"npy:{tmp_path}"))


def test_arrays_larger_than_memory_can_only_be_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 5)))
    np.save(tmp_path / "y.npy", np.arange(60) % 2)
    config = resolved(f"npy:{tmp_path}")
    for module in ("engine.data.array_files",):
        monkeypatch.setattr(f"nnlab.{module}.main_memory_bytes", lambda: 1000)
    assert dataset_facts(f"npy:{tmp_path}").streamed_only
    with pytest.raises(DataError, match="more than half") as error:
        prepare_data(config, CPU)
    assert "--stream" in str(error.value.hint)
    assert len(list(open_streamed_data(config, CPU).train.epoch(1))) > 1


def test_the_hash_of_arrays_depends_on_their_content_only(tmp_path: Path) -> None:
    hashes = []
    for name, last in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", np.array([[0.0], [last], [5.0]]))
        np.save(tmp_path / name / "y.npy", np.array([0, 1, 0]))
        hashes.append(dataset_facts(f"npy:{tmp_path / name}").version)
    assert hashes[0] == hashes[1] != hashes[2]


def test_an_array_that_is_not_finite_is_named(tmp_path: Path) -> None:
    x = np.zeros((5000, 2))
    x[4999, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(5000) % 2)
    with pytest.raises(DataError, match=r"x\[4999, 1\] is nan"):
        dataset_facts(f"npy:{tmp_path}")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_images_of_a_folder(tmp_path: Path, mode: str) -> None:
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for index in range(20):
            shape = (5, 4) if mode == "L" or index == 0 else (5, 4, 3)
            pixels = generator.integers(0, 256, shape).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    config = resolved(f"folder:{tmp_path}")
    check_equals_memory(config, workers=1)
    facts = dataset_facts(f"folder:{tmp_path}", stream=True)
    assert facts.classes == ("cat", "dog")
    assert facts.version == config.data_version
    assert not facts.streamed_only


def test_image_of_another_size_is_named(tmp_path: Path) -> None:
    for name, size in (("a", 4), ("b", 5)):
        (tmp_path / name).mkdir()
        for index in range(10):
            Image.new("L", (size, 4)).save(tmp_path / name / f"{index}.png")
    config = RunConfig(data=f"folder:{tmp_path}")
    with pytest.raises(DataError, match="has 5x4 pixels"):
        read_lazy_dataset(config)


@pytest.fixture
def table(tmp_path: Path) -> str:
    """A Parquet file of several row groups with numbers, texts, dates and missing values."""
    import pyarrow as pa
    from pyarrow import parquet

    generator = np.random.default_rng(0)
    numbers = [None if i % 9 == 4 else float(v) for i, v in enumerate(generator.normal(size=90))]
    columns = {
        "number": numbers,
        "city": [("Rome", "Oslo", None, "Bonn")[i % 4] for i in range(90)],
        "count": generator.integers(0, 1000, 90),
        "target": [f"class {i % 3}" for i in range(90)],
    }
    path = tmp_path / "table.parquet"
    parquet.write_table(pa.table(columns), path, row_group_size=25)
    return f"parquet:{path}#target"


@pytest.mark.parametrize("missing", ["category", "drop"])
def test_parquet_table(table: str, missing: str) -> None:
    config = resolved(table, missing=missing)
    check_equals_memory(config)
    streamed = open_streamed_data(config, CPU)
    assert streamed.fingerprint == prepare_data(config, CPU).fingerprint
    options = TableOptions.of(config)
    in_memory, lazy = dataset_facts(table, options), dataset_facts(table, options, stream=True)
    assert in_memory == lazy


def test_medians_of_a_parquet_table(table: str) -> None:
    check_equals_memory(resolved(table, missing="median", drop_columns="city"))


def test_large_text_tables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.csv"
    path.write_text("a,b\n" + "1,2\n3,4\n" * 40)
    monkeypatch.setattr("nnlab.engine.streaming.lazy_dataset.MAX_TEXT_BYTES", 100)
    with pytest.raises(DataError, match="cannot be streamed, a Parquet file can") as error:
        read_lazy_dataset(RunConfig(data=f"csv:{path}"))
    assert "large.parquet" in str(error.value.hint)
