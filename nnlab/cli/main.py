"""The application: commands loaded when they are called, and the one error boundary."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import nnlab
from nnlab.cli import interrupt
from nnlab.cli.output.help import format_help, use_two_columns
from nnlab.cli.output.streams import checked_streams
from nnlab.errors import ClosedPipe, Interrupted, NnlabError, UsageError
from nnlab.io.escaping import escape_terminal
from nnlab.io.redaction import mask_secrets

_TRAIN_PANEL, _RESULTS_PANEL, _REFERENCE_PANEL = "Train", "Look at results", "Look around"

_MAX_SHOWN = 60

# name -> (module, line of help, panel). A module is imported when its command is called, so
# that `--help`, `--version` and completion start as fast as a bare application.
COMMANDS = {
    "train": (
        "train.train.command",
        "Train one setting or a grid; every epoch lands in the database.",
        _TRAIN_PANEL,
    ),
    "init-study": (
        "train.init_study",
        "Set up a study: a question, a space of settings, seeds.",
        _TRAIN_PANEL,
    ),
    "find-lr": ("train.find_lr.command", "Find a learning rate by a range test.", _TRAIN_PANEL),
    "find-decay": (
        "train.find_decay.command",
        "Find a decay from a run without one, and try it.",
        _TRAIN_PANEL,
    ),
    "remedy": (
        "train.remedy.command",
        "Find what mends a run: remedies trained beside it.",
        _TRAIN_PANEL,
    ),
    "watch": (
        "train.watch.command",
        "Watch runs from another terminal: progress, speed, failures.",
        _TRAIN_PANEL,
    ),
    "verify": (
        "train.verify.command",
        "Train runs again: the same to the last bit, or what differs.",
        _TRAIN_PANEL,
    ),
    "stop": ("train.stop", "Stop runs after their epoch, from any terminal.", _TRAIN_PANEL),
    "diagnose": (
        "results.diagnose",
        "Say what is wrong with runs, or with curves from a CSV.",
        _RESULTS_PANEL,
    ),
    "explain": (
        "results.explain",
        "Explain a finding: what it rests on, what to try.",
        _REFERENCE_PANEL,
    ),
    "compare": (
        "results.compare.command",
        "Rank trials, seeds aggregated; only what differs is shown.",
        _RESULTS_PANEL,
    ),
    "effects": (
        "results.effects",
        "Say which choices of a study matter, and which pairs.",
        _RESULTS_PANEL,
    ),
    "plot": (
        "figures.plot.command",
        "Draw figures: curves, ranking, sweep, heatmap, and more.",
        _RESULTS_PANEL,
    ),
    "figures": (
        "figures.list_figures",
        "List figures made, stale or fresh; --refresh redraws.",
        _RESULTS_PANEL,
    ),
    "probe": (
        "figures.probe.command",
        "Look inside models: signals at the start, sensitivity.",
        _RESULTS_PANEL,
    ),
    "report": (
        "results.report",
        "Write a study's report: ranking, findings, what was run.",
        _RESULTS_PANEL,
    ),
    "show": (
        "results.show",
        "Show a run: setting, state, environment, metrics, findings.",
        _RESULTS_PANEL,
    ),
    "ls": ("results.ls", "List runs, newest first.", _RESULTS_PANEL),
    "studies": ("results.studies", "List studies and how far they are.", _RESULTS_PANEL),
    "choices": (
        "reference.choices",
        "List what can be chosen: optimizers, decays, models, data, ...",
        _REFERENCE_PANEL,
    ),
    "data": (
        "reference.data.command",
        "Show a data set: shapes, classes, splits, a picture.",
        _REFERENCE_PANEL,
    ),
    "launchers": (
        "reference.launchers",
        "List what can train here, and why one cannot.",
        _REFERENCE_PANEL,
    ),
    "devices": ("reference.devices", "List the devices of this machine.", _REFERENCE_PANEL),
    "rm": (
        "database.rm",
        "Remove runs or studies from sight; --undo brings them back.",
        _REFERENCE_PANEL,
    ),
    "db": (
        "database.db",
        "Look after the database: status, upgrade, backup, check, gc.",
        _REFERENCE_PANEL,
    ),
}


class LazyGroup(TyperGroup):
    """A group whose commands are a name and a line of help until one is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, line, panel) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line, rich_help_panel=panel), name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The real command, imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(str(name)), rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Names and descriptions in two columns."""
        format_help(self, ctx, formatter)


def load_command(name: str) -> Any:
    """The command of that name, from its module's `app`."""
    module, line, _ = COMMANDS[name]
    app = importlib.import_module(f"nnlab.cli.{module}").app
    command = use_two_columns(typer.main.get_command(app))
    command.name = name
    command.short_help = line
    return command


app = typer.Typer(
    name="nnlab",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nnlab {nnlab.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show tracebacks; also NNLAB_DEBUG=1."),
    ] = False,
) -> None:
    """Train neural networks, keep every epoch in one file, and see which choice was better.

    Start with [bold]nnlab train[/bold] in an empty folder, then [bold]nnlab compare[/bold].
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code: the one place where errors are printed."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("NNLAB_DEBUG"))
    words = [word for word in words if word != "--debug"]
    with checked_streams():
        try:
            code = _run_application(words)
            # What is still in the buffer is part of the result: a full disk is an error.
            sys.stdout.flush()
        except ClosedPipe as error:
            return error.exit_code
        except NnlabError as error:
            if debug:
                raise
            label = "Interrupted" if isinstance(error, Interrupted) else "Error"
            _print_error(mask_secrets(error.message), error.hint, label=label)
            return error.exit_code
        except Exception as error:
            if debug:
                raise
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
                # Any option may be a path, and the system refuses it only when it is used.
                name = str(error.filename)
                shown = name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}..."
                _print_error(f"the file name is too long ({len(name)} characters): {shown}", None)
                return UsageError.exit_code
            _print_error(
                mask_secrets(f"nnlab stumbled: {type(error).__name__}: {error}"),
                "this is a fault of nnlab; --debug shows where",
            )
            return 1
    return code


def _run_application(words: Sequence[str]) -> int:
    """The exit code of a command line.

    Raises:
        NnlabError: what it could not do.
    """
    try:
        with interrupt.restore_signal_handlers():
            app(words, prog_name="nnlab")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _print_error(message: str, hint: str | None, *, label: str = "Error") -> None:
    from rich.text import Text

    from nnlab.cli.output.safe_console import SafeConsole

    screen = SafeConsole(stderr=True, soft_wrap=True)
    screen.print(
        Text(f"{label}: ", style="bold red"), Text(escape_terminal(message)), sep="", end="\n"
    )
    if hint:
        screen.print(Text("  try: ", style="dim"), Text(escape_terminal(hint)), sep="")
