"""`--caption`: the caption of a figure as LaTeX, with n, the meaning of bands, and the notes."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab


def test_a_caption_states_what_is_shown_on_how_many_seeds(trained: Nnlab, folder: Path) -> None:
    answer = trained("plot", "ranking", "-o", "fig.pdf", "--caption")
    assert "fig.caption.tex: caption" in answer.out
    mark, text = (folder / "fig.caption.tex").read_text().split("\n", 1)
    assert mark.startswith("% made by nnlab")
    assert text.startswith(r"\caption{Trials ranked by validation accuracy.")
    assert "n = 2 seeds of each of 2 trials on Iris." in text
    assert r"95 \%" in text
    assert "--top" not in text
    assert text.endswith("}\n")


def test_a_ranking_names_its_test_and_correction(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd,adam,momentum", "--seeds", "5", "-q")
    nnlab("plot", "ranking", "-o", "fig.pdf", "--caption")
    text = (folder / "fig.caption.tex").read_text()
    assert "moderated paired t test, corrected for 3 trials" in text


def test_diverged_runs_are_counted(nnlab: Nnlab, folder: Path) -> None:
    nnlab(
        "train",
        "--data",
        "diabetes",
        *QUICK[2:],
        "--opt",
        "sgd",
        "--lr",
        "0.01,100",
        "--seeds",
        "2",
        "-q",
        expect=None,
    )
    nnlab("plot", "curves", "-o", "fig.pdf", "--caption", "--metric", "loss")
    text = (folder / "fig.caption.tex").read_text()
    assert "Training and validation curves, loss over epochs." in text
    assert "; 2 of the 4 runs diverged." in text


def test_names_are_escaped(trained: Nnlab, folder: Path) -> None:
    trained("plot", "ranking", "-o", "fig.pdf", "--caption", "--rename", "val/accuracy=50%_a&b")
    assert r"50\%\_a\&b" in (folder / "fig.caption.tex").read_text()


def test_an_edited_caption_is_kept(trained: Nnlab, folder: Path) -> None:
    trained("plot", "ranking", "-o", "fig.pdf", "--caption")
    trained("plot", "ranking", "-o", "fig.pdf", "--caption")
    trained("plot", "ranking", "-o", "fig.pdf")
    trained("plot", "ranking", "-o", "fig.pdf", "--caption")
    path = folder / "fig.caption.tex"
    path.write_text("my words")
    answer = trained("plot", "ranking", "-o", "fig.pdf", "--caption", expect=1)
    assert "fig.caption.tex" in answer.err
    assert path.read_text() == "my words"
    trained("plot", "ranking", "-o", "fig.pdf")
    assert path.read_text() == "my words"
    trained("plot", "ranking", "-o", "fig.pdf", "--caption", "--force")
    assert r"\caption{Trials" in path.read_text()


def test_refresh_also_writes_the_caption(trained: Nnlab, folder: Path) -> None:
    trained("plot", "ranking", "-o", "fig.pdf", "--caption")
    trained("train", *QUICK, "--opt", "momentum", "--seeds", "2", "-q")
    trained("figures", "--refresh")
    assert "of each of 3 trials" in (folder / "fig.caption.tex").read_text()
    assert "fresh" in trained("plot", "--check", "fig.pdf").out


def test_a_composed_figure_describes_every_panel(trained: Nnlab, folder: Path) -> None:
    trained("plot", "compose", "curves --metric loss", "ranking", "-o", "fig.pdf", "--caption")
    text = (folder / "fig.caption.tex").read_text()
    assert r"\caption{(a) Training and validation curves, loss over epochs." in text
    assert " (b) Trials ranked by validation accuracy." in text


@pytest.mark.parametrize("words", [("--caption",), ("--caption", "--show")])
def test_a_caption_needs_a_file(trained: Nnlab, words: tuple[str, ...]) -> None:
    assert "add -o ranking.pdf" in trained("plot", "ranking", *words, expect=2).err
