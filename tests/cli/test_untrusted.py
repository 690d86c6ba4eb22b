"""Untrusted databases and figures: reading them executes no code and aborts no list."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from matplotlib.figure import Figure

from nnlab.engine.data.prepare import _prepare_cached
from nnlab.figures.draw.save import save_figure
from nnlab.io import file_origin

# Both leave a trace when they are imported, and when they are called.
MODEL = """
from pathlib import Path
from torch import nn
Path("ran").touch()

class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        Path("ran").touch()
        self.body = nn.Sequential(nn.Linear(in_features, 4), nn.ReLU())
        self.head = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.head(self.body(x))
"""
DATA = """
from pathlib import Path
import numpy as np
Path("ran").touch()

def make():
    Path("ran").touch()
    x = np.random.default_rng(0).normal(size=(60, 2))
    return x, (x[:, 0] > 0).astype(int)
"""
OWN = ("--data", "data.py:make", "--model", "model.py:Net", "--epochs", "12", "--batch-size", "16")


@pytest.fixture
def untrusted_folder(nnlab: Nnlab, folder: Path) -> Nnlab:
    """A database whose runs were trained with a model and data that lie beside it."""
    (folder / "model.py").write_text(MODEL)
    (folder / "data.py").write_text(DATA)
    nnlab("init-study", "s", *OWN, "--lr", "0.01,0.1", "--opt", "sgd,adam", "--seeds", "2",
          "--probe", "full")  # fmt: skip
    nnlab("train", "--study", "s", "-q")
    assert (folder / "ran").exists()
    (folder / "ran").unlink()
    _prepare_cached.cache_clear()  # a command of its own would have no data yet
    return nnlab


READING = [
    ("ls",), ("ls", "--format", "json"), ("studies",), ("show", "1"),
    ("show", "1", "--format", "json"),
    ("compare",), ("compare", "s"), ("compare", "1", "3"), ("compare", "s", "--format", "latex"),
    ("compare", "s", "--format", "csv"), ("compare", "s", "--pivot", "opt"), ("effects", "s"),
    ("diagnose", "s"), ("diagnose", "1"), ("watch", "--once"), ("find-decay", "1"),
    ("report", "s", "-o", "r.html"), ("report", "s", "-o", "r.md"), ("report", "s", "-o", "r.tex"),
    ("report", "s", "--reproduce", "again"), ("figures",), ("stop", "s"),
    ("db", "status"), ("db", "check"), ("db", "backup", "b.db"), ("db", "copy", "runs.db", "c.db"),
    ("rm", "1", "-y"), ("rm", "--undo"), ("db", "gc", "--dry-run"),
    *(("plot", kind, "s") for kind in ("curves", "gap", "lr", "ranking", "time", "effects",
                                       "parallel", "activations", "gradients")),
    ("plot", "sweep", "s", "--x", "lr"), ("plot", "heatmap", "s", "--x", "lr", "--y", "opt"),
    ("plot", "interaction", "s"), ("plot", "compare", "1", "3"), ("plot", "curves", "-o", "c.svg"),
]  # fmt: skip


def test_no_command_that_reads_executes_code_of_a_run(
    untrusted_folder: Nnlab, folder: Path
) -> None:
    for words in READING:
        untrusted_folder(*words)
        assert not (folder / "ran").exists(), words
    # What must be typed is found without making the data.
    text = (folder / "again" / "trials" / "0001.toml").read_text()
    assert 'loss = "cross_entropy"' in text
    assert 'data = "data.py:make"' in text


@pytest.mark.parametrize(
    "kind", ["landscape", "interpolation", "confusion", "calibration", "examples"]
)
def test_a_model_is_executed_only_if_the_command_names_its_run(
    untrusted_folder: Nnlab, folder: Path, kind: str
) -> None:
    for words in (("s",), ()):
        answer = untrusted_folder("plot", kind, *words, expect=1)
        error = " ".join(answer.err.split())
        assert (
            "is not executed: user code is executed only for runs that the command names" in error
        )
        assert f"nnlab plot {kind} RUN" in error
    assert not (folder / "ran").exists()
    few = ("--grid", "3", "--directions", "2", "--examples", "16") if kind == "landscape" else ()
    second = ("2", "--points", "3") if kind == "interpolation" else ()
    untrusted_folder("plot", kind, "1", *second, *few, "-o", "named.svg")
    assert (folder / "ran").exists()


@pytest.mark.parametrize("name", ["1", "s"])
def test_verify_trains_and_so_executes_the_code_of_what_it_names(
    untrusted_folder: Nnlab, folder: Path, name: str
) -> None:
    untrusted_folder("verify", name)
    assert (folder / "ran").exists()


@pytest.mark.parametrize("file", ["model.py", "data.py"])
@pytest.mark.parametrize(
    "words", [("plot", "confusion", "1"), ("probe", "sensitivity", "1"), ("verify", "1")]
)
def test_a_changed_file_is_refused_before_it_is_executed(
    untrusted_folder: Nnlab, folder: Path, file: str, words: tuple[str, ...]
) -> None:
    text = (folder / file).read_text()
    (folder / file).write_text(text.replace('"ran"', '"changed"'))
    answer = untrusted_folder(*words, expect=None)
    assert answer.code != 0
    assert "has changed since this run was set up" in " ".join((answer.out + answer.err).split())
    assert not (folder / "changed").exists()


def test_a_figure_of_a_users_model_is_unknown_and_nothing_is_executed(
    untrusted_folder: Nnlab, folder: Path
) -> None:
    """The model need not be named by the figure: the run that it names has one."""
    untrusted_folder("plot", "confusion", "1", "-o", "c.svg")
    landscape = ("plot", "landscape", "1", "--grid", "3", "--directions", "2", "--examples", "16")
    untrusted_folder(*landscape, "-o", "l.svg")
    (folder / "ran").unlink()
    answer = untrusted_folder("plot", "--check", "c.svg", expect=3)
    assert "unknown, " in answer.out
    assert "is not executed" in " ".join(answer.out.split())
    states = {
        row["file"]: row["state"] for row in untrusted_folder("figures", "--format", "json").json
    }
    assert states == {"c.svg": "unknown", "l.svg": "unknown"}
    untrusted_folder("figures", "--refresh")
    assert not (folder / "ran").exists()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)  # no block of it is on the disk


def closed(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (fifo, "a pipe, not a regular file"),
        (endless, "a symbolic link, which is not followed"),
        (huge, "larger than the limit of 64 MiB"),
        (closed, "a symbolic link, which is not followed"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_row_of_the_list(
    trained: Nnlab, folder: Path, make: Callable[[Path], None], why: str
) -> None:
    trained("plot", "curves", "-o", "good.svg")
    make(folder / "bad.png")
    rows = {row["file"]: row for row in trained("figures", "--format", "json").json}
    assert rows["good.svg"]["state"] == "fresh"
    assert rows["bad.png"]["state"] == "unknown"
    assert rows["bad.png"]["why"] == f"cannot read bad.png: {why}"


# What a file may say of itself beside a kind that there is.
RUBBISH: list[dict[str, object]] = [
    {"options": {"settings": {"lr": {"a": [1]}}}, "kind": "lr"},
    {"options": {"top": {"x": 1}}},
    {"options": {"top": -1}},
    {"options": {"top": float("nan")}},
    {"options": {"metric": 7}},
    {"options": {"metric": [None]}},
    {"options": {"log": "x" * 100_000}},
    {"words": [[[["s"]]]]},
    {"page": {"width": "wide"}},
    {"page": {"venue": ["icml"]}},
    {"page": {"style": {"a": 1}}, "data": 1},
    {"nnlab": {"a": 1}, "data": []},
]


@pytest.mark.parametrize("message", RUBBISH, ids=range(len(RUBBISH)))
def test_a_figure_with_unexpected_metadata_does_not_end_the_list(
    nnlab: Nnlab, folder: Path, message: dict[str, object]
) -> None:
    nnlab("train", "--data", "iris", "--width", "4", "--depth", "1", "--epochs", "2", "-q")
    whole = {"kind": "curves", "words": [], "options": {}, "page": {}, "data": "0", "nnlab": "0"}
    save_figure(Figure(), folder / "bad.pdf", whole | message)
    nnlab("plot", "ranking", "-o", "good.svg")
    nnlab("train", "--data", "iris", "--width", "4", "--depth", "1", "--epochs", "2",
          "--lr", "0.5", "-q")  # fmt: skip
    states = {row["file"]: row["state"] for row in nnlab("figures", "--format", "json").json}
    assert states["good.svg"] == "stale"
    assert states["bad.pdf"] in ("unknown", "gone", "stale")
    nnlab("figures", "--refresh", expect=None)
    states = {row["file"]: row["state"] for row in nnlab("figures", "--format", "json").json}
    assert states["good.svg"] == "fresh"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("landscape", {"grid": 10**6}),
        ("landscape", {"examples": 10**12}),
        ("landscape", {"directions": float("inf")}),
        ("lr", {"settings": {"decay": "exp"}, "steps": 10**12}),
        ("init", {"settings": {"width": "1000000", "depth": "1000000"}}),
        ("init", {"settings": {"depth": ["10", "10000000000"]}}),
    ],
)
def test_a_figure_whose_drawing_would_never_end_is_not_drawn(
    trained: Nnlab, folder: Path, kind: str, options: dict[str, object]
) -> None:
    metadata = {
        "kind": kind,
        "words": ["1"] if kind == "landscape" else [],
        "page": {},
        "data": "0",
    }
    save_figure(Figure(), folder / "sent.svg", {**metadata, "options": options})
    (row,) = trained("figures", "--format", "json").json
    assert (row["state"], row["why"]) == (
        "unknown",
        "its options exceed the limits of the command",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.4\n/Keywords (\xfe\xff\x00)",  # half a letter of UTF-16
        b"%PDF-1.4\n/Keywords (nnlab-figure:" + b"[" * 100_000 + b")",
        b"%PDF-1.4\n/Keywords (nnlab-figure:{",
        b"/Keywords " * 200_000,
    ],
    ids=["utf-16", "deep", "half", "many"],
)
def test_a_damaged_pdf_is_none_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.pdf"
    path.write_bytes(content)
    assert file_origin.read_figure_provenance(path) is None


@pytest.mark.parametrize("suffix", ["svg", "png", "eps"])
def test_metadata_of_any_length_are_none_of_ours(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(b"\xff" * 40 + b"nnlab-figure:" + b'{"a":"' + b"&amp;" * 1_000_000 + b'"}\n')
    assert file_origin.read_figure_provenance(path) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "--config", "FILE", "--dry-run"), "FILE: a pipe, not a regular file"),
        (("init-study", "s", "--config", "FILE"), "FILE: a pipe, not a regular file"),
        (("plot", "lr", "--config", "FILE"), "FILE: a pipe, not a regular file"),
        (("diagnose", "--csv", "FILE"), "FILE: a pipe, not a regular file"),
        (("train", "--from", "FILE", "--data", "iris"), "FILE is neither a run nor a file"),
    ],
)
def test_a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...], message: str
) -> None:
    os.mkfifo(folder / "pipe.csv")
    answer = nnlab(*(word.replace("FILE", "pipe.csv") for word in words), expect=None)
    assert answer.code in (1, 2)
    assert message.replace("FILE", "pipe.csv") in " ".join(answer.err.split())


def test_nested_toml_without_end_is_told(nnlab: Nnlab, folder: Path) -> None:
    (folder / "deep.toml").write_text("lr = " + "[" * 100_000)
    answer = nnlab("train", "--config", "deep.toml", "--dry-run", expect=2)
    assert "deep.toml is not valid TOML" in " ".join(answer.err.split())


@pytest.mark.parametrize("path", ["../../secret.pt", "/etc/passwd", "1/../../secret.pt"])
def test_a_file_outside_of_the_folder_of_a_run_is_not_read(
    trained: Nnlab, folder: Path, path: str
) -> None:
    with sqlite3.connect(folder / "runs.db") as connection:
        connection.execute("UPDATE artifact SET path = ?", (path,))
    connection.close()
    answer = trained("plot", "confusion", "1", expect=1)
    assert "is not a valid file name in the folder of a run" in " ".join(answer.err.split())
    assert "is not a valid file name in the folder of a run" in trained("db", "check", expect=1).out
