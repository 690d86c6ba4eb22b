"""Figures of data sets: one form per type of data, complete."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from nnlab.engine.data import read_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.figures.draw.save import save_figure
from nnlab.figures.kinds.dataset import draw_dataset
from nnlab.settings import RunConfig


def pictured(data: str) -> tuple[Figure, Dataset]:
    dataset = read_dataset(RunConfig(data=data))
    return draw_dataset(dataset, np.arange(len(dataset.target_array))), dataset


def make_dataset(
    examples_of: NDArray[np.generic], targets: NDArray[np.generic], classes: int
) -> Dataset:
    names = tuple(f"class {index}" for index in range(classes))
    task = "classification" if classes else "regression"
    return Dataset("make_dataset", task, examples_of, targets, names)  # type: ignore[arg-type]


def test_images_are_a_grid_with_a_row_for_each_class() -> None:
    figure, dataset = pictured("digits")
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == 100
    first = np.asarray(drawn[0].images[0].get_array())
    zero = dataset.examples[np.flatnonzero(dataset.targets == 0)[0], 0]
    assert np.allclose(first, zero / dataset.examples.max())
    assert [t.get_text() for ax in figure.axes for t in ax.texts] == list(dataset.classes)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colours_are_drawn_as_they_are(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, channels, 6, 5)).astype(np.uint8)
    pixels[0, 0, 0, :2] = (0, 255)
    figure = draw_dataset(make_dataset(pixels, np.arange(20) % 2, 2), np.arange(20))
    shown = np.asarray(figure.axes[0].images[0].get_array())
    expected = pixels[0, 0] if channels == 1 else pixels[0, :3].transpose(1, 2, 0)
    assert np.allclose(shown, expected / 255)


def test_two_features_are_the_plane() -> None:
    figure, dataset = pictured("blobs")
    clouds = [c for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    assert len(clouds) == 3
    for place, cloud in enumerate(clouds):
        points = np.asarray(cloud.get_offsets())
        assert np.allclose(points, dataset.examples[dataset.targets == place])


def test_more_features_are_drawn_along_their_principal_components() -> None:
    figure, _ = pictured("wine")
    ax = figure.axes[0]
    assert ax.get_xlabel() == "Component 1 (36 % of the variance)"
    assert ax.get_ylabel() == "Component 2 (19 % of the variance)"
    points = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections])
    assert abs(np.corrcoef(points.T)[0, 1]) < 1e-9


def test_signals_are_curves() -> None:
    figure, dataset = pictured("sequences")
    assert len([ax for ax in figure.axes if ax.lines]) == 10
    line = figure.axes[0].lines[0]
    assert np.array_equal(line.get_ydata(), dataset.examples[0])


def test_numbers_are_a_histogram() -> None:
    figure, dataset = pictured("diabetes")
    ax = figure.axes[0]
    assert sum(p.get_height() for p in ax.patches if isinstance(p, Rectangle)) == len(
        dataset.target_array
    )
    assert "mean 152.1" in ax.get_xlabel()


def odd(kind: str) -> Dataset:
    draw = np.random.default_rng(0)
    if kind == "one feature":
        return make_dataset(draw.random((30, 1)), np.arange(30) % 2, 2)
    if kind == "thirty classes":
        return make_dataset(draw.random((90, 4)), np.arange(90) % 30, 30)
    if kind == "a class without examples":
        return make_dataset(draw.random((20, 1, 4, 4)), np.zeros(20, np.int64), 2)
    if kind == "images to regress":
        return make_dataset(draw.random((40, 3, 4, 4)), draw.random(40), 0)
    return make_dataset(np.ones((20, 5)), np.arange(20) % 2, 2)


@pytest.mark.parametrize(
    "kind",
    [
        "one feature",
        "thirty classes",
        "a class without examples",
        "images to regress",
        "constant features",
    ],
)
def test_odd_sets_are_drawn_too(kind: str, tmp_path: Path) -> None:
    dataset = odd(kind)
    figure = draw_dataset(dataset, np.arange(len(dataset.target_array)))
    save_figure(figure, tmp_path / "odd.png", {})
    assert (tmp_path / "odd.png").stat().st_size > 1000


def test_the_same_set_is_the_same_picture(tmp_path: Path) -> None:
    draw: Callable[[], Figure] = lambda: pictured("iris")[0]  # noqa: E731
    for name in ("a.png", "b.png"):
        save_figure(draw(), tmp_path / name, {})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
