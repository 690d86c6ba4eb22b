"""`nnlab predict`: from a table, arrays or images to predictions, compared with plain torch."""

import csv
import hashlib
import io
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line_runner import QUICK, Nnlab
from PIL import Image
from predicted_tables import HEADER, SMALL, plain_probabilities, plain_torch, table, write
from safetensors.torch import load_file

from nnlab import store
from nnlab.cli.main import main
from nnlab.engine.data.prepare import _prepare_cached
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.inference import input_data
from nnlab.engine.inference.prediction_files import CsvPredictions
from nnlab.settings import config_of


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def tabular(nnlab: Nnlab, folder: Path) -> Nnlab:
    """A run that was trained on a table with numbers, a category and two classes."""
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--data", "csv:t.csv#kind", *SMALL)
    (folder / "t.csv").rename(folder / "gone.csv")  # the training data is not needed
    return nnlab


def test_a_table_is_predicted_as_plain_torch_does_it(tabular: Nnlab, folder: Path) -> None:
    new = table(20)
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in new])
    out = tabular("predict", "1", "--data", "new.csv", "-o", "p.csv").out
    assert "p.csv: 20 rows" in out
    rows = read(folder / "p.csv")
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 21)]
    expected = plain_probabilities(folder, 1, new)
    ours = torch.tensor([[float(r["probability_a"]), float(r["probability_b"])] for r in rows])
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-6)
    assert [row["predicted"] for row in rows] == ["ab"[i] for i in expected.argmax(dim=1)]


def test_the_validation_rows_are_predicted_as_during_the_training(
    tabular: Nnlab, folder: Path
) -> None:
    """The share of right predictions on the stored split is the stored accuracy."""
    (folder / "gone.csv").rename(folder / "t.csv")
    with_db = store.open_database("runs.db", write=False)
    (run,) = store.runs(with_db)
    rows = read_and_split(config_of(run.trial.setting, run.known_seed)).rows.val
    stored = store.values_at_selected_epoch(with_db, [1], "val/accuracy")[1][1]
    with_db.close()
    whole = table()
    write(folder / "val.csv", HEADER, [whole[row] for row in rows])
    answer = tabular("predict", "1", "--data", "val.csv", "-o", "p.csv")
    assert "the target column 'kind' is not used for predictions" in answer.err
    right = [
        predicted["predicted"] == whole[row][3]
        for predicted, row in zip(read(folder / "p.csv"), rows, strict=True)
    ]
    assert sum(right) / len(right) == pytest.approx(stored)


def test_columns_may_be_in_any_order_and_ids_are_kept(tabular: Nnlab, folder: Path) -> None:
    rows = table(5)
    write(folder / "a.csv", HEADER[:3], [row[:3] for row in rows])
    shuffled = [[width, "x", colour, f"=p{i}", height]
                for i, (height, colour, width, _) in enumerate(rows)]  # fmt: skip
    write(folder / "b.csv", ["width", "note", "colour", "patient", "height"], shuffled)
    plain = read_text(tabular("predict", "1", "--data", "a.csv").out)
    answer = tabular("predict", "1", "--data", "b.csv", "--id", "patient")
    named = read_text(answer.out)
    assert "1 column that the model does not use: 'note'" in answer.err
    # A spreadsheet must not execute an id.
    assert [row["patient"] for row in named] == [f"'=p{i}" for i in range(5)]
    for one, other in zip(plain, named, strict=True):
        assert one["probability_a"] == other["probability_a"]
    write(folder / "c.csv", ["row", *HEADER[:3]], [["007", *rows[0][:3]], ["x", *rows[1][:3]]])
    answer = tabular("predict", "1", "--data", "c.csv", "--id", "row", "--json")
    assert [row["row"] for row in answer.json["predictions"]] == ["007", "x"]


