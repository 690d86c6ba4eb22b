"""Arrays of users: which kind of targets they have, and their conversion."""

from typing import Any

import numpy as np
import pytest

from nnlab.catalogue import Task
from nnlab.engine.data.array_task import ArrayProperties
from nnlab.engine.data.arrays import LabelledArrays, build_dataset
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.split import draw_split_codes, strata
from nnlab.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4))
TOKENS = RNG.integers(0, 6, (20, 5))
IMAGES = RNG.normal(size=(20, 3, 4, 6))
TAGS = np.arange(60).reshape(20, 3) % 4 == 0


def build(x: Any, y: Any, task: Task | None = None, **properties: Any) -> Dataset:
    parts = {"train": LabelledArrays(x, y, "x", "y")}
    return build_dataset(
        "d", "own.npz", parts, None, task=task, properties=ArrayProperties.of("own.npz", properties)
    )


@pytest.mark.parametrize(
    ("x", "y", "task", "output_shape"),
    [
        (X, np.arange(20) % 3, "classification", (3,)),
        (X, np.linspace(0, 1, 20), "regression", (1,)),
        (X, X[:, :2], "regression", (2,)),
        (X, TAGS, "multilabel", (3,)),
        (X, TAGS.astype(int), "multilabel", (3,)),
        (TOKENS, TOKENS % 3, "token_classification", (5, 3)),
        (IMAGES, TOKENS[:, :4, None] % 2 + np.zeros((1, 1, 6), int), "segmentation", (2, 4, 6)),
        (X, None, "reconstruction", (4,)),
        (IMAGES, None, "reconstruction", (3, 4, 6)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_shapes_and_types_say_what_is_learned(
    x: Any, y: Any, task: Task, output_shape: tuple[int, ...]
) -> None:
    dataset = build(x, y)
    assert dataset.task == task
    assert dataset.output_shape == output_shape


@pytest.mark.parametrize(
    ("x", "y", "task", "expected"),
    [
        (TOKENS, TOKENS, "language_modeling", (5, 6)),
        (TOKENS, None, "language_modeling", (4, 6)),
        (X, np.arange(20) % 3, "regression", (1,)),
        (X, np.arange(20.0) % 3, "classification", (3,)),
        (TOKENS, TOKENS % 2, "multilabel", (5,)),
        (TOKENS, TOKENS % 2, "token_classification", (5, 2)),
        (X, X[:, :1], "reconstruction", (4,)),
    ],
)
def test_a_chosen_task_decides(x: Any, y: Any, task: Task, expected: tuple[int, ...]) -> None:
    dataset = build(x, y, task)
    assert (dataset.task, dataset.output_shape) == (task, expected)
    assert (dataset.targets is None) == (task == "reconstruction")


def test_without_targets_a_language_model_predicts_the_next_token() -> None:
    dataset = build(TOKENS, None, "language_modeling")
    assert np.array_equal(dataset.examples, TOKENS[:, :-1])
    assert np.array_equal(dataset.target_array, TOKENS[:, 1:])


def test_padding_does_not_count() -> None:
    tokens = TOKENS.copy()
    tokens[:, 3:] = 6
    dataset = build(tokens, None, "language_modeling", pad_token=6)
    assert (dataset.target_array[:, 2:] == -100).all()
    assert (dataset.target_array[:, :2] >= 0).all()
    classes = build(tokens, TOKENS % 3, pad_token=6)
    assert (classes.target_array[:, 3:] == -100).all()
    assert len(classes.vocabulary) == 7


def test_pixels_of_value_255_do_not_count() -> None:
    masks = np.zeros((20, 4, 6), np.uint8)
    masks[:, 1] = 1
    masks[:, 0] = 255
    dataset = build(IMAGES, masks)
    assert (dataset.target_array[:, 0] == -100).all()
    assert dataset.classes == ("0", "1")


def test_names_of_tags_targets_and_tokens_are_kept() -> None:
    assert build(X, TAGS, classes=["a", "b", "c"]).classes == ("a", "b", "c")
    assert build(X, X[:, :2], target_names=["u", "v"]).target_names == ("u", "v")
    tokens = build(TOKENS, np.arange(20) % 2, vocabulary=list("abcdefgh"))
    assert (tokens.task, tokens.vocabulary) == ("classification", tuple("abcdefgh"))
    assert tokens.examples.dtype == np.int64


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (TOKENS, TOKENS % 2, {}, "may be tags, or classes of tokens"),
        (X, np.arange(60).reshape(20, 3), {}, "several numbers to predict are floats"),
        (X, 2 * TAGS, {"task": "multilabel"}, r"y\[0, 0\] is 2; tags are 0 or 1"),
        (X, TAGS, {"classes": ["a"]}, "classes has 1 names for 3 columns"),
        (X, X[:, :2] * [1, 0], {}, r"y\[:, 1\] has only one value"),
        (X, None, {"task": "multilabel"}, "has no targets, which --task multilabel needs"),
        (X, np.arange(20), {"task": "segmentation"}, r"needs \[n, height, width\]"),
        (IMAGES, np.ones((20, 5, 6), int), {}, r"has size \[4, 6\], one of y has \[5, 6\]"),
        (X, TOKENS, {"task": "language_modeling"}, r"shape \[20, 4\], the targets \[20, 5\]"),
        (X[:, :3], None, {"task": "language_modeling"}, "tokens are whole numbers"),
        (TOKENS - 1, None, {"task": "language_modeling"}, "go from -1 to 4"),
        (TOKENS, TOKENS % 3, {"vocabulary": list("abc")}, "must go from 0 to 2"),
        (TOKENS, np.full((20, 5), -100), {}, "no target that counts"),
        (TOKENS, TOKENS % 3, {"pad_token": "x"}, "pad_token is 'x'"),
        (X, X[:, 0], {"task": "unsupervised"}, "needs data that is streamed"),
    ],
)
def test_arrays_that_do_not_fit_say_why(
    x: Any, y: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        build(x, y, **options)


def test_an_example_without_any_position_that_counts_is_named() -> None:
    y = TOKENS % 3
    y[7] = -100
    with pytest.raises(DataError, match=r"y\[7\] has no target that counts"):
        build(TOKENS, y)


def test_splits_have_the_same_share_of_each_combination_of_tags() -> None:
    tags = np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], 20, axis=0)
    dataset = build(RNG.normal(size=(80, 2)), tags)
    codes = draw_split_codes(dataset, val=0.25, test=0.25, seed=3)
    for first, second in ((0, 0), (0, 1), (1, 0), (1, 1)):
        chosen = (tags == [first, second]).all(axis=1)
        assert [int((codes[chosen] == code).sum()) for code in (0, 1, 2)] == [10, 5, 5]


def test_several_numbers_are_stratified_by_their_mean() -> None:
    y = np.stack([np.arange(100.0), 1000 * np.arange(100.0)], axis=1)
    groups = strata(build(RNG.normal(size=(100, 2)), y), np.arange(100))
    assert np.array_equal(groups, np.arange(100) // 10)
