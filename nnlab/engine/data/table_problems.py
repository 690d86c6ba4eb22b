"""All problems of a table in one error, each with the option that solves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab.engine.data.table_columns import Table
from nnlab.errors import TableProblems
from nnlab.io.command_line import quote_command
from nnlab.settings import setting_fields

_MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class TableProblem:
    """A problem of a column; `field` and `value` are the setting that solves it, if one does."""

    message: str
    field: str = ""
    value: str = ""
    alternatives: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.field:
            return self.message
        option = quote_command(setting_fields()[self.field].flag, self.value)
        others = "".join(f", or {text}" for text in self.alternatives)
        return f"{self.message}; {option}{others}"


def cell_problem(
    table: Table,
    name: str,
    rows: Sequence[int],
    describe: Callable[[str], str],
    fix: tuple[str, str] = ("", ""),
    alternatives: tuple[str, ...] = (),
) -> TableProblem:
    """The problem of some cells of a column: the first of them, and their number.

    Args:
        table: the table.
        name: the column.
        rows: the rows of the cells, at least one.
        describe: what is wrong with the text of a cell.
        fix: the setting that solves it.
        alternatives: other options that do.
    """
    more = len(rows) - 1
    count = f" (and {more:,} more cell{'s' if more > 1 else ''})" if more else ""
    text = describe(table.column(name).cell(rows[0]))
    message = f"{table.cell_location(rows[0], name)}: {text}{count}"
    return TableProblem(message, *fix, alternatives)


def raise_problems(path: Path, problems: Sequence[TableProblem]) -> None:
    """Raises all problems at once.

    Raises:
        TableProblems: there are some; its hint has the options that solve all of them.
    """
    if not problems:
        return
    fixes = merge_fixes(problems)
    options = quote_command(
        *(word for name, value in fixes.items() for word in (setting_fields()[name].flag, value))
    )
    hint = f"add {options} to the command, or correct the file" if fixes else "correct the file"
    if len(problems) == 1:
        raise TableProblems(f"{path}, {problems[0]}", hint=hint, fixes=fixes)
    shown = "".join(f"\n  - {problem}" for problem in problems[:_MAX_PROBLEMS])
    hidden = len(problems) - _MAX_PROBLEMS
    more = f"\n  - and {hidden} more problems" if hidden > 0 else ""
    raise TableProblems(
        f"{path} has {len(problems)} problems:{shown}{more}", hint=hint, fixes=fixes
    )


def merge_fixes(problems: Sequence[TableProblem]) -> dict[str, str]:
    """The settings that solve all problems; columns to drop are joined.

    Missing targets can only be dropped, which solves all other missing values too.
    """
    fixes: dict[str, str] = {}
    for problem in problems:
        if problem.field == "drop_columns" and problem.field in fixes:
            fixes[problem.field] += f",{problem.value}"
        elif problem.field and fixes.get(problem.field) != "drop":
            fixes[problem.field] = problem.value
    return fixes
