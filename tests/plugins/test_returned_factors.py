"""Schedules and optimizers of plugins that return or raise something wrong."""

from types import SimpleNamespace

import pytest

from nnlab.engine import schedules
from nnlab.engine.schedules import build_schedule
from nnlab.errors import PluginError
from nnlab.settings import RunConfig


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.5", "the text '0.5'"),
        (True, "the truth value True"),
        (None, "None (is there a return statement?)"),
        ([0.5], "an object of type list"),
        (1j, "the complex number 1j"),
        (-1.0, "-1"),
        (float("nan"), "nan"),
    ],
)
def test_a_factor_that_is_no_number_names_the_plugin(
    monkeypatch: pytest.MonkeyPatch, value: object, shown: str
) -> None:
    plugin = SimpleNamespace(
        plugin=SimpleNamespace(name="odd", version="lab 1.2"),
        choice=SimpleNamespace(build=lambda *_: lambda _: value),
    )
    monkeypatch.setattr(schedules, "find_required", lambda *_: plugin)
    schedule = build_schedule(RunConfig(decay="odd", epochs=3), 10)
    with pytest.raises(PluginError) as caught:
        schedule(1.5)
    assert f"the plugin 'odd' of lab 1.2 returns {shown} at t = 1.5" in str(caught.value)
