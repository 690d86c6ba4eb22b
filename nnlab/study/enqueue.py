"""Puts the runs of a request into the queue of its study, which is made or extended for them."""

from nnlab import store
from nnlab.cli.output.render import note
from nnlab.cli.train.train import messages
from nnlab.errors import StudyExists
from nnlab.records import Study
from nnlab.study.extension import Extension, has_additions, store_extension
from nnlab.study.moved_data import reuse_trials_of_moved_data
from nnlab.study.request_resolution import existing_study, requested_run_specs
from nnlab.study.spec import StudySpec, TrainRequest

# Plain `nnlab train` adds its runs to this study, which has no fixed space.
OPEN_STUDY = "default"


def enqueue_request(
    db: store.Database,
    typed: TrainRequest,
    plan: StudySpec | Extension | None,
    *,
    again: bool,
    quiet: bool,
    only: frozenset[tuple[str, int]] | None = None,
    command: str = "",
    fixed: bool = False,
) -> tuple[Study, tuple[int, ...], tuple[tuple[str, str], ...]]:
    """Queues what was requested and prints what that is.

    Returns the study, the numbers of the runs, and the data files whose path has changed
    (`reuse_trials_of_moved_data`).

    Args:
        db: the database.
        typed: the request; its name and tags go to the runs.
        plan: what was requested, or None for what the study of that name still misses.
        again: whether each run gets a new repeat.
        quiet: whether to print nothing.
        only: leave out all other runs, by their trial's digest and seed.
        command: what extends the study, for a hint.
        fixed: whether a new study has a fixed space.
    """
    wanted = requested_run_specs(db, typed, plan)
    if plan is None:
        study = existing_study(db, str(typed.study))
    elif isinstance(plan, Extension):
        study = store_extension(db, plan)
    else:
        study = _get_or_create_study(db, typed, plan, command, fixed=fixed or typed.has_fixed_space)
    wanted, moved = reuse_trials_of_moved_data(db, study, wanted)
    for old, new in moved:
        note(f"{new} has the content of {old}: its runs belong to the trials of {old}")
    if only is not None:
        wanted = [run for run in wanted if (run.digest, run.seed) in only]
    queued = store.enqueue(db, study, wanted, again=again)
    messages.note_kept_names(typed.name, queued)
    if not quiet:
        messages.print_setting([run.setting for run in wanted])
        if isinstance(plan, Extension):
            messages.print_changes(study, plan.changes)
        messages.print_queued(study, queued)
    return study, queued.run_ids, moved


def _get_or_create_study(
    db: store.Database, typed: TrainRequest, plan: StudySpec, command: str, *, fixed: bool
) -> Study:
    """The study of a plan, made if there is none.

    `nnlab train` makes an open one, to which any run can be added; with `fixed` its space, seeds
    and question are fixed.
    """
    name = plan.study or OPEN_STUDY
    existing = next((s for s in store.all_studies(db) if s.name == name), None)
    if not fixed and (existing is None or existing.is_open):
        return store.create_study(
            db, name=name, question=plan.question, objective=None, space=None, seeds=()
        )
    try:
        return store.create_study(
            db,
            name=name,
            question=plan.question,
            objective=plan.objective,
            space=plan.space,
            seeds=plan.seeds,
            claim=plan.claim,
            arms=plan.arms,
            decides=plan.decides,
            sampler=plan.sampler,
        )
    except StudyExists as error:
        if existing is not None and has_additions(db, existing, typed):
            error.hint = f"{command} adds to it; or give the new one another name"
        raise
