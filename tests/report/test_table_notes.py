"""Diverged and failed runs, n and the meaning of ± in every format of a table."""

import csv
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

PAPER_FORMATS = ("latex", "markdown", "html")


@pytest.fixture
def with_failures(nnlab: Nnlab, folder: Path) -> Nnlab:
    """Four trials of four seeds: one diverged, one without a value failed, one failed in part."""
    nnlab("train", *QUICK, "--lr", "0.1,0.05,0.01,0.001", "--seeds", "4", "-q")
    with sqlite3.connect(folder / "runs.db") as connection:
        of_trial = "trial_id = (SELECT id FROM trial WHERE json_extract(setting, '$.lr') = ?)"
        connection.execute(f"UPDATE run SET status = 'diverged' WHERE {of_trial}", (0.05,))
        connection.execute(f"UPDATE run SET status = 'failed' WHERE {of_trial}", (0.01,))
        for table in ("summary", "point"):
            connection.execute(
                f"DELETE FROM {table} WHERE run_id IN (SELECT id FROM run WHERE {of_trial})"
                " AND metric_id IN (SELECT id FROM metric WHERE name LIKE '%/accuracy')",
                (0.01,),
            )
        connection.execute(
            f"UPDATE run SET status = 'diverged' WHERE {of_trial} AND seed = 0", (0.001,)
        )
    return nnlab


@pytest.mark.parametrize("table_format", PAPER_FORMATS)
def test_a_paper_table_lists_and_counts_them(with_failures: Nnlab, table_format: str) -> None:
    text = with_failures("compare", "--format", table_format).out
    assert "over 4 seeds" in text
    assert "95 % CI" in text.replace("\\", "")
    plain = text.replace("\\(", "(").replace("\\)", ")")
    assert "5 of 16 runs diverged: lr 0.001 (1 of 4); lr 0.05 (4 of 4)." in plain
    assert "4 of 16 runs failed: lr 0.01 (4 of 4)." in plain
    assert "0.001 ‡" in text or r"0.001 \ensuremath" in text or "0.001 \\" in text
    lines = [line for line in text.splitlines() if "diverged" in line and "0.05" in line]
    assert lines[0].count("±") == 0
    assert any("failed" in line and "0.01" in line for line in text.splitlines())


def test_the_screen_and_json_list_them_too(with_failures: Nnlab) -> None:
    text = with_failures("compare").out
    rows = [line.split() for line in text.splitlines()]
    assert ["0.01", "0", "failed"] in [row[:3] for row in rows]
    assert ["0.05", "4", "diverged"] in [row[1:4] for row in rows]
    assert "1 of 4 runs diverged" in text
    answer = with_failures("compare", "--format", "json").json
    assert answer["uncertainty"] == "ci"
    (unranked,) = answer["unranked"]
    assert unranked["setting"]["lr"] == 0.01
    assert unranked["statuses"] == {"failed": 4}
    csv_rows = list(csv.DictReader(with_failures("compare", "--format", "csv").out.splitlines()))
    assert [row["mean_sd"] for row in csv_rows].count("failed") == 1


def test_reports_list_them_too(with_failures: Nnlab, folder: Path) -> None:
    for name in ("r.md", "r.html", "r.tex"):
        with_failures("report", "-o", name)
    markdown = (folder / "r.md").read_text()
    assert "mean ± 95 % CI over seeds" in markdown
    assert "val/accuracy ± 95 % CI" in markdown
    assert "|  | 0.01 | 0 | failed |" in markdown
    page = (folder / "r.html").read_text()
    assert "Mean ± 95 % CI over seeds" in page
    assert '<td class="n">failed</td>' in page
    assert "1 of 4 runs diverged" in page
    latex = (folder / "r.tex").read_text()
    assert "4 of 16 runs failed: lr 0.01 (4 of 4)." in latex
    assert "{failed}" in latex


@pytest.mark.parametrize(("choice", "name"), [("sd", "sd"), ("se", "standard error")])
def test_one_uncertainty_is_used_and_named_everywhere(
    nnlab: Nnlab, folder: Path, choice: str, name: str
) -> None:
    nnlab("train", *QUICK, "--lr", "0.1,0.01", "--seeds", "3", "-q")
    row = nnlab("compare", "--format", "json").json["rows"][1]
    half = row["sd"] / (3**0.5 if choice == "se" else 1)
    table = nnlab("compare", "--format", "json", "--transpose", "--uncertainty", choice).json
    assert table["rows"][0]["cells"][1]["half_width"] == pytest.approx(half)
    assert f"mean ± {name} over 3 seeds" in table["caption"]
    assert f"val/accuracy ± {name} (higher is better)" in " ".join(
        nnlab("compare", "--uncertainty", choice).out.split()
    )
    cell = nnlab("compare", "--format", "markdown", "--uncertainty", choice).out
    nnlab("report", "-o", "r.md", "--uncertainty", choice)
    report = (folder / "r.md").read_text()
    assert f"mean ± {name} over seeds" in report
    assert f"(mean ± {name} of 3 seeds)" in report.replace("\\", "")
    value = cell.splitlines()[3].split(" | ")[1]  # of the second row
    assert f"| {value} |" in report


def test_different_numbers_of_seeds_are_a_column(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.1", "--seeds", "3", "-q")
    nnlab("train", *QUICK, "--lr", "0.01", "--seeds", "2", "-q")
    table = nnlab("compare", "--format", "json", "--pivot", "data").json
    assert "n" not in table["stub"]
    text = nnlab("compare", "--format", "markdown").out
    assert text.startswith("| Learning rate | n | Validation accuracy |")
    assert "over 2 to 3 seeds" in text


def test_an_accuracy_has_the_decimals_of_its_split(nnlab: Nnlab) -> None:
    """22 of 150 irises are for validation: two decimals, three if an uncertainty needs them."""
    nnlab("train", *QUICK, "--lr", "0.1,0.01", "--seeds", "2", "-q")
    lines = nnlab("compare", "--format", "markdown").out.splitlines()[2:4]
    values = [line.split(" | ")[1].strip("* |").split(" ± ")[0] for line in lines]
    assert {len(value.partition(".")[2]) for value in values} <= {2, 3}
    assert len({len(value) for value in values}) == 1
