"""`--loss`, `--opt` and `--decay` with a user's files, from training to the ranking."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

LOSSES = """
def focal(outputs, targets):
    log_p = outputs.log_softmax(1).gather(1, targets[:, None])[:, 0]
    return -((1 - log_p.exp()) ** 2) * log_p

def late_error(outputs, targets):
    if len(outputs) > 2:
        raise ValueError("too many rows")
    return outputs.sum()
"""
OPTIMIZERS = "from torch.optim import SGD\n\nclass Plain(SGD):\n    pass\n"
SCHEDULES = "def halves(t):\n    return 0.5 ** t\n"
USER = ("--loss", "mine.py:focal", "--opt", "opts.py:Plain", "--lr", "0.1", "--decay",
        "schedules.py:halves")  # fmt: skip


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    (folder / "mine.py").write_text(LOSSES)
    (folder / "opts.py").write_text(OPTIMIZERS)
    (folder / "schedules.py").write_text(SCHEDULES)


def test_all_three_train_are_stored_compared_and_verified(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, *USER, "--seeds", "2", "-q")
    assert "2 already trained" in nnlab("train", *QUICK, *USER, "--seeds", "2").out
    setting = nnlab("show", "1", "--format", "json").json[0]["setting"]
    assert (setting["loss"], setting["opt"]) == ("mine.py:focal", "opts.py:Plain")
    assert setting["lr"] == 0.1
    assert all(len(setting[f"{kind}_version"]) == 16 for kind in ("loss", "opt", "decay"))
    metrics = nnlab("show", "1", "--format", "json").json[0]["metrics"]
    assert next(row for row in metrics if row["metric"] == "lr")["last"] == pytest.approx(
        0.1 * 0.5**2.5
    )
    nnlab("verify", "1")
    nnlab("plot", "lr", "--decay", "schedules.py:halves", "--epochs", "4", "-o", "lr.png")
    assert (folder / "lr.png").stat().st_size > 1000


def test_trials_are_named_by_their_files_and_not_by_hashes(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--loss", "mine.py:focal,cross_entropy", "-q")
    trials = {run["trial"] for run in nnlab("ls", "--format", "json").json}
    assert trials == {"loss=mine.py:focal", "loss=cross_entropy"}


def test_two_versions_of_a_loss_share_no_ranking_by_loss(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--loss", "mine.py:focal", "-q")
    (folder / "mine.py").write_text(LOSSES.replace("** 2", "** 3"))
    nnlab("train", *QUICK, "--loss", "mine.py:focal", "-q")
    answer = nnlab("compare", "--by", "val/loss")
    assert "2 groups of runs that are not comparable with each other" in answer.out
    assert answer.out.count("loss_version ") == 2


def test_an_error_in_training_is_a_failed_run_with_the_users_line(nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "--loss", "mine.py:late_error", expect=1)
    assert "mine.py, line 8, in late_error: ValueError: too many rows" in " ".join(
        (answer.out + answer.err).split()
    )


def test_a_file_without_a_name_gets_a_suggestion(nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "--loss", "mine.py", expect=2)
    assert "mine.py:focal" in answer.err
    answer = nnlab("train", *QUICK, "--opt", "opts.py", expect=2)
    assert "opts.py:Plain" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--class-weights", "1,-2,3"), "--class-weights must be balanced, or numbers above 0"),
        (("--class-weights", "1,2"), "--class-weights 1,2 has 2 weights, iris has 3 classes"),
        (("--pos-weight", "2"), "--pos-weight has no effect with --loss cross_entropy"),
        (
            ("--loss", "mine.py:focal", "--label-smoothing", "0.1"),
            "--label-smoothing has no effect",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    nnlab: Nnlab, words: tuple[str, ...], message: str
) -> None:
    answer = nnlab("train", *QUICK, *words, expect=None)
    assert answer.code != 0
    assert message in " ".join((answer.out + answer.err).split())


def test_class_weights_are_swept_with_semicolons(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--class-weights", "balanced;1,1,2", "-q")
    trials = {run["trial"] for run in nnlab("ls", "--format", "json").json}
    assert trials == {"class_weights=balanced", "class_weights=1,1,2"}


def test_a_reproduction_contains_all_files(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, *USER, "-q")
    nnlab("report", "--reproduce", "again")
    assert {"mine.py", "opts.py", "schedules.py"} <= {
        path.name for path in (folder / "again").iterdir()
    }
