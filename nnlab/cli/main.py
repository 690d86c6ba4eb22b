"""The application: lazily loaded commands, and the only place where errors are printed."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from nnlab.cli.output.help import format_help, use_two_columns
from nnlab.cli.output.streams import checked_streams
from nnlab.errors import ClosedPipe, Interrupted, NnlabError, UsageError
from nnlab.io.escaping import escape_terminal
from nnlab.io.redaction import mask_secrets
from nnlab.study.stop_signals import restore_signal_handlers
from nnlab.version import nnlab_version

_TRAIN_PANEL, _RESULTS_PANEL, _REFERENCE_PANEL = "Train", "Results", "Reference and maintenance"
_MODEL_PANEL = "Use a trained model"

_MAX_NAME_LENGTH = 60

# name -> (module, help line, panel). A module is imported only when its command is called, so that
# `--help`, `--version` and completion start quickly.
COMMANDS = {
    "train": (
        "train.train.command",
        "Train a setting or a grid; every epoch is stored.",
        _TRAIN_PANEL,
    ),
    "run": (
        "train.script_run.command",
        "Run your own script or any command as a study.",
        _TRAIN_PANEL,
    ),
    "init-study": (
        "train.init_study",
        "Create a study: a question, a search space, seeds.",
        _TRAIN_PANEL,
    ),
    "find-lr": ("train.find_lr.command", "Find a learning rate with a range test.", _TRAIN_PANEL),
    "find-decay": (
        "train.find_decay.command",
        "Find a decay of the learning rate, and try it.",
        _TRAIN_PANEL,
    ),
    "remedy": (
        "train.remedy.command",
        "Train remedies for the findings of a run.",
        _TRAIN_PANEL,
    ),
    "gate": (
        "train.gate.command",
        "Keep or discard a change by as few seeds as it takes.",
        _TRAIN_PANEL,
    ),
    "watch": (
        "train.watch.command",
        "Watch runs: progress, speed, failures.",
        _TRAIN_PANEL,
    ),
    "verify": (
        "train.verify.command",
        "Repeat runs and compare the results bit by bit.",
        _TRAIN_PANEL,
    ),
    "stop": ("train.stop", "Stop runs after their epoch, from any terminal.", _TRAIN_PANEL),
    "import": (
        "exchange.import_logs.command",
        "Import logs of TensorBoard, W&B, MLflow and other tools.",
        _RESULTS_PANEL,
    ),
    "diagnose": (
        "results.diagnose",
        "Diagnose runs, or logs of other tools.",
        _RESULTS_PANEL,
    ),
    "explain": (
        "results.explain",
        "Explain a finding, or the training loop of a setting.",
        _REFERENCE_PANEL,
    ),
    "compare": (
        "results.compare.command",
        "Rank trials, aggregated over seeds.",
        _RESULTS_PANEL,
    ),
    "effects": (
        "results.effects",
        "Show which choices of a study matter, and which pairs.",
        _RESULTS_PANEL,
    ),
    "plot": (
        "figures.plot.command",
        "Draw figures: curves, ranking, sweep, heatmap, and more.",
        _RESULTS_PANEL,
    ),
    "figures": (
        "figures.list_figures",
        "List figures, fresh or stale; --refresh redraws them.",
        _RESULTS_PANEL,
    ),
    "probe": (
        "figures.probe.command",
        "Inspect models: initial layer outputs, sensitivity.",
        _RESULTS_PANEL,
    ),
    "report": (
        "results.report",
        "Write a report: ranking, curves, findings.",
        _RESULTS_PANEL,
    ),
    "board": (
        "board.command",
        "Show a live page: runs, curves, rankings, findings.",
        _RESULTS_PANEL,
    ),
    "show": (
        "results.show",
        "Show a run: setting, state, metrics, findings.",
        _RESULTS_PANEL,
    ),
    "ls": ("results.ls", "List runs, newest first.", _RESULTS_PANEL),
    "studies": ("results.studies", "List studies and their progress.", _RESULTS_PANEL),
    "lecture": (
        "lecture.command",
        "Show the lecture notes line by line, or write them as a course.",
        _RESULTS_PANEL,
    ),
    "predict": (
        "inference.predict.command",
        "Predict new examples with a trained model.",
        _MODEL_PANEL,
    ),
    "evaluate": (
        "inference.evaluate.command",
        "Evaluate a trained model on other data.",
        _MODEL_PANEL,
    ),
    "export": (
        "inference.export.command",
        "Export a trained model, or the metrics of runs for other tools.",
        _MODEL_PANEL,
    ),
    "quiz": (
        "reference.quiz.command",
        "Diagnose recorded curves: questions for a class.",
        _REFERENCE_PANEL,
    ),
    "choices": (
        "reference.choices",
        "List choices: optimizers, schedules, models, ...",
        _REFERENCE_PANEL,
    ),
    "data": (
        "reference.data.command",
        "Show a data set: shapes, classes, splits, examples.",
        _REFERENCE_PANEL,
    ),
    "launchers": (
        "reference.launchers",
        "List launchers: local processes, SLURM, Ray.",
        _REFERENCE_PANEL,
    ),
    "devices": ("reference.devices", "List the devices of this machine.", _REFERENCE_PANEL),
    "mcp": (
        "reference.mcp",
        "Serve the results to programs that use language models.",
        _REFERENCE_PANEL,
    ),
    "rm": (
        "database.rm",
        "Remove runs or studies; --undo restores them.",
        _REFERENCE_PANEL,
    ),
    "db": (
        "database.db",
        "Maintain the database: status, backup, check, gc.",
        _REFERENCE_PANEL,
    ),
}


class LazyGroup(TyperGroup):
    """A group whose commands consist of a name and a help line until one is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, line, panel) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line, rich_help_panel=panel), name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Imports and returns the command that is called."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(str(name)), rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes names and descriptions in two columns."""
        format_help(self, ctx, formatter)


