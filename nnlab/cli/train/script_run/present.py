"""What `nnlab run` prints besides what `nnlab train` does: command lines, output of failures."""

from collections.abc import Collection, Sequence
from pathlib import Path

from nnlab import store
from nnlab.cli.output.render import note, say
from nnlab.cli.output.script_output import output_lines
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import Status
from nnlab.scripts.script_spec import build_command
from nnlab.study.script_study import ScriptStudy

_MAX_COMMANDS = 50
_MAX_FAILURES = 3
_FAILURE_LINES = 15
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
