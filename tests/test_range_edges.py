"""Best values at the edge of the search range: hand-computed cases."""

import pytest

from nnlab.analysis.range_edges import range_edge_notes
from nnlab.settings import ExternalName
from nnlab.settings.space import Space, parse_space, parse_values


def notes(best: dict[str, object], **given: str) -> tuple[str, ...]:
    space: Space = parse_space(given, whole_ranges=True)
    return range_edge_notes(space, best)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "best", "beyond"),
    [
        ({"lr": "0.001,0.01,0.1"}, {"lr": 0.1}, "--lr 0.01..1"),
        ({"lr": "0.001,0.01,0.1"}, {"lr": 0.001}, "--lr 0.0001..0.01"),
        ({"lr": "0.001,0.01,0.1"}, {"lr": 0.01}, None),
        ({"lr": "0.001,0.1"}, {"lr": 0.1}, None),  # two values have no inside
        ({"lr": "1e-4..1e-2"}, {"lr": 0.0098}, "--lr 0.001..0.1"),
        ({"lr": "1e-4..1e-2"}, {"lr": 0.004}, None),
        ({"lr": "0.01,0.1,0.2"}, {"lr": 0.01}, "--lr 0.005..0.105"),  # 0 is excluded
        ({"beta1": "0.5,0.7,0.9"}, {"beta1": 0.9}, "--beta1 0.7..0.95"),  # 1 is excluded
        ({"dropout": "0,0.2,0.4"}, {"dropout": 0.0}, None),  # nothing lies below
        ({"dropout": "0,0.2,0.4"}, {"dropout": 0.4}, "--dropout 0.2..0.6"),
        ({"depth": "1..4"}, {"depth": 4}, "--depth 2..6"),
        ({"depth": "1..4"}, {"depth": 1}, None),  # a network has a layer
        ({"width": "16,32,64"}, {"width": 16}, "--width 8..32"),
        ({"width": "1000,2000,3000"}, {"width": 3000}, "--width 2000..4000"),
        ({"beta1": "0.9991,0.9992,0.9993"}, {"beta1": 0.9993}, "--beta1 0.9992..0.9994"),
        ({"opt": "sgd,adam,lion"}, {"opt": "lion"}, None),
        ({"epochs": "5"}, {"epochs": 5}, None),
        ({"l1": "1e-4,1e-3,1e-2"}, {"l1": 0.0}, None),  # not one of the values tried
        ({"lr": "0.001,0.01,0.1"}, {"lr": 1.0}, None),
        ({"beta1": "0.8,0.9,0.95"}, {"opt": "sgd"}, None),  # the best has no such field
    ],
    ids=str,
)
def test_the_edge(given: dict[str, str], best: dict[str, object], beyond: str | None) -> None:
    result = notes(best, **given)
    if beyond is None:
        assert result == ()
    else:
        (text,) = result
        assert text.endswith(f"extend the range: {beyond}")
        name, values = beyond.split()
        assert parse_values(name.removeprefix("--"), values)  # it can be typed


@pytest.mark.parametrize("name", ["model.risk", ExternalName("risk")])
def test_zero_is_a_limit_of_a_field_with_unknown_limits(name: str) -> None:
    tried: Space = {name: (0.0, 0.4, 0.8)}
    assert range_edge_notes(tried, {name: 0.0}) == ()
    (text,) = range_edge_notes(tried, {name: 0.8})
    assert text.endswith("risk 0.4..1.2")