def read_text(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_everything_that_is_wrong_is_reported_at_once(tabular: Nnlab, folder: Path) -> None:
    (folder / "bad.csv").write_text(
        "height,colour,extra\n1,pink,2\nx,red,3\nnan,,4\n2,blue\ny,pink,1\n"
    )
    err = tabular("predict", "1", "--data", "bad.csv", "-o", "p.csv", expect=1).err
    told = " ".join(err.split())
    assert "6 problems with bad.csv" in told
    assert "columns that the model needs are missing ('width')" in told
    assert "2 times: column 'height': the value is not a number ('x' in line 3, 'y' in" in told
    assert "column 'height': the value is missing (line 4)" in told
    assert "column 'colour': the value is missing (line 4)" in told
    assert "a row has more or fewer values than the header (line 5)" in told
    assert "2 times: column 'colour': a category that the training data does not have" in told
    assert "--invalid-rows blank" in told
    assert not list(folder.glob("*p.csv*"))


def test_an_unseen_category_is_no_category_unless_it_is_refused(
    tabular: Nnlab, folder: Path
) -> None:
    write(folder / "new.csv", HEADER[:3], [["0.5", "pink", "0.1"]])
    answer = tabular("predict", "1", "--data", "new.csv", "--json")
    (warning,) = answer.json["warnings"]
    assert "'pink'" in warning
    assert "--unseen error refuses it" in warning
    features = torch.tensor([[0.5, 0.0, 0.0, 0.0, 0.1]], dtype=torch.float64)
    expected = plain_torch(folder, 1, features)[0, 0].item()
    ours = answer.json["predictions"][0]["probabilities"]["a"]
    assert ours == pytest.approx(expected, rel=1e-5)
    answer = tabular("predict", "1", "--data", "new.csv", "--unseen", "error", expect=1)
    assert "--unseen zeros" in answer.err


def test_invalid_rows_may_have_empty_predictions(tabular: Nnlab, folder: Path) -> None:
    rows = [["0.5", "red", "0.1"], ["", "red", "0.1"], ["0.5", "red", "0.1"]]
    write(folder / "new.csv", HEADER[:3], rows)
    words = ("predict", "1", "--data", "new.csv", "--invalid-rows", "blank")
    predicted = read_text(tabular(*words).out)
    assert [row["row"] for row in predicted] == ["1", "2", "3"]
    assert list(predicted[1].values()) == ["2", "", "", ""]
    assert predicted[0]["probability_a"] == predicted[2]["probability_a"] != ""
    assert tabular(*words, "--json").json["predictions"][1] == {"row": 2, "predicted": None}


def test_json_lines_and_standard_input_are_read_too(
    tabular: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table(4)
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in rows])
    expected = tabular("predict", "1", "--data", "new.csv").out
    (folder / "new.jsonl").write_text(
        "".join(
            json.dumps({"height": float(h), "colour": c, "width": float(w)}) + "\n"
            for h, c, w, _ in rows
        )
    )
    assert tabular("predict", "1", "--data", "new.jsonl").out == expected
    stdin = io.TextIOWrapper(io.BytesIO((folder / "new.csv").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert tabular("predict", "1", "--data", "-").out == expected
    tabular("predict", "1", "--data", "new.csv", "-o", "p.jsonl")
    lines = [json.loads(line) for line in (folder / "p.jsonl").read_text().splitlines()]
    assert [line["predicted"] for line in lines] == [r["predicted"] for r in read_text(expected)]
    (folder / "new.jsonl").write_text("[1]\n")
    answer = tabular("predict", "1", "--data", "new.jsonl", expect=1)
    assert "new.jsonl, line 1: it is not a JSON object" in answer.err


def test_an_existing_file_is_replaced_only_with_force(tabular: Nnlab, folder: Path) -> None:
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in table(2)])
    (folder / "p.csv").write_text("mine")
    answer = tabular("predict", "1", "--data", "new.csv", "-o", "p.csv", expect=1)
    assert "'p.csv' exists: it is not replaced" in answer.err
    assert (folder / "p.csv").read_text() == "mine"
    tabular("predict", "1", "--data", "new.csv", "-o", "p.csv", "--force")
    assert len(read(folder / "p.csv")) == 2
    answer = tabular("predict", "1", "--data", "new.csv", "-o", "p.txt", expect=2)
    assert "predictions are not written as '.txt'" in answer.err


