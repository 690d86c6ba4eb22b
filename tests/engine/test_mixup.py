"""Mixup and cutmix: the mixed examples, and targets mixed with the same weights."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnlab.engine import mixup_cutmix
from nnlab.engine.loop import build_session, train
from nnlab.engine.mixup_cutmix import BatchMixer
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

CLASSES = 4


def make_mixing(
    *, shape: tuple[int, ...] = (2, 6, 5), mixup: float = 0.0, cutmix: float = 0.0
) -> BatchMixer:
    config = resolve(RunConfig(mixup=mixup, cutmix=cutmix), DataFacts("classification"))
    blend = mixup_cutmix.build(config, shape, CLASSES)
    assert blend is not None
    return blend


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(n: int = 12, shape: tuple[int, ...] = (2, 6, 5)) -> tuple[torch.Tensor, torch.Tensor]:
    """Examples whose every number is that of the example, and their classes."""
    examples = torch.arange(n, dtype=torch.float64).reshape(n, *(1 for _ in shape))
    return examples.expand(n, *shape).clone(), torch.arange(n) % CLASSES


def test_without_either_nothing_is_blended() -> None:
    assert mixup_cutmix.build(resolve(RunConfig(), DataFacts("classification")), (4,), 3) is None


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
@given(seed=st.integers(0, 200))
def test_shares_of_the_classes_sum_to_one_and_the_batch_is_left_alone(
    mixup: float, cutmix: float, seed: int
) -> None:
    examples, targets = batch()
    before = examples.clone()
    blended, shares = make_mixing(mixup=mixup, cutmix=cutmix)(
        examples, targets, make_generator(seed)
    )
    assert shares.shape == (12, CLASSES)
    assert shares.dtype == blended.dtype == examples.dtype
    assert torch.allclose(shares.sum(1), torch.ones(12, dtype=torch.float64))
    assert (shares >= 0).all()
    assert torch.equal(examples, before)


@pytest.mark.parametrize("shape", [(4,), (2, 6, 5)])
@given(alpha=st.floats(0.1, 4.0), seed=st.integers(0, 200))
def test_mixup_is_a_convex_blend_of_two_and_so_is_the_target(
    shape: tuple[int, ...], alpha: float, seed: int
) -> None:
    # As many classes as examples: the target tells who was blended, and how much of each.
    examples = batch(12, shape)[0]
    config = resolve(RunConfig(mixup=alpha), DataFacts("classification"))
    blend = mixup_cutmix.build(config, shape, 12)
    assert blend is not None
    blended, shares = blend(examples, torch.arange(12), make_generator(seed))
    assert ((shares > 0).sum(1) <= 2).all()
    expected = (shares @ examples.flatten(1)).reshape(examples.shape)
    assert torch.allclose(blended, expected, atol=1e-9)


@given(alpha=st.floats(0.1, 4.0), seed=st.integers(0, 200))
def test_cutmix_counts_the_pixels_that_it_pastes(alpha: float, seed: int) -> None:
    examples = batch()[0]
    config = resolve(RunConfig(cutmix=alpha), DataFacts("classification"))
    blend = mixup_cutmix.build(config, (2, 6, 5), 12)
    assert blend is not None
    blended, shares = blend(examples, torch.arange(12), make_generator(seed))
    for own in range(12):
        present = sorted({int(number) for number in blended[own].flatten().tolist()})
        for label in present:
            pixels = (blended[own, 0] == label).sum().item()
            assert shares[own, label].item() == pytest.approx(pixels / 30)
    pasted = blended != examples
    for image in pasted.any(0)[:1]:  # the same rectangle in all
        rows, columns = image.any(1), image.any(0)
        assert torch.equal(image, rows[:, None] & columns)


def test_the_shares_of_mixup_are_those_of_a_beta() -> None:
    examples, targets = batch(2, (1,))
    blend, generator = make_mixing(shape=(1,), mixup=0.4), make_generator()
    shares: list[float] = []
    while len(shares) < 3000:
        out = blend(examples, targets, generator)[1]
        # The order was left as it was in half of the batches: those tell nothing.
        if out[0, 1] > 0:
            shares.append(out[0, 0].item())
    weights = torch.tensor(shares, dtype=torch.float64)
    assert weights.mean().item() == pytest.approx(0.5, abs=0.02)
    variance = 0.4 * 0.4 / (0.8**2 * 1.8)
    assert weights.var().item() == pytest.approx(variance, rel=0.05)


def test_of_both_each_batch_takes_one_by_a_fair_coin() -> None:
    examples, targets = batch()
    blend, generator = make_mixing(mixup=1.0, cutmix=1.0), make_generator()
    pasted = 0
    for _ in range(400):
        blended, _ = blend(examples, targets, generator)
        pasted += bool((blended == blended.round()).all())
    assert 160 < pasted < 240


def test_the_same_generator_blends_the_same() -> None:
    examples, targets = batch()
    blend = make_mixing(mixup=1.0, cutmix=1.0)
    generator, twin = make_generator(5), make_generator(5)
    for _ in range(4):
        first, second = blend(examples, targets, generator), blend(examples, targets, twin)
        assert torch.equal(first[0], second[0])
        assert torch.equal(first[1], second[1])
    assert not torch.equal(blend(examples, targets, generator)[0], first[0])


def test_cutmix_needs_images() -> None:
    with pytest.raises(DataError, match=r"--cutmix needs images; .* has shape \[4\]"):
        make_mixing(shape=(4,), cutmix=1.0)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_blended_targets_need_classes_and_a_loss_that_takes_them(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"--{name} needs classes"):
        resolve(RunConfig(**{name: 1.0}), DataFacts("regression"))  # type: ignore[arg-type]
    hinged = RunConfig(loss="hinge", **{name: 1.0})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"--loss hinge does not support"):
        resolve(hinged, DataFacts("classification"))


def test_a_run_with_mixup_can_be_repeated(config: Callable[..., RunConfig]) -> None:
    first, second = (list(train(build_session(config(mixup=0.4, epochs=2)))) for _ in range(2))
    for epoch, repeated in zip(first, second, strict=True):
        assert {k: v for k, v in epoch.values.items() if "time" not in k} == {
            k: v for k, v in repeated.values.items() if "time" not in k
        }
