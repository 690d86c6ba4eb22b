"""`nnlab lecture`: the list of lines and one line, in the terminal and as JSON."""

import subprocess
import sys
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.lecture import read_lines, results

LINES = Path(__file__).parents[1] / "lecture/lines"


@pytest.fixture(autouse=True)
def lines_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of the tests in place of those of the package."""
    monkeypatch.setattr(read_lines, "LINES_FOLDER", LINES)


def test_lines_are_listed_by_topic_at_80_columns(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_references", dict)
    monkeypatch.setenv("COLUMNS", "80")
    answer = nnlab("lecture")
    lines = answer.out.splitlines()
    assert lines[:4] == [
        "Activations",
        " 1  Use ReLU as the default activation.",
        "    nnlab train --activation relu,tanh,sigmoid --depth 6",
        "    lecture/relu: not trained yet",
    ]
    assert "    batch size." in lines
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "next: nnlab lecture 1"
    assert not Path("runs.db").exists()


def test_the_own_result_replaces_that_of_nnlab(nnlab: Nnlab) -> None:
    nnlab("init-study", "--from", "lecture/reduction", "--epochs", "1", "--seeds", "5")
    assert "lecture/reduction: supported (reference result)" in nnlab("lecture").out
    nnlab("train", "--study", "lecture/reduction", "-q")
    assert "(here, 5 seeds)" in nnlab("lecture").out
    (row,) = [row for row in nnlab("lecture", "--json").json if row["slug"] == "reduction"]
    assert row["result"]["origin"] == "database"
    assert row["result"]["seeds"] == 5
    assert {c["n"] for c in row["result"]["comparisons"]} == {5}
    assert row["number"] == 2
    assert row["papers"][1]["url"] == "https://arxiv.org/abs/1412.6980"
    text = nnlab("lecture", "2").out
    assert "with the same learning rate the sum tests worse by 5 points" in text


@pytest.mark.parametrize("word", ["2", "reduction", "lecture/reduction"])
def test_a_line_is_shown_with_its_mathematics(nnlab: Nnlab, word: str) -> None:
    text = " ".join(nnlab("lecture", word).out.split())
    for part in (
        "with η = 0.1. What happens?",
        "( ) training fails",
        "wₜ₊₁ = wₜ − η ∑ᵢ₌₁^B ∇ℓᵢ = wₜ − (Bη)gₜ.",  # noqa: RUF001
        "nnlab init-study mine --from lecture/reduction --opt adam",
        "https://arxiv.org/abs/1412.6980",
        "nnlab lecture 2 --solution shows the solution",
    ):
        assert part in text
    assert text.endswith("next: nnlab lecture 3")
    assert "0.0016" not in text


def test_the_solution_is_shown_on_request(nnlab: Nnlab) -> None:
    assert "η/B = 0.1/64 ≈ 0.0016." in nnlab("lecture", "2", "--solution").out


def test_a_line_without_a_study_has_an_answer(nnlab: Nnlab) -> None:
    text = nnlab("lecture", "decays").out
    assert "lr(t) = lr₀e⁻ᵏᵗ" in text
    assert "Result\n  The exponential decay, a sixteenth of η₀.\n" in text
    assert "Claim" not in text
    assert "next:" not in text  # it is the last line
    assert nnlab("lecture", "decays", "--json").json["study"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["9"], "there is no line 9: the notes have the lines 1 to 3"),
        (["rellu"], "did you mean 'relu'"),
        (["-o", "course", "--lines", "1"], "-o and --lines: no effect without --all"),
        (["1", "--no-train", "--force"], "--no-train and --force: no effect without --all"),
        (["--solution"], "--solution needs a line"),
        (["2", "--all"], "--all writes the pages of all lines"),
        (["--all", "--lines", "0"], "there is no line 0"),
        (["--db", "missing.db"], "missing.db"),
    ],
)
def test_impossible_requests_are_refused(nnlab: Nnlab, words: list[str], message: str) -> None:
    answer = nnlab("lecture", *words, expect=None)
    assert answer.code != 0
    assert message in " ".join(answer.err.split())
    assert not Path("course").exists()


def test_the_list_imports_no_slow_packages(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom nnlab.cli.main import main\nmain(['lecture', '--json'])\n"
        "print(*{'torch', 'scipy', 'matplotlib', 'pandas', 'jinja2', 'latex2mathml'}"
        " & set(sys.modules), file=sys.stderr)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert process.stderr.strip() == ""
