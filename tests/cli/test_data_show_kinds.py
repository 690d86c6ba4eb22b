"""`nnlab data show` for tags, tokens, pixels, several targets and inputs that are the target."""

from pathlib import Path

import pytest
import target_kinds
from command_line_runner import Nnlab


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["own.py:numbers"], ["regression, 2 targets", "speed    train", "mass     test"]),
        (["own.py:tags"], ["multilabel, 3 tags", "3 per example", "sand"]),
        (
            ["own.py:tagged_words"],
            ["token_classification, 3 classes", "8.7% of the"],
        ),
        (["own.py:text", "--task", "language_modeling"], ["7 tokens: a, b, c", "6 is padding"]),
        (["own.py:masks"], ["segmentation, 3 classes", "4 x 4 per example, 6.2%"]),
        (["own.py:signals"], ["reconstruction", "the preprocessed input"]),
        (["digits", "--task", "reconstruction"], ["reconstruction", "8x8 pixels"]),
    ],
)
def test_targets_are_described(nnlab: Nnlab, words: list[str], lines: list[str]) -> None:
    Path("own.py").write_text(target_kinds.SOURCE)
    shown = nnlab("data", "show", *words).out
    for line in lines:
        assert line in shown
    data = nnlab("data", "show", *words, "--format", "json").json
    assert data["task"] == shown.split("task", 1)[1].split(",")[0].split()[0]


def test_positions_are_counted_by_class(nnlab: Nnlab) -> None:
    Path("own.py").write_text(target_kinds.SOURCE)
    data = nnlab("data", "show", "own.py:masks", "--format", "json").json
    counted = sum(counts["train"] for counts in data["counts"].values())
    assert counted == 42 * 15  # one of 16 pixels does not count
    assert data["ignored_share"] == pytest.approx(1 / 16)
    assert data["target_shape"] == [4, 4]
