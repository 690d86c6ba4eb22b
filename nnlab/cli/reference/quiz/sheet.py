"""Writes the questions of `nnlab quiz` as an HTML sheet to print."""

from collections.abc import Sequence
from pathlib import Path

from nnlab.analysis.quiz import QuizQuestion
from nnlab.cli.output.render import say
from nnlab.errors import UsageError
from nnlab.io.file_origin import check_replaceable
from nnlab.io.files import write_atomic
from nnlab.io.text import format_count
from nnlab.report.quiz_page import quiz_as_html


def write_sheet(questions: Sequence[QuizQuestion], path: Path, *, force: bool) -> None:
    """Writes an HTML page with the questions, and the answers on a page of their own.

    Raises:
        UsageError: the file is no HTML file.
        OutputError: the file exists and nnlab did not create it, or it cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"'{path}': the sheet is an HTML file", hint="-o quiz.html")
    check_replaceable([path], force=force)
    write_atomic(path, quiz_as_html(questions).encode())
    say(f"{path}: {format_count(len(questions), 'question')}")