def test_regression_predicts_in_the_unit_of_the_target(nnlab: Nnlab, folder: Path) -> None:
    generator = np.random.default_rng(1)
    features = generator.normal(size=(120, 2))
    price = 5000 + 300 * features[:, 0]
    rows = [[f"{a:.4f}", f"{b:.4f}", f"{p:.4f}"]
            for (a, b), p in zip(features, price, strict=True)]  # fmt: skip
    write(folder / "t.csv", ["a", "b", "price"], rows)
    nnlab("train", "--data", "csv:t.csv", "--width", "16", "--depth", "1", "--epochs", "60", "-q",
          "--lr", "0.01")  # fmt: skip
    predicted = read_text(nnlab("predict", "1", "--data", "t.csv").out)
    assert list(predicted[0]) == ["row", "predicted"]
    values = np.array([float(row["predicted"]) for row in predicted])
    assert np.abs(values - price).mean() < 60
    best = nnlab("show", "1", "--format", "json").json[0]["metrics"]
    assert {m["metric"]: m["last"] for m in best}["val/rmse"] < 120


def test_arrays_are_predicted_and_their_shape_is_checked(nnlab: Nnlab, folder: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(80, 3)).astype(np.float32)
    np.savez(folder / "t.npz", x=x, y=(x[:, 0] > 0).astype(int))
    nnlab("train", "--data", "npz:t.npz", *SMALL)
    np.savez(folder / "new.npz", x=x[:5], name=np.array(["p", "q", "r", "s", "t"]))
    nnlab("predict", "1", "--data", "new.npz", "-o", "p.npz", "--id", "name")
    with np.load(folder / "p.npz") as made:
        assert made["name"].tolist() == ["p", "q", "r", "s", "t"]
        assert made["classes"].tolist() == ["0", "1"]
        expected = plain_torch(folder, 1, torch.from_numpy(x[:5].astype(np.float64)))
        torch.testing.assert_close(torch.from_numpy(made["predictions"]), expected)
    np.savez(folder / "wrong.npz", x=np.zeros((5, 4)))
    answer = nnlab("predict", "1", "--data", "wrong.npz", expect=1)
    assert "x has shape [5, 4]; the model needs [n, 3]" in answer.err
    x[2, 1] = np.nan
    np.savez(folder / "nan.npz", x=x[:5])
    answer = nnlab("predict", "1", "--data", "nan.npz", expect=1)
    assert "array 'x': a value is NaN or infinite (row 2)" in answer.err
    words = ("predict", "1", "--data", "nan.npz", "--invalid-rows", "blank", "--json")
    rows = nnlab(*words).json["predictions"]
    assert [row["predicted"] is None for row in rows] == [False, False, True, False, False]
    # A table without names of columns is taken in its order.
    write(folder / "new.csv", ["u", "v", "w"], [["0.1", "0.2", "0.3"]])
    assert len(read_text(nnlab("predict", "1", "--data", "new.csv").out)) == 1
    write(folder / "new.csv", ["u", "v"], [["0.1", "0.2"]])
    answer = nnlab("predict", "1", "--data", "new.csv", expect=1)
    assert "it needs examples of shape [3], and the file has 2 columns" in answer.err


