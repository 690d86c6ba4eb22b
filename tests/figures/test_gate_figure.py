"""The figure of a ledger: its texts, its markers, and what it leaves out."""

import math
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from figure_checks import drawn_texts, xs
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.paper import PALETTES, Paper, use_paper
from nnlab.figures.kinds.gate import CandidateEffect, draw_gate, prepare_gate

EFFECTS = (
    CandidateEffect("#2 lr 0.1 -> 0.02", 0.02, 0.01, 0.03, "kept", 4),
    CandidateEffect("#3 dropout 0 -> 0.5", -0.01, -math.inf, 0.0, "discarded", 2),
    CandidateEffect("#4 opt sgd -> adam", 0.003, -0.01, 0.02, "not decided yet", 10),
    CandidateEffect("#5 lr 0.1 -> 9", math.nan, -math.inf, math.inf, "discarded", 0),
)


def texts(figure: Figure) -> list[str]:
    return [text for text, _, _ in drawn_texts(figure)]


def test_every_candidate_has_a_row_with_its_effect_and_its_seeds() -> None:
    figure = draw_gate(EFFECTS, "Validation accuracy")
    drawn = texts(figure)
    assert {"Candidate", "effect", "seeds"} <= set(drawn)
    label = figure.axes[0].get_xlabel().replace("\n", " ")
    assert label == "Improvement of validation accuracy over the baseline"
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [effect.name for effect in EFFECTS]
    assert [text for text in drawn if text in ("4", "2", "10", "0")] == ["4", "2", "10", "0"]
    assert {"kept", "discarded", "not decided yet"} <= set(drawn)


def test_verdicts_differ_without_color() -> None:
    with use_paper(Paper(palette="grey")):
        figure = draw_gate(EFFECTS, "Accuracy")
    ax = figure.axes[0]
    weights = [label.get_fontweight() for label in ax.get_yticklabels()]
    assert weights == ["bold", "normal", "normal", "normal"]
    markers = [line for line in ax.lines if line.get_marker() in ("o", "s")]
    assert [line.get_marker() for line in markers] == ["o", "o", "s"]
    fills = [to_rgb(line.get_markerfacecolor()) for line in markers]
    assert fills == [to_rgb(PALETTES["grey"][0]), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)]


def test_the_interval_of_a_single_candidate_is_shown_beside_zero() -> None:
    for bounds, shown in (((-0.004, 0.014), (-0.004, 0.014)), ((-math.inf, 9.0), (0.0, 0.015))):
        ax = draw_gate([CandidateEffect("#2", 0.01, *bounds, "kept", 4)], "Accuracy").axes[0]
        left, right = ax.get_xlim()
        margin = 0.05 * (shown[1] - shown[0])
        assert (left + margin, right - margin) == pytest.approx(shown)


def test_an_unknown_bound_reaches_the_edge_and_a_known_one_its_value() -> None:
    ax = draw_gate(EFFECTS, "Accuracy").axes[0]
    intervals = [xs(line) for line in ax.lines if line.get_marker() == "None"][1:]
    left, _ = ax.get_xlim()
    assert intervals[0] == (0.01, 0.03)
    assert intervals[1] == (left, 0.0)


def test_a_candidate_far_below_the_others_is_an_arrow() -> None:
    bad = CandidateEffect("#6 lr 0.1 -> 3", -0.9, -0.91, -0.89, "discarded", 2)
    ax = draw_gate([*EFFECTS[:3], bad], "Accuracy").axes[0]
    assert ax.get_xlim()[0] > -0.5
    assert [line.get_marker() for line in ax.lines].count("<") == 1


@pytest.fixture
def loop(nnlab: Nnlab, folder: Path) -> Nnlab:
    """A ledger: a baseline, a candidate that was kept, and two that were discarded."""
    words = ("gate", "--study", "loop", *QUICK, "--objective", "val/loss", "-q")
    for rate in ("0.0001", "0.1", "0.001", "0.0005"):
        nnlab(*words, "--lr", rate, expect=0 if rate in ("0.0001", "0.1") else 10)
    return nnlab


def test_the_numbers_and_the_caption_are_those_of_the_ledger(loop: Nnlab, folder: Path) -> None:
    answer = loop("plot", "gate", "loop", "-o", "gate.pdf", "--caption", "--data")
    assert "gate.pdf: 3 candidates" in answer.out
    header, *lines = (folder / "gate.csv").read_text().splitlines()
    assert header == "entry,candidate,metric,verdict,seeds,effect,low,high,p,level"
    assert [line.split(",")[:4] for line in lines] == [
        ["2", "lr 0.0001 -> 0.1", "val/loss", "keep"],
        ["3", "lr 0.1 -> 0.001", "val/loss", "discard"],
        ["4", "lr 0.1 -> 0.0005", "val/loss", "discard"],
    ]
    caption = (folder / "gate.caption.tex").read_text()
    assert (
        "The effect of each tested change on validation loss, in the order of the tests" in caption
    )
    assert "The lower bound of an interval holds at every number of seeds" in " ".join(
        caption.split()
    )
    few = loop("plot", "gate", "loop", "--top", "1", "-o", "few.pdf")
    assert "few.pdf: 2 candidates" in few.out
    assert "left out: 1 earlier candidate without the verdict to keep" in few.err
    assert "gate.pdf" in loop("figures").out


def test_a_study_without_a_ledger_has_no_figure(loop: Nnlab, folder: Path) -> None:
    loop("train", "--study", "plain", *QUICK, "-q")
    error = loop("plot", "gate", "plain", "-o", "x.pdf", expect=2).err
    assert "no candidate was tested in study 'plain'" in error
    db = store.open_database(str(folder / "runs.db"), write=False)
    with pytest.raises(UsageError, match="one study, got 0 names"):
        prepare_gate(db, [])
    db.close()


def test_reports_in_every_format_list_the_candidates(loop: Nnlab, folder: Path) -> None:
    for suffix in ("md", "html", "tex"):
        loop("report", "loop", "-o", f"loop.{suffix}")
    markdown = (folder / "loop.md").read_text()
    assert "## Tested candidates of loop" in markdown
    # The best mean may be that of a candidate that was discarded.
    assert r"0 not decided; the best so far is \#2 \(lr 0.0001 -&gt; 0.1\)**" in markdown
    assert "is best of" not in markdown
    assert "3 candidates: 1 kept, 2 discarded, 0 not decided." in markdown
    (kept,) = [line for line in markdown.splitlines() if line.startswith("| 2 | lr 0.0001")]
    assert kept.split(" | ")[-2] == "**keep**, best"
    page = (folder / "loop.html").read_text()
    assert "<h2>Tested candidates</h2>" in page
    assert '<tr class="best"><td class="n" data-v="2">2</td><td>lr 0.0001 -&gt; 0.1</td>' in page
    latex = (folder / "loop.tex").read_text()
    assert r"\section*{Tested candidates of loop}" in latex
    assert r"keep, best \\" in latex
    loop("train", "--study", "plain", *QUICK, "-q")
    loop("report", "plain", "-o", "plain.md")
    assert "Tested candidates" not in (folder / "plain.md").read_text()
