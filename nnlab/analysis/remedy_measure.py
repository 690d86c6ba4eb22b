"""By which metric, and at which epoch, the remedies of a finding are judged."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from nnlab.diagnosis.external_curves import curve_names
from nnlab.metric_names import quantity_of
from nnlab.objective import Objective
from nnlab.records import History, Run, Status
from nnlab.scripts.remedy_flags import usual_field
from nnlab.settings.external import is_builtin_setting
from nnlab.settings.setting_differences import differing_fields

ObjectiveEpoch = Literal["best", "last"]

_VAL_LOSS = "val/loss"
# Validation loss shows these faults, and the best epoch comes before their harm: a remedy that
# removes them completely hardly changes the best epoch.
_JUDGED_BY_FINAL_LOSS = frozenset({"NN101", "NN102", "NN103"})
# The same for validation accuracy. The other findings say that the last steps are too large or too
# noisy: the best of many noisy epochs is chance, and better than any model that training ends with.
_JUDGED_AT_LAST_EPOCH = frozenset({"NN107", "NN202", "NN204", "NN205"})
# Fields that only change when a run ends. The best value of such a run is never better than the
# control's, so only the last epoch shows the effect of the remedy.
_STOPPING_FIELDS = frozenset({"early_stop", "stop_on"})
# Fields of nnlab's own runs that change what the validation loss is.
_LOSS_FIELDS = frozenset({"loss", "reduction", "class_weights", "pos_weight", "huber_delta"})


@dataclass(frozen=True, slots=True)
class RemedyMeasure:
    """The value by which a remedy is judged: a metric at the best or at the last epoch of a run.

    `better` is the direction in which the metric improves.
    """

    metric: str
    better: Literal["min", "max"]
    at: ObjectiveEpoch

    @property
    def text(self) -> str:
        """The measure in words, as in captions."""
        return f"{self.metric} at the {self.at} epoch"

    def difference(self, value: float, control: float) -> float:
        """How much better a value is than that of the control."""
        return value - control if self.better == "max" else control - value


def measure_of_finding(
    code: str, objective: Objective, metrics: Collection[str], *, is_external: bool
) -> RemedyMeasure:
    """The measure for the remedies of a finding.

    Args:
        code: the code of the finding; "" if it is unknown.
        objective: the objective of the study.
        metrics: the names of the metrics that the runs have.
        is_external: whether another program logged them, under names of its own.
    """
    if code in _JUDGED_BY_FINAL_LOSS:
        losses = curve_names(list(metrics)).get(_VAL_LOSS, ()) if is_external else (_VAL_LOSS,)
        if len(losses) == 1 and losses[0] in metrics:
            return RemedyMeasure(losses[0], "min", "last")
    is_last = code in _JUDGED_BY_FINAL_LOSS | _JUDGED_AT_LAST_EPOCH
    return objective_measure(objective, "last" if is_last else "best")


def objective_measure(objective: Objective, at: ObjectiveEpoch) -> RemedyMeasure:
    """The objective at the best or at the last epoch."""
    better: Literal["min", "max"] = "max" if objective.direction == "max" else "min"
    return RemedyMeasure(objective.metric, better, at)


def measure_of_remedy(
    measure: RemedyMeasure, objective: Objective, run: Run, control: Run
) -> RemedyMeasure:
    """The measure for one remedy: another one if the remedy changes what the measure means."""
    is_external = not is_builtin_setting(run.trial.setting)
    changed = set(differing_fields([run.trial.setting, control.trial.setting]))
    if is_external:
        changed = {usual_field(name) or name for name in changed}
    if changed and changed <= _STOPPING_FIELDS:
        return replace(measure, at="last")
    changes_loss = changed & (_LOSS_FIELDS | ({"label_smoothing"} if is_external else set()))
    if changes_loss and "loss" in quantity_of(measure.metric):
        return objective_measure(objective, measure.at)
    return measure


def measured_values(
    by_arm: Mapping[str, Mapping[int, Run]],
    histories: Mapping[int, History],
    measure: RemedyMeasure,
) -> dict[str, dict[int, float]]:
    """The value of each run by arm and seed; a run that diverged has the worst of all values."""
    best, worst = (min, max) if measure.better == "min" else (max, min)
    all_values: list[float] = []
    values: dict[str, dict[int, float | None]] = {}
    for name, runs in by_arm.items():
        values[name] = {}
        for seed, run in runs.items():
            curve = histories[run.id].get(measure.metric)
            finite = [v for v in curve.values if math.isfinite(v)] if curve else []
            all_values += finite
            failed = run.status is Status.DIVERGED or not finite
            value = finite[-1] if finite and measure.at == "last" else best(finite, default=0.0)
            values[name][seed] = None if failed else value
    worst_value = worst(all_values, default=0.0)
    return {
        name: {seed: worst_value if value is None else value for seed, value in by_seed.items()}
        for name, by_seed in values.items()
    }
