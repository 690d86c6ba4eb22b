"""Files of lines: what is read, and what is refused with the file and the key."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from nnlab.cli.main import load_command
from nnlab.errors import ConfigError, UnknownName, UsageError
from nnlab.lecture.line import LectureLine
from nnlab.lecture.read_lines import (
    LINES_FOLDER,
    check_formulas,
    find_line,
    lecture_lines,
    read_line,
    select_lines,
    split_commands,
)

NUMBER_OF_LINES = 24


def test_a_line_is_read(lines_folder: Path) -> None:
    line = read_line(lines_folder / "relu.toml")
    assert (line.number, line.slug, line.stem) == (1, "relu", "01-relu")
    assert line.study == "lecture/relu"
    assert line.predict == ("ReLU clearly", "tanh", "no difference")
    assert line.papers[0].url == "https://proceedings.mlr.press/v15/glorot11a.html"
    assert line.plot is None
    assert line.answer is None


def test_lines_are_in_the_order_of_their_numbers(lines_folder: Path) -> None:
    assert [line.slug for line in lecture_lines()] == ["relu", "reduction", "decays"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("number = 1", "number = 0", "number must be a whole number from 1, got 0"),
        ("number = 1", "number = true", "number must be a whole number from 1, got True"),
        ('sentence = "Use ReLU as the default activation."', 'sentence = " "', "sentence must be"),
        ('topic = "Activations"', 'topic = "Activation"', "topic must be one of Activations, "),
        ('study = "lecture/relu"\n', "", "needs either a study or an answer"),
        ("question =", 'answer = "ReLU"\nquestion =', "needs either a study or an answer"),
        ("lecture/relu", "lecture/rellu", "study names no built-in study: 'lecture/rellu'"),
        ("command =", "comand =", "unknown key 'comand': did you mean 'command'"),
        ('"nnlab train --act', '"python --act', "command: must be a command of nnlab"),
        ('"nnlab init-study', "\"nnlab 'init", "change: No closing quotation"),
        ('["ReLU clearly", "tanh", "no difference"]', '["ReLU"]', "predict must have 2 to 4"),
        ('["ReLU clearly", "tanh", "no difference"]', '["a", "a"]', "predict must have 2 to 4"),
        ('["ReLU clearly", "tanh", "no difference"]', "3", "predict must be a list of texts"),
        (r"\\frac14", r"\\fract14", r"mathematics: the formula '\\fract14' has an unknown command"),
        (r"\\frac14", r"\\frac{1", r"mathematics: the formula '\\frac{1' cannot be read"),
        ('if all weights are 1?"', 'if $w = 1?"', "exercise: a $ is not closed near '$w = 1?'"),
        ("https://proceedings", "http://proceedings", "papers 1: url must begin with https://"),
        ("[[papers]]\ntext", "[[papers]]\nurn", "papers 1: needs exactly the keys text and url"),
        ('change_note = "What', 'plot = "nnlab train"\nchange_note = "What', "plot: must be one"),
        ('change_note = "What', 'plot = "nnlab plot init -o a.svg"\nchange_note = "What',
         "plot: must have no output file"),
    ],
)  # fmt: skip
def test_an_invalid_file_is_refused(
    lines_folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (lines_folder / "relu.toml").read_text()
    assert old in text
    (tmp_path / "broken.toml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        check_formulas(lecture_lines(tmp_path))
    assert "broken.toml: " in caught.value.message
    assert message in caught.value.message


def test_all_problems_are_named_at_once(lines_folder: Path, tmp_path: Path) -> None:
    shutil.copy(lines_folder / "relu.toml", tmp_path / "a.toml")
    shutil.copy(lines_folder / "relu.toml", tmp_path / "b.toml")
    (tmp_path / "c.toml").write_text("number = 'x'")
    with pytest.raises(ConfigError) as caught:
        lecture_lines(tmp_path)
    assert "b.toml: number 1 is that of a.toml too" in caught.value.problems
    assert any(p.startswith("c.toml: sentence must be a text") for p in caught.value.problems)


def test_a_line_is_found_by_its_number_name_or_study(lines_folder: Path) -> None:
    lines = lecture_lines()
    for word in ("2", "02", "reduction", "lecture/reduction"):
        assert find_line(lines, word).slug == "reduction"
    with pytest.raises(UnknownName, match="did you mean 'relu'"):
        find_line(lines, "rellu")
    with pytest.raises(UsageError, match="there is no line 9: the notes have the lines 1 to 3"):
        find_line(lines, "9")


def test_lines_are_selected_by_numbers_ranges_and_names(lines_folder: Path) -> None:
    lines = lecture_lines()
    for selection, slugs in (
        ("1", ["relu"]),
        ("2-3,1", ["relu", "reduction", "decays"]),
        ("decays, 1", ["relu", "decays"]),
    ):
        assert [line.slug for line in select_lines(lines, selection)] == slugs
    with pytest.raises(UsageError, match="first number must not exceed"):
        select_lines(lines, "3-1")
    with pytest.raises(UsageError, match="there is no line 7"):
        select_lines(lines, "1-7")
    with pytest.raises(UsageError, match="selects no line"):
        select_lines(lines, ",")


@pytest.fixture
def package_lines() -> tuple[LectureLine, ...]:
    """The lines of the package, once all of them are there."""
    count = len(list(LINES_FOLDER.glob("*.toml")))
    if count < NUMBER_OF_LINES:
        pytest.skip(f"the package has {count} of {NUMBER_OF_LINES} lines")
    return lecture_lines()


def test_the_lines_of_the_package_are_valid_and_numbered_from_one(
    package_lines: tuple[LectureLine, ...],
) -> None:
    lines = package_lines
    check_formulas(lines)
    assert [line.number for line in lines] == list(range(1, NUMBER_OF_LINES + 1))


def test_the_commands_of_the_package_lines_are_accepted(
    package_lines: tuple[LectureLine, ...],
) -> None:
    for line in package_lines:
        for text in filter(None, (line.command, line.change, line.plot)):
            for words in split_commands(text):
                _parse_only(words[1:])


def test_every_line_of_the_package_names_its_own_studies_and_runs(
    package_lines: tuple[LectureLine, ...],
) -> None:
    # The commands of all lines are meant for one database.
    names: dict[str, str] = {}
    for line in package_lines:
        for words in (*split_commands(line.command), *split_commands(line.change)):
            own = [words[2]] if words[1] == "init-study" else []
            own += [after for word, after in pairwise(words) if word == "--name"]
            for name in own:
                assert names.setdefault(name, line.slug) == line.slug


def _parse_only(words: list[str]) -> None:
    """Parses a command line with the options of its command, without executing it."""
    command = load_command(words[0])
    arguments = words[1:]
    while hasattr(command, "commands"):
        command, arguments = command.commands[arguments[0]], arguments[1:]
    try:
        command.make_context(words[0], list(arguments))
    except typer.TyperException as error:
        pytest.fail(f"{' '.join(words)}: {error}")


def test_a_command_line_that_is_not_accepted_is_found() -> None:
    _parse_only(["train", "--opt", "adam"])
    with pytest.raises(pytest.fail.Exception, match=re.escape("--optt")):
        _parse_only(["train", "--optt", "adam"])
