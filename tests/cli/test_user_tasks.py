"""`--task file.py:NAME` from training to rankings, figures and the refusals of other commands."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab
from user_tasks import GAN

TRAIN = ("train", "--task", "task.py:GAN", "--objective", "val/mean_error", "--epochs", "2", "-q")


@pytest.fixture(autouse=True)
def task_file(folder: Path) -> None:
    (folder / "task.py").write_text(GAN)


def test_tasks_are_trained_compared_drawn_and_verified(nnlab: Nnlab, folder: Path) -> None:
    assert nnlab(*TRAIN, "--task.width", "4,8", "--study", "gan").code == 0
    assert "2 already trained" in nnlab(*TRAIN[:-1], "--task.width", "4,8", "--study", "gan").out
    (run,) = nnlab("show", "1", "--format", "json").json
    setting = run["setting"]
    assert [setting[name] for name in ("data", "model", "opt", "decay")] == ["task"] * 4
    assert (setting["task"], setting["task.width"]) == ("task.py:GAN", 4)
    assert len(setting["task_version"]) == 16
    measured = {row["metric"] for row in run["metrics"]}
    assert measured >= {"train/generator_loss", "train/critic_loss", "val/mean_error"}
    assert "task.width" in nnlab("compare", "gan").out
    assert nnlab("plot", "curves", "gan", "--metric", "critic_loss", "-o", "c.png").code == 0
    assert (folder / "c.png").stat().st_size > 0
    assert nnlab("diagnose", "1").code == 0
    assert "the same to the last bit" in nnlab("verify", "1").out


def test_two_tasks_are_not_ranked_together_unless_asked(nnlab: Nnlab, folder: Path) -> None:
    (folder / "other.py").write_text(GAN)
    assert nnlab(*TRAIN).code == 0
    assert nnlab("train", "--task", "other.py:GAN", *TRAIN[3:]).code == 0
    assert "2 groups of runs that are not comparable" in nnlab("compare").out
    together = nnlab("compare", "--mixed").out
    assert "other.py:GAN" in together
    assert "2 groups" not in together


def test_changed_code_is_a_new_trial(nnlab: Nnlab, folder: Path) -> None:
    assert nnlab(*TRAIN).code == 0
    (folder / "task.py").write_text(GAN + "\n# changed\n")
    assert nnlab(*TRAIN).code == 0
    shown = [nnlab("show", number, "--format", "json").json[0] for number in ("1", "2")]
    settings = [run["setting"] for run in shown]
    assert len({setting["task_version"] for setting in settings}) == 2


def test_a_missing_objective_is_named_with_what_is_logged(nnlab: Nnlab) -> None:
    answer = nnlab("train", "--task", "task.py:GAN", "--epochs", "1", expect=1)
    assert "val/loss, the objective, is not measured: --objective selects another" in answer.err
    assert "train/critic_loss, train/generator_loss, val/mean_error" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--opt", "sgd"), "--opt has no effect with --task task.py:GAN, which defines its own"),
        (("--model", "linear"), "--model has no effect with --task task.py:GAN"),
        (("--data", "iris"), "--data has no effect with --task task.py:GAN"),
        (("--loss", "mse"), "--loss has no effect with --task task.py:GAN"),
        (("--momentum", "0.9"), "--momentum has no effect with --opt task"),
        (("--task.depth", "2"), "unknown parameter of task.py:GAN 'depth'"),
        (("--clip", "1"), "--clip and --clip-value have no effect with --task task.py:GAN"),
    ],
)
def test_options_that_the_task_replaces_are_refused(
    nnlab: Nnlab, words: tuple[str, ...], message: str
) -> None:
    answer = nnlab(*TRAIN, *words, expect=None)
    assert answer.code != 0
    assert message in answer.err


def test_commands_that_need_a_model_of_inputs_say_so(nnlab: Nnlab) -> None:
    assert nnlab(*TRAIN).code == 0
    for words in (("plot", "confusion", "1", "-o", "c.png"), ("predict", "1", "--data", "iris")):
        answer = nnlab(*words, expect=None)
        assert answer.code > 0
        assert "--task task.py:GAN" in answer.err
        assert "internal error" not in answer.err
    assert "--data task needs --task file.py:NAME" in nnlab("data", "show", "task", expect=None).err
