"""The runs that a request selects, limited to those that the board shows."""

from nnlab import store
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.errors import UnknownName


def selected_scope(context: BoardContext, parameters: Parameters) -> Scope:
    """The scope of the parameters `runs` (ids) or `study` (a name), else that of the board.

    Raises:
        UnknownName: the board shows no such study or none of the runs.
        UsageError: a parameter is malformed.
    """
    ids = parameters.run_ids()
    if ids:
        visible = visible_runs(context, ids)
        return Scope("selected runs", runs=visible)
    name = parameters.text("study")
    if not name:
        return context.scope
    study = store.find_study(context.db, name)
    if context.scope.studies is not None and study.id not in context.scope.studies:
        raise UnknownName("study", name, ())
    if context.scope.runs is not None:
        runs = store.runs(context.db, run_ids=context.scope.runs)
        ids = tuple(run.id for run in runs if run.trial.study == name)
        return Scope(name, runs=ids, objective=study.objective)
    return Scope(name, studies=(study.id,), objective=study.objective)


def visible_runs(context: BoardContext, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the ids that are runs which the board shows.

    Raises:
        UnknownName: none of them is.
    """
    if context.scope.runs is not None:
        ids = tuple(set(ids) & set(context.scope.runs))
    runs = store.runs(context.db, run_ids=ids)
    if context.scope.studies is not None:
        names = {s.name for s in store.all_studies(context.db) if s.id in context.scope.studies}
        runs = tuple(run for run in runs if run.trial.study in names)
    if not runs:
        raise UnknownName("run", ",".join(map(str, ids[:5])), ())
    return tuple(run.id for run in runs)
