"""The outputs of layers after initialisation."""

from collections.abc import Callable

import pytest

from nnlab.engine.initial_outputs import measure_layer_outputs
from nnlab.engine.loop import build_session
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"init": "normal", "init_scale": 0.01}, "shrinks"),
        ({"init": "normal", "init_scale": 0.3}, "explodes"),
        ({"init": "xavier"}, "shrinks"),
        ({"init": "xavier", "init_gain": "activation"}, "holds"),
        ({"init": "xavier", "activation": "tanh"}, "holds"),
        ({"init": "msra"}, "holds"),
        ({"init": "lsuv"}, "holds"),
        ({"init": "zeros"}, "shrinks"),
    ],
    ids=str,
)
def test_too_small_shrinks_too_large_explodes(
    config: Make, settings: dict[str, object], word: str
) -> None:
    session = build_session(config(data="digits", depth=10, width=100, **settings))
    outputs = measure_layer_outputs(session)
    assert outputs.signal_trend == word
    assert len(outputs.standard_deviations) == len(outputs.means) == len(outputs.samples) == 10
    assert all(len(sample) == 2000 for sample in outputs.samples)
