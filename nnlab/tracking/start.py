"""`nnlab.init`: starts to record a run."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.errors import UsageError
from nnlab.io.escaping import replace_controls
from nnlab.records import Objective
from nnlab.tracking.active_runs import active_runs, add_active
from nnlab.tracking.config_values import config_mapping, flat_setting, is_nested, split_seed
from nnlab.tracking.notes import note_once
from nnlab.tracking.process_end import end_runs_with_process, exit_end
from nnlab.tracking.process_role import is_interactive, is_secondary_process
from nnlab.tracking.run_connection import RunConnection
from nnlab.tracking.run_handle import RunHandle
from nnlab.tracking.stored_run import (
    Resume,
    RunRequest,
    StoredRun,
    create_or_resume,
    join_script_run,
    open_for_recording,
)

DEFAULT_DATABASE = "runs.db"
_OFF = ("off", "disabled", "dryrun")
_ON = ("on", "online", "offline", "shared")
_RESUME: Mapping[object, Resume | None] = {
    None: None, False: None, True: "allow", "allow": "allow", "auto": "allow", "must": "must",
    "never": "never",
}  # fmt: skip
# Arguments of wandb.init that have no meaning here.
_IGNORED_ARGUMENTS = frozenset(
    {"entity", "dir", "notes", "settings", "save_code", "allow_val_change", "anonymous", "force"}
    | {"magic", "monitor_gym", "config_exclude_keys", "config_include_keys", "resume_from"}
    | {"fork_from", "tensorboard", "sync_tensorboard"}
)


def init(
    study: str | None = None,
    *,
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    seed: int | None = None,
    objective: str | Objective | None = None,
    id: str | int | None = None,  # noqa: A002  as in W&B
    resume: str | bool | None = None,
    tags: str | Sequence[str] | None = (),
    group: str | None = None,
    job_type: str | None = None,
    db: str | os.PathLike[str] | None = None,
    mode: str | None = None,
    console: bool = False,
    reinit: bool | str | None = None,
    **ignored: Any,
) -> RunHandle:
    """Starts to record a run, and returns its handle.

        with nnlab.init(study="lm", config={"lr": 3e-4}, seed=0, objective="val/loss") as run:
            for step in range(run.start_step, 1000):
                run.log({"train/loss": loss}, step=step)

    The run ends with the `with` block, `nnlab.finish()` or the process. In a script that
    `nnlab run` has started, the handle is that of the script's run.

    Args:
        study: the study; by default the name of the script's file.
        project: the same as `study`, as W&B calls it.
        name: the name of the run.
        config: the setting of the run: a mapping, a dataclass or a namespace. Nested values have
            dotted names.
        seed: the seed; by default the whole number `seed` of the config, or unknown.
        objective: the metric that the study optimizes, such as `val/loss:min`.
        id: the number of an earlier run, or a text that identifies the run from now on.
        resume: `allow` continues the run with that id if there is one; `must` requires it; `never`
            requires a new run. Without an id, it is the newest interrupted run of the study with
            the same config, seed and name.
        tags: tags of the run.
        group: a group of runs, stored as tag `group:NAME`.
        job_type: stored as tag `job:NAME`.
        db: path or URL of the database; by default that of NNLAB_DB, or `runs.db`.
        mode: `off` records nothing, and the handle has the same methods; by default NNLAB_MODE, or
            `on`.
        console: whether to record what the program prints, in the file `output.txt` of the run.
        reinit: whether an active run of this process ends first; in notebooks it always does.
        **ignored: other arguments of wandb.init, which have no effect.

    Raises:
        UsageError: an argument is not valid, or the run with that id does not fit `resume`.
        StoreError: the database cannot be opened or written.
    """
    _check_ignored(ignored)
    values = {} if config is None else config_mapping(config)
    if _is_off(mode) or is_secondary_process():
        return _start(None, values)
    if reinit in (True, "finish_previous") or is_interactive():
        for active in active_runs():
            active.end(exit_end(0))
    stored = join_script_run(os.environ)
    if stored is not None:
        given = stored.run.trial.setting
        return _start(_connect(stored, None), {**given, **values})
    named_seed, setting = split_seed(flat_setting(values))
    named_tags = (tags,) if isinstance(tags, str) else tags or ()
    extra_tags = [f"group:{group}"] if group else []
    extra_tags += [f"job:{job_type}"] if job_type else []
    database = open_for_recording(_target(db))
    try:
        request = RunRequest(
            study=replace_controls(study or project or _default_study()),
            setting=setting,
            nested_setting=values if is_nested(values) else None,
            seed=named_seed if seed is None else seed,
            name=None if name is None else replace_controls(str(name)),
            tags=tuple(replace_controls(str(tag)) for tag in (*named_tags, *extra_tags)),
            objective=_parse_objective(database, objective),
            id=None if id is None else str(id),
            resume=_parse_resume(resume),
        )
        stored = create_or_resume(database, request)
        return _start(_connect(stored, request.objective, console=console), values)
    except BaseException:
        database.close()
        raise


def _start(connection: RunConnection | None, config: Mapping[str, Any]) -> RunHandle:
    run = RunHandle(connection, config)
    add_active(run)
    if connection is not None:
        end_runs_with_process()
    return run


def _connect(
    stored: StoredRun, objective: Objective | None, *, console: bool = False
) -> RunConnection:
    if objective is None:
        study = store.find_study(stored.db, stored.run.trial.study)
        objective = None if study is None else study.objective
    return RunConnection(stored, objective, console=console)


def _check_ignored(ignored: Mapping[str, Any]) -> None:
    unknown = sorted(ignored.keys() - _IGNORED_ARGUMENTS)
    if unknown:
        raise UsageError(f"init() has no argument {unknown[0]!r}")
    if used := sorted(name for name, value in ignored.items() if value not in (None, False)):
        verb = "has" if len(used) == 1 else "have"
        note_once(f"init: {', '.join(used)} {verb} no effect in nnlab")


def _is_off(mode: str | None) -> bool:
    text = mode or os.environ.get("NNLAB_MODE") or "on"
    if text not in _ON + _OFF:
        raise UsageError(f"mode is on or off, not {text!r}")
    return text in _OFF


def _parse_resume(resume: object) -> Resume | None:
    if not isinstance(resume, str | bool | None) or resume not in _RESUME:
        raise UsageError(f"resume is allow, must or never, not {resume!r}")
    return _RESUME[resume]


def _parse_objective(db: store.Database, objective: str | Objective | None) -> Objective | None:
    if objective is None or isinstance(objective, Objective):
        return objective
    directions = {k: d for k, d in store.user_directions(db).items() if d != "none"}
    try:
        return Objective.parse(objective, directions)
    except ValueError as error:
        raise UsageError(f"objective: {error}") from None


def _target(db: str | os.PathLike[str] | None) -> str:
    return os.fspath(db) if db is not None else os.environ.get("NNLAB_DB") or DEFAULT_DATABASE


def _default_study() -> str:
    """The name of the script's file; `notebook` or `interactive` if there is none."""
    if study := os.environ.get("NNLAB_STUDY"):
        return study
    if is_interactive():
        return "notebook"
    main = getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0]
    return Path(main).stem if main and main not in ("-c", "-") else "interactive"
