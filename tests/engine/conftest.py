"""Small configs that train in a moment."""

from collections.abc import Callable

import pytest

from nnlab.config import RunConfig, resolve
from nnlab.engine.data import facts

Make = Callable[..., RunConfig]


@pytest.fixture
def config() -> Make:
    """Makes a resolved config: iris, one small layer, five epochs, unless told otherwise."""

    def make(**settings: object) -> RunConfig:
        small = {"data": "iris", "epochs": 5, "batch_size": 16, "device": "cpu"}
        if settings.get("model", "mlp") == "mlp" and "widths" not in settings:
            small |= {"width": 8, "depth": 1}
        if settings.get("opt") in ("lbfgs", "newton-cg"):
            del small["batch_size"]  # they want all examples at once
        chosen = RunConfig(**(small | settings))  # type: ignore[arg-type]
        return resolve(chosen, facts(chosen.data))

    return make
