"""README and docs/ are correct: their commands and queries run."""

import shlex
import sqlite3
import subprocess
from pathlib import Path

import postgres_server
import pytest
from documented_commands import FENCE, command_words, documented_commands, run_nnlab
from installed_plugins import install_documented_package

from nnlab.cli.main import main
from nnlab.store import tables

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_QUERIES = [
    block for kind, block in FENCE.findall((ROOT / "docs/database.md").read_text())
    if kind == "sql"
]  # fmt: skip

# What the pages call a server, and a second schema there: the tests have others.
SERVER = "postgresql+psycopg://ann@lab.example/results"
MOVED = f"{SERVER}?schema=moved"

# A table for the pages that speak of the reader's own.
HISTORY = "epoch,train_loss,val_loss\n1,1.0,1.1\n2,0.6,0.9\n3,0.3,1.2\n4,0.1,1.6\n"
POINTS = "height,width,kind\n" + "".join(
    f"{1 + i % 7 * 0.1:.1f},{i % 5 * 0.2:.1f},{'ab'[i % 7 > 3]}\n" for i in range(60)
)


def moved(url: str) -> str:
    """Another schema on the same server."""
    return url.replace("?schema=", "?schema=moved_")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_runs(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = list(documented_commands(page))
    if any(SERVER in line for line in lines):
        url = request.getfixturevalue("server_url")
        request.addfinalizer(lambda: postgres_server.drop(moved(url)))
        lines = [line.replace(MOVED, moved(url)).replace(SERVER, url) for line in lines]
    (tmp_path / "points.csv").write_text(POINTS)
    (tmp_path / "histories").mkdir()
    (tmp_path / "histories/one.csv").write_text(HISTORY.replace("val_loss", "loss.1"))
    (tmp_path / "history.csv").write_text(HISTORY)
    if page.name == "extending.md":
        (tmp_path / "site").mkdir()
        request.getfixturevalue("install")(install_documented_package(tmp_path / "site"))
    if page.name != "README.md":
        assert main(["train", "--epochs", "2", "-q"]) == 0
    if page.name == "other-tools.md":
        for kind, place in (("tensorboard", "runs"), ("wandb", "wandb"), ("mlflow", "mlruns")):
            assert main(["export", "default", "--to", kind, "-o", place]) == 0
    for line in lines:
        words = command_words(line)
        if words[0] == "nnlab":
            run_nnlab(line, lambda: capsys.readouterr().err)
        elif words[0] == "make":
            check = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True)
            assert check.returncode == 0, line
        else:
            # .ci/run builds the package and installs it into an empty environment.
            assert line in ("pip install nnlab", "pip install ."), line


def test_the_demo_runs_what_the_makefile_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = (ROOT / "Makefile").read_text().split("\ndemo:")[1].split("\n\n")[0]
    lines = [line.strip() for line in recipe.splitlines() if "$(NNLAB)" in line]
    assert len(lines) == 4
    for line in lines:
        assert main(shlex.split(line.replace("$(NNLAB)", "").strip())) == 0
    assert (tmp_path / "demo.pdf").read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs") / "runs.db"
    words = ["train", "--data", "diabetes", "--lr", "0.01", "--epochs", "60", "-q"]
    assert main([*words, "--db", str(place)]) == 0
    accuracy = ["train", "--epochs", "1", "-q"]
    assert main([*accuracy, "--db", str(place)]) == 0
    connection = sqlite3.connect(place)
    with connection:  # as if run 1 were one of another program
        connection.execute(
            "INSERT INTO sample (run_id, metric_id, seq, step, time, value)"
            " SELECT 1, id, 0, 10, 1.0, 0.5 FROM metric WHERE name = 'train/loss'"
        )
        connection.execute(
            "INSERT INTO gate (study_id, baseline_trial_id, candidate_trial_id, objective,"
            " min_effect, max_seeds, verdict, effect, seeds, created_at)"
            " SELECT study_id, id, id, 'val/accuracy:max', 0, 10, 'keep', 0.1, '[]', '2026' FROM"
            " trial LIMIT 1"
        )
    connection.close()
    return place


@pytest.mark.parametrize("query", _QUERIES)
def test_every_query_answers(results: Path, query: str) -> None:
    connection = sqlite3.connect(results)
    try:
        assert connection.execute(query).fetchall()
    finally:
        connection.close()


def test_every_column_is_explained() -> None:
    page = (ROOT / "docs/database.md").read_text()
    for table in tables.metadata.tables.values():
        section = page.split(f"**{table.name}**")[1].split("\n**")[0].split("\n## ")[0]
        for column in table.columns:
            assert f"`{column.name}`" in section, f"{table.name}.{column.name}"
