"""The directions of metrics in a database, and the objective of runs whose study has none."""

from collections.abc import Iterable, Mapping, Sequence

from nnlab import store
from nnlab.io.command_line import quote_command
from nnlab.metric_names import is_evaluation, split_of, usual_name
from nnlab.objective import (
    EVALUATION_PREFIX,
    PAIR_PREFIX,
    Direction,
    Objective,
    direction_of,
    is_layer_quantile,
)
from nnlab.records import MetricSummary, Run

# Metrics that say nothing about the quality of a model.
_NO_RESULTS = (
    EVALUATION_PREFIX,
    PAIR_PREFIX,
    "time/",
    "energy/",
    "cost/",
    "data/",
    "probe/",
    "grad/",
    "system/",
)
_PREFERRED = ("val/loss", "val/accuracy")
_SPLIT_ORDER = {"val": 0, "test": 1, None: 1, "train": 2}


def resolve_direction(
    metric: str,
    user: Mapping[str, store.UserDirection],
    declared: Mapping[str, Direction] | None = None,
) -> Direction | None:
    """The direction of a metric; None if neither lower nor higher values are known to be better.

    Args:
        metric: its full name.
        user: the directions that users have defined (`store.user_directions`).
        declared: the directions that settings give to metrics; by default those of no setting.
    """
    defined = user.get(metric)
    if defined is not None:
        return None if defined == "none" else defined
    return (declared or {}).get(metric) or direction_of(metric)


def default_objective(
    metrics: Iterable[str], user: Mapping[str, store.UserDirection]
) -> Objective | None:
    """The objective of runs that have these metrics; None if no metric can be ranked.

    Validation metrics come before those of the test and the training split.
    """
    return next(iter(objective_candidates(metrics, user)), None)


def objectives_of_runs(
    db: store.Database,
    runs: Sequence[Run],
    summaries: Mapping[int, Mapping[str, MetricSummary]],
) -> dict[int, Objective]:
    """The objective of each run that has one.

    It is that of the setting, or for runs of other programs that of the study, or else the metric
    that says most about a model.

    Args:
        db: the database.
        runs: of any studies.
        summaries: of all metrics of the runs.
    """
    parsed: dict[str, Objective] = {}
    objectives: dict[int, Objective] = {}
    external = [run for run in runs if run.origin.is_external]
    for run in runs:
        if not run.origin.is_external and (text := str(run.trial.setting.get("objective") or "")):
            if text not in parsed:
                parsed[text] = Objective.parse(text)
            objectives[run.id] = parsed[text]
    if not external:
        return objectives
    by_study = {study.name: study.objective for study in store.all_studies(db)}
    user = store.user_directions(db)
    for run in external:
        objective = by_study.get(run.trial.study)
        objective = objective or default_objective(summaries.get(run.id, {}), user)
        if objective is not None:
            objectives[run.id] = objective
    return objectives


def objective_candidates(
    metrics: Iterable[str], user: Mapping[str, store.UserDirection]
) -> list[Objective]:
    """The metrics with a direction, the one that says most about a model first."""
    candidates = []
    for metric in metrics:
        direction = resolve_direction(metric, user)
        if direction is not None and not metric.startswith(_NO_RESULTS):
            candidates.append(Objective(metric, direction))
    return sorted(candidates, key=lambda objective: _preference(objective.metric))


def _preference(metric: str) -> tuple[int, int, str]:
    # Recorded runs have the names of their program, such as val_acc.
    usual = usual_name(metric)
    preferred = _PREFERRED.index(usual) if usual in _PREFERRED else len(_PREFERRED)
    return _SPLIT_ORDER[split_of(metric)], preferred if not usual.endswith("/loss") else 0, metric


def unranked_metrics(
    metrics: Sequence[str], user: Mapping[str, store.UserDirection]
) -> tuple[str, ...]:
    """The metrics of a validation or test split whose direction is unknown."""
    return tuple(
        metric
        for metric in metrics
        if is_evaluation(metric)
        and not is_layer_quantile(metric)
        and resolve_direction(metric, user) is None
        and user.get(metric) != "none"
    )


def define_hint(metric: str) -> str:
    """How to say whether lower or higher values of a metric are better."""
    return f"{quote_command('nnlab', 'db', 'define', metric, 'max')} says so for this database"
