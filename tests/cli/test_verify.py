"""`nnlab verify`: bitwise equal results, or the first number that differs."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab
from safetensors.torch import save_file

from nnlab.engine import transfer
from nnlab.engine.data import prepare
from nnlab.provenance import environment as provenance
from nnlab.records import Objective

STUDY = (*QUICK, "--study", "s", "--lr", "0.01,0.1", "--seeds", "2", "-q")


def change(folder: Path, sql: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        assert connection.execute(sql, values).rowcount > 0
        connection.commit()


def verdicts(nnlab: Nnlab, *words: str, expect: int = 0) -> Any:
    return nnlab("verify", *words, "--format", "json", expect=expect).json


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_what_was_trained_repeats_to_the_last_bit(nnlab: Nnlab, engine: str) -> None:
    nnlab("train", *STUDY, "--engine", engine)
    result = verdicts(nnlab, "s")
    assert [comparison["run"] for comparison in result] == [1, 2, 3, 4]
    for comparison in result:
        assert comparison["holds"]
        assert (comparison["epochs"], comparison["largest"], comparison["weights"]) == (
            3,
            0.0,
            True,
        )
        assert comparison["values"] > 3 * 8
        assert comparison["engine"] == ("solo" if engine == "solo" else "stacked 4")
        assert comparison["changes"] == []
    out = nnlab("verify", "s").out
    assert "run 1  the same to the last bit: 3 epochs" in out
    assert out.endswith("4 of 4 runs as stored\n")


def test_a_run_of_a_stack_is_trained_with_those_beside_it(nnlab: Nnlab) -> None:
    nnlab("train", *STUDY, "--engine", "stacked")
    (result,) = verdicts(nnlab, "3", "--epochs", "2")
    assert (result["run"], result["holds"], result["engine"]) == (3, True, "stacked 4")
    assert (result["epochs"], result["weights"]) == (2, False)


def test_where_its_stack_is_not_whole_the_losses_agree_to_rounding(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *STUDY, "--engine", "stacked")
    change(folder, "DELETE FROM attempt WHERE run_id = 4")
    (result,) = verdicts(nnlab, "1")
    assert result["holds"]
    assert (result["engine"], result["tolerance"], result["values"]) == ("solo", 2e-3, 7)
    assert 0.0 <= result["largest"] < 1e-4
    assert "(trained alone and not in its batch" in nnlab("verify", "1").out


def test_the_first_number_that_differs_is_said(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *STUDY, "--engine", "solo")
    change(
        folder,
        "UPDATE point SET value = 0.5 WHERE run_id = 2 AND epoch > 1"
        " AND metric_id = (SELECT id FROM metric WHERE name = 'val/loss')",
    )
    first, second, *_ = verdicts(nnlab, "s", expect=1)
    assert first["holds"]
    assert not second["holds"]
    assert (second["first"]["what"], second["first"]["epoch"]) == ("val/loss", 2)
    assert second["first"]["stored"] == 0.5
    assert 0.0 < second["first"]["relative"] < 1.0
    out = nnlab("verify", "s", expect=1).out
    assert "run 2  differs in epoch 2: val/loss was 0.5, is now 0." in out
    assert "3 of 4 runs as stored" in out
    assert verdicts(nnlab, "2", "--tolerance", "0.9")[0]["holds"]


def test_a_metric_that_is_gone_differs(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    change(folder, "UPDATE metric SET name = 'val/gone' WHERE name = 'val/loss'")
    out = nnlab("verify", "1", expect=1).out
    assert "differs in epoch 1: val/gone was" in out
    assert "is not measured any more" in out


def test_other_weights_are_found(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    path = folder / "runs.artifacts" / "1" / "model.safetensors"
    weights = dict(transfer.read_weights(path))
    name = next(iter(weights))
    weights[name] = weights[name] + 1e-7
    save_file(weights, path)
    (result,) = verdicts(nnlab, "1", expect=1)
    assert result["first"] == {
        "what": "weights",
        "epoch": None,
        "stored": name,
        "now": "other values",
        "relative": None,
    }
    path.write_bytes(b"rubbish")
    assert "cannot read runs.artifacts/1/model.safetensors" in nnlab("verify", "1", expect=1).out
    path.unlink()
    assert verdicts(nnlab, "1")[0]["weights"] is False


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_other_data_is_said_before_anything_is_trained(
    nnlab: Nnlab, folder: Path, engine: str
) -> None:
    rows = "\n".join(f"{n % 7},{n % 5},{n % 2}" for n in range(60))
    (folder / "own.csv").write_text(f"a,b,y\n{rows}\n")
    own = ("--data", "csv:own.csv", *STUDY[2:])
    nnlab("train", *own, "--engine", engine)
    (folder / "own.csv").write_text(f"a,b,y\n{rows}\n3,3,1\n")
    prepare._prepare_cached.cache_clear()  # another day, another process
    for entry in verdicts(nnlab, "s", expect=1):
        assert (entry["holds"], entry["epochs"]) == (False, 0)
        assert "csv:own.csv has changed since this run was set up" in entry["problem"]


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_a_data_set_that_is_not_what_it_was_is_said(
    nnlab: Nnlab, folder: Path, engine: str
) -> None:
    nnlab("train", *STUDY, "--engine", engine)
    change(folder, "UPDATE run SET data_fingerprint = 'another' WHERE id = 2")
    first, second, *_ = verdicts(nnlab, "s", expect=1)
    assert (second["first"]["what"], second["first"]["stored"]) == ("data", "another")
    assert second["epochs"] == 0
    assert first["holds"] == (engine == "solo")
    if engine == "stacked":
        assert "the data of another run of its batch has changed" in first["problem"]


def test_an_interrupted_run_is_compared_as_far_as_it_went(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    change(folder, "UPDATE run SET status = 'interrupted', epochs = 2")
    (result,) = verdicts(nnlab, "1")
    assert (result["holds"], result["epochs"], result["weights"]) == (True, 2, False)


def test_a_run_that_began_with_another_begins_so_again(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    nnlab("train", *QUICK, "--from", "1", "--lr", "0.001", "-q")
    assert verdicts(nnlab, "2")[0]["holds"]
    (folder / "runs.artifacts" / "1" / "model.safetensors").unlink()
    out = nnlab("verify", "2", expect=1).out
    assert "run 2  cannot be trained again: cannot read" in out


def test_what_changed_since_is_said(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnlab("train", *QUICK, "-q")
    monkeypatch.setattr(
        provenance, "_package_versions", lambda: {"torch": "9.9", "numpy": "8.8", "scipy": "7.7"}
    )
    changes = {entry["what"]: entry["now"] for entry in verdicts(nnlab, "1")[0]["changes"]}
    assert changes == {
        "torch": "9.9",
        "numpy": "8.8",
        "scipy": "7.7",
        "scikit-learn": "None",
    }
    assert "→ 9.9" in nnlab("verify", "1").out


def test_what_has_no_epoch_is_refused(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *QUICK)
    answer = nnlab("verify", "s", expect=2)
    assert "no epoch is stored" in answer.err
    nnlab("train", "--study", "s", "-q")
    nnlab("init-study", "t", *QUICK)
    answer = nnlab("verify", "s", "t")
    assert "1 run without an epoch left out" in answer.err
    assert "did you mean 's'" in nnlab("verify", "ss", expect=2).err


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_a_run_whose_ties_were_not_broken_still_verifies(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """As earlier versions trained it: the first epoch of accuracy 1 is the selected one."""

    def first_wins(
        objective: Objective,
        candidate: tuple[float, float],
        selected: tuple[float, float],
        **_: bool,
    ) -> bool:
        return objective.is_better(candidate[0], selected[0])

    blobs = ("--data", "blobs", "--data-noise", "0.05", "--samples", "100", "--lr", "0.03")
    words = ("train", *blobs, "--width", "8", "--depth", "1", "--epochs", "8", "--seeds", "2", "-q")
    with monkeypatch.context() as earlier:
        earlier.setattr("nnlab.engine.training_progress.is_better_epoch", first_wins)
        nnlab(*words, "--engine", engine)
    for entry in verdicts(nnlab, "1", "2"):
        assert (entry["holds"], entry["weights"], entry["epochs"]) == (True, True, 8)
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        first = [epoch for (epoch,) in connection.execute("SELECT selected_epoch FROM run")]
    nnlab(*words, "--engine", engine, "--again")
    for entry in verdicts(nnlab, "3", "4"):
        assert (entry["holds"], entry["weights"]) == (True, True)
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        now = [e for (e,) in connection.execute("SELECT selected_epoch FROM run WHERE current")]
    assert all(epoch < 8 for epoch in first)
    assert now == [8, 8]
