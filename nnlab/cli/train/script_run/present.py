"""What `nnlab run` prints besides what `nnlab train` does: command lines, output of failures."""

from collections.abc import Collection, Sequence
from pathlib import Path

from nnlab import store
from nnlab.cli.output.render import note, say
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import Origin, Run, Status
from nnlab.scripts.script_spec import build_command
from nnlab.study.script_study import ScriptStudy
from nnlab.workers.output_file import last_lines
from nnlab.workers.script_folder import find_output_file

_MAX_COMMANDS = 50
_MAX_FAILURES = 3
_FAILURE_LINES = 15
# Of a longer line, the end is shown: a script may print any amount of data without a line end.
_MAX_LINE_LENGTH = 500
# Stands for the folder of a run that is not queued yet.
_FOLDER = Path("$NNLAB_DIR")


def print_commands(study: ScriptStudy, completed: Collection[tuple[str, int | None]]) -> None:
    """Prints the command line of each run, and how many runs have a result already."""
    run_specs = study.run_specs()
    for spec in run_specs[:_MAX_COMMANDS]:
        words = build_command(study.spec, spec.setting, spec.seed, _FOLDER)
        line = words[2] if study.spec.template is not None else quote_command(*words)
        mark = "  (has a result)" if (spec.digest, spec.seed) in completed else ""
        say(f"{line}{mark}")
    if len(run_specs) > _MAX_COMMANDS:
        note(f"and {len(run_specs) - _MAX_COMMANDS:,} more runs")
    done = sum((spec.digest, spec.seed) in completed for spec in run_specs)
    say(
        f"{format_count(len(study.trials), 'trial')} with {format_count(len(study.seeds), 'seed')}:"
        f" {format_count(len(run_specs), 'run')}, {done:,} with a result,"
        f" {len(run_specs) - done:,} to execute"
    )
    say("dry run: nothing was executed or written", style="dim")


def print_last_lines(db: store.Database, run_ids: Sequence[int]) -> None:
    """Prints the end of the output of the first scripts that have failed."""
    runs = store.runs(db, run_ids=run_ids)
    failed = [run for run in runs if run.status is Status.FAILED]
    for run in failed[:_MAX_FAILURES]:
        for line in output_lines(db, run, _FAILURE_LINES):
            say(line)


def output_lines(db: store.Database, run: Run, count: int) -> list[str]:
    """The last lines of the output of a script's run, after a line with the file's name."""
    file = find_output_file(db, run) if run.origin is Origin.SCRIPT else None
    lines = [] if file is None else last_lines(file, count)
    if not lines:
        return []
    heading = f"last lines of run {run.id} ({file}):"
    return [heading, *(f"  {_shortened(line)}" for line in lines)]


def _shortened(line: str) -> str:
    return line if len(line) <= _MAX_LINE_LENGTH else f"... {line[-_MAX_LINE_LENGTH:]}"
