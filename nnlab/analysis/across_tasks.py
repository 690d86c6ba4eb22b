"""The comparison of methods over several data sets (tasks), each tuned on each task first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.external_data import data_of
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.errors import UnknownName, UsageError
from nnlab.objective import Objective
from nnlab.settings.setting_differences import format_value
from nnlab.stats.across_tasks import MethodResult, compare_methods

# The bootstrap intervals of fewer seeds are too narrow.
_MIN_BOOTSTRAP_SEEDS = 4


@dataclass(frozen=True, slots=True)
class AcrossTasksComparison:
    """Methods, best first, compared over `tasks` (data sets).

    `tuned` holds, for each method, the smallest and largest number of trials that it was tuned
    over on a task. `left_out` are tasks without runs of every method. `runs` are the runs
    compared. `notes` must be shown with the table.
    """

    objective: Objective
    field: str
    methods: tuple[MethodResult, ...]
    tasks: tuple[str, ...]
    tuned: Mapping[str, tuple[int, int]]
    left_out: tuple[str, ...]
    runs: tuple[int, ...]
    notes: tuple[str, ...] = ()


def compare_across_tasks(
    db: store.Database, scope: Scope, field: str, *, by: str | None = None
) -> AcrossTasksComparison:
    """The comparison of the values of a field (the methods) over all data sets in a scope.

    On each data set a method is represented by its best trial, by the mean of the objective over
    the seeds.

    Raises:
        UnknownName: no trial has that field.
        UsageError: there are fewer than two values, or no data set has runs of all of them.
    """
    # Values are compared only within a data set, because scores are normalised for each.
    ranking = rank(db, scope, RankingRequest(by=by, along=["data"]))
    if not ranking.rows:
        raise UsageError(f"{scope.title} has no results", hint="nnlab train")
    fields = {name for row in ranking.rows for name in row.setting}
    if field not in fields:
        raise UnknownName("field", field, fields)
    best: dict[str, dict[str, Sequence[int]]] = {}
    counts: dict[str, dict[str, int]] = {}
    for row in ranking.rows:  # best first, so the first row of a method and task is its best trial
        method = format_value(row.setting.get(field)) or "-"
        task = format_value(data_of(row.setting))
        best.setdefault(method, {}).setdefault(task, row.runs)
        trials_by_task = counts.setdefault(method, {})
        trials_by_task[task] = trials_by_task.get(task, 0) + 1
    values = _values_by_method(db, best, ranking.objective)
    higher = ranking.objective.direction == "max"
    try:
        methods = compare_methods(values, higher=higher)
    except ValueError as error:
        raise UsageError(f"--across {field}: {error}") from error
    shared = set.intersection(*(set(by_task) for by_task in best.values()))
    all_tasks = {task for by_task in best.values() for task in by_task}
    return AcrossTasksComparison(
        ranking.objective,
        field,
        tuple(methods),
        tuple(sorted(shared)),
        {name: (min(by_task.values()), max(by_task.values())) for name, by_task in counts.items()},
        tuple(sorted(all_tasks - shared)),
        tuple(run for by_task in best.values() for task in sorted(shared) for run in by_task[task]),
        (*ranking.left_out, *_few_seeds_note(best, shared)),
    )


def _few_seeds_note(
    best: Mapping[str, Mapping[str, Sequence[int]]], shared: Iterable[str]
) -> tuple[str, ...]:
    """A note if there are too few seeds for bootstrap intervals that can rank methods."""
    tasks = list(shared)
    fewest = min(len(by_task[task]) for by_task in best.values() for task in tasks)
    if fewest >= _MIN_BOOTSTRAP_SEEDS:
        return ()
    return (
        f"too few seeds to rank: at least {_MIN_BOOTSTRAP_SEEDS} on each data set are needed, the"
        f" intervals of {fewest} are too narrow",
    )


def _values_by_method(
    db: store.Database, best: Mapping[str, Mapping[str, Sequence[int]]], objective: Objective
) -> dict[str, dict[str, list[float]]]:
    ids = [run for by_task in best.values() for runs in by_task.values() for run in runs]
    best_values = store.best_values(db, ids, objective.metric, objective.direction)

    def value(run: int) -> float:
        return best_values[run][0] if run in best_values else float("nan")

    return {
        method: {task: [value(run) for run in runs] for task, runs in by_task.items()}
        for method, by_task in best.items()
    }
