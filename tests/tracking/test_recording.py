"""Recording with `nnlab.init`, `log` and `finish`: what the database has afterwards."""

import math
from pathlib import Path

import pytest

import nnlab
from nnlab import store
from nnlab.errors import UsageError
from nnlab.records import Origin, Run, Status


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNLAB_DB", raising=False)
    return str(tmp_path / "r.db")


def stored_run(db: str, run_id: int = 1) -> Run:
    database = store.open_database(db, write=False)
    (run,) = store.runs(database, run_ids=[run_id])
    database.close()
    return run


def stored_samples(db: str, metric: str, run_id: int = 1) -> list[tuple[int | None, float]]:
    database = store.open_database(db, write=False)
    rows = [(item.step, item.value) for _, item in store.samples(database, run_id, [metric])]
    database.close()
    return rows


def test_values_config_and_end_are_stored(db: str) -> None:
    config = {"lr": 0.1, "model": {"layers": 2}}
    with nnlab.init("lm", config=config, seed=3, objective="val/loss", db=db) as run:
        for step in range(run.start_step, 4):
            run.log({"train/loss": 1.0 / (step + 1)}, step=step)
        run.log({"val/loss": 0.5}, epoch=1)
        run.config.update({"wd": 0.01})
        run.summary["best"] = 0.5
    stored = stored_run(db)
    assert (stored.status, stored.origin, stored.seed) == (Status.FINISHED, Origin.RECORDED, 3)
    assert stored.trial.study == "lm"
    assert stored.trial.setting == {"lr": 0.1, "model.layers": 2, "wd": 0.01}
    assert stored.results == {"best": 0.5}
    assert stored_samples(db, "train/loss") == [(s, 1.0 / (s + 1)) for s in range(4)]
    with nnlab.open(db) as results:
        assert list(results.history("1")["val/loss"]) == [(1, 0.5)]


def test_names_with_control_characters_are_one_line_and_lose_no_values(db: str) -> None:
    with nnlab.init("a\n\0b", name="c\x1b[2J", tags=["d\0"], group="e\n", db=db) as run:
        run.log({"x\0y": 1.0, "val/loss": 0.5}, step=0)
        run.log({"x\ud800y": 2.0}, step=1)
    stored = stored_run(db)
    assert (stored.status, stored.trial.study) == (Status.FINISHED, "a\ufffd\ufffdb")
    assert (stored.name, stored.tags) == ("c\ufffd[2J", ("d\ufffd", "group:e\ufffd"))
    assert stored_samples(db, "x?y") == [(0, 1.0), (1, 2.0)]


def test_steps_count_by_default_and_may_repeat_or_go_back(db: str) -> None:
    with nnlab.init("s", db=db) as run:
        for value in (1, 2):
            run.log({"x": value})
        for step in (5, 5, -1):
            run.log({"x": step}, step=step)
    assert stored_samples(db, "x") == [(0, 1.0), (1, 2.0), (5, 5.0), (5, 5.0), (-1, -1.0)]


def test_nan_and_infinity_are_stored_and_none_is_not(db: str) -> None:
    with nnlab.init("s", db=db) as run:
        run.log({"x": math.nan, "y": math.inf, "z": None})
    assert math.isnan(stored_samples(db, "x")[0][1])
    assert stored_samples(db, "y") == [(0, math.inf)]
    assert stored_samples(db, "z") == []


def test_names_of_the_module_act_on_the_current_run(db: str) -> None:
    assert not nnlab.run
    with pytest.raises(UsageError, match=r"no run for nnlab\.log"):
        nnlab.log({"x": 1})
    with pytest.raises(UsageError, match=r"no run for nnlab\.config"):
        _ = nnlab.config.lr
    run = nnlab.init(project="p", config={"lr": 1.0}, db=db)
    assert nnlab.run is run
    assert nnlab.config.lr == 1.0
    nnlab.log({"x": 2.0})
    assert nnlab.summary["x"] == 2.0
    nnlab.finish()
    assert not nnlab.run
    assert stored_run(db).status is Status.FINISHED


def test_a_run_that_is_off_has_the_same_methods_and_writes_nothing(db: str) -> None:
    with nnlab.init("s", config={"lr": 1.0}, db=db, mode="off") as run:
        run.log({"x": 1.0})
        run.config["a"] = 2
        run.summary["b"] = 3
        assert (run.config.a, run.summary["b"], run.id) == (2, 3, "0")
    assert not Path(db).exists()


def test_a_seed_that_the_config_gets_later_is_the_seed_of_the_run(db: str) -> None:
    for seed in (1, 2):
        with nnlab.init("s", db=db) as run:
            run.config.update({"lr": 0.1, "seed": seed})
    with nnlab.init("s", seed=3, db=db) as run:
        run.config.update({"lr": 0.1, "seed": 9})
    runs = [stored_run(db, number) for number in (1, 2, 3)]
    assert [run.seed for run in runs] == [1, 2, 3]
    assert {run.trial.id for run in runs} == {runs[0].trial.id}
    assert runs[0].trial.setting == {"lr": 0.1}
    assert all(run.current for run in runs)


def test_the_folder_of_a_run_does_not_depend_on_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with nnlab.init("s", db="r.db") as run:
        folder = run.dir
        monkeypatch.chdir(tmp_path / "elsewhere")
        run.log({"image": nnlab.Image([[0, 1], [1, 0]])})
    assert Path(folder) == tmp_path / "r.artifacts/1"
    assert len(list((tmp_path / "r.artifacts/1/media").iterdir())) == 1
