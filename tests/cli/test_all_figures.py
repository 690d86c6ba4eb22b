"""`nnlab plot --all STUDY`: all kinds that apply, their captions, and an index for LaTeX."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab.cli.figures.plot import all_figures
from nnlab.figures import KINDS
from nnlab.io.file_origin import read_figure_provenance

FEW = {kind: KINDS[kind] for kind in ("curves", "profile", "compare", "gradients", "init")}


@pytest.fixture
def study(nnlab: Nnlab) -> Nnlab:
    """A study of three trials with two seeds each."""
    nnlab("init-study", "pace", *QUICK, "--opt", "sgd,adam,momentum", "--seeds", "2")
    nnlab("train", "--study", "pace", "-q")
    return nnlab


def test_every_kind_is_drawn_or_skipped_with_a_reason(study: Nnlab, folder: Path) -> None:
    answer = study("plot", "--all", "pace", "-o", "figures/", "--venue", "icml")
    for kind in KINDS:
        path = folder / "figures" / f"{kind}.pdf"
        assert path.exists() != (f" {kind} skipped: " in answer.err), kind
    for kind in ("curves", "ranking", "profile", "compare", "confusion"):
        provenance = read_figure_provenance(folder / "figures" / f"{kind}.pdf")
        assert provenance is not None
        assert provenance["page"] == {"venue": "icml"}
    assert "remedy skipped: pace is not a remedy study" in answer.err
    index = (folder / "figures" / "figures.tex").read_text()
    drawn = sorted((folder / "figures").glob("*.pdf"))
    assert index.count(r"\begin{figure}[t]") == len(drawn)
    for path in drawn:
        assert rf"\includegraphics{{figures/{path.name}}}" in index
        assert rf"\input{{figures/{path.stem}.caption.tex}}" in index
    assert str(folder) not in index
    assert {row["state"] for row in study("figures", "--format", "json").json} == {"fresh"}


def test_an_edited_index_is_kept(
    study: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_figures, "KINDS", FEW)
    answer = study("plot", "--all", "pace", "-o", "figures")
    assert "figures/figures.tex: 3 of 5 kinds of figures" in answer.out
    assert "4/5 gradients skipped: " in answer.err
    study("plot", "--all", "pace", "-o", "figures")
    index = folder / "figures" / "figures.tex"
    index.write_text("mine")
    assert "figures.tex" in study("plot", "--all", "pace", "-o", "figures", expect=1).err
    assert index.read_text() == "mine"
    study("plot", "--all", "pace", "-o", "figures", "--force")
    assert r"\begin{figure}" in index.read_text()


def test_two_columns_need_the_starred_environment(
    study: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_figures, "KINDS", {"curves": KINDS["curves"]})
    study("plot", "--all", "pace", "-o", "figures", "--venue", "icml", "--columns", "2")
    assert r"\begin{figure*}[t]" in (folder / "figures" / "figures.tex").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--all", "pace"), "add -o figures/"),
        (("--all", "none", "-o", "x"), "unknown study or run 'none'"),
        (("--all", "1", "-o", "x"), "--all needs studies"),
        (("--venue", "icml", "curves", "pace"), "--venue belongs after the kind of figure"),
        (("-o", "x"), "--output belongs after the kind of figure"),
    ],
)
def test_errors(study: Nnlab, folder: Path, words: tuple[str, ...], message: str) -> None:
    assert message in study("plot", *words, expect=2).err
    assert not (folder / "x").exists()
