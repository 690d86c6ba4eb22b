"""`nnlab explain train`: the training of a setting as a script, and what it refuses."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from command_line_runner import Nnlab


def test_the_script_of_the_default_setting(nnlab: Nnlab, folder: Path) -> None:
    script = nnlab("explain", "train").out
    for text in (
        "load_digits(return_X_y=True)",
        "torch.FloatTensor is float32",
        "dtype = torch.float32",
        'nn.CrossEntropyLoss(reduction="mean")',
        'size_average=True is "mean"',
        "optimizer.zero_grad()",
        "loss.backward()",
        "optimizer.step()",
        "for epoch in range(1, 31):",
    ):
        assert text in script, text
    assert all(len(line) <= 100 for line in script.splitlines())
    assert not list(folder.iterdir())


def test_options_are_those_of_train(nnlab: Nnlab) -> None:
    script = nnlab(
        *("explain", "train", "--opt", "sgd", "--decay", "exp", "--reduction", "sum"),
        *("--lr", "0.002", "--seed", "4"),
    ).out
    assert "return 0.002 * math.exp(-0.05 * t)" in script
    assert 'f"4/{purpose}/{epoch}/{layer}"' in script
    assert 'size_average=False is "sum"' in script
    command = "nnlab explain train --reduction sum --opt sgd --lr 0.002 --decay exp --seed 4"
    assert f"# Written by {command}\n" in script


def test_a_file_is_replaced_only_with_force(nnlab: Nnlab, folder: Path) -> None:
    nnlab("explain", "train", "-o", "train.py")
    written = (folder / "train.py").read_text()
    assert "nnlab explain train -o train.py" in written
    answer = nnlab("explain", "train", "-o", "train.py", expect=1)
    assert "exists: it is not replaced" in answer.err
    nnlab("explain", "train", "--opt", "sgd", "-o", "train.py", "--force")
    assert "torch.optim.SGD" in (folder / "train.py").read_text()


def test_several_settings_and_inexpressible_ones_are_errors(nnlab: Nnlab) -> None:
    answer = nnlab("explain", "train", "--opt", "sgd,adam", "--seed", "0,1", expect=2)
    assert "a script trains one run, and these options describe 4" in answer.err
    answer = nnlab("explain", "train", "--opt", "muon", expect=2)
    assert "a plain script cannot express --opt muon" in answer.err
    assert "unknown optimizer 'admm'" in nnlab("explain", "train", "--opt", "admm", expect=2).err


def test_explain_still_explains_findings(nnlab: Nnlab) -> None:
    assert "NN101 overfitting" in nnlab("explain", "NN101").out
    assert "nnlab explain train" in nnlab("explain", "--help").out
    assert "--opt" in nnlab("explain", "train", "--help").out


def test_a_terminal_gets_colours_and_whole_lines(folder: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nnlab", "explain", "train", "--data", "iris"],
        cwd=folder,
        stdout=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "60"},
    )
    os.close(follower)
    shown = b""
    with suppress(OSError):  # the end of a pseudo-terminal
        while chunk := os.read(leader, 1 << 16):
            shown += chunk
    os.close(leader)
    assert process.wait(60) == 0
    assert b"\x1b[" in shown
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", shown).decode()
    assert "optimizer.step()  # changes the parameters by their gradients" in plain
    assert max(map(len, plain.splitlines())) > 60