def test_images_in_folders_are_predicted_with_their_names(nnlab: Nnlab, folder: Path) -> None:
    generator = np.random.default_rng(0)
    for label, base in (("dark", 40), ("light", 200)):
        (folder / "photos" / label).mkdir(parents=True)
        for i in range(20):
            pixels = generator.integers(base - 20, base + 20, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / label / f"{i:02}.png")
    nnlab("train", "--data", "folder:photos", "--epochs", "8", "-q", "--width", "8")
    (folder / "new" / "sub").mkdir(parents=True)
    Image.fromarray(np.full((8, 8, 3), 40, np.uint8)).save(folder / "new" / "night.png")
    Image.fromarray(np.full((8, 8), 200, np.uint8)).save(folder / "new" / "sub" / "day.png")
    predicted = read_text(nnlab("predict", "1", "--data", "folder:new").out)
    assert [(row["file"], row["predicted"]) for row in predicted] == [
        ("night.png", "dark"),
        ("sub/day.png", "light"),
    ]
    Image.fromarray(np.full((9, 8), 200, np.uint8)).save(folder / "new" / "big.png")
    answer = nnlab("predict", "1", "--data", "new", expect=1)
    assert "new/big.png has 8x9 pixels, expected 8x8" in " ".join(answer.err.split())
    words = ("predict", "1", "--data", "new", "--invalid-rows", "blank")
    assert [row["predicted"] for row in read_text(nnlab(*words).out)] == ["", "dark", "light"]


def predictions(answer: Any) -> np.ndarray[Any, Any]:
    return np.array([list(row["probabilities"].values()) for row in answer.json["predictions"]])


def test_an_ensemble_of_folds_fills_missing_values_as_each_member_did(
    nnlab: Nnlab, folder: Path
) -> None:
    generator = np.random.default_rng(0)
    lines = ["a,b,y"]
    for row, (a, b) in enumerate(generator.exponential(size=(90, 2))):
        lines.append(f"{'' if row % 4 == 0 else a},{b},{'uv'[int(a > b)]}")
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    nnlab("train", "--study", "s", "--data", "csv:t.csv#y", "--missing", "median", "--folds", "3",
          "--width", "8", "--depth", "1", "--epochs", "2", "--lr", "0.05", "-q")  # fmt: skip
    (folder / "new.csv").write_text("a,b\n,1.5\n0.5,0.2\n,0.1\n")
    words = ("--data", "new.csv", "--json")
    single = [predictions(nnlab("predict", str(number), *words)) for number in (1, 2, 3)]
    ensemble = nnlab("predict", "s", *words, "--ensemble")
    assert ensemble.json["runs"] == [1, 2, 3]
    assert np.allclose(predictions(ensemble), np.mean(single, axis=0), atol=1e-12)


def test_a_name_of_several_runs_lists_them_and_the_ways_to_choose(
    nnlab: Nnlab, folder: Path
) -> None:
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--study", "s", "--name", "twins", "--data", "csv:t.csv", "--width", "8",
          "--depth", "1", "--epochs", "1", "--seeds", "2", "-q")  # fmt: skip
    message = nnlab("predict", "twins", "--data", "t.csv", expect=2).err
    assert "twins names 2 runs:" in message
    assert "run 1: trial 1 of study s, seed 0, finished" in message
    assert "run 2: trial 1 of study s, seed 1, finished" in message
    hint = " ".join(message.split())
    assert "give the number of one run, such as 1" in hint
    assert "the name of the study, s, for the best run of its best trial" in hint
    assert "nnlab predict --ensemble" in hint


