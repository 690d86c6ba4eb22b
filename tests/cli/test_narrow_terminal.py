"""Narrow terminals: numbers, words, options and commands are not broken at any width."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line_runner import QUICK

from nnlab.cli.main import COMMANDS, load_command, main
from nnlab.cli.output.table_layout import ColumnLayout, lay_out_records, lay_out_table, wrap_text
from nnlab.cli.train.train.progress import fit_bar_texts

WIDTHS = (60, 80, 100, 200)
RUNS = (
    ["train", *QUICK, "--opt", "sgd,adam", "--lr", "0.001,0.1", "--seeds", "2", "-q"],
    ["train", *QUICK, "--data", "wine", "--opt", "sgd,adam", "--seeds", "2", "-q"],
    ["train", *QUICK, "--lr", "1000", "--name", "a-run-with-a-rather-long-name", "-q"],
    ["init-study", "depth", *QUICK, "--depth", "1..3", "--question", "How deep should it be? " * 5],
    ["train", *QUICK[:-1], "40", "--lr", "0.01", "--name", "slow", "-q"],
    ["plot", "curves", "-o", "a-figure-with-a-long-name.svg"],
)
LISTS = (
    *(["ls"], ["compare"], ["compare", "1", "2"], ["compare", "--across", "opt"]),
    *(["show", "1"], ["show", "1", "--curves"], ["studies"], ["studies", "--builtin"]),
    *(["choices"], ["devices"], ["launchers"], ["diagnose"], ["diagnose", "1"]),
    *(["effects", "default"], ["figures"], ["watch", "--once"], ["db", "status"]),
    *(["data", "show", "wine"], ["explain"], ["explain", "NN101"], ["verify", "1"]),
    *(["train", *QUICK, "--depth", "1,2", "--dry-run"], ["db", "gc", "--dry-run"]),
    *(["remedy", "a-run-with-a-rather-long-name", "--dry-run"], ["plot", "ranking"]),
    *(["find-lr", *QUICK[:2], "--steps", "40"], ["compare", "--format", "markdown"]),
    *(["probe", "init", *QUICK], ["find-decay", "slow"]),
)

Shown = Callable[[list[str], int | None], str]


@pytest.fixture(scope="module")
def runs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some runs and a figure."""
    place = tmp_path_factory.mktemp("narrow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("NNLAB_DEVICES", "cpu:1")
        assert [main(words) for words in RUNS] == [0] * len(RUNS)
    return place


@pytest.fixture
def shown(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shown:
    """What a command prints in a terminal of so many columns, or in a pipe."""
    monkeypatch.chdir(runs_folder)

    def run(words: list[str], width: int | None) -> str:
        if width is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(width))
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return captured.out + captured.err

    return run


def words_of(text: str) -> set[str]:
    """Everything between blanks, without rules and without the line about hidden columns."""
    text = re.sub(r"not shown: .*?less\s+-S\)", "", text, flags=re.DOTALL)
    return {word for word in text.split() if set(word) - set("─━-")}


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_every_word_of_a_list_is_whole(words: list[str], shown: Shown) -> None:
    in_a_pipe = words_of(shown(words, None))
    for width in WIDTHS:
        text = shown(words, width)
        broken = words_of(text) - in_a_pipe
        # A table without room becomes records, whose titles are those of the columns.
        assert not broken, f"{width} columns: {sorted(broken)}\n{text}"


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_only_commands_and_paths_are_longer_than_the_line(words: list[str], shown: Shown) -> None:
    if "markdown" in words:
        return
    for width in WIDTHS:
        for line in shown(words, width).splitlines():
            allowed = "nnlab " in line or "/" in line or "next: " in line
            assert len(line) <= width or allowed, f"{width} columns: {line}"


def test_what_is_left_out_is_said_and_how_to_see_it(shown: Shown) -> None:
    text = " ".join(shown(["ls"], 60).split())
    hidden = text.split("not shown: ")[1].split(" (visible in ")[0].split(", ")
    assert {"study", "name", "tags", "started"} <= set(hidden)
    assert not {"run", "trial", "status", "best"} & set(hidden)
    assert "tags" not in shown(["ls"], 60).split("not shown")[0]
    for width in (None, 200):
        assert "not shown" not in shown(["ls"], width)


def test_a_run_of_a_list_takes_three_lines_at_most(shown: Shown) -> None:
    runs = len(shown(["ls", "--format", "csv"], None).splitlines()) - 1
    for width in (80, 100):
        body = shown(["ls"], width).split("─\n")[1].split("\n\n")[0]
        assert runs <= len(body.splitlines()) <= 3 * runs


def test_a_command_that_was_typed_is_one_line(shown: Shown) -> None:
    (command,) = re.findall(r"^Command +(.*)", shown(["show", "1"], None), re.MULTILINE)
    assert command in shown(["show", "1"], 60)


def helps() -> list[list[str]]:
    """The words of every command that has a help."""
    result: list[list[str]] = [[]]
    for name in COMMANDS:
        result.append([name])
        result += [[name, inner] for inner in getattr(load_command(name), "commands", {})]
    return result


@pytest.mark.parametrize("words", helps(), ids=lambda words: " ".join(words) or "nnlab")
def test_help_prints_every_name_whole(words: list[str], shown: Shown) -> None:
    wide = shown([*words, "--help"], 200)
    names = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", wide.split("Options:")[1]))
    for width in (60, 80, 100):
        text = shown([*words, "--help"], width)
        assert words_of(text) == words_of(wide)
        assert names <= set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))
        lines = [line for line in text.splitlines() if not line.startswith("  nnlab ")]
        assert all(len(line) <= width or len(line.split()) == 1 for line in lines[1:])


