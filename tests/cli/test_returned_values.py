"""What user code returns must be one real number: one error with the user's file and line."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

VALUES = {
    "text": ("'0.5'", "the text '0.5'"),
    "truth": ("True", "the truth value True"),
    "nothing": ("None", "None (is there a return statement?)"),
    "listed": ("[0.5]", "an object of type list"),
    "imaginary": ("1j", "the complex number 1j"),
}


def functions(parameters: str) -> str:
    """Functions that return the values; the one number n is on line n of the file."""
    return "".join(
        f"def {name}({parameters}): return {value}\n" for name, (value, _) in VALUES.items()
    )


@pytest.mark.parametrize(
    ("option", "parameters", "suffix"),
    [("--decay", "t", ""), ("--loss", "outputs, targets", ""), ("--metrics", "o, t", ":max")],
)
def test_a_value_that_is_no_number_is_one_error_with_its_line(
    nnlab: Nnlab, folder: Path, option: str, parameters: str, suffix: str
) -> None:
    (folder / "code.py").write_text(functions(parameters))
    for line, (name, (_, shown)) in enumerate(VALUES.items(), start=1):
        answer = nnlab("train", *QUICK, option, f"code.py:{name}{suffix}", "-q", expect=1)
        message = " ".join(answer.err.split())
        assert f"{option} code.py:{name} returns {shown}" in message
        assert f"code.py, line {line}, in {name}" in message


OPTIMIZER = """
import torch

class Faulty(torch.optim.SGD):
    def step(self, closure=None):
        raise ValueError("odd step")
"""


@pytest.mark.parametrize("source", [(), ("--stream",)], ids=["in memory", "streamed"])
def test_an_error_in_the_step_of_an_optimizer_names_the_option_and_the_line(
    nnlab: Nnlab, folder: Path, source: tuple[str, ...]
) -> None:
    (folder / "opt.py").write_text(OPTIMIZER)
    arguments = (*QUICK, *source, "--opt", "opt.py:Faulty", "--lr", "0.1", "-q")
    answer = nnlab("train", *arguments, expect=1)
    assert (
        "--opt opt.py:Faulty raises an error: opt.py, line 6, in step: ValueError: odd step"
        in " ".join(answer.err.split())
    )


MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self, **facts):
        super().__init__()
        self.names = sorted(facts)
        assert self.names == ["in_features", "in_shape", "num_classes", "out_shape", "outputs"]
        self.layer = torch.nn.Linear(facts["in_features"], facts["num_classes"])

    def forward(self, x):
        return self.layer(x)

class Two(Net):
    def forward(self, x):
        return {"logits": self.layer(x), "hidden": x}
"""
IRIS = ("train", "--data", "iris", "--epochs", "1", "-q")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("self.layer(x) * 1j", "returns outputs of type complex64, nnlab needs real"),
        ("self.layer(x) > 0", "returns outputs of type bool, nnlab needs real"),
        ("self.layer(x).tolist()", "returns 0 (list), 1 (list) for examples [2, 4], nnlab needs"),
    ],
)
def test_a_model_whose_outputs_are_no_real_numbers_names_its_line(
    nnlab: Nnlab, folder: Path, expression: str, message: str
) -> None:
    (folder / "net.py").write_text(
        MODEL + f"\nclass Odd(Net):\n    def forward(self, x):\n        return {expression}\n"
    )
    error = " ".join(nnlab(*IRIS, "--model", "net.py:Odd", expect=1).err.split())
    assert f"--model net.py:Odd {message}" in error
    assert "net.py, line 20, in forward" in error


def test_a_model_with_only_keywords_gets_all_facts(nnlab: Nnlab, folder: Path) -> None:
    (folder / "net.py").write_text(MODEL)
    nnlab(*IRIS, "--model", "net.py:Net")
    (run,) = nnlab("ls", "--format", "json").json
    assert run["status"] == "finished"


def test_an_output_that_does_not_exist_is_reported_before_anything_is_stored(
    nnlab: Nnlab, folder: Path
) -> None:
    (folder / "net.py").write_text(MODEL)
    for option in ("--output", "--model-output"):
        answer = nnlab(*IRIS, "--model", "net.py:Two", option, "c", expect=2)
        message = " ".join(answer.err.split())
        assert f"{option} c: --model net.py:Two has no such output; it returns" in message
    assert not (folder / "runs.db").exists()
    nnlab(*IRIS, "--model", "net.py:Two", "--output", "logits")


def test_problems_of_a_split_file_are_reported_with_the_others(nnlab: Nnlab, folder: Path) -> None:
    (folder / "split.txt").write_text("train\n" * 3 + "x y\n" + "z\n")
    words = (*IRIS, "--split-file", "split.txt", "--momentum", "0.5")
    message = " ".join(nnlab(*words, expect=2).err.split())
    assert "3 problems with the settings" in message
    assert "--momentum has no effect with --opt adam" in message
    assert "split.txt assigns 5 rows, the data has 150" in message
    assert "line 4: 'x y' is none of train, val, test, none (2 such lines)" in message
    (folder / "split.txt").write_text("train\n" * 150)
    message = " ".join(nnlab(*IRIS, "--split-file", "split.txt", expect=2).err.split())
    assert "assigns no row to the val split" in message
    assert "assigns no row to the test split" in message
    assert not (folder / "runs.db").exists()
