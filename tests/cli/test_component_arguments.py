"""Arguments of users' losses, optimizers and schedules, from the command line to the ranking."""

import shlex
from pathlib import Path

import pytest
from command_line_runner import Nnlab

CODE = """
import math
from torch import nn
from torch.optim import SGD


def focal(outputs, targets, gamma: float = 2.0):
    log_p = outputs.log_softmax(1).gather(1, targets[:, None])[:, 0]
    return -((1 - log_p.exp()) ** gamma) * log_p


def plain(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets)


class Focal(nn.Module):
    def __init__(self, gamma: float):
        super().__init__()
        self.gamma = gamma

    def forward(self, outputs, targets):
        return focal(outputs, targets, self.gamma)


class Scaled(SGD):
    def __init__(self, params, lr, rho: float = 1.0):
        super().__init__(params, lr=lr)
        self.rho = rho

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] *= self.rho
        return super().step(closure)


def waves(t, epochs, cycles: int = 2):
    return 0.5 + 0.5 * math.cos(cycles * math.pi * t / epochs)
"""
IRIS = ("--data", "iris", "--epochs", "1")
FOCAL = (*IRIS, "--loss", "mine.py:focal")


@pytest.fixture(autouse=True)
def file(folder: Path) -> None:
    (folder / "mine.py").write_text(CODE)


def setting_of(nnlab: Nnlab, run: int) -> dict[str, object]:
    setting: dict[str, object] = nnlab("show", str(run), "--format", "json").json[0]["setting"]
    return setting


def values_of(nnlab: Nnlab, metric: str, group_by: str) -> dict[object, float]:
    answer = nnlab("compare", "--by", metric, "--mixed", "--group-by", group_by, "--format", "json")
    return {row["setting"].get(group_by): row["mean"] for row in answer.json["rows"]}


def test_a_grid_over_losses_where_only_some_take_the_argument(nnlab: Nnlab) -> None:
    losses = "mine.py:focal,cross_entropy,mine.py:plain"
    nnlab("train", *IRIS, "--loss", losses, "--loss.gamma", "0,2", "-q")
    assert {run["trial"] for run in nnlab("ls", "--format", "json").json} == {
        "loss=mine.py:focal loss.gamma=0",
        "loss=mine.py:focal loss.gamma=2",
        "loss=cross_entropy",
        "loss=mine.py:plain",
    }
    # With gamma = 0 the focal loss is cross entropy.
    finals = {}
    for run in nnlab("ls", "--format", "json").json:
        rows = nnlab("show", str(run["run"]), "--format", "json").json[0]["metrics"]
        finals[run["trial"]] = next(row["last"] for row in rows if row["metric"] == "val/loss")
    assert finals["loss=mine.py:focal loss.gamma=0"] == pytest.approx(
        finals["loss=cross_entropy"], rel=1e-6
    )
    assert finals["loss=mine.py:focal loss.gamma=2"] < finals["loss=cross_entropy"] / 1.5


def test_another_argument_of_a_loss_is_another_measure(nnlab: Nnlab) -> None:
    nnlab("train", *FOCAL, "--loss.gamma", "1,2", "-q")
    nnlab("train", *FOCAL, "-q")
    answer = nnlab("compare", "--by", "val/loss").out
    assert "3 groups of runs that are not comparable with each other" in answer
    headings = [line for line in answer.splitlines() if "loss.gamma" in line]
    assert headings == ["default loss.gamma", "loss.gamma 2", "loss.gamma 1"]
    assert "not comparable" not in nnlab("compare", "--by", "val/accuracy").out
    assert nnlab("compare", "--group-by", "loss.gamma", "--format", "json").json["rows"]


