"""Two terminals that ask a sampler at the same moment."""

from pathlib import Path

from terminal import Nnlab

from nnlab import store
from nnlab.study import sampler_loop
from nnlab.study.next_trials import load_scored_trials
from nnlab.study.spec import TrainRequest

SPACE = ("--data", "iris", "--width", "8", "--depth", "1", "--epochs", "2", "--lr", "1e-3..1e-1")


def test_who_asked_too_late_adds_nothing(nnlab: Nnlab, folder: Path) -> None:
    nnlab("init-study", "s", *SPACE, "--sampler", "tpe", "--trials", "6", "--at-once", "3")
    db = store.open_database("runs.db", write=True)
    study = store.find_study(db, "s")
    typed = TrainRequest({})
    known = load_scored_trials(db, study)
    plans = sampler_loop._run_specs(study, sampler_loop._suggest_trials(db, study, known), typed)
    elsewhere = next(sampler_loop.queue_sampler_trials(db, study, typed, quiet=True))
    assert elsewhere
    assert sampler_loop._enqueue_unless_outdated(db, study, plans, known=len(known)) is None
    queued = list(sampler_loop.queue_sampler_trials(db, study, typed, quiet=True))
    assert len({run.trial.id for run in store.runs(db, study=study.id)}) == 6
    assert not set(elsewhere) & {number for run_ids in queued for number in run_ids}
    db.close()
