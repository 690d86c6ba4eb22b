"""Rotation of the images of a data set by a multiple of 90 degrees."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.rotation import rotate_images
from nnlab.engine.data.split_dataset import SplitDataset
from nnlab.engine.streaming.lazy_dataset import read_lazy_dataset
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, digest_of, resolve, setting_of

Arrange = Callable[..., SplitDataset]
IMAGE = [[1, 2, 3], [4, 5, 6]]
# By hand: after 90 degrees counterclockwise the last column is the first row.
ROTATED = {
    90: [[3, 6], [2, 5], [1, 4]],
    180: [[6, 5, 4], [3, 2, 1]],
    270: [[4, 1], [5, 2], [6, 3]],
}


def image_dataset() -> Dataset:
    """Two images of two channels; the second channel is ten times the first."""
    image = np.array(IMAGE, np.uint8)
    examples = np.stack([[image, 10 * image], [image + 1, 10 * image]])
    return Dataset("toy", "classification", examples, np.array([0, 1]), ("a", "b"))


@pytest.mark.parametrize(("degrees", "expected"), ROTATED.items())
def test_pixels_are_where_a_rotation_by_hand_puts_them(
    degrees: int, expected: list[list[int]]
) -> None:
    rotated = rotate_images(image_dataset(), degrees)
    rows, columns = np.array(expected).shape
    assert rotated.in_shape == (2, rows, columns)
    np.testing.assert_array_equal(rotated.examples[0, 0], expected)
    np.testing.assert_array_equal(rotated.examples[0, 1], 10 * np.array(expected))
    np.testing.assert_array_equal(rotated.examples[1, 0], np.array(expected) + 1)
    assert rotated.examples.dtype == np.uint8
    assert rotated.examples.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(rotated.target_array, [0, 1])


def test_the_classes_of_pixels_are_rotated_with_them() -> None:
    labels = np.array([IMAGE, IMAGE])
    pixels = replace(image_dataset(), task="segmentation", targets=labels)
    rotated = rotate_images(pixels, 90)
    np.testing.assert_array_equal(rotated.target_array[1], ROTATED[90])


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_digits_are_rotated_as_torch_does(degrees: int) -> None:
    upright = read_dataset(RunConfig(data="digits")).examples
    rotated = read_dataset(RunConfig(data="digits", rotate=degrees)).examples
    expected = torch.rot90(torch.from_numpy(upright), degrees // 90, (2, 3))
    np.testing.assert_array_equal(rotated, expected.numpy())


def test_splits_have_the_same_rows_as_without_rotation(read_and_split_data: Arrange) -> None:
    """So that no test example of a rotated data set was a training example of the upright one."""
    upright = read_and_split_data("digits")
    rotated = read_and_split_data("digits", rotate=90, train_size=50)
    np.testing.assert_array_equal(upright.rows.val, rotated.rows.val)
    np.testing.assert_array_equal(upright.rows.test, rotated.rows.test)
    assert not set(rotated.rows.test.tolist()) & set(upright.rows.train.tolist())
    assert upright.fingerprint != rotated.fingerprint


@pytest.mark.parametrize(("name", "noun"), [("iris", "features"), ("text", "tokens")])
def test_data_without_images_is_refused(name: str, noun: str) -> None:
    with pytest.raises(DataError, match=f"--rotate 90 needs images; .*{name} are {noun}"):
        read_dataset(resolve(RunConfig(data=name, rotate=90), dataset_facts(name)))


def test_images_that_stay_in_files_are_refused() -> None:
    with pytest.raises(DataError, match="--rotate cannot be used with examples that are streamed"):
        read_lazy_dataset(RunConfig(data="folder:images", rotate=90))


def test_other_angles_are_refused() -> None:
    with pytest.raises(ConfigError, match="--rotate 45 is not a multiple of 90 degrees"):
        resolve(RunConfig(data="digits", rotate=45), dataset_facts("digits"))


def test_only_a_rotation_changes_the_digest() -> None:
    """Settings that were stored before the option existed keep their digest."""
    upright = setting_of(resolve(RunConfig(data="digits"), dataset_facts("digits")))
    earlier = {name: value for name, value in upright.items() if name != "rotate"}
    assert digest_of(upright) == digest_of(earlier)
    assert digest_of({**upright, "rotate": 90}) != digest_of(earlier)
