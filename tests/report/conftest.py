"""A database of real runs, and the command line beside it."""

from pathlib import Path

import pytest
from terminal import QUICK, Answer, Nnlab

from nnlab.cli.main import main


@pytest.fixture
def nnlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Nnlab:
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, expect: int | None = 0) -> Answer:
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        answer = Answer(code, captured.out, captured.err)
        if expect is not None:
            assert code == expect, f"{words}: exit {code}\n{answer.out}\n{answer.err}"
        return answer

    return run


@pytest.fixture
def two_sets(nnlab: Nnlab) -> Nnlab:
    """Two optimizers and learning rates on two data sets, three seeds each."""
    nnlab("init-study", "s", *QUICK[2:], "--data", "iris,wine", "--opt", "sgd,adam",
          "--lr", "0.01,0.1", "--seeds", "3", "--question", "Which <b>one</b>?")  # fmt: skip
    nnlab("train", "--study", "s", "-q")
    return nnlab
