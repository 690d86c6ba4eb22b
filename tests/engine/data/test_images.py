"""Image folders: classes, colours, sizes, and provided splits."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.errors import DataError
from nnlab.settings import RunConfig


def draw(path: Path, value: int | tuple[int, int, int], size: tuple[int, int] = (5, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(value, int) else "RGB", size, value).save(path)


def dataset_of(root: Path) -> Dataset:
    return read_dataset(RunConfig(data=f"folder:{root}"))


def test_each_sub_folder_is_a_class(tmp_path: Path) -> None:
    draw(tmp_path / "dog" / "1.png", 10)
    draw(tmp_path / "cat" / "b.pgm", 30)
    draw(tmp_path / "cat" / "a.PNG", 20)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    dataset = dataset_of(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert dataset.target_array.tolist() == [0, 0, 1]
    assert dataset.examples.shape == (3, 1, 4, 5)
    assert dataset.examples.dtype == np.uint8
    assert dataset.examples[:, 0, 0, 0].tolist() == [20, 30, 10]


def test_one_image_in_colour_makes_all_rgb(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "1.png", 10)
    draw(tmp_path / "b" / "1.png", (1, 2, 3))
    dataset = dataset_of(tmp_path)
    assert dataset.examples.shape == (2, 3, 4, 5)
    assert dataset.examples[:, :, 0, 0].tolist() == [[10, 10, 10], [1, 2, 3]]


def test_palettes_and_transparency_become_rgb(tmp_path: Path) -> None:
    for name, mode in (("a", "P"), ("b", "RGBA")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (2, 2), (255, 0, 0)).convert(mode).save(tmp_path / name / "1.png")
    dataset = dataset_of(tmp_path)
    assert dataset.examples[:, :, 0, 0].tolist() == [[255, 0, 0]] * 2


def test_folders_of_splits_are_the_sets_own(tmp_path: Path) -> None:
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        for label in ("cat", "dog"):
            for index in range(count):
                draw(tmp_path / part / label / f"{index}.png", count)
    dataset = dataset_of(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert (dataset.num_provided_test, dataset.num_provided_val) == (2, 4)
    assert dataset.examples[:, 0, 0, 0].tolist() == [3] * 6 + [2] * 4 + [1] * 2
    assert dataset_facts(f"folder:{tmp_path}").own_val


def test_the_version_covers_names_and_contents(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "1.png", 1)
    draw(tmp_path / "b" / "1.png", 2)
    versions = [dataset_facts(f"folder:{tmp_path}").version]
    draw(tmp_path / "b" / "1.png", 3)
    versions.append(dataset_facts(f"folder:{tmp_path}").version)
    (tmp_path / "b" / "1.png").rename(tmp_path / "b" / "2.png")
    versions.append(dataset_facts(f"folder:{tmp_path}").version)
    assert len(set(versions)) == 3


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder at"):
        dataset_of(tmp_path / "none")
    draw(tmp_path / "a" / "1.png", 1)
    with pytest.raises(DataError, match="has 1 sub-folders; it needs one for each class"):
        dataset_of(tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match="b has no images"):
        dataset_of(tmp_path)
    draw(tmp_path / "b" / "1.png", 1, size=(7, 4))
    with pytest.raises(DataError, match=r"b/1\.png has 7x4 pixels, .*a/1\.png has 5x4"):
        dataset_of(tmp_path)
    (tmp_path / "b" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n nonsense")
    with pytest.raises(DataError, match=r"b/1\.png is not a readable image"):
        dataset_of(tmp_path)


def test_images_that_do_not_fit_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnlab.engine.data.images.main_memory_bytes", lambda: 20_000)
    for name in ("a", "b"):
        draw(tmp_path / name / "1.png", 10, size=(100, 80))
    with pytest.raises(
        DataError, match="2 images of 100x80 pixels need 48,000 bytes; the limit is"
    ):
        dataset_of(tmp_path)


def test_an_image_of_too_many_pixels_and_a_pipe_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        draw(tmp_path / name / "1.png", 10, size=(100, 80))
    os.mkfifo(tmp_path / "a" / "2.png")
    assert len(dataset_of(tmp_path).target_array) == 2
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    with pytest.raises(DataError, match="is not a readable image: Image size"):
        dataset_of(tmp_path)
