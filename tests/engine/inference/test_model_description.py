"""`model.json`: every number is exact after a round trip, and a damaged file is an error."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnlab.engine.data.prepare import prepare_data
from nnlab.engine.data.preprocessing import Affine, transform_rows
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.inference.inference_model import InferenceModel
from nnlab.engine.inference.model_description import (
    describe_model,
    parse_description,
    serialize_description,
)
from nnlab.errors import CheckpointError
from nnlab.settings import RunConfig, digest_of, setting_of

Make = Callable[..., RunConfig]
CPU = torch.device("cpu")


@pytest.mark.parametrize("inputs", ["standardise", "centre", "minmax", "zca", "none"])
def test_the_stored_transform_gives_the_inputs_of_the_training(config: Make, inputs: str) -> None:
    settings = config(inputs=inputs)
    data = prepare_data(settings, CPU)
    written = serialize_description(describe_model(settings, data))
    description = parse_description(written, "model.json")
    split = read_and_split(settings)
    rows = split.rows.val
    again = transform_rows(description.transform, split.dataset.examples, rows, np.float32)
    assert torch.equal(torch.from_numpy(again), data.val.examples)
    raw = torch.from_numpy(split.dataset.examples[rows])
    prepared = InferenceModel(torch.nn.Identity(), description).prepare(raw)
    torch.testing.assert_close(prepared, data.val.examples, rtol=1e-6, atol=1e-7)


def test_images_and_numbers_are_described_too(config: Make) -> None:
    digits = config(data="digits")
    description = describe_model(digits, prepare_data(digits, CPU))
    assert description.in_shape == (1, 8, 8)
    assert description.classes == tuple("0123456789")
    diabetes = config(data="diabetes")
    written = serialize_description(describe_model(diabetes, prepare_data(diabetes, CPU)))
    read = parse_description(written, "model.json")
    split = read_and_split(diabetes)
    targets = np.asarray(split.dataset.targets, np.float64)[split.rows.train]
    assert (read.target_mean, read.target_scale) == (targets.mean(), targets.std())
    assert [column.name for column in read.columns][:3] == ["age", "sex", "bmi"]
    assert read.digest == digest_of(setting_of(diabetes))
    assert read.config == diabetes


def test_a_table_is_described_with_its_categories_and_its_target(
    config: Make, folder: Path
) -> None:
    rows = "".join(f"{i},{'red' if i % 3 else 'blue'},{i % 2}\n" for i in range(40))
    (folder / "t.csv").write_text("size,colour,kind\n" + rows)
    settings = config(data="csv:t.csv#kind")
    written = serialize_description(describe_model(settings, prepare_data(settings, CPU)))
    read = parse_description(written, "model.json")
    assert [(column.name, column.values) for column in read.columns] == [
        ("size", ()),
        ("colour", ("blue", "red")),
    ]
    assert (read.target_name, read.classes) == ("kind", ("0", "1"))


def test_a_constant_feature_becomes_zero_after_a_round_trip(config: Make) -> None:
    settings = config()
    description = describe_model(settings, prepare_data(settings, CPU))
    transform = Affine(np.zeros((1, 4)), np.array([[1.0, math.inf, 2.0, 1.0]]))
    values = json.loads(serialize_description(description))
    values["inputs"]["scale"][1] = None
    read = parse_description(json.dumps(values).encode(), "model.json")
    assert isinstance(read.transform, Affine)
    assert read.transform.scale[0, 1] == transform.scale[0, 1]
    assert read.transform(np.full((1, 4), 7.0))[0, 1] == 0.0


def change(values: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for name in parents:
        values = values[name]
    values[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", 99, "has format 99; this version of nnlab reads format 1"),
        ("in_shape", [10**9, 10**9], "'in_shape' is not at most"),
        ("in_shape", [-1], "'in_shape' is not a list of positive"),
        ("num_outputs", 0, "'num_outputs' is not at least 1"),
        ("classes", ["a"], "1 classes for 3 outputs"),
        ("classes", "abc", "'classes' is not a list"),
        ("inputs.kind", "os.system", "'kind' is not one of none, affine, whitening"),
        ("inputs.shift", [1.0], "it needs 4 shifts and scales"),
        ("inputs.shift", [1.0, 2.0, 3.0, 10**400], "'shift' is not a list of finite numbers"),
        ("inputs.shape", [1, 3], "do not fit"),
        ("target.scale", 0.0, "target.scale is 0.0"),
        ("setting", {"model": ["x"]}, "setting.model is not a single value"),
        ("columns", [{"name": "a", "categories": []}], "its columns have 1 features"),
    ],
)
def test_a_damaged_description_is_an_error(
    config: Make, path: str, value: object, message: str
) -> None:
    settings = config()
    values = json.loads(
        serialize_description(describe_model(settings, prepare_data(settings, CPU)))
    )
    change(values, path, value)
    with pytest.raises(CheckpointError, match=message):
        parse_description(json.dumps(values).encode(), "model.json")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 10**5, b"[]", b"NaN"])
def test_other_content_is_an_error(content: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"model\.json is not"):
        parse_description(content, "model.json")
