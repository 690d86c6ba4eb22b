"""Reduces curves of many epochs to the number of points that a figure can show."""

import math
from collections.abc import Sequence

from nnlab.stats.curve_band import CurveBand

# A panel is about 600 pixels wide at 300 dpi; more points only make files larger.
MAX_POINTS = 600


def downsample_band(band: CurveBand, most: int = MAX_POINTS) -> CurveBand:
    """The band reduced to at most `most` points; a shorter band is returned unchanged.

    Each point stands for a group of neighbouring epochs, at the middle epoch: the average of the
    means, and the extremes of the band, so that no peak is lost. Values that are not finite are
    ignored; a group without finite values is a gap.
    """
    if len(band) <= most:
        return band
    size = -(-len(band) // most)
    groups = [slice(i, i + size) for i in range(0, len(band), size)]
    means = [_finite_values(band.mean[group]) for group in groups]
    return CurveBand(
        tuple(band.epochs[group][len(band.epochs[group]) // 2] for group in groups),
        tuple(sum(values) / len(values) if values else math.nan for values in means),
        tuple(min(_finite_values(band.low[group]), default=math.nan) for group in groups),
        tuple(max(_finite_values(band.high[group]), default=math.nan) for group in groups),
        tuple(max(band.n[group]) for group in groups),
    )


def _finite_values(values: Sequence[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
