"""Tables for papers: digits, ties in bold, groups of columns; LaTeX that compiles."""

import csv
import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.figures.draw.venues import VENUES
from nnlab.report.measured_cell import MeasuredCell
from nnlab.report.paper_table import PaperTable
from nnlab.report.table_formats import (
    table_as_csv,
    table_as_html,
    table_as_latex,
    table_as_markdown,
)
from nnlab.stats.number_columns import written_column

NAMES = {"sgd": "SGD", "adam": "Adam"}
PDFLATEX = shutil.which("pdflatex")
NO_TEX = "pdflatex (texlive-latex-extra, texlive-science) is not installed"


def table(**changes: object) -> PaperTable:
    values, spreads = (0.97312, 0.9, 0.5, math.nan), (0.0041, 0.0123, math.nan, math.nan)
    written = written_column(values, spreads)
    cells = (
        *(MeasuredCell(v, s, v > 0.8, w) for v, s, w in zip(values, spreads, written, strict=True)),
        None,
    )
    rows = tuple(((f"a_{i} & <b>",), (cell,)) for i, cell in enumerate(cells))
    return PaperTable(
        ("Choice",), (), ("Validation 50 %",), rows, "Caption $x$ <i>", "tab:x", "val/accuracy",
        notes=("Note $y$ <u>.",),
    )  # fmt: skip


def test_digits_follow_the_interval_and_ties_are_bold() -> None:
    text = table_as_markdown(table())
    lines = text.splitlines()
    assert lines[2].endswith("| **0.973 ± 0.004** |")
    assert lines[3].endswith("| **0.900 ± 0.012** |")
    assert lines[4].endswith("| 0.500 |")
    assert lines[5].endswith("| – |")  # noqa: RUF001
    assert lines[6].endswith("|  |")
    assert "&lt;b&gt;" in text


def test_latex_aligns_by_siunitx_and_escapes() -> None:
    text = table_as_latex(table(), "nnlab compare\n\\input{x}")
    assert r"\begin{tabular}{lS[table-format=1.3(2)]}" in text
    assert r"a\_0 \& \ensuremath{<}b\ensuremath{>} & \bfseries 0.973 +- 0.004 \\" in text
    assert r"& {--} \\" in text
    assert r"& {--} \\" in text
    assert r"\caption{Caption \$x\$" in text
    assert r"\parbox{\linewidth}{\footnotesize Note \$y\$" in text
    # The command is complete, so that it can be repeated, and stays on the line of the comment.
    comment, _, rest = text.partition("\n")
    assert comment.startswith("% ")
    assert comment.endswith(r": nnlab compare \input{x}")
    assert r"\input" not in rest.replace(r"\textbackslash", "")


def test_powers_of_ten_are_numbers_of_their_own() -> None:
    row = (("a",), (MeasuredCell(1.5e-9, 2e-10, bold=True),))
    result = PaperTable(("C",), (), ("Loss",), (row,), "", "tab:x", "val/loss")
    assert r"\bfseries \num{1.5 +- 0.2 e-9}" in table_as_latex(result)
    assert r"\begin{tabular}{lc}" in table_as_latex(result)


def test_numbers_of_another_magnitude_and_without_spread_stay_in_their_column() -> None:
    values, spreads = (0.01234, 0.5, 1e7), (0.0004, 0.0, 2e6)
    column = written_column(values, spreads)
    rows = tuple(
        ((name,), (MeasuredCell(v, s, False, w),))
        for name, v, s, w in zip("abc", values, spreads, column, strict=True)
    )
    text = table_as_latex(PaperTable(("C",), (), ("Loss",), rows, "", "tab:x", "val/loss"))
    assert r"\begin{tabular}{lS[table-format=1.4(1)]}" in text
    assert r"a & 0.0123 +- 0.0004 \\" in text
    assert r"b & {$0.5000 \pm 0\phantom{.0000}$} \\" in text
    assert r"c & {\num{1.0 +- 0.2 e7}} \\" in text


def test_html_escapes_and_marks_the_best() -> None:
    text = table_as_html(table())
    assert "<strong>0.973 ± 0.004</strong>" in text
    assert "a_0 &amp; &lt;b&gt;" in text
    assert "<i>" not in text
    assert "Note $y$ &lt;u&gt;." in text


def test_csv_has_numbers_in_full() -> None:
    rows = list(csv.DictReader(table_as_csv(table()).splitlines()))
    assert float(rows[0]["Validation 50 %"]) == 0.97312
    assert rows[0]["Validation 50 % best"] == "True"
    assert rows[2]["Validation 50 % half width"] == ""


