"""`nnlab evaluate`: the metrics of plain torch, stored apart from the test results."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line_runner import Nnlab
from PIL import Image
from predicted_tables import HEADER, SMALL, plain_probabilities, table, write
from torch.nn import functional

from nnlab.store import find_problems, open_database


@pytest.fixture
def tabular(nnlab: Nnlab, folder: Path) -> Nnlab:
    """A run that was trained on a table, and another table."""
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--data", "csv:t.csv#kind", *SMALL)
    write(folder / "other.csv", HEADER, table(40, seed=5))
    return nnlab


def stored(folder: Path) -> dict[str, float]:
    connection = sqlite3.connect(folder / "runs.db")
    rows = connection.execute(
        "SELECT name, value FROM point JOIN metric ON metric.id = metric_id"
        " WHERE run_id = 1 AND name LIKE 'eval/%'"
    ).fetchall()
    connection.close()
    return dict(rows)


def test_metrics_are_those_of_plain_torch(tabular: Nnlab, folder: Path) -> None:
    answer = tabular("evaluate", "1", "--data", "other.csv", "--json").json
    rows = table(40, seed=5)
    probabilities = plain_probabilities(folder, 1, rows)
    targets = torch.tensor(["ab".index(row[3]) for row in rows])
    prefix = f"eval/other@{answer['version'][:8]}"
    accuracy = (probabilities.argmax(dim=1) == targets).double().mean().item()
    loss = functional.nll_loss(probabilities.log(), targets).item()
    assert answer["metrics"] == pytest.approx(
        {f"{prefix}/accuracy": accuracy, f"{prefix}/loss": loss}, rel=1e-5
    )
    assert answer["rows"] == 40
    assert stored(folder) == answer["metrics"]


def test_an_evaluation_is_shown_and_changes_nothing_else(tabular: Nnlab, folder: Path) -> None:
    before = tabular("compare", "--format", "json").json
    tabular("evaluate", "1", "--data", "other.csv")
    shown = tabular("show", "1", "--format", "json").json[0]["metrics"]
    assert any(row["metric"].startswith("eval/other@") for row in shown)
    assert tabular("compare", "--format", "json").json == before
    assert "the same to the last bit" in tabular("verify", "1").out
    db = open_database("runs.db", write=False)
    assert find_problems(db) == []
    db.close()
    name = next(iter(stored(folder)))
    answer = tabular("compare", "--by", name, expect=2)
    assert "rankings do not use evaluations on other data" in answer.err


def test_the_same_data_replaces_and_changed_data_is_another_metric(
    tabular: Nnlab, folder: Path
) -> None:
    tabular("evaluate", "1", "--data", "other.csv")
    first = stored(folder)
    tabular("evaluate", "1", "--data", "other.csv")
    assert stored(folder) == first
    write(folder / "other.csv", HEADER, table(30, seed=6))
    tabular("evaluate", "1", "--data", "other.csv")
    assert len(stored(folder)) == 4
    assert first.items() <= stored(folder).items()
    tabular("evaluate", "1", "--data", "other.csv", "--name", "ward b/2")
    assert any(name.startswith("eval/ward-b-2@") for name in stored(folder))


def test_nothing_is_stored_if_asked(tabular: Nnlab, folder: Path) -> None:
    answer = tabular("evaluate", "1", "--data", "other.csv", "--no-store")
    assert "40 rows, not stored" in answer.out
    assert stored(folder) == {}


def test_a_run_whose_points_were_changed_gets_no_new_checksum(tabular: Nnlab, folder: Path) -> None:
    connection = sqlite3.connect(folder / "runs.db")
    with connection:
        connection.execute("UPDATE point SET value = 0.5 WHERE epoch = 2")
    connection.close()
    answer = tabular("evaluate", "1", "--data", "other.csv", expect=1)
    assert "its points have changed since it ended; nothing was stored" in answer.err
    assert stored(folder) == {}


def test_targets_that_cannot_be_used_are_reported_at_once(tabular: Nnlab, folder: Path) -> None:
    rows = [["1", "red", "0", "a"], ["x", "red", "0", "c"], ["1", "red", "0", ""]]
    write(folder / "bad.csv", HEADER, rows)
    told = " ".join(tabular("evaluate", "1", "--data", "bad.csv", expect=1).err.split())
    assert "3 problems with bad.csv" in told
    assert "a class that the training data does not have (known: a, b) ('c' in row 2)" in told
    assert "a target is missing (row 3); --invalid-rows blank leaves these rows out" in told
    words = ("evaluate", "1", "--data", "bad.csv", "--invalid-rows", "blank", "--json")
    assert tabular(*words).json["rows"] == 1
    write(folder / "none.csv", HEADER[:2], [["1", "red"]])
    told = " ".join(tabular("evaluate", "1", "--data", "none.csv", expect=1).err.split())
    assert "the target 'kind' to compare with is missing" in told
    assert "columns that the model needs are missing ('width')" in told


def test_regression_is_measured_in_the_unit_of_the_target(nnlab: Nnlab, folder: Path) -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(120, 2))
    y = 5000 + 300 * x[:, 0] + generator.normal(size=120)
    np.savez(folder / "t.npz", x=x[:100], y=y[:100])
    np.savez(folder / "other.npz", x=x[100:], y=y[100:])
    nnlab("train", "--data", "npz:t.npz", *SMALL)
    metrics = nnlab("evaluate", "1", "--data", "other.npz", "--json").json["metrics"]
    predicted = nnlab("predict", "1", "--data", "other.npz", "--json").json["predictions"]
    errors = np.array([row["predicted"] for row in predicted]) - y[100:]
    by_name = {name.rsplit("/", 1)[1]: value for name, value in metrics.items()}
    assert by_name["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-5)
    assert by_name["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    r2 = 1 - (errors**2).mean() / y[100:].var()
    assert by_name["r2"] == pytest.approx(r2, rel=1e-5)


def test_images_are_evaluated_by_the_names_of_their_folders(nnlab: Nnlab, folder: Path) -> None:
    generator = np.random.default_rng(0)
    for split, count in (("photos", 20), ("new", 3)):
        for label, base in (("dark", 40), ("light", 200)):
            (folder / split / label).mkdir(parents=True)
            for i in range(count):
                pixels = generator.integers(base - 20, base + 20, (8, 8), np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{i:02}.png")
    nnlab("train", "--data", "folder:photos", "--epochs", "8", "-q", "--width", "8")
    answer = nnlab("evaluate", "1", "--data", "folder:new", "--json").json
    assert answer["rows"] == 6
    rows = nnlab("predict", "1", "--data", "new", "--json").json["predictions"]
    right = [row["predicted"] == row["file"].split("/")[0] for row in rows]
    accuracy = answer["metrics"][f"eval/new@{answer['version'][:8]}/accuracy"]
    assert accuracy == pytest.approx(sum(right) / 6)


def test_metrics_of_the_catalogue_are_evaluated_too(tabular: Nnlab) -> None:
    tabular("train", "--data", "csv:t.csv#kind", "--metrics", "f1,brier", *SMALL)
    values = tabular("evaluate", "2", "--data", "other.csv", "--json").json["metrics"]
    assert {name.rpartition("/")[2] for name in values} == {"loss", "accuracy", "f1", "brier"}


def test_a_user_loss_is_executed_only_for_a_named_run(tabular: Nnlab, folder: Path) -> None:
    (folder / "mine.py").write_text(
        "from torch.nn import functional as F\n"
        "def loss(outputs, targets):\n"
        "    return 2 * F.cross_entropy(outputs, targets)\n"
    )
    words = ("--data", "csv:t.csv#kind", "--loss", "mine.py:loss", "--study", "own", *SMALL)
    tabular("train", *words)
    own = tabular("evaluate", "2", "--data", "other.csv", "--json").json["metrics"]
    assert any(name.endswith("/loss") for name in own)
    answer = tabular("evaluate", "own", "--data", "other.csv", expect=None)
    assert answer.code != 0
    assert "user code is executed only for runs that the command names" in answer.err


def test_metrics_of_the_user_are_computed_if_their_file_is_unchanged(
    tabular: Nnlab, folder: Path
) -> None:
    code = folder / "mine.py"
    code.write_text("def share(outputs, targets):\n    return len(targets) / 10\n")
    tabular("train", "--data", "csv:t.csv#kind", "--metrics", "mine.py:share:max", "--study", "own",
            *SMALL)  # fmt: skip
    words = ("--data", "other.csv", "--json")
    answer = tabular("evaluate", "2", *words).json
    (value,) = [v for name, v in answer["metrics"].items() if name.endswith("/share")]
    assert value == answer["rows"] / 10
    assert answer["notes"] == []
    # A study may be anyone's: its code is not executed, which a note says.
    of_study = tabular("evaluate", "own", *words).json
    assert not [name for name in of_study["metrics"] if name.endswith("/share")]
    assert "without the metrics mine.py:share: mine.py:share is not executed" in " ".join(
        of_study["notes"]
    )
    code.write_text("def share(outputs, targets):\n    return 0.0\n")
    changed = tabular("evaluate", "2", *words)
    assert not [name for name in changed.json["metrics"] if name.endswith("/share")]
    assert "has changed since this run was set up" in " ".join(changed.json["notes"])
    code.unlink()
    assert "mine.py: no such file" in " ".join(tabular("evaluate", "2", *words).json["notes"])
