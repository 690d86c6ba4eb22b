"""Trials of a study with arms are named by their arm wherever they are shown."""

import csv
import io
import json
from pathlib import Path

import pytest
from command_line_runner import Nnlab

STUDY = """
question = "Does longer training pay?"
claim = "Twelve epochs beat one."
data = "iris"
width = 8
depth = 1
seeds = 5

[[arm]]
name = "short"
lr = 0.01
epochs = 1

[[arm]]
name = "long"
lr = [0.01, 0.03]
epochs = 12

[[decide]]
says = "long ends lower"
metric = "train/loss"
at = "last"
higher = "short"
lower = "long"
expected = 0.5
expected_from = "the smallest effect that would matter"
pilot_sd = 0.2

[[subclaim]]
says = "the losses are one"
metric = "train/loss"
at = "last"
arm = "long"
above = 0.35

[pilot]
seeds = "100..104"
notes = "More epochs than at first."

[[published]]
result = "reports that <b>training</b> helps"
source = "A & B 2015, table 1"
url = "https://example.org/paper"
verdict = "mixed"
"""


@pytest.fixture
def trained(nnlab: Nnlab, folder: Path) -> Nnlab:
    (folder / "arms.toml").write_text(STUDY)
    nnlab("train", "--study", "arms", "--config", "arms.toml", "-q", "--no-keep-models")
    return nnlab


def test_in_tables_and_for_programs(trained: Nnlab) -> None:
    rows = trained("compare", "arms", "--format", "json").json
    ranking = rows[0] if isinstance(rows, list) else rows
    assert ranking["fields"] == ["arm", "lr"]
    assert {(row["arm"], row["setting"]["lr"]) for row in ranking["rows"]} == {
        *(("short", 0.01), ("long", 0.01), ("long", 0.03)),
    }
    assert all("arm" not in row["setting"] for row in ranking["rows"])
    table = list(csv.DictReader(io.StringIO(trained("compare", "arms", "--format", "csv").out)))
    assert {row["arm"] for row in table} == {"short", "long"}
    runs = trained("ls", "--format", "json").json
    assert {(run["arm"], run["trial"]) for run in runs} == {
        *(("short", "short"), ("long", "long, lr=0.01"), ("long", "long, lr=0.03")),
    }
    assert trained("show", "1", "--format", "json").json[0]["arm"] in {"short", "long"}
    assert "long" in trained("compare", "arms", "--format", "latex").out
    assert "long" in trained("compare", "arms", "--format", "typst").out


def test_in_figures_and_lists(trained: Nnlab, folder: Path) -> None:
    trained("plot", "ranking", "arms", "-o", "r.svg")
    text = (folder / "r.svg").read_text()
    assert "long, lr 0.03" in text
    assert "short, lr" not in text
    trained("plot", "lr", "arms", "-o", "lr.svg")
    assert "short" in (folder / "lr.svg").read_text()
    snapshot = json.loads(trained("watch", "arms", "--once", "--format", "json").out)
    assert snapshot["best"]["trial"].startswith("long, lr=")
    trained("effects", "arms", expect=None)


def test_before_anything_is_trained(nnlab: Nnlab, folder: Path) -> None:
    (folder / "arms.toml").write_text(STUDY)
    shown = nnlab("train", "--study", "arms", "--config", "arms.toml", "--dry-run").out
    # The values that distinguish the arms are shown as well: a dry run is for checking them.
    assert "long, lr=0.03 epochs=12" in shown
    assert "short, lr=0.01 epochs=1" in shown


def test_every_report_has_the_verdict_its_power_and_the_literature(
    trained: Nnlab, folder: Path
) -> None:
    texts = {}
    for suffix in ("md", "html", "tex"):
        trained("report", "arms", "-o", f"arms.{suffix}")
        texts[suffix] = " ".join((folder / f"arms.{suffix}").read_text().split())
    for text in texts.values():
        for phrase in (
            "sub-claim: the losses are one",
            "5 seeds find +0.5 with probability",
            "the smallest effect that would matter",
            "not tuned equally: short over 1 trial and long over 2 trials",
            "designed on 5 other seeds: More epochs than at first.",
            "mixed",
        ):
            assert phrase in text
    assert "[A &amp; B 2015, table 1](https://example.org/paper)" in texts["md"]
    assert '<a href="https://example.org/paper"' in texts["html"]
    assert r"A \& B 2015, table 1 https://example.org/paper" in texts["tex"]
    assert "&lt;b&gt;training" in texts["html"]
    assert "<b>training" not in texts["html"]


def test_the_verdict_for_programs(trained: Nnlab) -> None:
    claim = trained("compare", "arms", "--format", "json").json["claim"]
    assert claim["claim"] == "Twelve epochs beat one."
    first, second = claim["comparisons"]
    assert (first["says"], first["decides"], first["verdict"]) == (
        *("long ends lower", True, "supported"),
    )
    assert (first["expected"], first["n"], first["would_decide"]) == (0.5, 5, None)
    assert 0.9 < first["planned_power"] <= 1
    assert (second["decides"], second["planned_power"]) == (False, None)
    assert claim["published"][0]["source"] == "A & B 2015, table 1"
    assert claim["pilot"]["seeds"] == [100, 101, 102, 103, 104]
    assert len(claim["fairness"]) == 2
    trained("train", "--opt", "sgd", "--data", "iris", "--epochs", "1", "-q")
    assert trained("compare", "default", "--format", "json").json["claim"] is None


def test_a_study_whose_runs_were_removed_has_no_verdict(trained: Nnlab, folder: Path) -> None:
    runs = trained("ls", "--format", "json").json
    ids = [str(run["run"]) for run in runs if run["trial"] == "long, lr=0.01"]
    trained("rm", *ids, "--yes", expect=None)
    trained("report", "arms", "-o", "rest.md")
    assert "long ends lower" in (folder / "rest.md").read_text()
    rest = [str(run["run"]) for run in trained("ls", "--format", "json").json]
    trained("rm", *rest, "--yes", expect=None)
    trained("report", "arms", "-o", "none.md")
    assert "cannot tell" in (folder / "none.md").read_text()


def test_what_would_decide_is_printed_with_the_verdict(nnlab: Nnlab, folder: Path) -> None:
    undecided = STUDY.replace('higher = "short"\nlower = "long"', 'same = ["short", "long"]')
    undecided = undecided.replace("expected = 0.5", "margin = 1.0\nexpected = 0.5")
    (folder / "arms.toml").write_text(undecided.replace("seeds = 5", "seeds = 3"))
    trained = nnlab("train", "--study", "arms", "--config", "arms.toml", "-q")
    assert "cannot tell: long ends lower: at least 5 seeds with a number are needed" in trained.out
    assert "and 3 of 3 have one" in trained.out
