"""`wandb.init`, and the runs that it has started in this process."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.compat.named_runs import start_with_id
from nnlab.compat.wandb.settings import (
    in_notebook,
    is_disabled,
    read_config,
    resume_mode,
    setting,
    tag_list,
)
from nnlab.compat.wandb.wandb_run import WandbRun
from nnlab.tracking.mapping_proxies import TrackedConfig
from nnlab.tracking.notes import note_once

_WITHOUT_EQUIVALENT = ("fork_from", "resume_from", "sync_tensorboard", "tensorboard", "monitor_gym")


class WandbRuns:
    """The runs that have not been finished, the oldest first; `config` is set before `init`."""

    def __init__(self) -> None:
        self.runs: list[WandbRun] = []
        self.early_config = TrackedConfig({}, _do_nothing)
        self._hidden: set[int] = set()

    @property
    def current(self) -> WandbRun | None:
        """The run of `wandb.run` and `wandb.log`."""
        visible = [run for run in self.runs if id(run) not in self._hidden]
        return visible[-1] if visible else None

    def add(self, run: WandbRun, *, hidden: bool) -> None:
        """Adds a run; a hidden one does not become `wandb.run`."""
        self.runs.append(run)
        if hidden:
            self._hidden.add(id(run))

    def remove(self, run: WandbRun) -> None:
        """Removes a run that has been finished."""
        self.runs[:] = [other for other in self.runs if other is not run]
        self._hidden.discard(id(run))


def _do_nothing() -> None:
    """Called when the config before `init` changes."""


active = WandbRuns()


def finish_all(exit_code: int | None = None) -> None:
    """Finishes the current run, or all runs if there is no current one."""
    for run in [active.current] if active.current is not None else list(active.runs):
        run.finish(exit_code)


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: Any = None,  # noqa: A002  the names of W&B
    id: str | None = None,  # noqa: A002
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    settings: Any = None,
    **others: Any,
) -> WandbRun:
    """Starts a run, as `wandb.init` does; the project is the study.

    An active run is returned instead, unless `reinit` says otherwise or the program is a notebook.
    The run id of a script may be any text. The variables WANDB_PROJECT, WANDB_NAME, WANDB_RUN_ID,
    WANDB_RESUME, WANDB_RUN_GROUP, WANDB_JOB_TYPE, WANDB_TAGS, WANDB_NOTES and WANDB_MODE are read.
    """
    _note_without_equivalent(others)
    previous = _previous_run(reinit, settings)
    if previous is not None:
        return previous
    values = read_config(config, config_include_keys, config_exclude_keys)
    run_id = setting("run_id", id, settings)
    group = setting("run_group", group, settings)
    job_type = setting("run_job_type", job_type, settings) or os.environ.get("WANDB_JOB_TYPE")
    notes = setting("run_notes", notes, settings) or os.environ.get("WANDB_NOTES")
    # nnlab numbers its runs, so that an id of digits may be no number of a run.
    ids = () if run_id is None else (run_id, f"wandb:{run_id}")[: 1 + str(run_id).isdecimal()]
    handle = start_with_id(
        ids,
        resume_mode(setting("resume", resume, settings)),
        study=setting("project", project, settings),
        name=setting("run_name", name, settings) or os.environ.get("WANDB_NAME"),
        config={**active.early_config, **values},
        tags=tag_list(setting("run_tags", tags, settings) or os.environ.get("WANDB_TAGS")),
        group=group,
        job_type=job_type,
        mode="off" if is_disabled(mode) else None,
    )
    active.early_config.clear()
    run = WandbRun(
        handle, run_id=run_id, group=group, job_type=job_type, notes=notes, on_finish=active.remove
    )
    if notes:
        run.notes = notes
    active.add(run, hidden=reinit == "create_new" and active.current is not None)
    return run


def _previous_run(reinit: bool | str | None, settings: Any) -> WandbRun | None:
    """The active run if `init` returns it; ends it if a new one replaces it."""
    current = active.current
    if current is None:
        return None
    reinit = setting("reinit", reinit, settings)
    if reinit in (True, "finish_previous") or (reinit in (None, "default") and in_notebook()):
        for run in list(active.runs):
            run.finish()
        return None
    return None if reinit == "create_new" else current


def _note_without_equivalent(others: Mapping[str, Any]) -> None:
    for name in _WITHOUT_EQUIVALENT:
        if others.get(name):
            remark = (
                "use nnlab.compat.tensorboard instead"
                if "tensorboard" in name
                else "a new run is recorded"
                if "from" in name
                else "it does nothing"
            )
            note_once(f"wandb.init({name}=...) is not available in nnlab: {remark}")
