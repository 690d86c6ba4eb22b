"""The built-in choices, rules and figures pass the test suites that are published for plugins."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from nnlab.catalogue import builtin_names
from nnlab.catalogue.data import TOKEN_DATA
from nnlab.diagnosis import RULES
from nnlab.engine.data import BUILTIN, GENERATED
from nnlab.settings import RunConfig
from nnlab.testing import (
    DataContract,
    FigureContract,
    ModelContract,
    OptimizerContract,
    RuleContract,
    ScheduleContract,
)

IMAGES = ((1, 8, 8), (3, 16, 16))


@pytest.mark.parametrize("name", builtin_names("opt"))
class TestBuiltinOptimizers(OptimizerContract):
    """Every row of the table of optimizers."""


@pytest.mark.parametrize("name", builtin_names("decay"))
class TestBuiltinSchedules(ScheduleContract):
    """Every row of the table of schedules."""


@pytest.mark.parametrize("name", ["mlp", "linear", "transformer", "lstm", "gru"])
class TestBuiltinTableModels(ModelContract):
    """Models that accept tables."""

    def make_config(self, name: str, **changes: object) -> RunConfig:
        small = {} if name == "linear" else {"width": 8, "depth": 1}
        return super().make_config(name, **{**small, **changes})


@pytest.mark.parametrize("name", ["cnn", "resnet", "wide_resnet"])
class TestBuiltinImageModels(ModelContract):
    """Models that need images."""

    in_shapes = IMAGES
    settings: ClassVar[Mapping[str, object]] = {"data": "digits", "width": 2, "train_size": 64}


@pytest.mark.parametrize("name", [*BUILTIN, *GENERATED])
class TestBuiltinData(DataContract):
    """The data sets that need no download; a linear model takes neither tokens nor pixels."""

    def make_config(self, name: str, **changes: object) -> RunConfig:
        models = {**dict.fromkeys(TOKEN_DATA, "gru"), "shapes": "unet"}
        small = {"model": models[name], "width": 4} if name in models else {}
        return super().make_config(name, **{**small, **changes})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.code))
class TestBuiltinRules(RuleContract):
    """The rules for single runs."""


@pytest.mark.parametrize("figure_kind", ["curves", "gap", "lr", "ranking", "sweep", "time"])
class TestBuiltinFigures(FigureContract):
    """Kinds of figures that have no required option and evaluate no model."""

    options: ClassVar[Mapping[str, Any]] = {}
