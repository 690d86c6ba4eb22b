"""The seed of a run in its configuration."""

import pytest

from nnlab.exchange.seed_of_config import seed_of_config


@pytest.mark.parametrize(
    ("config", "seed"),
    [
        ({"seed": 0}, 0),
        ({"random_seed": 4}, 4),
        ({"randomState": 4}, 4),
        ({"--manual-seed": "12"}, 12),
        ({"trainer": {"seed": 3}, "data": {"seed": 9}}, 3),
        ({"data": {"seed": 9}}, 9),
        ({"trainer.seed": 3, "seed": 1}, 1),
        ({"trainer/seed": 3}, 3),
        ({"seed_everything": True}, None),
        ({"seed": None, "data_seed": 3}, None),
        ({"seed": 1 << 64}, None),
        ({"seed": (1 << 64) - 1}, (1 << 64) - 1),
        ({"seed": -1}, -1),
        ({"seed": 1.5}, None),
        ({"seed": float("nan")}, None),
        ({"seed": [1, 2]}, None),
        ({"seed": "\u0661"}, None),
        ({"seeds": 3, "n_seeds": 5}, None),
        ({}, None),
    ],
)
def test_the_usual_names_state_the_seed(config: dict[str, object], seed: int | None) -> None:
    assert seed_of_config(config) == seed  # type: ignore[arg-type]


def test_a_deep_configuration_ends() -> None:
    config: dict[str, object] = {"seed": 1}
    for _ in range(5000):
        config = {"a": config}
    assert seed_of_config(config) is None  # type: ignore[arg-type]
