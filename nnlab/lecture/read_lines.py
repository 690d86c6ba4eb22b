"""Reads and checks the files of the lecture's lines; used by `nnlab lecture`."""

import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.errors import ConfigError, UnknownName, UsageError, unknown_key_message
from nnlab.io.files import read_limited
from nnlab.lecture.line import TOPICS, LectureLine, Reference
from nnlab.study.builtin import builtin_study_names

LINES_FOLDER = Path(__file__).parent / "lines"
MAX_LINE_BYTES = 64 << 10  # of the file of a line

_TEXT_KEYS = ("sentence", "topic", "command", "question", "mathematics", "exercise", "solution",
              "change", "change_note")  # fmt: skip
_OPTIONAL_KEYS = ("study", "plot", "answer")
_MARKUP_KEYS = ("question", "answer", "mathematics", "exercise", "solution", "change_note")
_KEYS = ("number", *_TEXT_KEYS, *_OPTIONAL_KEYS, "predict", "papers")
_MIN_ANSWERS, _MAX_ANSWERS = 2, 4


def lecture_lines(folder: Path | None = None) -> tuple[LectureLine, ...]:
    """The lines of the lecture in the order of their numbers.

    Args:
        folder: the folder of their files; None for the lines that nnlab contains.

    Raises:
        ConfigError: a file is not valid, or two have the same number; all problems at once.
    """
    problems: list[str] = []
    lines: list[LectureLine] = []
    for path in sorted((folder or LINES_FOLDER).glob("*.toml")):
        try:
            lines.append(read_line(path))
        except ConfigError as error:
            problems += error.problems
    files: dict[int, str] = {}
    for line in lines:
        first = files.setdefault(line.number, line.slug)
        if first != line.slug:
            problems.append(f"{line.slug}.toml: number {line.number} is that of {first}.toml too")
    if problems:
        raise ConfigError(problems)
    return tuple(sorted(lines, key=lambda line: line.number))


def check_formulas(lines: Iterable[LectureLine]) -> None:
    """Checks the formulas and the code in the texts of lines, which reading them does not.

    Raises:
        ConfigError: a formula cannot be read, or is not closed; all problems at once.
    """
    # Imported only here: the list of lines shows no formulas.
    from nnlab.lecture.texts import text_problems

    problems = [
        f"{line.slug}.toml: {key}: {problem}"
        for line in lines
        for key in _MARKUP_KEYS
        for problem in text_problems(getattr(line, key) or "")
    ]
    if problems:
        raise ConfigError(problems)


def find_line(lines: Sequence[LectureLine], word: str) -> LectureLine:
    """The line with a number or name.

    Raises:
        UnknownName: no line has it.
    """
    for line in lines:
        if word in (line.slug, line.study) or _is_number(word, line.number):
            return line
    if word.strip().isdecimal() and lines:
        raise UsageError(
            f"there is no line {word}: the notes have the lines {lines[0].number} to"
            f" {lines[-1].number}",
            hint="nnlab lecture lists them",
        )
    raise UnknownName("line of the lecture", word, [line.slug for line in lines])


def select_lines(lines: Sequence[LectureLine], selection: str) -> tuple[LectureLine, ...]:
    """The lines that a text such as `1,5-7,transfer` selects, in the order of the notes.

    Raises:
        UnknownName: a name is unknown.
        UsageError: a number or a range is unknown, or nothing is selected.
    """
    selected: set[str] = set()
    for part in filter(None, (part.strip() for part in selection.split(","))):
        ends = re.fullmatch(r"(\d+)\s*-\s*(\d+)", part)
        if ends is None:
            selected.add(find_line(lines, part).slug)
            continue
        first, last = find_line(lines, ends[1]).number, find_line(lines, ends[2]).number
        if first > last:
            raise UsageError(f"--lines {part}: the first number must not exceed the last")
        selected |= {line.slug for line in lines if first <= line.number <= last}
    if not selected:
        raise UsageError("--lines selects no line", hint="--lines 1,5-7")
    return tuple(line for line in lines if line.slug in selected)


