"""`nnlab plot PAPER.toml`: all figures of a paper from one file."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab.io.file_origin import read_figure_provenance

PAPER = """
[page]
venue = "icml"

[[figure]]
file = ["figs/curves.pdf", "figs/curves.svg"]
kind = "curves"
options = { metric = ["loss"], top = 1 }
page = { columns = 2 }
data = true
caption = true

[[figure]]
file = "figs/both.pdf"
kind = "compose"
words = ["curves --metric loss", "ranking"]
options = { layout = "1x2" }
page = { columns = 2 }

[[figure]]
file = "figs/lr.pdf"
kind = "lr"
options = { lr = [0.1, 0.01], decay = ["exp", "step"], width = 8 }
"""


def write(folder: Path, text: str) -> None:
    (folder / "figs").mkdir(exist_ok=True)
    (folder / "paper.toml").write_text(text)


def test_all_figures_of_a_file_are_drawn(trained: Nnlab, folder: Path) -> None:
    write(folder, PAPER)
    trained("plot", "paper.toml")
    pages = {}
    for name in ("curves.pdf", "curves.svg", "both.pdf", "lr.pdf"):
        provenance = read_figure_provenance(folder / "figs" / name)
        assert provenance is not None
        pages[name] = provenance["page"]
    assert pages["both.pdf"] == {"venue": "icml", "columns": 2}
    assert pages["curves.svg"] == {"venue": "icml", "columns": 2}
    assert provenance is not None
    assert provenance["options"]["settings"]["width"] == "8"
    assert (folder / "figs" / "curves.csv").exists()
    assert (folder / "figs" / "curves.caption.tex").exists()
    assert {row["state"] for row in trained("figures", "--format", "json").json} == {"fresh"}


def test_only_changed_figures_are_drawn_again(trained: Nnlab, folder: Path) -> None:
    write(folder, PAPER)
    trained("plot", "paper.toml")
    answer = trained("plot", "paper.toml")
    assert answer.out.count(": unchanged") == 3
    write(folder, PAPER.replace("top = 1", "top = 2"))
    (folder / "figs" / "lr.pdf").unlink()
    answer = trained("plot", "paper.toml")
    assert "figs/curves.pdf: 2 trials" in answer.out
    assert "figs/both.pdf: unchanged" in answer.out
    assert "figs/lr.pdf: 4 schedules" in answer.out
    trained("train", *QUICK, "--opt", "momentum", "-q")
    answer = trained("plot", "paper.toml")
    assert answer.out.count(": unchanged") == 1
    assert "unchanged" not in trained("plot", "paper.toml", "--force").out


def test_an_edited_caption_is_kept(trained: Nnlab, folder: Path) -> None:
    write(folder, PAPER)
    trained("plot", "paper.toml")
    caption = folder / "figs" / "curves.caption.tex"
    caption.write_text("mine")
    write(folder, PAPER.replace("top = 1", "top = 2"))
    answer = trained("plot", "paper.toml")
    assert "figs/curves.pdf: 2 trials" in answer.out
    assert "kept, because it was edited" in answer.err
    assert caption.read_text() == "mine"


FIGURE = '[[figure]]\nfile = "a.pdf"\nkind = "curves"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pages = 1\n" + FIGURE, "unknown key 'pages': did you mean 'page'?"),
        ('[page]\nvenu = "icml"\n' + FIGURE, "option of the page 'venu': did you mean 'venue'?"),
        ('[page]\nvenue = "icm"\n' + FIGURE, "unknown venue 'icm'"),
        ('[[figure]]\nfil = "a.pdf"\n', "figure 1: unknown key 'fil': did you mean 'file'?"),
        ('[[figure]]\nfile = "a.pdf"\n', "has no kind"),
        ('[[figure]]\nfile = "a.pdf"\nkind = "curvs"\n', "did you mean 'curves'?"),
        (FIGURE + "options = { tpo = 3 }\n", "unknown option of curves 'tpo': did you mean 'top'?"),
        (FIGURE + 'options = { top = "x" }\n', "Invalid value for '--top'"),
        (FIGURE + "options = { venue = 'icml' }\n", "unknown option of curves 'venue'"),
        (FIGURE + "data = 3\n", "data is a int, it must be bool"),
        (FIGURE + FIGURE, "a.pdf is written by two figures"),
        ("", "needs [[figure]] tables"),
        ('claim = "x"\n', "unknown key 'claim'"),
        ("= 3", "is not a TOML file"),
    ],
)  # fmt: skip
def test_every_error_names_the_key(trained: Nnlab, folder: Path, text: str, message: str) -> None:
    write(folder, text)
    assert message in trained("plot", "paper.toml", expect=2).err
    assert not (folder / "a.pdf").exists()


def test_all_errors_are_reported_at_once(nnlab: Nnlab, folder: Path) -> None:
    write(folder, 'page = { venu = "x" }\n[[figure]]\nfile = "a.pdf"\n[[figure]]\nkind = "x"\n')
    err = nnlab("plot", "paper.toml", expect=2).err
    assert "venu" in err
    assert "figure 1 a.pdf: has no kind" in err
    assert "figure 2: has no file" in err


def test_a_figure_that_cannot_be_drawn_does_not_stop_the_others(
    trained: Nnlab, folder: Path
) -> None:
    write(folder, FIGURE + 'words = "none"\n' + FIGURE.replace("a.pdf", "b.pdf"))
    answer = trained("plot", "paper.toml", expect=1)
    assert "a.pdf: not drawn: unknown study or run 'none'" in answer.err
    assert "1 of 2 figures of paper.toml cannot be drawn" in answer.err
    assert (folder / "b.pdf").exists()


def test_a_missing_file_is_an_error(trained: Nnlab) -> None:
    assert "cannot read none.toml" in trained("plot", "none.toml", expect=1).err
