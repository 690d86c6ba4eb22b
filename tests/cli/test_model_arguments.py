"""Arguments of user-defined models on the command line, in files and in what nnlab prints."""

import json
import shlex
from pathlib import Path

import pytest
from command_line_runner import Nnlab

MODEL = """
from torch import nn

class Net(nn.Module):
    def __init__(self, in_features, num_classes, width: int, depth: int = 1, act="relu",
                 hidden: tuple[int, ...] | None = None):
        super().__init__()
        sizes = [in_features, *(hidden or (width,) * depth)]
        layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())]
        self.net = nn.Sequential(*layers, nn.Linear(sizes[-1], num_classes))

    def forward(self, x):
        return self.net(x)
"""
OWN = ("--data", "iris", "--model", "net.py:Net", "--epochs", "1")


@pytest.fixture(autouse=True)
def model_file(folder: Path) -> None:
    (folder / "net.py").write_text(MODEL)


def widths_of(nnlab: Nnlab, *words: str) -> list[object]:
    rows = nnlab("compare", *words, "--format", "json").json["rows"]
    return sorted(row["setting"]["model.width"] for row in rows)


def test_a_grid_of_arguments_is_trained_shown_compared_and_swept(nnlab: Nnlab) -> None:
    answer = nnlab("train", *OWN, "--model.width", "4,8", "--model.depth=2", "--seeds", "2")
    assert "model.width: 4, 8" in answer.out
    assert "4 runs in study 'default': 4 new" in answer.out
    assert {run["trial"] for run in nnlab("ls", "--format", "json").json} == {
        "model.width=4",
        "model.width=8",
    }
    assert widths_of(nnlab) == [4, 8]
    shown = nnlab("show", "1")
    assert "model.depth 2" in shown.out
    assert nnlab("show", "1", "--format", "json").json[0]["setting"]["model.width"] == 4
    assert "over model.width" in nnlab("plot", "sweep", "--x", "model.width", "-o", "s.svg").out
    assert "model.width" in Path("s.svg").read_text()
    assert "4 already trained" in nnlab("train", *OWN, "--model.depth", "2", "--model.width", "4,8",
                                        "--seeds", "2", "--dry-run").out  # fmt: skip
    assert "the same to the last bit" in nnlab("verify", "1").out


def test_arguments_in_a_file_of_settings_and_of_arms(nnlab: Nnlab, folder: Path) -> None:
    (folder / "flat.toml").write_text(
        'data = "iris"\nmodel = "net.py:Net"\nepochs = 1\n"model.width" = [4, 8]\n'
        '"model.hidden" = [[6, 5], [7]]\n'
    )
    answer = nnlab("train", "--config", "flat.toml", "--dry-run")
    assert "model.hidden=6,5 model.width=8" in answer.out
    assert "4 trials with 1 seed" in answer.out
    (folder / "arms.toml").write_text(
        'study = "arms"\ndata = "iris"\nmodel = "net.py:Net"\n"model.width" = 4\n'
        '[[arm]]\nname = "deep"\n"model.depth" = 3\n[[arm]]\nname = "flat"\n'
    )
    assert "model.depth=3" in nnlab("train", "--config", "arms.toml", "--dry-run").out
    (folder / "table.toml").write_text('data = "iris"\nmodel.width = 4\nmodel.depth = "1,2"\n')
    table = nnlab("train", "--config", "table.toml", "--model", "net.py:Net", "--dry-run")
    assert "model.depth=2" in table.out
    (folder / "both.toml").write_text('model = "net.py:Net"\nmodel.width = 4\n')
    assert (
        'as "model.width" = 8, with the quotes'
        in nnlab("train", "--config", "both.toml", expect=2).err
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*OWN, "--model.widht", "4"), "unknown parameter of net.py:Net 'widht': did you mean"),
        (OWN, "needs a value for its parameter `width: int`: --model.width sets it"),
        ((*OWN, "--model.width", "x"), "the parameter `width: int` must be a whole number, got x"),
        ((*OWN, "--model.width"), "--model.width needs a value"),
        ((*OWN, "--model.width", "--seeds", "2"), "--model.width needs a value"),
        ((*OWN, "--model.width", "4", "--width", "4"), "--model.width sets the argument"),
        (("--model.width", "8"), "--model.width has no effect with --model auto: it sets an"
         " argument of your own model; use --width"),
        (("--model.width", "8", "--model", "mpl"), "unknown model 'mpl'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_stored(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...], told: str
) -> None:
    assert told in nnlab("train", *words, expect=2).err
    assert not (folder / "runs.db").exists()