def _is_number(word: str, number: int) -> bool:
    return word.strip().isdecimal() and word.isascii() and int(word) == number


def read_line(path: Path) -> LectureLine:
    """The line in a file.

    Raises:
        ConfigError: the file is not valid; all problems at once, with the file and the key.
    """
    try:
        table = tomllib.loads(read_limited(path, MAX_LINE_BYTES).decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError([f"{path.name}: cannot be read: {error}"]) from None
    problems = [f"{path.name}: {problem}" for problem in _table_problems(table)]
    if problems:
        raise ConfigError(problems)
    return LectureLine(
        slug=path.stem,
        number=table["number"],
        study=table.get("study"),
        plot=_stripped(table.get("plot")),
        answer=_stripped(table.get("answer")),
        predict=tuple(table["predict"]),
        papers=tuple(Reference(paper["text"], paper["url"]) for paper in table["papers"]),
        **{key: table[key].strip() for key in _TEXT_KEYS},
    )


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()


def _table_problems(table: Mapping[str, Any]) -> Iterable[str]:
    for key in table:
        if key not in _KEYS:
            yield unknown_key_message("key", key, _KEYS)
    number = table.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        yield f"number must be a whole number from 1, got {number!r}"
    for key in (*_TEXT_KEYS, *(key for key in _OPTIONAL_KEYS if key in table)):
        if not _is_text(table.get(key)):
            yield f"{key} must be a text that is not empty, got {table.get(key)!r}"
    if _is_text(table.get("topic")) and table["topic"] not in TOPICS:
        yield f"topic must be one of {', '.join(TOPICS)}; got {table['topic']!r}"
    if _is_text(table.get("study")) and table["study"] not in builtin_study_names():
        yield f"study names no built-in study: {table['study']!r}"
    if ("study" in table) == ("answer" in table):
        yield "a line needs either a study or an answer to its question"
    for key in ("command", "change", "plot"):
        if _is_text(table.get(key)):
            yield from (f"{key}: {problem}" for problem in _command_problems(key, table[key]))
    yield from _answer_problems(table.get("predict"))
    yield from _paper_problems(table.get("papers"))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def split_commands(text: str) -> list[list[str]]:
    """The words of each command in a text, which has one per line or joins them by `&&`.

    Raises:
        ValueError: a quotation mark is not closed.
    """
    commands = re.split(r"\s&&\s|\n", text.strip())
    return [shlex.split(command) for command in commands if command.strip()]


def _command_problems(key: str, text: str) -> Iterable[str]:
    try:
        commands = split_commands(text)
    except ValueError as error:
        yield f"{error}: {text!r}"
        return
    for words in commands:
        if words[:1] != ["nnlab"] or len(words) < 2:
            yield f"must be a command of nnlab, got {text!r}"
    if key == "plot" and (len(commands) != 1 or commands[0][:2] != ["nnlab", "plot"]):
        yield f"must be one command of nnlab plot, got {text!r}"
    if key == "plot" and {"-o", "--output"} & {word for words in commands for word in words}:
        yield "must have no output file: the course chooses it"


def _answer_problems(answers: object) -> Iterable[str]:
    if not isinstance(answers, list) or not all(_is_text(answer) for answer in answers):
        yield f"predict must be a list of texts, got {answers!r}"
    elif not _MIN_ANSWERS <= len(set(answers)) == len(answers) <= _MAX_ANSWERS:
        yield (
            f"predict must have {_MIN_ANSWERS} to {_MAX_ANSWERS} different answers, got {answers!r}"
        )


def _paper_problems(papers: object) -> Iterable[str]:
    if not isinstance(papers, list) or not papers:
        yield "papers: at least one [[papers]] table is needed"
        return
    for number, paper in enumerate(papers, start=1):
        if not isinstance(paper, dict) or set(paper) != {"text", "url"}:
            yield f"papers {number}: needs exactly the keys text and url"
        elif not _is_text(paper["text"]):
            yield f"papers {number}: text must not be empty"
        elif not re.fullmatch(r"https://[^\s<>\"']+", str(paper["url"])):
            yield f"papers {number}: url must begin with https://, got {paper['url']!r}"