def test_groups_of_columns_are_the_values_of_a_choice(two_dataset_study: Nnlab) -> None:
    result = json.loads(
        two_dataset_study("compare", "s", "--pivot", "data", "--format", "json").out
    )
    assert [group["name"] for group in result["groups"]] == ["Iris", "Wine"]
    assert result["stub"] == ["Optimizer", "Learning rate"]
    assert len(result["rows"]) == 4
    alone = json.loads(two_dataset_study("compare", "s", "--mixed", "--format", "json").out)["rows"]
    means = {
        (row["setting"]["data"], NAMES[row["setting"]["opt"]], row["setting"]["lr"]): row["mean"]
        for row in alone
    }
    span = result["groups"][0]["columns"]
    for row in result["rows"]:
        opt, lr = row["stub"]
        for place, data in enumerate(("iris", "wine")):
            assert row["cells"][place * span]["mean"] == means[data, opt, float(lr)]
    for place in (0, span):
        assert any(row["cells"][place]["best"] for row in result["rows"])


def test_a_method_speaks_through_its_best_trial(two_dataset_study: Nnlab) -> None:
    words = ("compare", "s", "--pivot", "data", "--group-by", "opt", "--format", "json")
    result = json.loads(two_dataset_study(*words).out)
    alone = json.loads(two_dataset_study("compare", "s", "--mixed", "--format", "json").out)["rows"]
    assert len(result["rows"]) == 2
    for row in result["rows"]:
        best = max(
            r["mean"]
            for r in alone
            if NAMES[r["setting"]["opt"]] == row["stub"][0] and r["setting"]["data"] == "iris"
        )
        assert row["cells"][0]["mean"] == best
    assert "each the best of its trials" in result["caption"]


def test_transposed_it_holds_the_same_cells(two_dataset_study: Nnlab) -> None:
    words = ("compare", "s", "--pivot", "data", "--format", "json")
    plain, turned = two_dataset_study(*words).json, two_dataset_study(*words, "--transpose").json
    cells = [[c["mean"] for c in row["cells"]] for row in plain["rows"]]
    across = [[c["mean"] for c in row["cells"]] for row in turned["rows"]]
    assert list(map(list, zip(*cells, strict=True))) == across
    assert turned["stub"][0] == "Data set"


def test_caption_and_label_are_as_given(two_dataset_study: Nnlab) -> None:
    answer = two_dataset_study(
        "compare", "s", "--format", "latex", "--caption", "50 %", "--label", "tab:me"
    )
    assert r"\caption{50 \%}" in answer.out
    assert r"\label{tab:me}" in answer.out


def test_an_unknown_pivot_names_the_nearest(two_dataset_study: Nnlab) -> None:
    assert (
        "did you mean 'data'" in two_dataset_study("compare", "s", "--pivot", "date", expect=2).err
    )


def compiled(folder: Path, body: str) -> Path:
    (folder / "paper.tex").write_text(body)
    done = subprocess.run(
        [str(PDFLATEX), "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return folder / "paper.pdf"


@pytest.mark.skipif(PDFLATEX is None, reason=NO_TEX)
def test_a_document_with_a_table_and_a_figure_of_each_venue_compiles(
    two_dataset_study: Nnlab, tmp_path: Path
) -> None:
    kinds = (("--top", "3"), ("--pivot", "data"), ("--pivot", "data", "--transpose"))
    parts = [two_dataset_study("compare", "s", *words, "--format", "latex").out for words in kinds]
    for venue in VENUES:
        files = [word for kind in ("pdf", "pgf", "tikz") for word in ("-o", f"{venue}.{kind}")]
        two_dataset_study("plot", "curves", "s", "--venue", venue, *files)
        parts += [rf"\includegraphics[width=2cm]{{{venue}.pdf}}\par"]
        parts += [
            rf"\resizebox{{2cm}}{{!}}{{\input{{{venue}.{kind}}}}}" for kind in ("pgf", "tikz")
        ]
    preamble = r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,siunitx,graphicx,pgf,tikz}"
    body = "\n".join(
        [r"\documentclass{article}", preamble, r"\begin{document}", *parts, r"\end{document}"]
    )
    assert compiled(tmp_path, body).stat().st_size > 10_000


@pytest.mark.skipif(PDFLATEX is None, reason=NO_TEX)
def test_a_report_in_latex_compiles_as_it_is(nnlab: Nnlab, tmp_path: Path) -> None:
    name = r"\input{x} 100% & $y$ _ # ~ ^ ± 10⁻³ <b>"
    nnlab("init-study", name, "--data", "iris", "--width", "8", "--epochs", "3", "--opt",
          "sgd,adam", "--seeds", "2", "--question", r"\immediate\write18{ls}?")  # fmt: skip
    nnlab("train", "--study", name, "-q")
    nnlab("report", name, "-o", "r.tex")
    assert compiled(tmp_path, (tmp_path / "r.tex").read_text()).stat().st_size > 10_000
