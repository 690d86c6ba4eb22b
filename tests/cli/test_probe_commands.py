"""`nnlab probe`, `find-lr` and `find-decay`: tables, figures, JSON, and refused input."""

from pathlib import Path

from command_line_runner import Nnlab

NOISY = (
    "--data", "two-moons", "--data-noise", "0.3", "--samples", "200", "--width", "8",
    "--opt", "sgd", "--lr", "1", "--batch-size", "8", "--epochs", "24",
)  # fmt: skip


def test_probe_init_shows_what_shrinks_and_explodes(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("probe", "init", "-o", "init.png")
    for word in ("shrinks", "explodes", "holds"):
        assert word in answer.out
    assert (folder / "init.png").stat().st_size > 1000
    assert not (folder / "runs.db").exists()
    rows = nnlab("probe", "init", "--init", "zeros", "--depth", "3", "--format", "json").json
    assert rows[0]["sds"] == [0.0, 0.0, 0.0]
    assert "no hidden layer" in nnlab("probe", "init", "--model", "linear", expect=2).err


def test_sensitivity_ranks_runs_and_draws_them(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", "--data", "iris", "--width", "8", "--epochs", "2", "--norm", "none,batch", "-q")
    rows = nnlab("probe", "sensitivity", "1", "2", "--format", "json").json
    assert sorted(row["run"] for row in rows) == [1, 2]
    assert rows[0]["rise"] <= rows[1]["rise"]
    nnlab("probe", "sensitivity", "1", "--grid", "5", "-o", "landscape.svg")
    assert (folder / "landscape.svg").exists()
    assert "--grid must be odd" in nnlab("probe", "sensitivity", "1", "--grid", "4", expect=2).err
    nnlab("train", "--data", "iris", "--epochs", "1", "--no-keep-models", "--name", "bare", "-q")
    assert "kept no weights" in nnlab("probe", "sensitivity", "bare", expect=2).err


def test_find_lr_suggests_draws_and_stores_nothing(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("find-lr", "--data", "iris", "--opt", "sgd", "-o", "lr.png")
    assert "suggested: lr" in answer.out
    assert "next: nnlab train" in answer.out
    assert (folder / "lr.png").exists()
    assert not (folder / "runs.db").exists()
    output = nnlab("find-lr", "--data", "iris", "--opt", "sgd", "--format", "json").json
    assert 1e-3 < output["suggested"] < 10
    assert "no learning rate" in nnlab("find-lr", "--opt", "lbfgs", expect=2).err
    assert "one setting" in nnlab("find-lr", "--opt", "sgd,adam", expect=2).err
    assert "--low must be" in nnlab("find-lr", "--low", "1", "--high", "0.1", expect=2).err


def test_find_decay_proposes_tries_and_says_whether_it_can_tell(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *NOISY, "-q")
    output = nnlab("find-decay", "1", "--format", "json").json
    assert output["run"] == 1
    assert output["why"]
    if output["epoch"] is None:  # nothing stalls: the same holds for --try
        assert output["proposals"] == []
        return
    assert [p["decay"] for p in output["proposals"]] == ["multistep", "exp", "inv"]
    answer = nnlab("find-decay", "1", "--try", "-o", "decay.png")
    assert "the control" in answer.out
    assert (folder / "decay.png").exists()
    assert (
        "takes no --format" in nnlab("find-decay", "1", "--try", "--format", "json", expect=2).err
    )


def test_find_decay_refuses_what_it_cannot_read(nnlab: Nnlab) -> None:
    nnlab("train", "--data", "iris", "--epochs", "3", "-q")
    assert "3 epochs are too few" in nnlab("find-decay", "1", expect=2).err
    nnlab("train", "--data", "iris", "--epochs", "14", "--decay", "exp", "-q")
    assert "the run had --decay exp" in nnlab("find-decay", "2", expect=2).err