def test_planning_and_reading_do_not_execute_the_file(nnlab: Nnlab, folder: Path) -> None:
    text = "from pathlib import Path\nPath('executed').touch()\n" + MODEL
    (folder / "net.py").write_text(text)
    nnlab("init-study", "s", *OWN, "--model.width", "4,8")
    for words in (("ls",), ("show", "1"), ("compare", "s"), ("studies",), ("choices", "model")):
        nnlab(*words)
    assert "--model.width" in nnlab("choices", "model", "net.py:Net").out
    assert not (folder / "executed").exists()
    nnlab("train", "--study", "s", "-q")
    assert (folder / "executed").exists()


def test_choices_lists_the_arguments_of_a_model(nnlab: Nnlab) -> None:
    rows = nnlab("choices", "model", "net.py:Net", "--format", "json").json
    assert [(row["option"], row["default"]) for row in rows] == [
        ("--model.in_features", "passed by nnlab"),
        ("--model.num_classes", "passed by nnlab"),
        ("--model.width", "required"),
        ("--model.depth", "1"),
        ("--model.act", "'relu'"),
        ("--model.hidden", "None"),
    ]
    assert "model 'mlp' has no arguments" in nnlab("choices", "model", "mlp", expect=2).err


def test_samplers_choose_arguments_and_studies_are_extended(nnlab: Nnlab) -> None:
    space = ("--model.width", "4..64", "--model.depth", "1..3")
    nnlab("init-study", "r", *OWN, *space, "--sampler", "random", "--trials", "3")
    nnlab("train", "--study", "r", "-q")
    widths = widths_of(nnlab, "r")
    assert len(widths) == 3
    assert all(isinstance(width, int) and 4 <= width <= 64 for width in widths)
    nnlab("init-study", "g", *OWN, "--model.width", "4,8")
    answer = nnlab("init-study", "g", "--extend", "--model.width", "16", "--model.depth", "2")
    assert "model.width added: 16" in answer.out
    assert (
        "did you mean 'depth'"
        in nnlab("init-study", "g", "--extend", "--model.dept", "2", expect=2).err
    )


def test_printed_commands_and_reproductions_have_the_arguments(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *OWN, "--model.width", "4", "--model.hidden", "6,5", "-q")
    nnlab("report", "--reproduce", "again")
    text = (folder / "again" / "trials" / "0001.toml").read_text()
    assert '"model.hidden" = "6,5"' in text
    assert "1 already trained" in nnlab("train", "--config", "again/trials/0001.toml").out
    suggested = nnlab("find-lr", *OWN[:4], "--model.width", "4").out
    command = suggested.rpartition("next: nnlab ")[2].strip()
    assert "--model.width 4" in command
    assert "1 new" in nnlab(*shlex.split(command), "--epochs", "1").out


def test_figures_of_models_with_arguments(nnlab: Nnlab) -> None:
    nnlab("train", *OWN, "--model.width", "4", "-q")
    nnlab("plot", "landscape", "1", "--grid", "3", "-o", "loss.svg")
    nnlab("plot", "init", *OWN[:4], "--model.width", "4,8", "-o", "init.svg")
    assert "model.width 8" in nnlab("probe", "init", *OWN[:4], "--model.width", "4,8").out
    nnlab("figures", "--refresh")
    provenance = nnlab("figures", "--format", "json").json
    assert len(provenance) == 2


def test_the_chosen_output_is_an_option_of_the_model(nnlab: Nnlab, folder: Path) -> None:
    (folder / "net.py").write_text(MODEL.replace("return self.net(x)", "return x, self.net(x)"))
    words = (*OWN, "--model.width", "4", "-q")
    assert "returns several outputs: 0 [2, 4], 1 [2, 3]" in nnlab("train", *words, expect=1).err
    nnlab("train", *words, "--output", "1")
    assert nnlab("show", "2", "--format", "json").json[0]["setting"]["model_output"] == "1"
    assert "the same to the last bit" in nnlab("verify", "2").out
    assert (
        "Error: --output has no effect with --model mlp"
        in nnlab("train", "--output", "1", expect=2).err
    )
    json.dumps(nnlab("compare", "--format", "json").json)