def test_a_loss_is_drawn_over_its_argument(nnlab: Nnlab) -> None:
    losses = "mine.py:focal,cross_entropy"
    nnlab("train", *IRIS, "--loss", losses, "--loss.gamma", "1,2", "-q")
    drawn = nnlab("plot", "sweep", "--x", "loss.gamma", "--metric", "val/loss", "-o", "s.svg")
    assert "val/loss over loss.gamma, 2 runs" in drawn.out
    assert "not ranked here: loss cross_entropy" in drawn.err
    everything = nnlab("plot", "sweep", "--x", "loss.gamma", "-o", "a.svg")
    assert "val/accuracy over loss.gamma, 3 runs" in everything.out


def test_optimizers_and_schedules_have_arguments_too(nnlab: Nnlab) -> None:
    words = (*IRIS, "--opt", "mine.py:Scaled,adam", "--opt.rho", "0.5,1")
    nnlab("train", *words, "--decay", "mine.py:waves", "--decay.cycles", "0", "-q")
    assert setting_of(nnlab, 1)["opt.rho"] == 0.5
    assert setting_of(nnlab, 1)["decay.cycles"] == 0
    losses = values_of(nnlab, "val/loss", "opt.rho")
    assert len(set(losses.values())) == 3
    rows = nnlab("show", "1", "--format", "json").json[0]["metrics"]
    assert next(row["last"] for row in rows if row["metric"] == "lr") == pytest.approx(0.001)
    assert "the same to the last bit" in nnlab("verify", "1").out
    assert "2 schedules" in nnlab("plot", "lr", "--decay", "mine.py:waves", "--decay.cycles", "1,3",
                                  "-o", "lr.svg").out  # fmt: skip


def test_an_explicit_default_trains_the_same_run(nnlab: Nnlab) -> None:
    nnlab("train", *FOCAL, "-q")
    nnlab("train", *FOCAL, "--loss.gamma", "2", "-q")
    nnlab("train", *IRIS, "--loss", "mine.py:Focal", "--loss.gamma", "2", "-q")
    rows = [nnlab("show", run, "--format", "json").json[0]["metrics"] for run in ("1", "2", "3")]
    values = [[row["last"] for row in each if row["metric"] == "val/loss"] for each in rows]
    assert values[0] == values[1] == values[2]


def test_losses_and_optimizers_of_packages(nnlab: Nnlab) -> None:
    words = ("--data", "diabetes", "--epochs", "1", "-q")
    nnlab("train", *words, "--loss", "torch.nn:HuberLoss,huber", "--loss.delta", "2",
          "--huber-delta", "2", "--opt", "torch.optim:RAdam", "--opt.betas", "0.8,0.9")  # fmt: skip
    assert setting_of(nnlab, 1)["opt.betas"] == "0.8,0.9"
    losses = values_of(nnlab, "val/loss", "loss")
    assert losses["torch.nn:HuberLoss"] == pytest.approx(losses["huber"], rel=1e-6)
    # The file of a package is not copied.
    nnlab("report", "--reproduce", "again")
    assert not list(Path("again").glob("*torch*"))
    assert '"opt.betas" = "0.8,0.9"' in Path("again/trials/0001.toml").read_text()


def test_a_module_of_the_folder_is_part_of_a_reproduction(nnlab: Nnlab) -> None:
    nnlab("train", *IRIS, "--loss", "mine:focal", "--loss.gamma", "1", "-q")
    nnlab("report", "--reproduce", "again")
    assert Path("again/mine.py").read_text() == CODE


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*FOCAL, "--loss.gama", "1"), "--loss.gama: unknown parameter of mine.py:focal 'gama': did"
         " you mean 'gamma'? Known: gamma"),
        ((*FOCAL, "--loss.targets", "1"), "unknown parameter of mine.py:focal 'targets'. Known:"
         " gamma"),
        ((*FOCAL, "--loss.gamma", "x"), "the parameter `gamma: float = 2.0` must be a number"),
        ((*IRIS, "--loss", "mine.py:Focal"), "--loss mine.py:Focal needs a value for its parameter"
         " `gamma: float`: --loss.gamma sets it"),
        ((*IRIS, "--loss.gamma", "1"), "--loss.gamma has no effect with the default of --loss: it"
         " sets an argument of your own loss"),
        ((*IRIS, "--opt.lr", "1"), "an argument of your own optimizer; use --lr"),
        ((*IRIS, "--opt", "mine.py:Scaled", "--opt.lr", "1"),
         "--opt.lr cannot be set: --lr sets it"),
        ((*IRIS, "--opt", "torch.optim:RAdam", "--opt.weight_decay", "1"),
         "--opt.weight_decay cannot be set: --weight-decay sets it, for each parameter group"),
        ((*IRIS, "--decay", "mine.py:waves", "--decay.epochs", "1"),
         "--decay.epochs cannot be set: --epochs sets it"),
        ((*IRIS, "--loss", "torch.nn:CrossEntropyLoss", "--loss.reduction", "sum"),
         "--loss.reduction cannot be set: --reduction reduces the values of the examples"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused_before_anything_is_stored(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...], message: str
) -> None:
    assert message in nnlab("train", *words, expect=2).err
    assert not (folder / "runs.db").exists()


