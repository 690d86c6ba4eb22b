"""`nnlab compare --ablation`: single changes of a base, their differences and their tests."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from scipy import stats

SETTING = ("--data", "iris", "--width", "8", "--depth", "1", "--epochs", "4", "--lr", "0.05")
BASE = "opt=sgd,norm=none"


@pytest.fixture
def study(nnlab: Nnlab) -> Nnlab:
    """Two optimizers with and without batch norm, five seeds each."""
    nnlab("init-study", "s", *SETTING, "--opt", "sgd,adam", "--norm", "none,batch", "--seeds", "5")
    nnlab("train", "--study", "s", "-q")
    return nnlab


def losses(nnlab: Nnlab, runs: list[int]) -> list[float]:
    shown = [nnlab("show", str(run), "--format", "json").json[0] for run in runs]
    return [
        next(m["best"] for m in run["metrics"] if m["metric"] == "val/loss")
        for run in sorted(shown, key=lambda run: run["seed"])
    ]


def test_differences_are_those_of_scipy(study: Nnlab) -> None:
    result = study("compare", "s", "--ablation", BASE, "--by", "val/loss", "--format", "json").json
    base = losses(study, result["base"]["runs"])
    assert result["base"]["mean"] == pytest.approx(sum(base) / 5)
    assert [change["change"] for change in result["changes"]] == [
        "+ batch norm",
        "Adam instead of SGD",
    ]
    for change in result["changes"]:
        values = losses(study, change["runs"])
        test = stats.ttest_rel(values, base)
        bounds = test.confidence_interval(1 - 0.05 / 2)
        difference = change["difference"]
        assert difference["mean"] == pytest.approx(sum(values) / 5 - sum(base) / 5)
        assert difference["p"] == pytest.approx(test.pvalue)
        assert difference["adjusted"] == pytest.approx(min(1, 2 * test.pvalue))
        assert [difference["low"], difference["high"]] == pytest.approx([bounds.low, bounds.high])
        assert difference["significant"] == (difference["low"] > 0 or difference["high"] < 0)
    assert len(result["several"]) == 1
    assert "1 trial not shown: changed in several settings" in result["notes"]


def test_a_base_is_a_run_or_settings(study: Nnlab) -> None:
    words = ("compare", "s", "--format", "json", "--ablation")
    by_settings = study(*words, BASE).json
    assert by_settings["base"]["setting"]["norm"] == "none"
    assert study(*words, str(by_settings["base"]["runs"][2])).json == by_settings
    other = study(*words, "opt=adam, --norm=batch").json
    assert [change["change"] for change in other["changes"]] == [
        "− batch norm",  # noqa: RUF001
        "SGD instead of Adam",
    ]


def test_a_base_that_is_not_one_trial(study: Nnlab) -> None:
    words = ("compare", "s", "--ablation")
    ambiguous = study(*words, "opt=sgd", expect=2).err
    assert "opt=sgd describes 2 trials, which differ in norm" in ambiguous
    assert "opt=sgd,norm=" in ambiguous
    unknown = study(*words, "opt=lamb", expect=2).err
    assert "no trial of s is opt=lamb: the values of opt are adam, sgd" in unknown
    # A field of other models is no typing error: another group of runs may have it.
    assert "no trial of s is heads=8: no trial sets heads" in study(*words, "heads=8", expect=2).err
    assert "did you mean 'opt'" in study(*words, "otp=sgd", expect=2).err
    assert "FIELD=VALUE" in study(*words, "opt=sgd,norm", expect=2).err
    study(*words, "no such run", expect=2)


def test_options_that_exclude_each_other(study: Nnlab) -> None:
    words = ("compare", "s", "--ablation", BASE)
    assert "cannot be combined" in study(*words, "--pivot", "norm", expect=2).err
    assert "cannot be combined" in study(*words, "--group-by", "opt", expect=2).err


def test_every_format_has_the_same_rows(study: Nnlab) -> None:
    words = ("compare", "s", "--ablation", BASE, "--by", "val/loss")
    table = study(*words).out
    assert "+ batch norm" in table
    assert "corrected for 2 changes (Bonferroni)" in table
    latex = study(*words, "--format", "latex", "--label", "tab:ablation").out
    assert r"\label{tab:ablation}" in latex
    assert r"\midrule" in latex
    assert r"+ batch norm & " in latex
    typst = study(*words, "--format", "typst", "--caption", "50 % *").out
    assert r"[\+ batch norm]," in typst
    assert r"[50 % \*]" in typst
    html = study(*words, "--format", "html").out
    assert '<th scope="row">+ batch norm</th>' in html
    assert "| + batch norm |" in study(*words, "--format", "markdown").out.replace("\\", "")
    rows = list(csv.DictReader(study(*words, "--format", "csv").out.splitlines()))
    values = json.loads(study(*words, "--format", "json").out)
    # A spreadsheet would execute a cell that begins with a plus sign.
    changes = [row["change"].removeprefix("'") for row in rows]
    assert changes == ["base", *(c["change"] for c in values["changes"])]
    assert float(rows[1]["difference"]) == values["changes"][0]["difference"]["mean"]
    assert float(rows[1]["adjusted"]) == values["changes"][0]["difference"]["adjusted"]


def test_a_diverged_change_is_marked_and_few_seeds_are_not_tested(nnlab: Nnlab) -> None:
    nnlab("train", *SETTING[:-1], "0.05,0.01,1000", "--opt", "sgd", "--seeds", "2", "-q")
    result = nnlab("compare", "--ablation", "lr=5e-2", "--format", "json").json
    small, huge = result["changes"]
    assert small["change"] == "lr 0.01 instead of 0.05"
    assert not small["difference"]["significant"]
    assert (huge["difference"], huge["mean"], huge["diverged"]) == (None, None, 2)
    assert "too few seeds to test 1 change: at least 3 are needed" in result["notes"]
    table = nnlab("compare", "--ablation", "lr=0.05", "--format", "markdown").out
    assert "| lr 1000 instead of 0.05 | diverged |" in table
    assert "**" not in table


def test_a_change_whose_runs_failed_is_named(nnlab: Nnlab, folder: Path) -> None:
    nnlab("init-study", "s", *SETTING[:-1], "0.05,0.01", "--opt", "sgd", "--seeds", "2")
    nnlab("train", "--study", "s", "-q")
    nnlab("init-study", "s", "--lr", "0.2", "--extend")
    with closing(sqlite3.connect(folder / "runs.db")) as db:
        db.execute("UPDATE run SET status = 'failed' WHERE status = 'queued'")
        db.commit()
    notes = nnlab("compare", "s", "--ablation", "lr=0.05", "--format", "json").json["notes"]
    assert "no value of lr 0.2 instead of 0.05: failed" in notes
    assert "2 runs failed, not compared" in notes
