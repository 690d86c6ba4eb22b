"""`nnlab import`: runs, names, seeds, growth, rewritten logs, and what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import Nnlab
from exchange.imported_logs import content, import_logs, opened, training_rows, write_rows
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nnlab import store
from nnlab.errors import Interrupted
from nnlab.exchange.importing.options import ImportOptions
from nnlab.exchange.importing.session import ImportProgress, ImportSession, find_all_runs


def test_a_log_becomes_a_run_with_usual_names(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "logs/lr=0.1,seed=3.jsonl", training_rows(30))
    (row,) = nnlab("import", "logs", "--format", "json").json
    assert (row["run"], row["study"], row["seed"], row["outcome"]) == (1, "logs", 3, "new")
    assert row["values"] == 66
    assert row["metric_names"] == {
        "lr": "lr",
        "train/loss": "train_loss",
        "val/accuracy": "eval_acc",
        "val/loss": "eval_loss",
    }
    with opened(folder / "runs.db") as db:
        (run,) = store.runs(db)
        history = store.history(db, 1)
        assert dict(run.trial.setting) == {"lr": 0.1}
        assert str(store.find_study(db, "logs").objective) == "val/loss:min"
        assert len(store.samples(db, 1)) == 66
    assert (run.axis, run.epochs, str(run.status)) == ("step", 30, "finished")
    assert history["val/loss"].epochs == (10, 20, 30)
    assert list(history["val/loss"].values) == pytest.approx([0.2, 0.1, 2 / 30])
    assert history["train/loss"].values[0] == pytest.approx(sum(1 / s for s in range(1, 11)) / 10)
    assert nnlab("db", "check").code == 0


def test_runs_with_a_seed_in_their_name_are_one_trial(nnlab: Nnlab, folder: Path) -> None:
    for seed in (0, 1):
        write_rows(folder / f"logs/cnn-s{seed}.jsonl", training_rows(20, shift=seed))
    rows = nnlab("import", "logs", "--seed-from", r"-s(\d+)$", "--format", "json").json
    assert [row["seed"] for row in rows] == [0, 1]
    with opened(folder / "runs.db") as db:
        assert {run.trial.id for run in store.runs(db)} == {1}
        assert dict(store.runs(db)[0].trial.setting) == {"run": "cnn"}
    message = nnlab("import", "logs", "--seed-from", "(a)(b)", expect=2).err
    assert "has 2 groups" in message


def test_an_import_is_repeated_with_another_place_of_the_seed(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "logs/cnn-s7.jsonl", training_rows(20))
    assert nnlab("import", "logs", "--format", "json").json[0]["seed"] is None
    (row,) = nnlab("import", "logs", "--seed-from", r"-s(\d+)$", "--format", "json").json
    assert (row["seed"], row["values"]) == (7, 0)
    with opened(folder / "runs.db") as db:
        assert [dict(trial.setting) for trial in store.trials(db, [1, 2]).values()] == [
            {"run": "cnn"}
        ]


def test_the_user_names_metrics_or_keeps_their_names(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "a.jsonl", training_rows(10))
    (row,) = nnlab("import", "a.jsonl", "--map", "val/f1=eval_acc", "--format", "json").json
    assert row["metric_names"]["val/f1"] == "eval_acc"
    words = ("import", "a.jsonl", "--keep-names", "--db", "b.db", "--format", "json")
    (row,) = nnlab(*words).json
    assert sorted(row["metric_names"]) == ["eval_acc", "eval_loss", "lr", "train_loss"]
    assert "--map takes NNLAB=LOGGED" in nnlab("import", "a.jsonl", "--map", "x", expect=2).err


def test_of_two_metrics_with_one_usual_name_the_usual_one_gets_it(folder: Path) -> None:
    rows = training_rows(20)
    write_rows(folder / "a.jsonl", rows)
    import_logs(folder / "a.db", [folder / "a.jsonl"])
    with opened(folder / "a.db") as db:
        before = store.history(db, 1)["val/loss"]
    later = [{"step": step, "val/loss": 7.0} for step in (30, 40)]
    write_rows(folder / "a.jsonl", later)
    import_logs(folder / "a.db", [folder / "a.jsonl"])
    with opened(folder / "a.db") as db:
        history = store.history(db, 1)
        assert history["val/loss"].values == (7.0, 7.0)
        assert history["eval_loss"].values == before.values
        (source,) = store.sources(db, [1]).values()
        assert source.metric_names["eval_loss"] == "eval_loss"
        assert source.metric_names["val/loss"] == "val/loss"
        assert store.find_problems(db) == []


def test_importing_twice_changes_nothing(folder: Path) -> None:
    for name in ("a", "b/c"):
        write_rows(folder / f"logs/{name}.jsonl", training_rows(40))
    first = import_logs(folder / "x.db", [folder / "logs"])
    expected = content(folder / "x.db")
    second = import_logs(folder / "x.db", [folder / "logs"])
    assert [report.outcome for report in first + second] == ["new"] * 2 + ["unchanged"] * 2
    assert content(folder / "x.db") == expected
    # By the path of a file, the id of the run would be another one.
    import_logs(folder / "x.db", [folder / "logs/b/c.jsonl", folder / "logs"])
    assert content(folder / "x.db") == expected


_VALUES = st.one_of(st.floats(-10, 10, width=32), st.just(float("nan")), st.just(float("inf")))
_ROWS = st.lists(
    st.fixed_dictionaries(
        {"step": st.integers(-1, 12)},
        optional={
            "train_loss": _VALUES,
            "eval_loss": _VALUES,
            "val_loss": _VALUES,
            "lr": _VALUES,
            "epoch": st.integers(0, 3),
        },
    ),
    min_size=1,
    max_size=25,
)


@hypothesis_settings(max_examples=15)
@given(rows=_ROWS, cuts=st.lists(st.integers(0, 25), max_size=3))
def test_imports_of_a_growing_log_give_the_database_of_one_import(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]], cuts: list[int]
) -> None:
    rows = [{"train_loss": 1.0, "step": 0}, *rows]
    place = tmp_path_factory.mktemp("growing")
    write_rows(place / "whole/a.jsonl", rows)
    import_logs(place / "whole.db", [place / "whole/a.jsonl"])
    begin = 0
    for end in (*sorted(cuts), len(rows)):
        write_rows(place / "parts/whole/a.jsonl", rows[begin:end])
        if end:
            import_logs(place / "parts.db", [place / "parts/whole/a.jsonl"])
        begin = max(begin, end)
    assert content(place / "parts.db", ["run"]) == content(place / "whole.db", ["run"])
    expected, actual = _by_name(place / "whole.db"), _by_name(place / "parts.db")
    assert actual == expected


def _by_name(database: Path) -> dict[str, list[str]]:
    """The samples, points and summaries of a database with the names of metrics."""
    tables = content(database, ("metric", "sample", "point", "summary"))
    names = {row["id"]: row["name"] for row in tables.pop("metric")}
    return {
        table: sorted(
            (repr({**row, "metric_id": names[row["metric_id"]]}) for row in rows),
        )
        for table, rows in tables.items()
    }


def test_a_log_that_was_written_anew_replaces_the_run(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "a.jsonl", training_rows(40))
    nnlab("import", "a.jsonl")
    (folder / "a.jsonl").unlink()
    write_rows(folder / "a.jsonl", training_rows(20, shift=1.0))
    (row,) = nnlab("import", "a.jsonl", "--format", "json").json
    assert (row["outcome"], row["run"], row["values"]) == ("replaced", 1, 44)
    once = folder / "once.db"
    import_logs(once, [folder / "a.jsonl"])
    assert content(folder / "runs.db") == content(once)


def test_another_folder_of_the_same_name_is_another_run(folder: Path) -> None:
    for place, shift in (("first", 0.0), ("second", 1.0)):
        write_rows(folder / place / "logs/a.jsonl", training_rows(20, shift=shift))
        import_logs(folder / "x.db", [folder / place / "logs"])
    again = import_logs(folder / "x.db", [folder / "second/logs", folder / "first/logs"])
    assert [report.outcome for report in again] == ["unchanged", "unchanged"]
    assert sorted(report.run_id or 0 for report in again) == [1, 2]
    # A folder that was moved is known by the id of its runs.
    (folder / "first").rename(folder / "third")
    (report,) = import_logs(folder / "x.db", [folder / "third/logs"])
    assert (report.outcome, report.run_id) == ("unchanged", 1)


def test_a_removed_run_stays_removed(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "a.jsonl", training_rows(20))
    nnlab("import", "a.jsonl")
    nnlab("rm", "1", "-y")
    write_rows(folder / "a.jsonl", [{"step": 21, "train_loss": 0.1}])
    answer = nnlab("import", "a.jsonl")
    assert "left out, because removed by nnlab rm: run 1; nnlab rm --undo" in answer.out
    assert nnlab("ls", "--format", "json").json == []
    nnlab("rm", "--undo", "-y")
    (row,) = nnlab("import", "a.jsonl", "--format", "json").json
    assert (row["outcome"], row["values"]) == ("continued", 1)


def test_tags_of_an_earlier_import_are_kept(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "a.jsonl", training_rows(20))
    nnlab("import", "a.jsonl", "--tag", "old", "--tag", "paper")
    write_rows(folder / "a.jsonl", [{"step": 21, "train_loss": 0.1}])
    nnlab("import", "a.jsonl", "--tag", "new")
    (run,) = nnlab("ls", "--format", "json").json
    assert run["tags"] == ["old", "paper", "new"]


def test_an_interrupted_import_is_continued(folder: Path) -> None:
    write_rows(folder / "a.jsonl", training_rows(12_000))
    stops = iter([False] * 2 + [True] * 100)
    with opened(folder / "x.db", write=True) as db:
        progress = ImportProgress(lambda _: None, lambda _: None, lambda: next(stops))
        session = ImportSession(db, ImportOptions(), progress)
        with pytest.raises(Interrupted):
            session.import_runs(find_all_runs([folder / "a.jsonl"]))
    (report,) = import_logs(folder / "x.db", [folder / "a.jsonl"])
    assert (report.outcome, report.values) == ("new", 26_400)
    import_logs(folder / "once.db", [folder / "a.jsonl"])
    assert content(folder / "x.db") == content(folder / "once.db")


def test_a_broken_log_does_not_stop_the_others(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "logs/a.jsonl", training_rows(20))
    broken = folder / "logs/checkpoint-5/trainer_state.json"
    broken.parent.mkdir()
    broken.write_text('{"global_step": 5, "other": ')
    rows = nnlab("import", "logs", "--format", "json").json
    assert {row["kind"]: row["outcome"] for row in rows} == {
        "trainer-state": "failed",
        "jsonl": "new",
    }
    assert "not a state of a Trainer" in nnlab("import", str(broken), expect=1).out
    (folder / "empty").mkdir()
    assert "no logged run in empty" in nnlab("import", "empty", expect=1).err
    assert "gone: no such file" in nnlab("import", "gone", expect=1).err
    assert (
        "unknown kind of log 'tensorbord'"
        in nnlab("import", ".", "--as", "tensorbord", expect=2).err
    )


def test_a_dry_run_changes_nothing(nnlab: Nnlab, folder: Path) -> None:
    write_rows(folder / "a.jsonl", training_rows(20))
    (row,) = nnlab("import", "a.jsonl", "--dry-run", "--format", "json").json
    assert (row["outcome"], row["run"], row["kind"]) == ("new", None, "jsonl")
    assert not (folder / "runs.db").exists()
    nnlab("import", "a.jsonl")
    (row,) = nnlab("import", "a.jsonl", "--dry-run", "--format", "json").json
    assert (row["outcome"], row["run"]) == ("known", 1)


def test_findings_are_stored(nnlab: Nnlab, folder: Path) -> None:
    rows = [
        {"epoch": e, "train_loss": 2 * 0.7**e, "val_loss": 1 + 0.04 * abs(e - 4) ** 1.5}
        for e in range(1, 16)
    ]
    write_rows(folder / "a.jsonl", rows)
    nnlab("import", "a.jsonl")
    (run,) = nnlab("ls", "--format", "json").json
    assert run["flags"] == ["NN101"]


HOSTILE = ["\x1b[2Jred", "../../etc/passwd", "x" * 5000, "=cmd|' /C calc'!A0", "\ud800", "a\nb", ""]


def test_hostile_names_are_data(nnlab: Nnlab, folder: Path) -> None:
    rows = [
        {"step": step, "train_loss": 1.0, **dict.fromkeys(HOSTILE, float(step))} for step in (1, 2)
    ]
    write_rows(folder / "logs/a\x1b[31m.jsonl", rows)
    write_rows(folder / "logs" / ("y" * 200 + ".jsonl"), rows)
    answer = nnlab("import", "logs")
    assert "\x1b" not in answer.out + answer.err
    assert "\x1b" not in nnlab("ls").out
    assert nnlab("import", "logs", "--format", "json").json[0]["outcome"] == "unchanged"
    assert "\x1b" not in nnlab("show", "1").out
    with opened(folder / "runs.db") as db:
        assert store.find_problems(db) == []
        assert all(len(name) <= 500 for name in store.metrics(db))
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["logs"]


def test_a_link_leads_to_no_second_run(folder: Path) -> None:
    write_rows(folder / "logs/run-1/a.jsonl", training_rows(20))
    (folder / "logs/latest-run").symlink_to("run-1")
    (folder / "logs/loop").symlink_to("..")
    assert len(find_all_runs([folder / "logs", folder / "logs/latest-run"])) == 1


def test_each_file_has_one_kind(folder: Path) -> None:
    header = "epoch,accuracy,loss,val_accuracy,val_loss\n"
    (folder / "keras").mkdir()
    (folder / "keras/log.csv").write_text(header + "0,0.5,1.0,0.4,1.1\n1,0.6,0.9,0.5,1.0\n")
    (folder / "keras/plain.csv").write_text("epoch,train_loss\n1,1.0\n")
    kinds = {item.logged.kind for item in find_all_runs([folder / "keras"])}
    assert kinds == {"keras-csv", "csv"}
    (only,) = find_all_runs([folder / "keras/log.csv"], "csv")
    assert only.logged.kind == "csv"


def test_logs_are_followed_while_they_grow(folder: Path) -> None:
    log = write_rows(folder / "logs/a.jsonl", training_rows(20))
    reports: list[Any] = []
    looks = 0

    def should_stop() -> bool:
        nonlocal looks
        looks += 1
        if looks == 10:
            write_rows(log, [{"step": 21, "train_loss": 0.5}])
        return looks > 60

    with opened(folder / "x.db", write=True) as db:
        progress = ImportProgress(reports.append, lambda _: None, should_stop)
        session = ImportSession(db, ImportOptions(), progress)
        session.follow(lambda: find_all_runs([folder / "logs"]), seconds=0.01)
    assert [(report.outcome, report.values) for report in reports] == [
        ("new", 44),
        ("continued", 1),
    ]
    import_logs(folder / "once.db", [folder / "logs"])
    assert content(folder / "x.db") == content(folder / "once.db")


def test_the_audit_says_what_was_left_out(nnlab: Nnlab, folder: Path) -> None:
    log = write_rows(folder / "a.jsonl", training_rows(20))
    with log.open("a") as file:
        file.write('{"step": 21, "train_lo')
    (row,) = nnlab("import", "a.jsonl", "--format", "json").json
    assert [note["code"] for note in row["notes"]] == ["truncated"]
    with log.open("a") as file:
        file.write('ss": 0.5}\n' + json.dumps({"step": 22, "train_loss": "high"}) + "\n")
    answer = nnlab("import", "a.jsonl")
    assert "truncated" not in answer.out
    assert "jsonl, not-a-number: values of train_loss that are not numbers: run 1" in answer.out
