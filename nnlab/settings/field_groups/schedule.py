"""Fields of RunConfig for the learning rate schedule and its warmup."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.settings.option import Option

_PANEL = "Learning rate"


@dataclass(frozen=True, kw_only=True)
class ScheduleFields:
    """Fields of a run's configuration for the learning rate schedule and its warmup."""

    decay: Annotated[str, Option("learning rate schedule", _PANEL, catalogue="decay")] = "none"
    decay_rate: Annotated[
        float | None,
        Option("decay rate k of exp and inv", _PANEL, default_from="decay", unit="1/epoch"),
        Gt(0),
        Le(100),
    ] = None
    decay_every: Annotated[
        int | None,
        Option("interval between the decays of step", _PANEL, default_from="decay", unit="epochs"),
        Ge(1),
    ] = None
    decay_factor: Annotated[
        float | None,
        Option("factor of each decay of step, multistep and plateau", _PANEL, default_from="decay"),
        Gt(0),
        Lt(1),
    ] = None
    decay_at: Annotated[
        str | None,
        Option(
            "milestones of multistep, in epochs or as fractions of them: 10,20 or 0.5,0.75;"
            " a semicolon separates trials",
            _PANEL,
            default_from="decay",
            commas=True,
        ),
    ] = None
    decay_power: Annotated[
        float | None, Option("exponent of poly", _PANEL, default_from="decay"), Gt(0), Le(100)
    ] = None
    decay_patience: Annotated[
        int | None,
        Option(
            "patience of plateau: time without a better val/loss before a decay",
            _PANEL,
            default_from="decay",
            unit="epochs",
        ),
        Ge(1),
    ] = None
    decay_restarts: Annotated[
        int | None,
        Option(
            "number of warm restarts of cosine", _PANEL, default_from="decay", no_effect_value=0
        ),
        Ge(0),
        Le(1000),
    ] = None
    decay_share: Annotated[
        float | None,
        Option(
            "fraction of the epochs in which wsd decays or onecycle rises",
            _PANEL,
            default_from="decay",
        ),
        Gt(0),
        Lt(1),
    ] = None
    decay_floor: Annotated[
        float | None,
        Option(
            "final learning rate as a fraction of lr",
            _PANEL,
            default_from="decay",
            no_effect_value=0.0,
        ),
        Ge(0),
        Le(1),
    ] = None
    decay_per: Annotated[
        str,
        Option(
            "how often the learning rate is updated",
            _PANEL,
            one_of=("step", "epoch"),
            no_effect_value="step",
        ),
    ] = "step"
    warmup: Annotated[
        float,
        Option("linear warmup to lr before the decay", _PANEL, unit="epochs", no_effect_value=0.0),
        Ge(0),
    ] = 0.0
    decay_version: Annotated[
        str | None, "SHA-256 of a user schedule's file; None for a built-in"
    ] = None
