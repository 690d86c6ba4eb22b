"""The command line in an empty folder, in this process."""

from pathlib import Path

import pytest
from terminal import QUICK, Answer, Nnlab

from nnlab.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the working one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def nnlab(folder: Path, capsys: pytest.CaptureFixture[str]) -> Nnlab:
    """Runs a command line in this process, in an empty folder."""

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
def trained(nnlab: Nnlab) -> Nnlab:
    """The same, with two trials of two seeds trained."""
    nnlab("train", *QUICK, "--opt", "sgd,adam", "--seeds", "2", "-q")
    return nnlab