def load_command(name: str) -> Any:
    """The command of a name, made from the `app` of its module."""
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


def _show_version(enabled: bool) -> None:
    if enabled:
        typer.echo(f"nnlab {nnlab_version()}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show tracebacks; same as NNLAB_DEBUG=1."),
    ] = False,
) -> None:
    """Train neural networks, store every epoch in one file, and compare the results.

    Start with [bold]nnlab train[/bold] in an empty folder, then [bold]nnlab compare[/bold].
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code; errors are printed only here."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("NNLAB_DEBUG"))
    words = [word for word in words if word != "--debug"]
    with checked_streams():
        try:
            try:
                code = _run_application(words)
            finally:
                _print_broken_plugins()
            # The buffer is part of the result: a full disk must be reported as an error.
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
                # Any option may be a path, and the system rejects it only on use.
                name = str(error.filename)
                short = name if len(name) <= _MAX_NAME_LENGTH else f"{name[:_MAX_NAME_LENGTH]}..."
                _print_error(f"the file name is too long ({len(name)} characters): {short}", None)
                return UsageError.exit_code
            _print_error(
                mask_secrets(f"internal error: {type(error).__name__}: {error}"),
                "this is a bug in nnlab; --debug shows the traceback",
            )
            return 1
    return code


def _run_application(words: Sequence[str]) -> int:
    """The exit code of a command line.

    Raises:
        NnlabError: the command failed.
    """
    try:
        with restore_signal_handlers():
            app(words, prog_name="nnlab")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    return 0


def _print_broken_plugins() -> None:
    """Names each plugin that the command had to skip."""
    # A command that needs no choices has not imported the catalogue, which takes time.
    if "nnlab.catalogue" not in sys.modules:
        return
    from nnlab.catalogue import plugins

    for plugin in plugins.unreported_plugins():
        _print_error(mask_secrets(str(plugin)), None, label="Warning")


def _print_error(message: str, hint: str | None, *, label: str = "Error") -> None:
    from rich.text import Text

    from nnlab.cli.output.safe_console import SafeConsole

    screen = SafeConsole(stderr=True, soft_wrap=True)
    screen.print(
        Text(f"{label}: ", style="bold red"), Text(escape_terminal(message)), sep="", end="\n"
    )
    if hint:
        screen.print(Text("  try: ", style="dim"), Text(escape_terminal(hint)), sep="")
