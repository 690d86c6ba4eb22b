"""Two processes ask a sampler for trials at the same time."""

from pathlib import Path

from command_line_runner import Nnlab

from nnlab import store
from nnlab.study import sampler_loop
from nnlab.study.events import ExecutionEvent, SamplerTrialsQueued
from nnlab.study.next_trials import load_scored_trials

SPACE = ("--data", "iris", "--width", "8", "--depth", "1", "--epochs", "2", "--lr", "1e-3..1e-1")


def test_an_outdated_suggestion_adds_no_trials(nnlab: Nnlab, folder: Path) -> None:
    nnlab("init-study", "s", *SPACE, "--sampler", "tpe", "--trials", "6", "--at-once", "3")
    db = store.open_database("runs.db", write=True)
    study = store.find_study(db, "s")
    events: list[ExecutionEvent] = []
    scored = load_scored_trials(db, study)
    run_specs = sampler_loop._suggest_runs(db, study, scored, None, ())
    elsewhere = next(sampler_loop.queue_sampler_trials(db, study, events.append))
    assert elsewhere
    assert (
        sampler_loop._enqueue_unless_outdated(db, study, run_specs, expected_trials=len(scored))
        is None
    )
    queued = list(sampler_loop.queue_sampler_trials(db, study, events.append))
    assert len({run.trial.id for run in store.runs(db, study=study.id)}) == 6
    assert not set(elsewhere) & {run_id for run_ids in queued for run_id in run_ids}
    assert events[0] == SamplerTrialsQueued("tpe", new=3, tried=6, total=6)
    db.close()
