"""Data sets that differ at each load: their seeds are averaged only if that is requested."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.engine.data import prepare
from nnlab.records import Run, Status

CODE = """
import numpy as np

def changing():
    return drawn(np.random.default_rng())

def same():
    return drawn(np.random.default_rng(0))

def drawn(draw):
    x = draw.standard_normal((80, 3))
    return x, (x[:, 0] > 0).astype(int)
"""
WORDS = ("--width", "4", "--depth", "1", "--epochs", "2", "-q")


@pytest.fixture(autouse=True)
def code(folder: Path) -> None:
    (folder / "own.py").write_text(CODE)


def train(nnlab: Nnlab, name: str, *words: str, expect: int = 0) -> str:
    prepare._prepare_cached.cache_clear()  # as in a process of its own
    answer = nnlab("train", "--data", f"own.py:{name}", *WORDS, *words, expect=expect)
    return answer.out + answer.err


def runs() -> tuple[Run, ...]:
    db = store.open_database("runs.db", write=False)
    try:
        return store.runs(db)
    finally:
        db.close()


def test_the_second_seed_is_refused_if_its_data_differ(nnlab: Nnlab) -> None:
    train(nnlab, "changing", "--seed", "0")
    text = train(nnlab, "changing", "--seed", "1", expect=1)
    assert "the data differ from those of run 1 (seed 0) of the same trial" in text
    assert "--allow-changing-data trains anyway" in text
    first, second = runs()
    assert (first.status, second.status, second.epochs) == (Status.FINISHED, Status.FAILED, 0)


def test_it_is_trained_with_a_note_where_that_is_wanted(nnlab: Nnlab) -> None:
    train(nnlab, "changing", "--seed", "0")
    prepare._prepare_cached.cache_clear()
    words = tuple(word for word in WORDS if word != "-q")
    answer = nnlab(
        "train", "--data", "own.py:changing", *words, "--seed", "1", "--allow-changing-data"
    )
    assert "the trial's mean over seeds mixes different data" in answer.out + answer.err
    first, second = runs()
    assert second.status is Status.FINISHED
    assert second.data_fingerprint != first.data_fingerprint
    assert second.trial.digest == first.trial.digest  # it is no part of the setting


def test_trained_again_all_seeds_are_new_ones(nnlab: Nnlab) -> None:
    train(nnlab, "changing", "--seeds", "2")
    train(nnlab, "changing", "--seeds", "2", "--again")
    assert [run.status for run in runs()] == [Status.FINISHED] * 4


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_each_run_is_refused_by_itself(nnlab: Nnlab, engine: str) -> None:
    """The data of a process are loaded once for several runs: all of these differ from run 1."""
    train(nnlab, "changing", "--seed", "0")
    text = train(nnlab, "changing", "--seed", "1,2", "--engine", engine, expect=1)
    assert "2 of 2 runs failed" in text
    assert "could not be trained together" not in text


@pytest.mark.parametrize("words", [(), ("--split-seed", "3", "--label-noise", "0.1")])
def test_data_that_stay_the_same_are_not_noticed(nnlab: Nnlab, words: tuple[str, ...]) -> None:
    for seed in ("0", "1"):
        train(nnlab, "same", "--seed", seed, *words)
    assert [run.status for run in runs()] == [Status.FINISHED] * 2


def test_generated_data_are_the_same_for_all_seeds(nnlab: Nnlab) -> None:
    for seed in ("0", "1", "2"):
        prepare._prepare_cached.cache_clear()
        nnlab("train", "--data", "blobs", "--data-noise", "0.2", *WORDS, "--seed", seed)
    assert len({run.data_fingerprint for run in runs()}) == 1
