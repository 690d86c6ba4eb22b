"""Generated sets with other targets than one class: their targets are right and can be learned."""

import numpy as np
import pytest

from nnlab.engine import loop
from nnlab.engine.data import dataset_facts, read_dataset
from nnlab.engine.data.generated import generate_dataset, sentences
from nnlab.engine.data.generated.brackets import is_balanced
from nnlab.engine.data.generated.rng import draw_distinct
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.session import build_session
from nnlab.settings import RunConfig, resolve

DISTINCT = ("robot-arm", "tags", "brackets", "word-tags", "text", "shapes")


@pytest.mark.parametrize("name", DISTINCT)
def test_no_example_is_in_two_splits(name: str) -> None:
    split = read_and_split(resolve(RunConfig(data=name), dataset_facts(name)))
    rows = split.dataset.examples.reshape(len(split.dataset), -1)
    parts = (split.rows.train, split.rows.val, split.rows.test)
    train, val, test = ({row.tobytes() for row in rows[part]} for part in parts)
    assert not train & val
    assert not train & test
    assert not val & test


@pytest.mark.parametrize("name", ["brackets", "word-tags", "text"])
def test_tokens_are_in_the_vocabulary_and_padding_is_at_the_end(name: str) -> None:
    dataset = generate_dataset(name, 200, 0.1, 0)
    tokens = dataset.examples
    assert tokens.dtype == np.int64
    assert dataset.pad_token == 0
    assert 0 <= tokens.min() <= tokens.max() < len(dataset.vocabulary)
    is_padding = tokens == 0
    assert is_padding.any()
    assert np.array_equal(is_padding, np.maximum.accumulate(is_padding, axis=1))


def test_the_class_of_brackets_says_whether_they_are_balanced() -> None:
    dataset = generate_dataset("brackets", 300, 0.0, 1)
    balanced = [is_balanced([token for token in row if token]) for row in dataset.examples.tolist()]
    assert balanced == dataset.target_array.tolist()
    assert sum(balanced) == 150


def test_the_target_of_a_character_is_the_next_one() -> None:
    dataset = generate_dataset("text", 50, 0.0, 2)
    targets = dataset.target_array
    inside = dataset.examples[:, 1:] != 0
    assert np.array_equal(dataset.examples[:, 1:][inside], targets[:, :-1][inside])
    assert np.array_equal(targets[:, :-1][~inside], np.full((~inside).sum(), -100))
    assert dataset.num_outputs == len(dataset.vocabulary) == 29
    for row in dataset.examples[:10]:
        assert sentences.tokens_as_text(row).rstrip().endswith(".")


def test_a_verb_agrees_with_its_subject_and_words_have_several_classes() -> None:
    dataset = generate_dataset("word-tags", 500, 0.0, 0)
    words = np.array(dataset.vocabulary)
    classes_of_word: dict[str, set[int]] = {}
    for tokens, targets in zip(dataset.examples, dataset.target_array, strict=True):
        for token, target in zip(tokens, targets, strict=True):
            assert (token == 0) == (target == -100)
            if token:
                classes_of_word.setdefault(str(words[token]), set()).add(int(target))
        plural = str(words[tokens[0]]) in ("some", "these", "all")
        singular = str(words[tokens[0]]) in ("a", "this", "every")
        verb = str(words[tokens[list(targets).index(3)]])
        if plural or singular:
            assert verb.endswith("s") == singular, (words[tokens], verb)
    assert len(classes_of_word["light"]) == 3
    assert len(classes_of_word["watch"]) == 2


def test_replaced_words_keep_the_class_of_their_position() -> None:
    pure, noisy = (generate_dataset("word-tags", 100, noise, 0) for noise in (0.0, 0.3))
    assert np.array_equal(pure.target_array, noisy.target_array)
    changed = (pure.examples != noisy.examples).sum() / (pure.examples != 0).sum()
    assert 0.2 < changed < 0.35


def test_the_hand_of_the_arm_is_at_the_sum_of_both_links() -> None:
    dataset = generate_dataset("robot-arm", 100, 0.0, 0)
    shoulder, elbow = dataset.examples.T
    hand = np.exp(1j * shoulder) + 0.7 * np.exp(1j * (shoulder + elbow))
    assert np.allclose(dataset.target_array @ [1, 1j], hand, atol=1e-5)
    assert dataset.target_names == ("x", "y")


def test_each_tag_is_present_in_about_a_third_of_the_signals() -> None:
    targets = generate_dataset("tags", 2000, 0.1, 0).target_array
    assert set(np.unique(targets)) == {0, 1}
    assert targets.mean(axis=0) == pytest.approx(np.full(5, 0.35), abs=0.04)


def test_a_pixel_of_a_shape_is_brighter_than_the_background() -> None:
    dataset = generate_dataset("shapes", 50, 0.0, 0)
    assert dataset.examples.shape == (50, 1, 32, 32)
    assert np.array_equal(dataset.examples[:, 0] > 0, dataset.target_array > 0)
    share = np.bincount(dataset.target_array.ravel(), minlength=4) / dataset.target_array.size
    assert share[0] == pytest.approx(0.8, abs=0.1)
    assert min(share[1:]) > 0.03


def test_an_example_is_drawn_again_only_while_there_are_others() -> None:
    numbers = iter([1, 1, 2, *[2] * 100])
    seen: set[int] = set()
    assert [draw_distinct(lambda: next(numbers), seen) for _ in range(3)] == [1, 2, 2]


# The metric of a trivial prediction, and what a short training must reach.
@pytest.mark.parametrize(
    ("settings", "metric", "at_least"),
    [
        ({"data": "text", "epochs": 2, "lr": 0.005}, "accuracy", 0.4),
        ({"data": "word-tags", "epochs": 2}, "accuracy", 0.75),
        ({"data": "tags", "epochs": 6}, "exact_match", 0.35),
        ({"data": "robot-arm", "epochs": 8}, "r2", 0.7),
        ({"data": "brackets", "epochs": 8, "width": 64}, "accuracy", 0.8),
        ({"data": "shapes", "epochs": 4, "batch_size": 16}, "mean_iou", 0.28),
    ],
    ids=str,
)
def test_a_short_training_beats_a_trivial_prediction(
    settings: dict[str, object], metric: str, at_least: float
) -> None:
    """Trivial: the most frequent class of each token 0.25 (words) and 0.17 (characters), of each
    tag 0.12, of the pixels 0.21, the mean of the targets 0, a coin 0.5.
    """
    config = resolve(
        RunConfig(device="cpu", threads=1, **settings),  # type: ignore[arg-type]
        dataset_facts(str(settings["data"])),
    )
    *_, last = loop.train(build_session(config))
    assert last.values[f"val/{metric}"] > at_least


def test_a_class_that_is_exchanged_by_noise_is_the_other_one() -> None:
    pure, noisy = (
        read_dataset(RunConfig(data="brackets", samples=400, data_noise=noise))
        for noise in (0.0, 0.25)
    )
    assert np.array_equal(pure.examples, noisy.examples)
    assert (pure.target_array != noisy.target_array).mean() == pytest.approx(0.25, abs=0.07)
