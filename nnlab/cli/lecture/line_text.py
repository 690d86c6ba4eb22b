"""Prints one line of the lecture in the terminal, for `nnlab lecture LINE`."""

from collections.abc import Iterable, Sequence

from nnlab.cli.lecture.listing import line_values, open_if_exists, result_text
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, print_json, render, say, screen_width
from nnlab.cli.output.table_layout import wrap_text
from nnlab.io.command_line import quote_command
from nnlab.lecture.claim_file import read_claim_file
from nnlab.lecture.line import LectureLine
from nnlab.lecture.read_lines import check_formulas, find_line
from nnlab.lecture.results import LineResult, line_result
from nnlab.lecture.texts import text_for_terminal
from nnlab.report.verdict_text import UNDECIDED_HEADING

# Lines of prose are easier to read at this width than across a wide terminal.
_MAX_WIDTH = 88

_COLUMNS = (
    TableColumn("says", "comparison", wrap=True),
    TableColumn("found", "found (95 % interval)"),
    TableColumn("n", "seeds", align_right=True, priority=2),
    TableColumn("verdict", "verdict", priority=1),
)


def print_line(
    lines: Sequence[LectureLine], name: str, db: str | None, *, json: bool, solution: bool
) -> None:
    """Prints the question, command, result, mathematics, exercise and papers of a line.

    Args:
        lines: all lines in order.
        name: the number or name of the line.
        db: path or URL of the database; None for the default.
        json: whether JSON is printed.
        solution: whether the solution of the exercise is printed.

    Raises:
        ConfigError: a formula cannot be read.
        StoreError: the database cannot be read.
        UnknownName: there is no such line.
    """
    line = find_line(lines, name)
    check_formulas([line])
    with open_if_exists(db) as database:
        result = line_result(database, line)
    if json:
        print_json(line_values(line, result))
        return
    say(f"{line.number}. {line.sentence}", style="bold")
    say(line.topic + (f", study {line.study}" if line.study else ""), style="dim")
    _print_part("Question", text_for_terminal(line.question))
    for answer in line.predict:
        _print_paragraph(f"( ) {' '.join(text_for_terminal(answer))}")
    _print_commands("Try it", line.command)
    if line.study is not None:
        _print_result(line.study, result)
    if line.answer is not None:
        _print_part("Result", text_for_terminal(line.answer))
    _print_part("Mathematics", text_for_terminal(line.mathematics))
    _print_part("Exercise", text_for_terminal(line.exercise))
    if solution:
        _print_part("Solution", text_for_terminal(line.solution))
    else:
        command = quote_command("nnlab", "lecture", line.number, "--solution")
        say(f"  {command} shows the solution", style="dim")
    _print_part("Change one thing", text_for_terminal(line.change_note))
    for command in line.change.splitlines():
        say(f"  {command}")
    _print_part("Read", ())
    for paper in line.papers:
        _print_paragraph(paper.text)
        say(f"  {paper.url}", style="dim")
    for following in lines[lines.index(line) + 1 :][:1]:
        say("")
        say(f"next: {quote_command('nnlab', 'lecture', following.number)}", style="dim")


def _print_result(study: str, result: LineResult | None) -> None:
    claim_file = read_claim_file(study)
    _print_part("Claim", [claim_file.claim])
    say("")
    say(f"Result: {result_text(result)}", style="bold")
    if result is None:
        say(f"  {quote_command('nnlab', 'train', '--study', study)} trains it")
    else:
        rows = [
            {"says": row.title, "found": row.value_text, "n": row.n, "verdict": row.verdict}
            for row in result.rows
        ]
        render(rows, _COLUMNS, Format.TABLE)
        for note in result.notes.get(UNDECIDED_HEADING, ()):
            _print_paragraph(f"What would decide: {note}")
    for published in claim_file.published:
        _print_paragraph(f"{published.source} {published.result} ({published.verdict})")


def _print_part(title: str, paragraphs: Iterable[str]) -> None:
    say("")
    say(title, style="bold")
    for paragraph in paragraphs:
        _print_paragraph(paragraph)


def _print_paragraph(text: str) -> None:
    for row in wrap_text(f"  {text}", min(screen_width(), _MAX_WIDTH)):
        say(row)


def _print_commands(title: str, commands: str) -> None:
    _print_part(title, ())
    for command in commands.splitlines():
        say(f"  {command}")