def test_a_study_predicts_with_the_best_run_of_its_best_trial(nnlab: Nnlab, folder: Path) -> None:
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--study", "s", "--data", "csv:t.csv", "--width", "8", "--depth", "1",
          "--epochs", "4", "--lr", "0.00001,0.05", "--seeds", "2", "-q")  # fmt: skip
    (row, *_) = nnlab("compare", "s", "--format", "json").json["rows"]
    words = ("--data", "t.csv", "--json")
    chosen = nnlab("predict", "s", *words)
    (run,) = chosen.json["runs"]
    assert run in row["runs"]
    assert (
        f"of trial {row['trials'][0]}, the best of study s by val/accuracy:max"
        in (chosen.json["reason"])
    )
    single = [predictions(nnlab("predict", str(number), *words)) for number in row["runs"]]
    ensemble = nnlab("predict", "s", *words, "--ensemble")
    assert ensemble.json["runs"] == row["runs"]
    assert np.allclose(predictions(ensemble), np.mean(single, axis=0), atol=1e-6)
    # The trial of a run has the same seeds.
    again = nnlab("predict", str(row["runs"][0]), *words, "--ensemble")
    assert predictions(again).tolist() == predictions(ensemble).tolist()
    assert "note: run" in nnlab("predict", "s", "--data", "t.csv", "-o", "p.csv").err


def test_a_run_without_weights_says_what_to_do(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--no-keep-models", "-q", "--study", "s")
    write(folder / "new.csv", ["a"], [["1"]])
    for name in ("1", "s"):
        answer = nnlab("predict", name, "--data", "new.csv", expect=2)
        assert "stored" in answer.err
        assert "without --no-keep-models; --again trains" in " ".join(answer.err.split())
    answer = nnlab("predict", "7", "--data", "new.csv", expect=2)
    assert "unknown run '7'" in answer.err


def test_a_run_of_an_earlier_version_needs_its_data(nnlab: Nnlab, folder: Path) -> None:
    """It stored weights as `model.pt`, and no description."""
    write(folder / "earlier.csv", HEADER, table())
    nnlab("train", "--data", "csv:earlier.csv", *SMALL)
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in table(5)])
    expected = nnlab("predict", "1", "--data", "new.csv").out
    as_earlier_version(folder)
    assert nnlab("predict", "1", "--data", "new.csv").out == expected
    (folder / "earlier.csv").unlink()
    _prepare_cached.cache_clear()
    told = " ".join(nnlab("predict", "1", "--data", "new.csv", expect=1).err.split())
    assert "trained by an earlier nnlab, which did not store what predictions need" in told
    assert "no data file at earlier.csv" in told


def as_earlier_version(folder: Path) -> None:
    """Gives run 1 the files and rows of a run of an earlier version."""
    place = folder / "runs.artifacts" / "1"
    torch.save(load_file(place / "model.safetensors"), place / "model.pt")
    (place / "model.json").unlink()
    (place / "model.safetensors").unlink()
    content = (place / "model.pt").read_bytes()
    connection = sqlite3.connect(folder / "runs.db")
    with connection:
        connection.execute("DELETE FROM artifact WHERE kind = 'model_description'")
        connection.execute(
            "UPDATE artifact SET path = '1/model.pt', sha256 = ?, size = ? WHERE kind = 'model'",
            (hashlib.sha256(content).hexdigest(), len(content)),
        )
    connection.close()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_file_that_was_changed_or_lost_is_an_error(
    tabular: Nnlab, folder: Path, name: str
) -> None:
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in table(2)])
    path = folder / "runs.artifacts" / "1" / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0", b"1", 1))
    answer = tabular("predict", "1", "--data", "new.csv", expect=1)
    assert f"{name} is not the file that the run wrote" in answer.err
    path.unlink()
    answer = tabular("predict", "1", "--data", "new.csv", expect=1)
    assert f"{name} is missing" in answer.err


MODEL = """
from pathlib import Path
from torch import nn
Path("ran").touch()

class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        self.layer = nn.Linear(in_features, num_classes)

    def forward(self, x):
        return self.layer(x)
"""


