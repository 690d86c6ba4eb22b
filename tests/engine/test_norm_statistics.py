"""What normalisation layers average, compared with torch's functions."""

import pytest
import torch
from torch.nn import functional

from nnlab.engine.norm_statistics import (
    COMPARED_NORMS,
    channel_statistics,
    example_statistics,
    normalise_batch,
)
from nnlab.figures.untrained_settings import expand_settings

EPS = 1e-5
SHAPE = (5, 6, 4, 3)


def outputs() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 + 2 * torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def expected(norm: str, x: torch.Tensor) -> torch.Tensor:
    match norm:
        case "batch":
            return functional.batch_norm(x, None, None, training=True, eps=EPS)
        case "layer":
            return functional.layer_norm(x, x.shape[1:], eps=EPS)
        case "instance":
            return functional.instance_norm(x, eps=EPS)
        case _:
            return functional.group_norm(x, 3, eps=EPS)


@pytest.mark.parametrize(
    ("norm", "sets", "size"),
    [("batch", 6, 60), ("layer", 5, 72), ("instance", 30, 12), ("group", 15, 24)],
)
def test_the_outputs_are_those_of_torch_and_the_sets_have_the_documented_number(
    norm: str, sets: int, size: int
) -> None:
    x = outputs()
    settings = {"model": "cnn", "width": "6", "norm": "group", "norm_groups": "3"}
    (trial,) = expand_settings(settings)
    result = normalise_batch(x, trial.config, norm)
    torch.testing.assert_close(result.outputs, expected(norm, x))
    assert (len(result.means), result.set_size) == (sets, size)
    # The statistics are those by which the layer normalises.
    shape = {
        "batch": (1, 6, 1, 1, 1),
        "layer": (5, 1, 1, 1, 1),
        "instance": (5, 6, 1, 1, 1),
        "group": (5, 3, 1, 1, 1),
    }[norm]
    grouped = x.reshape(5, 3, 2, 4, 3) if norm == "group" else x.unsqueeze(2)
    mean, sd = result.means.reshape(shape), result.sds.reshape(shape)
    by_hand = ((grouped - mean) / (sd**2 + EPS).sqrt()).reshape(SHAPE)
    torch.testing.assert_close(result.outputs, by_hand)


def test_batch_norm_has_as_many_means_as_channels_over_all_other_dimensions() -> None:
    x = outputs()
    (trial,) = expand_settings({"model": "cnn", "norm": "group"})
    result = normalise_batch(x, trial.config, "batch")
    torch.testing.assert_close(result.means, x.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(result.sds, x.std(dim=(0, 2, 3), correction=0))
    means, sds = channel_statistics(result.outputs)
    assert means == pytest.approx([0] * 6, abs=1e-12)
    assert sds == pytest.approx([1] * 6, rel=1e-4)


def test_layer_norm_leaves_channels_with_different_means_and_no_example() -> None:
    x = outputs() + torch.arange(6.0).double()[:, None, None]
    (trial,) = expand_settings({"model": "cnn", "norm": "group", "norm_groups": "3", "width": "6"})
    for norm in COMPARED_NORMS:
        result = normalise_batch(x, trial.config, norm)
        channel_means, example_means = (
            max(map(abs, statistics(result.outputs)[0]))
            for statistics in (channel_statistics, example_statistics)
        )
        assert (channel_means < 1e-9) == (norm in ("batch", "instance"))
        assert (example_means < 1e-9) == (norm != "batch")
