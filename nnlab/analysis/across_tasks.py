"""Methods over data sets and studies: each tuned on each task, then compared over all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.scope import Scope
from nnlab.config.space import format_value
from nnlab.errors import UnknownName, UsageError
from nnlab.objective import Objective
from nnlab.stats.across_tasks import MethodResult, compare_methods
from nnlab.stats.comparison import MIN_T_TEST_SEEDS


@dataclass(frozen=True, slots=True)
class AcrossTasksComparison:
    """Methods, best first; `tasks` are data sets, `tuned` how many trials each was the best of.

    `left_out` are tasks that not every method has runs of; `runs` are those compared, `notes` must
    be read with the table.
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
    """Compares the values of a field over all data sets in a scope.

    On each data set a value speaks through its best trial, by the mean of the objective over the
    seeds.

    Raises:
        UnknownName: no trial has that field.
        UsageError: there are not two values, or no data set that all of them were trained on.
    """
    # Scores are scaled on each data set: they are compared only within it.
    ranking = rank(db, scope, by=by, along=["data"])
    known = {name for row in ranking.rows for name in row.setting}
    if field not in known:
        raise UnknownName("field", field, known)
    best: dict[str, dict[str, Sequence[int]]] = {}
    counts: dict[str, dict[str, int]] = {}
    for row in ranking.rows:  # best first: the first of each pair is its best trial
        method, task = (
            format_value(row.setting.get(field)) or "-",
            format_value(row.setting.get("data")),
        )
        best.setdefault(method, {}).setdefault(task, row.runs)
        tried = counts.setdefault(method, {})
        tried[task] = tried.get(task, 0) + 1
    values = _values_by_method(db, best, ranking.objective)
    higher = ranking.objective.direction == "max"
    try:
        methods = compare_methods(values, higher=higher)
    except ValueError as error:
        raise UsageError(f"--across {field}: {error}") from error
    shared = set.intersection(*(set(of) for of in best.values()))
    everything = {task for of in best.values() for task in of}
    return AcrossTasksComparison(
        ranking.objective,
        field,
        tuple(methods),
        tuple(sorted(shared)),
        {name: (min(of.values()), max(of.values())) for name, of in counts.items()},
        tuple(sorted(everything - shared)),
        tuple(run for of in best.values() for task in sorted(shared) for run in of[task]),
        (*ranking.left_out, *_few_seeds_note(best, shared)),
    )


def _few_seeds_note(
    best: Mapping[str, Mapping[str, Sequence[int]]], shared: Iterable[str]
) -> tuple[str, ...]:
    """That the bootstrap draws from too few seeds for its intervals to rank methods by."""
    tasks = list(shared)
    fewest = min(len(of[task]) for of in best.values() for task in tasks)
    if fewest >= MIN_T_TEST_SEEDS:
        return ()
    return (
        f"too few seeds to rank: {MIN_T_TEST_SEEDS} on each data set would do, the intervals of"
        f" {fewest} are too narrow",
    )


def _values_by_method(
    db: store.Database, best: Mapping[str, Mapping[str, Sequence[int]]], objective: Objective
) -> dict[str, dict[str, list[float]]]:
    ids = [run for of in best.values() for runs in of.values() for run in runs]
    summaries = store.summaries(db, ids, [objective.metric])

    def value(run: int) -> float:
        found = summaries.get(run, {}).get(objective.metric)
        return float("nan") if found is None or found.best is None else found.best

    return {
        method: {task: [value(run) for run in runs] for task, runs in of.items()}
        for method, of in best.items()
    }
