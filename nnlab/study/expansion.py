"""Expands a space into trials: every combination of its values, resolved and checked."""

from collections.abc import Callable, Collection
from functools import cache, partial

from nnlab.engine.data import cached_facts
from nnlab.engine.planned_checks import output_checker, split_file_problems
from nnlab.engine.signatures import find_signature
from nnlab.engine.versions import file_versions
from nnlab.errors import NoDatabase
from nnlab.objective import Scalar
from nnlab.records import Study
from nnlab.settings import is_builtin_setting
from nnlab.settings.earlier_settings import values_of_earlier_trials
from nnlab.settings.space import Space, TrialSpec, expand_space
from nnlab.store import Database, runs
from nnlab.study.database import open_results, search_data_near_database
from nnlab.workers.initial_weights import find_initial_weights

# Returns every combination of the values of a space, each resolved and checked.
ExpandSpace = Callable[[Space], tuple[TrialSpec, ...]]


def make_expander(db: str | None, *, shared: Collection[str] = ()) -> ExpandSpace:
    """A function that expands spaces; it reads each data set and each file of weights once.

    Args:
        db: the database that holds the runs which `--from` names.
        shared: fields that may have no effect on some of the trials.
    """
    search_data_near_database(db)
    expand = partial(
        expand_space,
        facts=cached_facts(),
        versions=file_versions,
        start_version=cache(partial(_initial_weights_version, db)),
        signatures=cache(find_signature),
        shared=shared,
        split_file_problems=split_file_problems,
        output_problems=output_checker(),
    )
    return lambda space: expand(_with_metric_directions(space))


def complete_space(db: Database, study: Study) -> Space:
    """The space of a study, with the values that its trials got before a field existed.

    New trials of an old study are then trained like its stored ones.
    """
    space = dict(study.space or {})
    settings = [run.trial.setting for run in runs(db, study=study.id, current_only=True)]
    earlier = values_of_earlier_trials(filter(is_builtin_setting, settings))
    return {name: (value,) for name, value in earlier.items() if name not in space} | space


def _with_metric_directions(space: Space) -> Space:
    """The space with the directions of the user's metrics, which rankings need without the code.

    Raises:
        ConfigError: a metric needs a package that is not installed.
        UserCodeError: a file of the user cannot be executed.
    """
    if "metrics" not in space:
        return space
    # Imported only here: they take time to import, and few requests have metrics.
    from nnlab.engine.metrics import check_torchmetrics
    from nnlab.engine.user_metrics import with_code_directions

    values: list[Scalar] = []
    for value in space["metrics"]:
        if value is not None:
            check_torchmetrics(str(value))
        values.append(None if value is None else with_code_directions(str(value)))
    return {**space, "metrics": tuple(values)}


def _initial_weights_version(db: str | None, start_from: str) -> str:
    """The hash of the weights that `--from` names: a file, or runs of the database."""
    try:
        with open_results(db) as database:
            return find_initial_weights(database, start_from).version
    except NoDatabase:
        return find_initial_weights(None, start_from).version