def test_code_of_a_model_is_executed_only_if_the_command_names_it(
    nnlab: Nnlab, folder: Path
) -> None:
    (folder / "model.py").write_text(MODEL)
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--study", "s", "--data", "csv:t.csv", "--model", "model.py:Net",
          "--epochs", "2", "-q")  # fmt: skip
    (folder / "ran").unlink()
    answer = nnlab("predict", "s", "--data", "t.csv", expect=1)
    assert "is not executed: user code is executed only for runs that the command names" in (
        " ".join(answer.err.split())
    )
    assert not (folder / "ran").exists()
    expected = nnlab("predict", "1", "--data", "t.csv").out
    (folder / "code").mkdir()
    (folder / "model.py").rename(folder / "code" / "moved.py")
    nnlab("predict", "1", "--data", "t.csv", expect=1)
    assert nnlab("predict", "s", "--data", "t.csv", "--model", "code/moved.py:Net").out == expected
    (folder / "code" / "moved.py").write_text(MODEL.replace("ran", "changed"))
    for name in ("s", "1"):
        words = ("predict", name, "--data", "t.csv", "--model", "code/moved.py:Net")
        assert "has changed since the run was trained" in nnlab(*words, expect=1).err
    assert not (folder / "changed").exists()


def test_a_built_in_model_takes_no_code(tabular: Nnlab, folder: Path) -> None:
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in table(2)])
    answer = tabular("predict", "1", "--data", "new.csv", "--model", "m.py:Net", expect=2)
    assert "run 1 uses the built-in model mlp" in answer.err


def test_one_command_line_from_a_messy_table_to_predictions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quoted cells, a byte order mark, empty lines, a unit in the header, a category unseen."""
    rows = [f'"{c}, {c}" , {h} ,{w},{k}\r\n' for h, c, w, k in table()]
    text = "\ufeffcolour,height (cm),width,kind\r\n\r\n" + "\r\n".join(rows)
    (folder / "train.csv").write_bytes(text.encode())
    (folder / "new.csv").write_bytes(
        '\ufeffid,colour,height (cm),width\r\nA-1,"red, red",0.7,0\r\n\r\nA-2,"violet",-2, 0.1\r\n'
        .encode()
    )  # fmt: skip
    assert main(["train", "--data", "csv:train.csv", "--epochs", "20", "--lr", "0.02", "-q"]) == 0
    words = ["predict", "1", "--data", "new.csv", "--id", "id", "-o", "predictions.csv"]
    assert main(words) == 0
    assert "a category that the training data does not have ('violet')" in capsys.readouterr().err
    rows_written = read(folder / "predictions.csv")
    assert [row["id"] for row in rows_written] == ["A-1", "A-2"]
    assert [row["predicted"] for row in rows_written] == ["b", "a"]


def test_memory_does_not_grow_with_the_number_of_rows(
    tabular: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is written before the next one is read."""
    write(folder / "new.csv", HEADER[:3], [row[:3] for row in table(50)])
    whole = tabular("predict", "1", "--data", "new.csv").out
    monkeypatch.setattr(input_data, "BATCH_SIZE", 8)
    sizes: list[int] = []
    original = CsvPredictions.write

    def count(self: CsvPredictions, batch: Any, values: Any) -> None:
        sizes.append(len(batch))
        original(self, batch, values)

    monkeypatch.setattr(CsvPredictions, "write", count)
    parts = tabular("predict", "1", "--data", "new.csv").out
    assert sizes == [8] * 6 + [2]
    for one, other in zip(read_text(whole), read_text(parts), strict=True):
        assert float(one["probability_a"]) == pytest.approx(float(other["probability_a"]), abs=1e-6)


def test_half_precision_is_used_as_in_the_training(nnlab: Nnlab, folder: Path) -> None:
    write(folder / "t.csv", HEADER, table())
    nnlab("train", "--data", "csv:t.csv", *SMALL, "--dtype", "bfloat16", "--device", "cpu")
    words = ("predict", "1", "--data", "t.csv", "--device", "cpu")
    rows = read_text(nnlab(*words).out)
    assert all(
        float(r["probability_a"]) + float(r["probability_b"]) == pytest.approx(1.0) for r in rows
    )
