"""Images, tables, histograms and saved files are files of the run, by reference."""

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image as PilImage
from recorded_programs import stored_run

import nnlab
from nnlab import store
from nnlab.errors import UsageError
from nnlab.records import Artifact
from nnlab.tracking.media_types import Image


def stored_files(db: str) -> dict[str, Artifact]:
    database = store.open_database(db, write=False)
    files = {item.kind: item for item in store.artifacts(database, 1)}
    database.close()
    return files


def content_of(db: str, artifact: Artifact) -> bytes:
    return (Path(db).with_suffix(".artifacts") / artifact.path).read_bytes()


def test_media_are_files_of_the_run(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"img": nnlab.Image(np.full((2, 3, 3), 255, np.uint8)), "x": 1.0}, step=4)
        run.log({"t": nnlab.Table(columns=["a", "b"], data=[[1, "x"], [float("nan"), None]])})
        run.log({"h": nnlab.Histogram([0.0, 1.0, 1.0], num_bins=2)}, step=6)
        run.log({"val/many": [nnlab.Image(np.zeros((2, 2))), nnlab.Image(np.ones((2, 2)))]}, step=7)
    files = stored_files(db)
    assert set(files) == {
        "media/img/4",
        "media/t/4",
        "media/h/6",
        "media/val/many/0/7",
        "media/val/many/1/7",
    }
    with PilImage.open(io.BytesIO(content_of(db, files["media/img/4"]))) as image:
        assert (image.size, image.getpixel((0, 0))) == ((3, 2), (255, 255, 255))
    table = json.loads(content_of(db, files["media/t/4"]))
    assert table == {"columns": ["a", "b"], "data": [[1, "x"], ["nan", None]]}
    assert json.loads(content_of(db, files["media/h/6"])) == {
        "bins": [0.0, 0.5, 1.0],
        "values": [1.0, 2.0],
    }
    assert files["media/img/4"].size == len(content_of(db, files["media/img/4"]))


@pytest.mark.parametrize(
    ("data", "size", "mode"),
    [
        (np.zeros((4, 5)), (5, 4), "L"),
        (np.zeros((4, 5, 1), np.uint8), (5, 4), "L"),
        (np.zeros((4, 5, 4)), (5, 4), "RGBA"),
        (torch.zeros(3, 4, 5), (5, 4), "RGB"),
        (torch.zeros(1, 3, 4, 5), (5, 4), "RGB"),
        (np.zeros((4, 5), bool), (5, 4), "L"),
        (PilImage.new("CMYK", (5, 4)), (5, 4), "RGB"),
    ],
)
def test_images_of_all_kinds(data: object, size: tuple[int, int], mode: str) -> None:
    with PilImage.open(io.BytesIO(Image(data).encode())) as image:
        assert (image.size, image.mode) == (size, mode)


def test_a_figure_of_matplotlib_is_an_image() -> None:
    with PilImage.open(io.BytesIO(Image(Figure(figsize=(2, 1), dpi=50)).snapshot().encode())) as f:
        assert f.size == (100, 50)


def test_an_image_is_that_of_the_call(db: str) -> None:
    array = np.zeros((2, 2), np.uint8)
    with nnlab.init("s") as run:
        run.log({"img": nnlab.Image(array)})
        array += 255
    with PilImage.open(io.BytesIO(content_of(db, stored_files(db)["media/img/0"]))) as image:
        assert image.getpixel((0, 0)) == 0


def test_what_is_no_image_is_noted(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    with nnlab.init("s") as run:
        run.log({"img": nnlab.Image(np.zeros((2, 3, 4, 5))), "x": 1.0})
    assert "is no image" in capsys.readouterr().err
    assert stored_files(db) == {}


def test_a_table_refuses_rows_of_another_length() -> None:
    table = nnlab.Table(columns=["a", "b"])
    table.add_data(1, 2)
    with pytest.raises(UsageError, match="the row has 1 values"):
        table.add_data(1)
    table.add_column("c", [3])
    assert (table.columns, table.data) == (["a", "b", "c"], [[1, 2, 3]])


def test_the_names_of_files_stay_in_the_folder_of_the_run(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"../../evil/../x\0\n": nnlab.Histogram([1.0])})
        folder = Path(run.dir)
    (artifact,) = stored_files(db).values()
    assert (folder.parent / artifact.path).resolve().parent == (folder / "media").resolve()


def test_saved_files_are_copied_now_and_at_the_end(db: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    with nnlab.init("s") as run:
        assert [Path(path).name for path in run.save("out/*.txt", base_path=".")] == ["a.txt"]
        run.save("b.txt", policy="now")
        inside = Path(run.dir) / "model.bin"
        inside.write_bytes(b"model")
        run.save(inside)
        (tmp_path / "out" / "a.txt").write_text("later")
        (tmp_path / "b.txt").write_text("later")
        assert run.save("missing.txt") == []
    files = stored_files(db)
    assert set(files) == {"file/out/a.txt", "file/b.txt", "file/model.bin"}
    assert content_of(db, files["file/out/a.txt"]) == b"later"
    assert content_of(db, files["file/b.txt"]) == b"b"
    assert content_of(db, files["file/model.bin"]) == b"model"


def test_a_pipe_is_not_saved(db: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with nnlab.init("s") as run:
        assert run.save("pipe") == []


def test_the_folder_of_a_removed_run_is_deleted_by_gc(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"h": nnlab.Histogram([1.0])})
        run.checkpoint({"a": 1})
        folder = Path(run.dir)
    database = store.open_database(db, write=True)
    store.remove(database, run_ids=[1], study_ids=[])
    store.collect_garbage(database, store.find_garbage(database))
    database.close()
    assert not folder.exists()


def test_output_is_recorded_on_request(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    with nnlab.init("s", console=True) as run:
        sys.stdout.write("loss 0.5\n")
        sys.stderr.write("a warning, api_key=abcdef123456\n")
        sys.stdout.write("no line break")
        folder = Path(run.dir)
    sys.stdout.write("after\n")
    text = (folder / "output.txt").read_text()
    assert "loss 0.5\n" in text
    assert "no line break" in text
    assert "abcdef123456" not in text
    assert "after" not in text
    assert capsys.readouterr().out == "loss 0.5\nno line breakafter\n"


def test_recorded_output_is_limited(tmp_path: Path) -> None:
    from nnlab.tracking.console_capture import ConsoleCapture

    capture = ConsoleCapture(tmp_path / "output.txt", max_bytes=100)
    try:
        for _ in range(50):
            sys.stdout.write("0123456789\n")
    finally:
        capture.close()
    text = (tmp_path / "output.txt").read_text()
    assert text.startswith("0123456789\n" * 9)
    assert text.endswith("[... the rest is left out ...]\n")
    assert len(text) < 200


def test_the_results_of_a_run_can_be_set_and_read(db: str) -> None:
    with nnlab.init("s") as run:
        run.log({"x": 1.0})
        assert run.summary["x"] == 1.0
        run.summary.update({"best": torch.tensor(2.0), "name": "a", "deep": {"y": 3}})
        run.summary["bad"] = float("nan")
        assert set(run.summary) == {"x", "best", "name", "deep", "bad"}
    assert stored_run(db).results == {"best": 2.0, "name": "a", "deep.y": 3, "bad": "nan"}
