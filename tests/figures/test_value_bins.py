"""Ranges of a sampled setting: round edges, every value in the range that its name says."""

import numpy as np
import pytest

from nnlab.figures.value_bins import bins_of


@pytest.mark.parametrize(
    ("low", "high", "edges"),
    [
        (1.3e-4, 0.84, (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)),
        (1e-6, 1.0, (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0)),
        (0.02, 0.9, (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)),
        (0.0, 0.5, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        (-1.0, 1.0, (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)),
    ],
)
def test_edges_are_round_and_contain_all_values(
    low: float, high: float, edges: tuple[float, ...]
) -> None:
    spaced = np.geomspace if low > 0 else np.linspace
    values = [float(value) for value in spaced(low, high, 60)]
    bins = bins_of(values)
    assert bins is not None
    assert bins.edges == pytest.approx(edges)
    for value in values:
        lower = bins.lower_edge(value)
        assert isinstance(lower, float)
        upper = bins.edges[bins.edges.index(lower) + 1]
        assert lower <= value < upper or value == pytest.approx(bins.edges[-1])


def test_the_name_of_a_range_is_its_edges() -> None:
    bins = bins_of([float(value) for value in np.geomspace(1e-6, 1.0, 60)])
    assert bins is not None
    assert [bins.label(edge) for edge in bins.edges[:2]] == ["10⁻⁶–10⁻⁵", "10⁻⁵–10⁻⁴"]  # noqa: RUF001


def test_a_grid_and_categories_keep_their_values() -> None:
    assert bins_of([0.1, 0.2, 0.3] * 20) is None
    assert bins_of([f"word {index}" for index in range(60)]) is None
