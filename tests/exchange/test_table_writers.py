"""`nnlab export --to csv`, `parquet` and `model-card`, read with the packages that people use."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from exported_logs import CALLS, RESTARTED, export, record, same

from nnlab import store
from nnlab.records import Origin, Run, Sample
from nnlab.stats.intervals import confidence_interval
from nnlab.stats.rounding import format_mean

COLUMNS = (
    *("run", "study", "trial", "seed", "name", "status"),
    *("metric", "call", "step", "epoch", "time", "value"),
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Database]:
    database = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    yield database
    database.close()


def another_run(db: store.Database) -> Run:
    """A run with another learning rate, a text in a numeric setting, and no seed."""
    spec = store.ExternalRunSpec(
        study="lm", setting={"lr": 0.5, "opt": "=cmd()", "depth": 2}, origin=Origin.RECORDED
    )
    return record(db, RESTARTED, setting=spec)


def same_samples(read: list[Sample], written: list[Sample]) -> bool:
    return len(read) == len(written) and all(
        left._replace(value=0.0) == right._replace(value=0.0) and same(left.value, right.value)
        for left, right in zip(read, written, strict=True)
    )


def number(text: str) -> float | None:
    return float(text) if text else None


def test_csv_has_every_digit(db: store.Database, tmp_path: Path) -> None:
    run = record(db)
    (file,) = export(db, (run,), "csv", tmp_path / "out.csv")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == COLUMNS
    read = [
        Sample(
            row["metric"],
            float(row["value"]),
            int(row["step"]),
            number(row["epoch"]),
            number(row["time"]),
        )
        for row in rows
    ]
    assert same_samples(read, [sample for _, sample in store.samples(db, run.id)])
    assert {(row["run"], row["study"], row["seed"], row["status"]) for row in rows} == {
        (str(run.id), "lm", "3", "finished")
    }


def test_csv_of_several_runs_has_the_settings_that_differ(
    db: store.Database, tmp_path: Path
) -> None:
    runs = (record(db), another_run(db))
    (file,) = export(db, runs, "csv", tmp_path / "out.csv")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == sum(map(len, (*CALLS, *RESTARTED)))
    first, last = rows[0], rows[-1]
    assert (first["setting.lr"], first["setting.opt"], first["setting.depth"]) == (
        "0.1", "adam", "",
    )  # fmt: skip
    # A spreadsheet must not execute a setting.
    assert (last["setting.lr"], last["setting.opt"], last["setting.depth"], last["seed"]) == (
        "0.5", "'=cmd()", "2", "",
    )  # fmt: skip


def test_parquet_has_every_bit(db: store.Database, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet files need pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    runs = (record(db), another_run(db))
    (file,) = export(db, runs, "parquet", tmp_path / "out.parquet")
    table = pq.read_table(file)
    types = {field.name: field.type for field in table.schema}
    assert types["step"] == types["seed"] == types["setting.depth"] == pa.int64()
    assert types["value"] == types["time"] == types["setting.lr"] == pa.float64()
    rows = table.to_pylist()
    for run in runs:
        read = [
            Sample(r["metric"], r["value"], r["step"], r["epoch"], r["time"])
            for r in rows
            if r["run"] == run.id
        ]
        assert same_samples(read, [sample for _, sample in store.samples(db, run.id)])
    assert rows[-1]["setting.opt"] == "=cmd()"
    assert rows[-1]["seed"] is None
    assert rows[-1]["setting.model.layers"] is None


def test_a_model_card_is_read_by_the_hub(db: store.Database, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the Hub's own package reads the card")
    from huggingface_hub import ModelCard

    calls = [
        (Sample("val/loss", value, 1, 1.0), Sample("val/acc", 1e-7, 1, 1.0)) for value in (1, 2)
    ]
    runs = tuple(record(db, (call,), seed=seed) for seed, call in enumerate(calls))
    (file,) = export(db, runs, "model-card", tmp_path / "README.md")
    card = ModelCard.load(file)
    assert card.data.library_name == "nnlab"
    assert card.data.tags == ["nnlab", "a", "b c"]
    results = {r.metric_name: r.metric_value for r in card.data.eval_results}
    assert results == {"val/loss": 1.5, "val/acc": 1e-7}
    assert card.data.model_name == "lm"
    text = card.text
    low, high = confidence_interval([1.0, 2.0], limits=(0.0, math.inf))
    assert f"| 0, 1 | {format_mean(1.5, (high - low) / 2)} |" in text
    assert "python train.py --lr 0.1" in text
    assert "The objective is val/loss; lower is better." in text
    assert "| model.layers | 3 |" in text
    assert "| remark | good |" in text


def test_a_model_card_escapes_what_names_contain(db: store.Database, tmp_path: Path) -> None:
    name = 'x"\n---\n<script>alert(1)</script>'
    run = record(db, ((Sample("val/loss|", math.nan, 1),),), name=name)
    (file,) = export(db, (run,), "model-card", tmp_path / "README.md")
    text = file.read_text()
    assert "<script>" not in text
    assert text.count("\n---\n") == 1  # the end of the metadata
