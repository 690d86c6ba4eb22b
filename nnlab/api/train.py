"""`nnlab.train`: trains a setting, a grid or a study, as `nnlab train` does."""

import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Unpack, get_args

from nnlab.api.argument_checks import check_arguments
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.settings import TrainSettings
from nnlab.api.train_call import TrainCall, execute_call
from nnlab.api.train_observer import OnEpoch, OnRunEnd, TrainObserver
from nnlab.api.train_request import (
    Seeds,
    call_text,
    check_keywords,
    check_types,
    option_from_environment,
    parse_seeds_keywords,
    setting_values,
    switch_from_environment,
)
from nnlab.api.train_result import TrainResult
from nnlab.records import ParallelMode
from nnlab.study.execution_options import build_execution_options
from nnlab.study.request import TrainRequest


@hints_in_tracebacks()
def train(
    *,
    study: str | None = None,
    seeds: Seeds | None = None,
    seed: Seeds | None = None,
    config: str | os.PathLike[str] | None = None,
    extend: bool = False,
    question: str | None = None,
    sampler: str | None = None,
    trials: int | None = None,
    sampler_seed: int | None = None,
    at_once: int | None = None,
    pruner: str | None = None,
    name: str | None = None,
    tags: str | Sequence[str] = (),
    again: bool = False,
    retry: Literal["failed"] | None = None,
    wait: bool = True,
    keep_models: bool = True,
    checkpoint_every: int | str = "auto",
    artifacts: str | os.PathLike[str] | None = None,
    allow_changing_data: bool = False,
    git_diff: bool | None = None,
    engine: Literal["auto", "solo", "stacked"] = "auto",
    devices: str | Sequence[str] | None = None,
    per_device: int | Literal["auto"] = "auto",
    parallel: ParallelMode | None = None,
    sync_batch_norm: bool = False,
    fail_fast: bool = False,
    allow_diverged: bool = False,
    db: str | os.PathLike[str] | None = None,
    progress: bool = False,
    on_epoch: OnEpoch | None = None,
    on_run_end: OnRunEnd | None = None,
    **settings: Unpack[TrainSettings],
) -> TrainResult:
    """Trains a setting, a grid or a study, stores every epoch, and returns the runs.

        result = nnlab.train(opt=["sgd", "adam"], lr="1e-3..1e-1", seeds=3, study="rate")
        print(result.compare())

    Runs that have a result are not trained again; interrupted runs are resumed. Ctrl-C stops after
    the current epoch, and once more at once: KeyboardInterrupt is raised after everything is
    stored, and the same call goes on. In another thread than the main thread Ctrl-C has no effect.

    Args:
        study: the study that the runs belong to, created if it does not exist; also a built-in one.
        seeds: a number of seeds, counted from 0, or a list of seeds.
        seed: a seed, or a list of seeds.
        config: a TOML file with settings, as `--config` takes it.
        extend: whether to add these seeds, epochs or values to an existing study.
        question: the question that the study answers.
        sampler: `grid`, `random`, `sobol`, `tpe` or `cma-es` (docs/searching.md).
        trials: the number of trials that the sampler may choose.
        sampler_seed: the seed of the sampler.
        at_once: how many trials an adaptive sampler suggests at once.
        pruner: `median` or `asha`, which stop unpromising runs early.
        name: the name of the runs.
        tags: tags of the runs.
        again: whether to repeat runs that have a result already.
        retry: `failed` trains only failed runs again.
        wait: whether to wait for runs of the study that other processes train.
        keep_models: whether to keep the weights of the best epoch.
        checkpoint_every: epochs, or a time as `30s`; `auto`: as often as takes under 2 % of the
            time.
        artifacts: the folder or URL for the files of new runs; by default next to the database.
        allow_changing_data: whether to train seeds of a trial even if their data differ.
        git_diff: whether to store the uncommitted changes of the working folder; by default unless
            NNLAB_NO_GIT_DIFF is set.
        engine: whether runs are trained alone (`solo`) or batched as one program (`stacked`).
        devices: devices to train on at the same time: `cpu:4`, or `cuda:0,cuda:1`; by default that
            of NNLAB_DEVICES, or a process per core.
        per_device: parallel runs on each GPU.
        parallel: `ddp` or `fsdp` trains each run on all devices together.
        sync_batch_norm: with `parallel`: batch norm statistics over all devices.
        fail_fast: whether to stop when the first run fails.
        allow_diverged: whether it is no error if all runs diverge.
        db: path or URL of the database; by default that of NNLAB_DB, or `runs.db`.
        progress: whether to print the progress in lines.
        on_epoch: called with the run and the epoch after each epoch. An exception in it stops the
            training and is raised.
        on_run_end: called with the result of each run that ends; the same holds for exceptions.
        **settings: the fields of a setting: a value, several values (a grid), or the text of the
            command line.

    Raises:
        UnknownKeyword: a keyword is not known; it is also a TypeError.
        ConfigError: a setting is not valid; all problems at once.
        StudyExists: a study of that name has another space, question or objective.
        NnlabError: the database cannot be used, a run failed, or all runs diverged.
        KeyboardInterrupt: the user stopped it.
    """
    check_keywords(settings, inspect.signature(train).parameters.keys() - {"settings"})
    check_types(
        {"study": (study,), "question": (question,), "name": (name,), "tags": tags},
        {"on_epoch": on_epoch, "on_run_end": on_run_end},
        {
            "engine": (engine, ("auto", "solo", "stacked")),
            "parallel": (parallel, get_args(ParallelMode)),
            "retry": (retry, ("failed",)),
        },
    )
    check_arguments(
        paths={"db": db, "config": config, "artifacts": artifacts},
        name_lists={} if devices is None else {"devices": devices},
    )
    seed_list, seed_count = parse_seeds_keywords(seed, seeds)
    sampler_options = {
        "sampler": sampler,
        "trials": trials,
        "sampler_seed": sampler_seed,
        "at_once": at_once,
        "pruner": pruner,
    }
    request = TrainRequest(
        settings=setting_values(settings),
        study=study,
        question=question,
        name=name,
        tags=(tags,) if isinstance(tags, str) else tuple(tags),
        seed=seed_list,
        seeds=seed_count,
        sampler={key: value for key, value in sampler_options.items() if value is not None},
        extend=extend,
    )
    execution = build_execution_options(
        keep_models=keep_models,
        checkpoint_every=str(checkpoint_every),
        artifacts=option_from_environment(artifacts, "NNLAB_ARTIFACTS"),
        allow_changing_data=allow_changing_data,
        git_diff=not switch_from_environment("NNLAB_NO_GIT_DIFF") if git_diff is None else git_diff,
        engine=engine,
        devices=option_from_environment(devices, "NNLAB_DEVICES"),
        per_device=str(per_device),
        parallel=parallel,
        sync_batch_norm=sync_batch_norm,
        fail_fast=fail_fast,
        allow_diverged=allow_diverged,
        failed_only=retry is not None,
    )
    call = TrainCall(
        db=None if db is None else os.fspath(db),
        execution=execution,
        observer=TrainObserver(prints=progress, on_epoch=on_epoch, on_run_end=on_run_end),
        extend_command=call_text(study, seed, seeds, settings),
        again=again,
        wait=wait,
    )
    return execute_call(request, None if config is None else Path(config), call)
