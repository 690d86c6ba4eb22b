"""A two-column paper with figures (pgf and pdf), captions and a table of one study compiles."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from PIL import Image

from nnlab.cli.figures.plot import all_figures
from nnlab.figures import KINDS

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("pdflatex", "pdftoppm", "pdffonts"))),
    reason="needs pdflatex (texlive-latex-extra, texlive-science, texlive-pictures) and poppler",
)
# The columns of an ICML page: 3.25 inches each, 6.75 inches together.
PAPER = r"""
\documentclass[10pt,twocolumn]{article}
\usepackage[letterpaper,textwidth=6.75in,textheight=9in,columnsep=0.25in]{geometry}
\usepackage[T1]{fontenc}
\usepackage{times,graphicx,pgf,tikz,booktabs,siunitx}
\title{A study}
\author{Anonymous}
\begin{document}
\maketitle
\section{Results}
Figure~\ref{fig:joint} and Table~\ref{tab:pace} are made from one study; Figure~\ref{fig:text} is
typeset in the font of this paper.
\input{table.tex}
\begin{figure}[t]
  \centering
  \input{curves.pgf}
  \input{curves.caption.tex}
  \label{fig:text}
\end{figure}
\begin{figure*}[t]
  \centering
  \includegraphics{joint.pdf}
  \input{joint.caption.tex}
  \label{fig:joint}
\end{figure*}
\input{figures/figures.tex}
\end{document}
"""


def test_a_paper_with_figures_and_a_table_compiles(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnlab("init-study", "pace", *QUICK, "--opt", "sgd,adam", "--lr", "0.001,0.01", "--seeds", "4")
    nnlab("train", "--study", "pace", "-q")
    page = ("--venue", "icml", "--caption")
    nnlab("plot", "curves", "pace", "--metric", "loss", "--top", "2", "-o", "curves.pgf", *page)
    nnlab("plot", "compose", "curves pace --metric accuracy", "ranking pace", "time pace --top 2",
          "--layout", "1x3", "--columns", "2", "-o", "joint.pdf", *page)  # fmt: skip
    kinds = ("ranking", "sweep", "interaction", "profile")
    monkeypatch.setattr(all_figures, "KINDS", {kind: KINDS[kind] for kind in kinds})
    nnlab("plot", "--all", "pace", "-o", "figures", "--venue", "icml")
    table = nnlab("compare", "pace", "--group-by", "opt", "--format", "latex").out
    (folder / "table.tex").write_text(table)
    (folder / "paper.tex").write_text(PAPER)
    for _ in range(2):
        log = run(folder, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex")
    assert "undefined" not in log
    # TeX points; a figure that is wider than its column would exceed it by far more.
    overfull = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert all(width < 5 for width in overfull), overfull
    assert "Type 3" not in run(folder, "pdffonts", "paper.pdf")
    run(folder, "pdftoppm", "-png", "-r", "60", "paper.pdf", "page")
    pages = sorted(folder.glob("page*.png"))
    assert len(pages) >= 2
    for path in pages:
        with Image.open(path) as image:
            dark = sum(image.convert("L").histogram()[:128])
            assert dark > 0.003 * image.width * image.height, f"{path.name} is nearly empty"


def run(folder: Path, *words: str) -> str:
    """The output of a program.

    Raises:
        AssertionError: it failed.
    """
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout
