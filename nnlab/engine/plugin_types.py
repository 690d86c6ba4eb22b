"""The objects that plugins provide for choices of a setting; `nnlab.plugins` exports them.

Each is a catalogue row with the function that implements it. torch and numpy are not imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nnlab.catalogue import Choice
from nnlab.settings import RunConfig, parse_value, setting_fields

if TYPE_CHECKING:
    from torch import nn, optim


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingPlugin(Choice):
    """A catalogue row of a plugin; its defaults are checked when it is created.

    Raises:
        ValueError: `defaults` has a field that does not belong to the kind, or an invalid value.
        ConfigError: a default exceeds the limits of its field.
    """

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        fields = setting_fields()
        known = [name for name, f in fields.items() if f.option.default_from == self.kind]
        for name, value in self.defaults.items():
            if name not in known:
                raise ValueError(
                    f"defaults has '{name}', which does not belong to {fields[self.kind].flag};"
                    f" {', '.join(known)} do"
                )
            if value is not None:
                parse_value(name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerPlugin(SettingPlugin):
    """An optimizer for `--opt`.

    `build` takes the model and the resolved config, and returns a torch optimizer. Its learning
    rate is set before every step to `config.lr` times the schedule, times `lr_factor` of the
    parameter group if the group has one. The state is saved with `state_dict`.
    """

    kind: ClassVar[str] = "opt"

    build: "Callable[[nn.Module, RunConfig], optim.Optimizer]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlugin(SettingPlugin):
    """A learning rate schedule for `--decay`.

    `build` takes the resolved config and the number of epochs after the warmup. It returns a pure
    function from t, the epochs since the warmup including fractions, to the factor of the initial
    learning rate.
    """

    kind: ClassVar[str] = "decay"

    build: Callable[[RunConfig, float], Callable[[float], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlugin(SettingPlugin):
    """A model for `--model`.

    `build` takes the resolved config, the shape of one example ((features,) or (channels, height,
    width)) and the number of outputs. It returns a torch module whose outputs are [n, outputs].
    torch's global generator is seeded from the seed of the run before the call.
    """

    kind: ClassVar[str] = "model"

    build: "Callable[[RunConfig, tuple[int, ...], int], nn.Module]"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlugin(SettingPlugin):
    """A data set for `--data`.

    `read` takes the resolved config and returns a pair (x, y), or a dict of such pairs with the
    keys train, val and test: arrays, tensors or lists. Integer or text targets are classes, floats
    are regression targets. The other attributes describe the data, so that settings can be checked
    before anything is read: `tasks` has exactly one task, `classes` are the names of the classes
    in the order of the sorted targets (empty if unknown), and `own_test` and `own_val` say whether
    `read` returns these splits.
    """

    kind: ClassVar[str] = "data"

    read: Callable[[RunConfig], Any]
    classes: tuple[str, ...] = ()
    own_test: bool = False
    own_val: bool = False

    def __post_init__(self) -> None:
        # Without arguments, `super` does not work in a dataclass with slots.
        SettingPlugin.__post_init__(self)
        if len(self.tasks) != 1:
            raise ValueError("tasks must have exactly one task, as in tasks=('classification',)")
