"""A study over two data sets."""

import pytest
from command_line_runner import QUICK, Nnlab


@pytest.fixture
def two_dataset_study(nnlab: Nnlab) -> Nnlab:
    """Two optimizers and learning rates on two data sets, three seeds each."""
    nnlab("init-study", "s", *QUICK[2:], "--data", "iris,wine", "--opt", "sgd,adam",
          "--lr", "0.01,0.1", "--seeds", "3", "--question", "Which <b>one</b>?")  # fmt: skip
    nnlab("train", "--study", "s", "-q")
    return nnlab
