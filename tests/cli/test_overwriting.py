"""No command replaces a file that nnlab did not create, except with `--force`."""

import hashlib
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab.io.file_origin import read_figure_provenance

MINE = "the only copy of my measurements\n"

# Each writes a figure or a report to the file that is named last.
WRITERS = {
    "curves": ("plot", "curves", "-o", "fig.svg"),
    "lr": ("plot", "lr", "--decay", "exp", "-o", "fig.svg"),
    "report html": ("report", "-o", "r.html"),
    "report markdown": ("report", "-o", "r.md"),
    "report latex": ("report", "-o", "r.tex"),
    "find-decay": ("find-decay", "1", "-o", "fig.svg"),
    "find-lr": ("find-lr", *QUICK[:-2], "--steps", "16", "--seeds", "1", "-o", "fig.svg"),
    "probe init": ("probe", "init", "--depth", "2", "--width", "4", "-o", "fig.svg"),
    "probe sensitivity": (
        *("probe", "sensitivity", "1", "--grid", "3", "--directions", "2"),
        *("--examples", "16", "-o", "fig.svg"),
    ),
    "data show": ("data", "show", "iris", "--picture", "fig.svg"),
}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS.keys())
def test_a_file_of_the_user_is_not_replaced_without_force(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...]
) -> None:
    nnlab("train", *QUICK[:-2], "--epochs", "20", "-q")
    path = folder / words[-1]
    path.write_text(MINE)
    answer = nnlab(*words, expect=1)
    assert f"'{path.name}' exists and was not created by nnlab" in " ".join(answer.err.split())
    assert "--force replaces it" in answer.err
    assert path.read_text() == MINE
    nnlab(*words, "--force")
    assert path.read_text() != MINE
    nnlab(*words)  # it is nnlab's own now


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png", "eps", "pgf", "tikz"])
def test_a_figure_of_nnlab_is_replaced_in_every_format(
    trained: Nnlab, folder: Path, suffix: str
) -> None:
    trained("plot", "curves", "-o", f"a.{suffix}")
    trained("plot", "ranking", "-o", f"a.{suffix}")
    provenance = read_figure_provenance(folder / f"a.{suffix}")
    assert provenance is not None
    assert provenance["kind"] == "ranking"


def test_the_figures_beside_a_report_are_checked_too(trained: Nnlab, folder: Path) -> None:
    (folder / "r-curves.png").write_text(MINE)
    answer = trained("report", "-o", "r.md", expect=1)
    assert "'r-curves.png' exists and was not created by nnlab" in " ".join(answer.err.split())
    assert (folder / "r-curves.png").read_text() == MINE
    assert not (folder / "r.md").exists()


def test_a_table_of_nnlab_in_a_document_of_the_user_does_not_make_it_replaceable(
    trained: Nnlab, folder: Path
) -> None:
    text = "\\documentclass{article}\n" + trained("compare", "--format", "latex").out
    assert "% made by nnlab" in text
    (folder / "paper.tex").write_text(text)
    trained("report", "-o", "paper.tex", expect=1)
    assert (folder / "paper.tex").read_text() == text


def test_a_link_to_a_file_of_the_user_is_not_written_through(trained: Nnlab, folder: Path) -> None:
    (folder / "mine.svg").write_text(MINE)
    (folder / "fig.svg").symlink_to("mine.svg")
    (folder / "new.svg").symlink_to("nowhere.svg")
    for name in ("fig.svg", "new.svg"):
        trained("plot", "curves", "-o", name, expect=1)
    assert (folder / "mine.svg").read_text() == MINE
    assert not (folder / "nowhere.svg").exists()


def test_a_refresh_leaves_a_data_set_of_the_figures_name_alone(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd", "-q")
    nnlab("plot", "ranking", "-o", "points.pdf")
    (folder / "points.csv").write_text(MINE)
    nnlab("train", *QUICK, "--opt", "adam", "-q")
    answer = nnlab("figures", "--refresh")
    assert "points.csv" not in answer.out + answer.err
    assert (folder / "points.csv").read_text() == MINE
    assert "fresh" in nnlab("plot", "--check", "points.pdf").out


def test_a_refresh_writes_the_numbers_again_that_the_figure_had(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd", "-q")
    nnlab("plot", "ranking", "-o", "points.pdf", "--data")
    nnlab("train", *QUICK, "--opt", "adam", "-q")
    nnlab("figures", "--refresh")
    provenance = read_figure_provenance(folder / "points.pdf")
    assert provenance is not None
    content = (folder / "points.csv").read_bytes()
    assert provenance["data"] == hashlib.sha256(content).hexdigest()
    assert len(content.splitlines()) == 3


def test_data_are_not_written_over_a_file_of_the_user(trained: Nnlab, folder: Path) -> None:
    (folder / "points.csv").write_text(MINE)
    words = ("plot", "ranking", "-o", "points.svg", "--data")
    answer = trained(*words, expect=1)
    assert "'points.csv' exists and was not created by nnlab" in " ".join(answer.err.split())
    assert (folder / "points.csv").read_text() == MINE
    assert not (folder / "points.svg").exists()
    trained(*words, "--force")
    ranking = (folder / "points.csv").read_text()
    assert ranking != MINE
    trained("plot", "curves", "-o", "points.svg", "--data")  # the figure knows the file as its own
    assert (folder / "points.csv").read_text() != ranking