@pytest.mark.parametrize("words", helps()[1:], ids=" ".join)
def test_help_describes_every_option_without_markup(words: list[str], shown: Shown) -> None:
    assert not re.search(r"\[/?(dim|bold)\]", shown([*words, "--help"], 200))
    command = load_command(words[0])
    for name in words[1:]:
        command = getattr(command, "commands", {})[name]
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        text = str(getattr(parameter, "help", None) or "")
        assert text.split("\\[default")[0].strip(), parameter.name


def test_help_has_a_type_beside_the_name_and_no_markup(shown: Shown) -> None:
    text = shown(["ls", "--help"], 80)
    assert "  -n, --limit N " in text
    assert "  --tag TEXT " in text
    assert "[bold]" not in text
    assert "\\[" not in text
    assert "results database [default: runs.db]" in text


HEADS = (
    ColumnLayout("run", align_right=True),
    ColumnLayout("what happened", wrap=True),
    ColumnLayout("loss", align_right=True),
)
LONG = "the validation loss rises while the training loss falls"


def test_prose_is_broken_between_words_and_numbers_are_not() -> None:
    layout = lay_out_table(HEADS, [["1", LONG, "0.123456789"]], 48)
    assert layout.body_lines == (
        " ──────────────────────────────────────────────",
        "   1  the validation loss rises     0.123456789",
        "      while the training loss",
        "      falls",
    )


def test_what_is_important_stays_longest() -> None:
    heads = [
        ColumnLayout("a"),
        ColumnLayout("b", priority=2),
        ColumnLayout("c", priority=1),
        ColumnLayout("d", priority=3),
    ]
    rows = [["a" * 10, "b" * 10, "c" * 10, ""]]
    assert lay_out_table(heads, rows, 37).header_lines == (" a           b           c",)
    assert lay_out_table(heads, rows, 30).header_lines == (" a           c",)
    assert lay_out_table(heads, rows, 30).note.startswith(
        "not shown: b, d (visible in a\nterminal of 42"
    )


def test_a_table_without_room_becomes_records() -> None:
    heads = [
        ColumnLayout("epoch", align_right=True),
        ColumnLayout("command"),
        ColumnLayout("why", wrap=True),
    ]
    layout = lay_out_table(heads, [["1", "nnlab train --lr 0.1", LONG], ["2", "x", ""]], 30)
    assert layout.header_lines == ()
    assert layout.body_lines == (
        "epoch    1",
        "command  nnlab train --lr 0.1",
        "why      the validation loss",
        "         rises while the",
        "         training loss falls",
        "",
        "epoch    2",
        "command  x",
    )


def test_a_value_that_is_longer_than_the_line_is_one_line() -> None:
    assert lay_out_records([(ColumnLayout("Command"), "nnlab " + "x" * 50)], 40) == [
        ("Command", ""),
        ("  ", "nnlab " + "x" * 50),
    ]


def test_wrapped_lines_keep_their_indentation() -> None:
    assert wrap_text("a:\n  try: one two three", 12) == ["a:", "  try: one", "  two three"]


def test_wide_letters_take_two_cells() -> None:
    assert wrap_text("学习率 学习率", 8) == ["学习率", "学习率"]
    layout = lay_out_table([ColumnLayout("a"), ColumnLayout("b")], [["学", "x"], ["ab", "y"]], 60)
    assert layout.body_lines[1:] == (" 学   x", " ab   y")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_bar_shows_whole_metrics(width: int) -> None:
    title = "run 10/12 model=resnet-8 opt=adam lr=0.001 seed=3"
    metrics = "loss 0.1234, val 0.5678  accuracy 0.9876, val 0.8765  lr 0.001"
    shown, text = fit_bar_texts(title, metrics, width)
    assert title.split(" ")[: len(shown.split(" "))] == shown.split(" ")
    assert [part for part in metrics.split("  ") if part in text] == [
        p for p in text.split("  ") if p
    ]
    assert len(shown) + 1 + len(text) <= max(width - 28, 11)
