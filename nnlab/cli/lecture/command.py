"""`nnlab lecture`: its options; the other modules of this package execute it."""

from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.options import DbOption
from nnlab.cli.train.execution_options import DevicesOption
from nnlab.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

DEFAULT_FOLDER = Path("course")


@app.command()
def lecture(
    line: Annotated[
        str | None,
        typer.Argument(
            metavar="LINE",
            show_default=False,
            help="the number or name of a line, as 5 or sensitivity \\[default: list all]",
            autocompletion=completion.lecture_lines,
        ),
    ] = None,
    *,
    solution: Annotated[
        bool, typer.Option("--solution", help="also show the solution of the exercise")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    course: Annotated[
        bool,
        typer.Option("--all", help="train what is missing, and write a page for each line"),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            show_default=False,
            help="with --all: where the pages are written \\[default: course]",
        ),
    ] = None,
    lines: Annotated[
        str | None,
        typer.Option("--lines", metavar="LIST", help="with --all: only these lines, as 1,5-7"),
    ] = None,
    train: Annotated[
        bool,
        typer.Option(
            "--train/--no-train",
            help="with --all: whether missing studies are trained; without, their reference"
            " results are shown",
        ),
    ] = True,
    devices: DevicesOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="replace files that nnlab did not create")
    ] = False,
    db: DbOption = None,
) -> None:
    """Show the lecture notes line by line, or write them as a course.

    Without LINE all lines are listed: the sentence, the command that demonstrates it, the study
    that tests it, and the result in your database or else the reference result.
    --all writes pages that need no network connection. Training that was interrupted is continued
    by the same command.

    [bold]Examples[/bold]

        nnlab lecture

        nnlab lecture 5

        nnlab lecture sensitivity --solution

        nnlab lecture --all --no-train -o course

        nnlab lecture --all --lines 1,5-7
    """
    # Imported only here: the store takes time to import, and completion does not need it.
    from nnlab.lecture.read_lines import lecture_lines, select_lines

    if course:
        # The course needs the modules that train and draw.
        from nnlab.cli.lecture.course import CourseOptions, build_course

        if line is not None or json or solution:
            raise UsageError(
                "--all writes the pages of all lines",
                hint="--lines 1,5-7 selects some; without --all a line is shown in the terminal",
            )
        chosen = lecture_lines() if lines is None else select_lines(lecture_lines(), lines)
        options = CourseOptions(train=train, devices=devices, force=force, db=db)
        build_course(chosen, output or DEFAULT_FOLDER, options)
        return
    from nnlab.cli.lecture.line_text import print_line
    from nnlab.cli.lecture.listing import print_lines

    # --devices may come from the environment.
    for_course = {
        "-o": output is not None,
        "--lines": lines is not None,
        "--no-train": not train,
        "--force": force,
    }
    unused = " and ".join(flag for flag, is_given in for_course.items() if is_given)
    if unused:
        raise UsageError(f"{unused}: no effect without --all", hint="nnlab lecture --all")
    if line is None and solution:
        raise UsageError("--solution needs a line", hint="nnlab lecture 5 --solution")
    if line is None:
        print_lines(lecture_lines(), db, json=json)
    else:
        print_line(lecture_lines(), line, db, json=json, solution=solution)
