"""Augmentation: each transformation against a hand-computed case, and repeatable draws."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnlab.catalogue import choice_names
from nnlab.engine import augment
from nnlab.engine.augment import AugmentationPipeline
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, parse_value, resolve
from nnlab.settings.data_facts import DataFacts

IMAGES = tuple(name for name in choice_names("augment") if name not in ("none", "noise"))
CHANGING = (*IMAGES, "noise")


def make_augmentation(
    augmentation: str, shape: tuple[int, ...] = (1, 8, 8), **settings: object
) -> AugmentationPipeline:
    config = RunConfig(augment=augmentation, **settings)  # type: ignore[arg-type]
    change = augment.build(resolve(config, DataFacts("classification")), shape)
    assert change is not None
    return change


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 64, channels: int = 1, height: int = 8, width: int = 8) -> torch.Tensor:
    return torch.randn(n, channels, height, width, generator=make_generator(9))


def test_none_changes_nothing_and_is_not_there() -> None:
    assert augment.build(resolve(RunConfig(), DataFacts("classification")), (1, 8, 8)) is None


@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_change_keeps_shape_and_input_and_can_be_repeated(name: str, channels: int) -> None:
    examples = images(channels=channels, height=8, width=6)
    before = examples.clone()
    change = make_augmentation(name)
    first = change(examples, make_generator())
    assert first.shape == examples.shape
    assert first.dtype == examples.dtype
    assert torch.equal(examples, before)
    torch.manual_seed(99)  # the global generator plays no part
    assert torch.equal(change(examples, make_generator()), first)
    assert not torch.equal(change(examples, make_generator(1)), first)


@pytest.mark.parametrize("name", CHANGING)
def test_every_image_has_a_draw_of_its_own(name: str) -> None:
    same = images(1).expand(64, -1, -1, -1)
    distinct = make_augmentation(name)(same, make_generator()).flatten(1)
    assert len({tuple(image) for image in distinct.tolist()}) >= 2


@pytest.mark.parametrize("name", CHANGING)
def test_torch_counts_every_change_as_deterministic(name: str) -> None:
    free = make_augmentation(name)(images(), make_generator())
    torch.use_deterministic_algorithms(True)  # what is not deterministic raises
    try:
        assert torch.equal(make_augmentation(name)(images(), make_generator()), free)
    finally:
        torch.use_deterministic_algorithms(False)


def test_flip_mirrors_about_half_of_the_images_left_to_right() -> None:
    examples = images(1000)
    out = make_augmentation("flip")(examples, make_generator())
    mirrored = (out == examples.flip(3)).flatten(1).all(1)
    kept = (out == examples).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 450 < mirrored.sum() < 550


@given(far=st.integers(1, 5), seed=st.integers(0, 99))
def test_shift_moves_each_image_by_whole_pixels_and_fills_with_zeros(far: int, seed: int) -> None:
    examples = images(6, 2, 5, 4).abs() + 1.0
    out = make_augmentation("shift", augment_shift=far)(examples, make_generator(seed))
    padded = torch.nn.functional.pad(examples, (far, far, far, far))
    for image, moved in zip(padded, out, strict=True):
        assert any(
            torch.equal(moved, image[:, top : top + 5, left : left + 4])
            for top in range(2 * far + 1)
            for left in range(2 * far + 1)
        )


def test_shift_takes_every_place_alike() -> None:
    examples = torch.zeros(9000, 1, 3, 3)
    examples[:, :, 1, 1] = 1.0
    places = make_augmentation("shift", augment_shift=1)(examples, make_generator()).sum((0, 1))
    assert places.min() > 900
    assert places.max() < 1100


def test_a_quarter_turn_is_the_turn_of_torch() -> None:
    examples = images(3, 2, 7, 7)
    for quarters in (-1, 1, 2):
        angle = torch.full((3,), quarters * torch.pi / 2)
        out = augment._apply_affine(examples, angle, torch.ones(3))
        assert torch.allclose(out, torch.rot90(examples, quarters, (2, 3)), atol=1e-5)


def test_no_turn_and_no_change_of_size_is_no_change() -> None:
    examples = images(3, 2, 8, 6)
    out = augment._apply_affine(examples, torch.zeros(3), torch.ones(3))
    assert torch.allclose(out, examples, atol=1e-5)


def test_a_turn_keeps_angles_in_images_that_are_not_square() -> None:
    examples = torch.zeros(1, 1, 9, 15)
    examples[0, 0, 4, 10] = 1.0  # three to the right of the middle
    out = augment._apply_affine(examples, torch.tensor([torch.pi / 2]), torch.ones(1))
    assert out[0, 0, 1, 7].item() == pytest.approx(1.0, abs=1e-5)  # three above it


def test_twice_the_size_moves_points_twice_as_far_from_the_middle() -> None:
    examples = torch.zeros(1, 1, 9, 9)
    examples[0, 0, 4, 6] = 1.0
    out = augment._apply_affine(examples, torch.zeros(1), torch.tensor([2.0]))
    assert out[0, 0, 4, 8].item() == pytest.approx(1.0, abs=1e-5)
    assert out[0, 0, 4, 4].item() == pytest.approx(0.0, abs=1e-5)


def test_rotations_stay_within_their_bound() -> None:
    examples = torch.zeros(500, 1, 41, 41)
    examples[:, :, 20, 40] = 1.0  # as far from the middle as can be
    out = make_augmentation("rotate", augment_rotate=30.0)(examples, make_generator())
    heights = torch.arange(20.0, -21.0, -1.0)[:, None]
    mass = out.sum((1, 2, 3))
    sine = (out * heights).sum((1, 2, 3)) / mass / 20
    assert sine.abs().max() < 0.53
    assert sine.min() < -0.45
    assert sine.max() > 0.45


def test_rotate_and_scale_together_interpolate_once() -> None:
    examples = images(5)
    angle, size = torch.rand(2, 5, generator=make_generator()).unbind()
    out = make_augmentation("rotate+scale", augment_rotate=20.0, augment_scale=0.3)(
        examples, make_generator()
    )
    turned = (2 * angle - 1) * torch.pi / 9
    assert torch.allclose(
        out, augment._apply_affine(examples, turned, 1 + (2 * size - 1) * 0.3), atol=1e-6
    )


def test_erase_sets_one_square_to_the_mean() -> None:
    out = make_augmentation("erase", augment_erase=0.25)(
        torch.ones(600, 3, 8, 12), make_generator()
    )
    gone = out == 0
    assert gone[:, 0].sum((1, 2)).tolist() == [2 * 3] * 600
    assert torch.equal(gone[:, 0], gone[:, 2])
    assert gone[:, 0].any(2).sum(1).tolist() == [2] * 600
    assert (out[~gone] == 1.0).all()
    corners = gone[:, 0, ::7, ::11].any(0)
    assert corners.all(), "the square reaches every corner at times"


def test_brightness_adds_one_number_to_an_image() -> None:
    examples = images(400, 3)
    by = (
        make_augmentation("brightness", augment_brightness=0.4)(examples, make_generator())
        - examples
    ).flatten(1)
    assert torch.allclose(by, by[:, :1].expand_as(by), atol=1e-6)
    assert by.abs().max() <= 0.4 + 1e-6
    assert by[:, 0].std().item() == pytest.approx(0.8 / 12**0.5, rel=0.1)


@pytest.mark.parametrize("shape", [(4,), (1, 16), (1, 8, 8)])
def test_noise_has_its_sd_in_tables_sequences_and_images(shape: tuple[int, ...]) -> None:
    out = make_augmentation("noise", shape, augment_noise=0.3)(
        torch.zeros(4000, *shape), make_generator()
    )
    assert out.std().item() == pytest.approx(0.3, rel=0.03)
    assert out.mean().item() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("name", IMAGES)
def test_what_needs_images_says_so(name: str) -> None:
    with pytest.raises(DataError, match=rf"--augment {name} needs images; .* has shape \[4\]"):
        make_augmentation(name, (4,))


@pytest.mark.parametrize("text", ["flip+flip", "none+flip"])
def test_changes_that_cannot_be_joined_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"combines different names; none cannot be combined"):
        parse_value("augment", text)


def test_one_set_of_changes_has_one_spelling() -> None:
    assert parse_value("augment", "shift+flip") == parse_value("augment", "flip+shift")


def test_an_option_of_a_change_that_is_not_made_does_nothing() -> None:
    config = resolve(RunConfig(augment="flip+rotate"), DataFacts("classification"))
    assert config.augment_rotate is not None
    assert config.augment_scale is None
