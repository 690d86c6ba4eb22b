"""The LaTeX report compiles, with outline fonts and hyphens; an anonymous report names nobody."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.version import nnlab_version

needs_tex = pytest.mark.skipif(
    not all(map(shutil.which, ("pdflatex", "pdffonts", "pdftotext"))),
    reason="needs pdflatex and poppler-utils",
)


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=120, check=False)
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output[-2000:]
    return output


@needs_tex
def test_the_document_compiles_without_bitmap_fonts_and_dashes(
    two_dataset_study: Nnlab, tmp_path: Path
) -> None:
    two_dataset_study("report", "s", "-o", "r.tex")
    for _ in range(2):
        run(tmp_path, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "r.tex")
    assert "Type 3" not in run(tmp_path, "pdffonts", "r.pdf")
    text = run(tmp_path, "pdftotext", "-layout", "r.pdf", "-")
    assert "--" in text, "findings and commands name options"
    assert "\N{EN DASH}" not in text
    assert text.index("Verdict.") < text.index("Table 1")


@pytest.mark.parametrize("suffix", ["html", "md", "tex"])
def test_an_anonymous_report_has_no_host_folder_commit_or_database(
    two_dataset_study: Nnlab, tmp_path: Path, suffix: str
) -> None:
    two_dataset_study("report", "s", "-o", f"named.{suffix}")
    two_dataset_study("report", "s", "-o", f"r.{suffix}", "--anonymous")
    named = (tmp_path / f"named.{suffix}").read_text()
    text = (tmp_path / f"r.{suffix}").read_text()
    secrets = (socket.gethostname() + ":", str(tmp_path), "runs.db", "commit ")
    assert [part for part in secrets if part in text] == []
    assert str(tmp_path) not in named, "the folder of the database is in no report"
    if suffix != "tex":
        assert f"from runs.db, id {database_id(named)}," in named
        assert f"Made by nnlab {nnlab_version()} from id {database_id(named)}," in text


def database_id(text: str) -> str:
    match = re.search(r"id ([0-9a-f]{12}),", text)
    assert match
    return match[1]


def test_an_anonymous_figure_stores_neither_commits_nor_the_name_of_the_database(
    two_dataset_study: Nnlab, tmp_path: Path
) -> None:
    two_dataset_study("plot", "sweep", "s", "-o", "named.svg")
    two_dataset_study("plot", "sweep", "s", "-o", "r.svg", "--anonymous")
    named, text = ((tmp_path / name).read_text() for name in ("named.svg", "r.svg"))
    assert "runs.db" in named
    assert "runs.db" not in text
    assert str(tmp_path) not in named + text
    assert two_dataset_study("plot", "--check", "r.svg").code == 0
