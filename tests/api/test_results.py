"""`nnlab.open`: the same numbers as the commands print, read without changing anything."""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line_runner import QUICK, Nnlab

import nnlab as api
from nnlab.analysis.plain_values import finding_values, ranking_values, run_values, study_values
from nnlab.errors import NoDatabase, NotADatabase, UnknownName, UsageError
from nnlab.study.gate_values import ledger_values


def as_json(value: object) -> Any:
    """A value as JSON has it: tuples are lists, and numbers that are not finite are null."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


@pytest.fixture
def results(trained: Nnlab) -> Any:
    del trained
    with api.open() as opened:
        yield opened


def test_runs_agree_with_ls(trained: Nnlab, results: api.Results) -> None:
    assert (
        as_json([run_values(run) for run in results.runs()])
        == trained("ls", "--format", "json").json
    )
    assert [run.id for run in results.runs()] == [4, 3, 2, 1]


def test_the_filters_of_runs_are_those_of_ls(trained: Nnlab, results: api.Results) -> None:
    trained("train", *QUICK, "--seed", "9", "--tag", "late", "--study", "other", "-q")
    trained("rm", "2", "--yes")
    assert [run.id for run in results.runs("other")] == [5]
    assert [run.id for run in results.runs(tag="late")] == [5]
    assert [run.id for run in results.runs("default", limit=2)] == [4, 3]
    assert [run.id for run in results.runs(removed=True)] == [2]
    assert [run.id for run in results.runs(status="finished")] == [5, 4, 3, 1]
    assert len(results.runs(status="failed")) == 0
    (overview,) = [study for study in results.studies() if study.study.name == "other"]
    assert [run.id for run in results.runs(overview)] == [5]
    with pytest.raises(UnknownName, match="unknown status 'done'"):
        results.runs(status="done")
    with pytest.raises(UnknownName, match="unknown study 'nope'"):
        results.runs("nope")


def test_studies_agree_with_the_command(trained: Nnlab, results: api.Results) -> None:
    listed = trained("studies", "--format", "json").json
    assert as_json([study_values(study) for study in results.studies()]) == listed


@pytest.mark.parametrize(
    ("words", "names", "options"),
    [
        ((), (), {}),
        (("default", "--by", "val/loss", "--at", "last"), ("default",),
         {"by": "val/loss", "at": "last"}),
        (("--at", "2", "--top", "1"), (), {"at": 2, "top": 1}),
        (("--group-by", "opt,lr", "--test", "sign-flip"), (),
         {"group_by": ["opt", "lr"], "test": "sign-flip"}),
        (("--interval", "bca", "--mixed"), (), {"interval": "bca", "mixed": True}),
        (("1", "2"), (1, "2"), {}),
        (("1", "3"), (1, 3), {}),
    ],
)  # fmt: skip
def test_a_ranking_agrees_with_compare(
    trained: Nnlab,
    results: api.Results,
    words: tuple[str, ...],
    names: tuple[Any, ...],
    options: dict[str, Any],
) -> None:
    ranking = results.compare(*names, **options)
    others = [ranking_values(group.ranking) for group in ranking.other_groups]
    shown = {**ranking_values(ranking.ranking), "other_groups": others, "claim": None}
    assert as_json(shown) == trained("compare", *words, "--format", "json").json


def test_runs_that_are_not_comparable_are_other_groups(
    trained: Nnlab, results: api.Results
) -> None:
    trained("train", "--data", "wine", "--width", "8", "--depth", "1", "--epochs", "2", "-q")
    ranking = results.compare()
    assert [len(ranking), *map(len, ranking.other_groups)] == [1, 2]
    printed = trained("compare", "--format", "json").json
    assert as_json(ranking_values(ranking.other_groups[0].ranking)) == printed["other_groups"][0]
    assert "not comparable with these, in other_groups: iris" in repr(ranking)


def test_a_history_agrees_with_show(trained: Nnlab, results: api.Results) -> None:
    history = results.history(3)
    printed = trained("show", "3", "--curves", "--format", "json").json
    assert [row["epoch"] for row in printed] == [1, 2, 3]
    for metric in history:
        values = {row["epoch"]: row[metric] for row in printed if row[metric] is not None}
        assert dict(history[metric]) == values
    assert history.run.id == 3
    assert "val/loss" in history
    assert len(history) == len(history.metrics)


def test_a_run_agrees_with_show(trained: Nnlab, results: api.Results) -> None:
    (printed,) = trained("show", "3", "--format", "json").json
    run = results.run("3")
    assert repr(run).startswith("<run 3 of study 'default': seed 1, finished, best val/accuracy 0.")
    assert as_json([finding_values(finding) for finding in run.findings]) == printed["findings"]
    assert dict(run.setting) == printed["setting"]
    metrics = {row["metric"]: row for row in printed["metrics"]}
    assert run.best == metrics["val/accuracy"]["best"]
    assert run.last == metrics["val/accuracy"]["last"]
    assert {name: summary.last for name, summary in run.metrics.items()} == {
        name: row["last"] for name, row in metrics.items()
    }


def test_the_ledger_agrees_with_the_command(nnlab: Nnlab) -> None:
    words = ("gate", "--study", "loop", *QUICK, "--objective", "val/loss", "-q", "--max-seeds", "2")
    nnlab(*words, "--lr", "0.1")
    nnlab(*words, "--lr", "0.001", expect=None)
    printed = nnlab("gate", "--ledger", "--format", "json").json
    with api.open() as results:
        table = results.ledger("loop")
        assert as_json([ledger_values(row) for row in table]) == printed
        assert table == results.ledger() == results.ledger(results.studies()[0])
        assert repr(table).startswith("2 candidates")
        assert table[0].entry.verdict == "baseline"
        with pytest.raises(UnknownName):
            results.ledger("nobody")


def test_findings_agree_with_diagnose(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "1e-6", "--epochs", "8", "-q")
    (printed,) = nnlab("diagnose", "1", "--format", "json").json
    with api.open() as results:
        findings = results.findings(1)
        assert as_json([finding_values(finding) for finding in findings]) == printed["findings"]
        assert findings
        # A stored history brings its setting along.
        assert api.diagnose(results.history(1)) == findings


def test_a_run_is_named_by_number_name_or_record(trained: Nnlab, results: api.Results) -> None:
    trained("train", *QUICK, "--seed", "7", "--name", "lucky", "-q")
    trained("train", *QUICK, "--seeds", "2", "--lr", "0.05", "--name", "twins", "-q")
    run = results.run("lucky")
    assert run.id == 5
    for reference in (5, "5", "#5", run, run.run):
        assert results.history(reference).run.id == 5
    with pytest.raises(UsageError, match="'twins' is the name of 2 runs: 6, 7"):
        results.history("twins")
    with pytest.raises(UnknownName, match="run"):
        results.findings(99)
    for wrong in (1.5, True, None):
        with pytest.raises(UsageError, match="number or name"):
            results.run(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"at": 0}, {"at": "first"}, {"top": -1}, {"interval": "z"}, {"test": "f"}]
)
def test_wrong_options_of_a_ranking_are_usage_errors(
    results: api.Results, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        results.compare(**options)


def test_a_missing_database_is_an_error_and_not_created(folder: Path) -> None:
    with pytest.raises(NoDatabase, match=r"nothing\.db") as caught:
        api.open("nothing.db")
    assert "try: " in "".join(caught.value.__notes__)
    (folder / "text.db").write_text("no database " * 100)
    with pytest.raises(NotADatabase):
        api.open(folder / "text.db")
    assert [path.name for path in folder.iterdir()] == ["text.db"]


def test_reading_changes_no_file(trained: Nnlab, folder: Path) -> None:
    del trained

    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    before = files()
    with api.open(folder / "runs.db") as results:
        results.studies(), results.runs(), results.compare(), results.history(1)
    assert files() == before


def test_the_environment_names_the_default_database(
    trained: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del trained
    (folder / "runs.db").rename(folder / "moved.db")
    monkeypatch.setenv("NNLAB_DB", str(folder / "moved.db"))
    with api.open() as results:
        assert len(results.runs()) == 4
    with api.open(f"sqlite:///{folder / 'moved.db'}") as results:
        assert len(results.runs()) == 4


def test_threads_share_an_open_database(results: api.Results) -> None:
    answers: list[tuple[int, int]] = []

    def read(run: int) -> None:
        answers.append((run, results.history(run).run.id))

    threads = [threading.Thread(target=read, args=(run,)) for run in (1, 2, 3, 4) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted((run, run) for run in (1, 2, 3, 4) * 3)


def test_a_closed_database_says_so(trained: Nnlab) -> None:
    del trained
    results = api.open()
    assert repr(results) == "<results in runs.db>"
    results.close()
    results.close()
    with pytest.raises(UsageError, match=r"runs\.db is closed"):
        results.runs()
    assert "closed" in repr(results)


def test_figures_take_a_history(results: api.Results) -> None:
    history = results.history(1)
    assert len(api.plots.curves(history, metrics=["loss"]).axes) >= 1
    series = api.plots.Series("two seeds", (history, results.history(2)))
    assert len(api.plots.curves(series).axes) >= 1
    assert len(api.plots.gap(history).axes) >= 1


@pytest.mark.parametrize("kind", ["histories", "dict", "run"])
def test_figures_of_something_else_are_usage_errors(results: api.Results, kind: str) -> None:
    wrong: Any = {
        "histories": [results.history(1)],
        "dict": {"loss": [1.0]},
        "run": results.run(1),
    }[kind]
    with pytest.raises(UsageError, match="curves of a history, a Series or several Series"):
        api.plots.curves(wrong)


def test_a_model_is_loaded_by_number_or_record(trained: Nnlab, results: api.Results) -> None:
    wanted = api.load(1).state_dict()
    for reference in (results.run(1), results.run(1).run, np.int64(1), "1"):
        weights = api.load(reference).state_dict()
        assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    with pytest.raises(UsageError, match="by its number or name, got True"):
        api.load(True)
