"""Animated figures: identical bytes, provenance, frames, and clear refusals."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line_runner import QUICK, Nnlab
from figure_checks import xs
from matplotlib.figure import Figure
from PIL import Image

from nnlab import store
from nnlab.analysis.landscape_epochs import measure_landscape_epochs
from nnlab.analysis.sensitivity import measure_sensitivity
from nnlab.figures.draw.animation import MAX_FRAMES, evenly_spaced, reveal_epochs
from nnlab.figures.draw.save import save_animation
from nnlab.figures.kinds.layers import LayerCurves, draw_layers
from nnlab.io.file_origin import read_figure_provenance

PROVENANCE = {"runs": "1,2", "words": ["study"] * 100, "question": "∞"}
SMALL_LANDSCAPE = ("--grid", "5", "--examples", "32", "--directions", "2")


def figures(count: int) -> list[Figure]:
    curves = LayerCurves("run 1", "probe/dead", {1: (range(1, 6), [0.1, 0.2, 0.1, 0.3, 0.2])})
    return list(reveal_epochs(draw_layers([curves]), range(1, count + 1)))


def test_a_gif_has_the_same_bytes_twice_and_its_provenance(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_animation(iter(figures(3)), tmp_path / f"{name}.gif", PROVENANCE)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    assert read_figure_provenance(tmp_path / "a.gif") == PROVENANCE


def test_the_background_keeps_its_colour(tmp_path: Path) -> None:
    save_animation(iter(figures(3)), tmp_path / "a.gif", {})
    with Image.open(tmp_path / "a.gif") as image:
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


def test_curves_grow_from_epoch_to_epoch() -> None:
    curves = LayerCurves("run 1", "probe/dead", {1: (range(1, 6), [0.1, 0.2, 0.1, 0.3, 0.2])})
    figure = draw_layers([curves])
    limits = figure.axes[0].get_xlim()
    lengths = [len(xs(frame.axes[0].lines[0])) for frame in reveal_epochs(figure, range(1, 6))]
    assert lengths == [1, 2, 3, 4, 5]
    assert figure.axes[0].get_xlim() == limits


def test_long_runs_have_a_limited_number_of_frames() -> None:
    frames = evenly_spaced(range(1000))
    assert (len(frames), frames[0], frames[-1]) == (MAX_FRAMES, 0, 999)
    assert len(set(frames)) == MAX_FRAMES


@pytest.mark.parametrize("kind", ["activations", "gradients", "histograms"])
def test_layers_are_animated_checked_and_replaced(nnlab: Nnlab, folder: Path, kind: str) -> None:
    nnlab("train", *QUICK, "--probe", "full", "-q")
    nnlab("plot", kind, "1", "-o", "a.gif", "-o", "a.png")
    with Image.open(folder / "a.gif") as image:
        assert getattr(image, "n_frames", 1) == (4 if kind == "histograms" else 3)
    assert "fresh" in nnlab("plot", "--check", "a.gif").out
    first = (folder / "a.gif").read_bytes()
    nnlab("plot", kind, "1", "-o", "a.gif")
    assert (folder / "a.gif").read_bytes() == first
    Image.new("RGB", (2, 2)).save(folder / "foreign.gif")
    answer = nnlab("plot", kind, "1", "-o", "foreign.gif", expect=None)
    assert answer.code != 0
    assert "was not created by nnlab" in answer.err


def test_a_landscape_over_epochs_is_that_of_the_stored_weights_at_their_epoch(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *QUICK, "-q", "--opt", "sgd", "--lr", "0.1")
    answer = nnlab("plot", "landscape", "1", *SMALL_LANDSCAPE, "-o", "l.gif", "--data")
    assert "trained again; its training losses are the stored ones" in answer.err
    provenance = read_figure_provenance(folder / "l.gif")
    assert provenance is not None
    assert provenance["options"]["over_epochs"] is True
    assert "--over-epochs" in provenance["command"]
    database = store.open_database(str(folder / "runs.db"), write=False)
    (run,) = store.runs(database, run_ids=[1])
    stored = measure_sensitivity(database, run, examples=32, grid=5, directions=2)
    database.close()
    rows = list(csv.DictReader((folder / "l.csv").read_text().splitlines()))
    drawn = [
        float(row["train/loss"])
        for row in rows
        if row["of"] == "plane" and row["epoch"] == str(run.selected_epoch)
    ]
    assert drawn == list(np.array(stored.surface).ravel())
    assert {row["epoch"] for row in rows} == {"0", "1", "2", "3"}
    # Its run would have to be trained again, which a check does not do.
    assert "unknown" in nnlab("plot", "--check", "l.gif", expect=3).out


def test_a_run_that_took_long_is_not_trained_again(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnlab("train", *QUICK, "-q")
    monkeypatch.setattr("nnlab.analysis.landscape_epochs.MAX_TRAINING_SECONDS", 1e-9)
    answer = nnlab("plot", "landscape", "1", *SMALL_LANDSCAPE, "-o", "l.gif", expect=2)
    assert "would be trained again" in answer.err
    assert not (folder / "l.gif").exists()


def test_measuring_epochs_does_not_change_the_training(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q", "--norm", "batch", "--dropout", "0.2", "--average", "ema")
    database = store.open_database(str(folder / "runs.db"), write=False)
    (run,) = store.runs(database, run_ids=[1])
    result = measure_landscape_epochs(
        database, run, [0, 1, 2, 3], examples=32, grid=3, directions=2
    )
    database.close()
    assert result.max_loss_difference == 0.0
    assert [measured.epoch for measured in result.epochs] == [0, 1, 2, 3]


def test_other_kinds_are_not_animated(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "-q")
    answer = nnlab("plot", "ranking", "-o", "r.gif", expect=2)
    assert "this figure cannot be animated" in answer.err
    assert "histograms" in answer.err


def test_mp4_without_ffmpeg_is_refused_before_drawing(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnlab("train", *QUICK, "-q")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    answer = nnlab("plot", "activations", "1", "-o", "a.mp4", expect=2)
    assert "an .mp4 file needs ffmpeg" in answer.err
    assert "write a .gif file" in answer.err


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_mp4_has_its_provenance_and_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_animation(iter(figures(3)), tmp_path / f"{name}.mp4", PROVENANCE)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert read_figure_provenance(tmp_path / "a.mp4") == PROVENANCE