def test_choices_lists_the_arguments_without_what_nnlab_passes(nnlab: Nnlab) -> None:
    def rows(*words: str) -> list[tuple[str, str]]:
        table = nnlab("choices", *words, "--format", "json").json
        return [(row["option"], row["default"]) for row in table]

    assert rows("loss", "mine.py:focal") == [("--loss.gamma", "2.0")]
    assert rows("loss", "mine.py:Focal") == [("--loss.gamma", "required")]
    assert rows("decay", "mine.py:waves") == [
        ("--decay.epochs", "--epochs sets it"),
        ("--decay.cycles", "2"),
    ]
    assert rows("opt", "mine.py:Scaled") == [
        ("--opt.lr", "--lr sets it"),
        ("--opt.rho", "1.0"),
    ]
    assert ("--loss.delta", "1.0") in rows("loss", "torch.nn:HuberLoss")


def test_settings_in_files_and_shared_by_arms(nnlab: Nnlab, folder: Path) -> None:
    (folder / "flat.toml").write_text(
        'data = "iris"\nloss = ["mine.py:focal", "cross_entropy"]\n"loss.gamma" = [1, 2]\n'
    )
    assert "3 trials with 1 seed" in nnlab("train", "--config", "flat.toml", "--dry-run").out
    arms = (
        'study = "arms"\ndata = "iris"\nopt = "mine.py:Scaled"\n"opt.rho" = 0.5\n'
        '[[arm]]\nname = "mine"\n[[arm]]\nname = "adam"\nopt = "adam"\n'
    )
    (folder / "arms.toml").write_text(arms)
    answer = nnlab("train", "--config", "arms.toml", "--dry-run")
    assert "opt.rho=0.5" in answer.out
    assert "2 trials with 1 seed" in answer.out
    without_shared = arms.replace('"opt.rho" = 0.5\n', "")
    (folder / "arms.toml").write_text(without_shared + '"opt.rho" = 2\n')
    message = "arm adam: --opt.rho has no effect with --opt adam"
    assert message in nnlab("train", "--config", "arms.toml", expect=2).err


def test_studies_samplers_and_suggested_commands(nnlab: Nnlab) -> None:
    space = ("--loss.gamma", "1..5", "--sampler", "random", "--trials", "3")
    nnlab("init-study", "r", *FOCAL, *space)
    assert "3 runs in study 'r'" in nnlab("train", "--study", "r").out
    nnlab("init-study", "g", *FOCAL, "--loss.gamma", "1,2")
    assert "loss.gamma added: 3" in nnlab("init-study", "g", "--extend", "--loss.gamma", "3").out
    suggested = nnlab("find-lr", *FOCAL[:2], *FOCAL[4:], "--loss.gamma", "1").out
    command = suggested.rpartition("next: nnlab ")[2].strip()
    assert "--loss.gamma 1" in command
    assert "1 new" in nnlab(*shlex.split(command), "--epochs", "1").out
