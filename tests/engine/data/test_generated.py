"""Generated data sets lie on their curves, depend on the seed only, and have the requested
noise.
"""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from nnlab.catalogue import find_choice
from nnlab.engine.data import GENERATED, dataset_facts, read_dataset
from nnlab.engine.data.generated import GENERATE_FUNCTIONS, generate_dataset, planar, teacher
from nnlab.engine.data.generated.sequences import SHAPES, SIGNAL_LENGTH
from nnlab.settings import RunConfig

# The sets whose examples have one class each, in equal numbers whatever the noise.
CLASSES = ["two-moons", "circles", "spirals", "blobs", "xor", "sequences"]


def sha(name: str) -> str:
    dataset = read_dataset(RunConfig(data=name, samples=60))
    content = dataset.examples.tobytes() + dataset.target_array.tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def test_every_generated_set_has_its_function() -> None:
    assert set(GENERATE_FUNCTIONS) == set(GENERATED)


# The bytes as they were when the sets were made: no release and no processor may change them.
@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("two-moons", "9a33b17b52727320"),
        ("circles", "c27100839745be91"),
        ("spirals", "b9e0ef234b73ce3a"),
        ("blobs", "d4de58d1de28bc7b"),
        ("xor", "abe7d2ec1beb5982"),
        ("sequences", "02dba2a34ed483bb"),
        ("teacher-student", "580aa42943cb15ca"),
        ("robot-arm", "2f8614d2d708012c"),
        ("tags", "e04596b967fa5e62"),
        ("brackets", "64946b3fc14df397"),
        ("word-tags", "f57ae5214bd91c1f"),
        ("text", "c3b43a8e6bf6dc1e"),
        ("shapes", "abaf447bdf981ac4"),
    ],
)
def test_the_data_is_the_same_on_every_machine(name: str, digest: str) -> None:
    assert sha(name) == digest


@pytest.mark.parametrize("name", GENERATED)
def test_settings_left_open_are_the_catalogues(name: str) -> None:
    row = find_choice("data", name)
    dataset = read_dataset(RunConfig(data=name))
    assert len(dataset.target_array) == row.defaults["samples"]
    assert dataset.task == row.tasks[0] == dataset_facts(name).task
    assert dataset.classes == dataset_facts(name).classes


@pytest.mark.parametrize("name", GENERATED)
def test_another_seed_draws_other_data_and_the_same_seed_the_same(name: str) -> None:
    first, same = (generate_dataset(name, 50, 0.1, 3) for _ in range(2))
    other = generate_dataset(name, 50, 0.1, 4)
    assert np.array_equal(first.examples, same.examples)
    assert np.array_equal(first.target_array, same.target_array)
    assert not np.array_equal(first.examples, other.examples)


@given(name=st.sampled_from(CLASSES), samples=st.integers(10, 200), seed=st.integers(0, 5))
def test_classes_are_balanced_and_values_finite(name: str, samples: int, seed: int) -> None:
    dataset = generate_dataset(name, samples, 0.1, seed)
    counts = np.bincount(dataset.target_array, minlength=len(dataset.classes))
    assert len(dataset.examples) == counts.sum() == samples
    assert np.isfinite(dataset.examples).all()
    if name != "xor":
        assert counts.max() - counts.min() <= 1


def test_without_noise_the_moons_are_scikit_learns() -> None:
    ours = generate_dataset("two-moons", 100, 0.0, 0)
    theirs, labels = datasets.make_moons(100, shuffle=False)
    assert np.allclose(ours.examples, theirs, atol=1e-6)
    assert np.array_equal(ours.target_array, labels)


def test_without_noise_the_circles_are_scikit_learns() -> None:
    ours = generate_dataset("circles", 100, 0.0, 0)
    theirs, labels = datasets.make_circles(100, shuffle=False, factor=planar.INNER_RADIUS)
    assert np.allclose(ours.examples, theirs, atol=1e-6)
    assert np.array_equal(ours.target_array, labels)


def test_without_noise_the_arms_of_the_spirals_are_one_arm_turned() -> None:
    dataset = generate_dataset("spirals", 90, 0.0, 0)
    arms = [dataset.examples[dataset.target_array == k] @ [1, 1j] for k in range(3)]
    third = np.exp(2j * np.pi / 3)
    assert np.allclose(arms[0] * third, arms[1], atol=1e-5)
    assert np.allclose(arms[1] * third, arms[2], atol=1e-5)
    assert np.abs(arms[0]).max() == pytest.approx(1, abs=1e-6)


def test_the_noise_of_the_blobs_is_their_sd() -> None:
    dataset = generate_dataset("blobs", 30_000, 0.7, 1)
    for label in range(3):
        cloud = dataset.examples[dataset.target_array == label]
        assert np.hypot(*cloud.mean(axis=0)) == pytest.approx(planar.BLOB_RADIUS, abs=0.05)
        assert cloud.std(axis=0) == pytest.approx([0.7, 0.7], abs=0.02)


def test_without_noise_xor_is_the_sign_of_a_product() -> None:
    dataset = generate_dataset("xor", 500, 0.0, 0)
    assert np.array_equal(dataset.target_array, (dataset.examples.prod(axis=1) < 0).astype(int))


def test_xor_and_spirals_are_not_linear_but_can_be_learned() -> None:
    for name in ("xor", "spirals"):
        dataset = read_dataset(RunConfig(data=name))
        x, y = dataset.examples, dataset.target_array
        assert LogisticRegression().fit(x, y).score(x, y) < 0.7
        assert KNeighborsClassifier(5).fit(x[::2], y[::2]).score(x[1::2], y[1::2]) > 0.85


def test_a_sequence_holds_its_shape_at_a_random_place() -> None:
    dataset = generate_dataset("sequences", 2000, 0.0, 0)
    assert dataset.examples.shape == (2000, SIGNAL_LENGTH)
    assert dataset.signal
    ones = dataset.examples[dataset.target_array == 7]
    peaks = ones.argmax(axis=1)
    assert peaks.min() < 8
    assert peaks.max() > 25
    assert len({tuple(shape) for shape in SHAPES}) == 10


def test_sequences_are_hard_for_a_linear_model_only() -> None:
    dataset = read_dataset(RunConfig(data="sequences", samples=3000))
    x, y = dataset.examples, dataset.target_array
    linear = LogisticRegression(max_iter=300).fit(x[::2], y[::2]).score(x[1::2], y[1::2])
    near = KNeighborsClassifier(1).fit(x[::2], y[::2]).score(x[1::2], y[1::2])
    assert linear < 0.6
    assert near > linear + 0.05


def test_the_teachers_noise_is_the_floor_of_the_mse() -> None:
    noisy = generate_dataset("teacher-student", 20_000, 0.3, 5)
    pure = generate_dataset("teacher-student", 20_000, 0.0, 5)
    assert np.array_equal(noisy.examples, pure.examples)
    assert np.mean((noisy.target_array - pure.target_array) ** 2) == pytest.approx(0.09, rel=0.03)
    assert noisy.noise_floor == pytest.approx(0.09)
    assert pure.noise_floor == 0
    assert 0.3 < pure.target_array.std() < 2
    assert noisy.examples.shape[1] == teacher.FEATURES


def test_more_samples_of_a_teacher_ask_the_same_teacher() -> None:
    few, many = (generate_dataset("teacher-student", count, 0.0, 5) for count in (50, 100))
    assert np.array_equal(few.examples, many.examples[:50])
    assert np.array_equal(few.target_array, many.target_array[:50])
