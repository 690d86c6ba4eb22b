"""Prints the lines of the lecture, for `nnlab lecture`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from itertools import groupby
from typing import Any

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import print_json, say, screen_width
from nnlab.cli.output.table_layout import wrap_text
from nnlab.errors import NoDatabase
from nnlab.io.command_line import quote_command
from nnlab.lecture.line import LectureLine
from nnlab.lecture.results import LineResult, line_result

_INDENT = "    "


@contextmanager
def open_if_exists(
    db: str | None, *, required: bool | None = None
) -> Iterator[store.Database | None]:
    """The database for reading; None if it does not exist.

    Args:
        db: path or URL; None for the default.
        required: whether it is an error if it does not exist; by default if it was named.

    Raises:
        StoreError: it cannot be opened, or is required and does not exist.
    """
    with ExitStack() as stack:
        try:
            database = stack.enter_context(open_db(db))
        except NoDatabase:
            if required or (required is None and db is not None):
                raise
            database = None
        yield database


def print_lines(lines: Sequence[LectureLine], db: str | None, *, json: bool) -> None:
    """Prints all lines by topic, with their commands, studies and results.

    Raises:
        StoreError: the database cannot be read.
    """
    with open_if_exists(db) as database:
        results = {line.slug: line_result(database, line) for line in lines}
    if json:
        print_json([line_values(line, results[line.slug]) for line in lines])
        return
    width = screen_width() - len(_INDENT)
    for topic, group in groupby(lines, key=lambda line: line.topic):
        say(topic, style="bold")
        for line in group:
            first, *rest = wrap_text(line.sentence, width)
            say(f"{line.number:>2}  {first}")
            for text in rest:
                say(_INDENT + text)
            for command in line.command.splitlines():
                say(_INDENT + command)
            if line.study is not None:
                say(f"{_INDENT}{line.study}: {result_text(results[line.slug])}", style="dim")
        say("")
    for line in lines[:1]:
        say(f"next: {quote_command('nnlab', 'lecture', line.number)}", style="dim")


def result_text(result: LineResult | None) -> str:
    """The verdict and its origin in a few words."""
    return "not trained yet" if result is None else result.summary


def line_values(line: LectureLine, result: LineResult | None) -> Mapping[str, Any]:
    """A line and its result as JSON values."""
    values = asdict(line)
    values["result"] = (
        None
        if result is None
        else {
            "verdict": result.verdict,
            "origin": "reference" if result.is_reference else "database",
            "seeds": result.seeds,
            "comparisons": [
                {
                    "says": row.says,
                    "claimed": row.claimed,
                    "found": row.mean,
                    "low": row.low,
                    "high": row.high,
                    "n": row.n,
                    "verdict": row.verdict,
                }
                for row in result.rows
            ],
        }
    )
    return values
