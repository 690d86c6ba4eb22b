"""Executes `nnlab find-lr`: range tests, the suggested learning rate, and a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab.cli.output.figure_files import check_figure_paths, write_figure
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, print_json, render, say
from nnlab.errors import UsageError
from nnlab.figures.provenance import FigureRequest
from nnlab.io.command_line import quote_command
from nnlab.objective import format_exact
from nnlab.settings.space import parse_seeds
from nnlab.study.command_lines import option_arguments
from nnlab.study.request import TrainRequest
from nnlab.study.spec import build_study_spec

if TYPE_CHECKING:
    from nnlab.analysis.find_lr import LearningRateSuggestion

_MAX_ROWS = 12
CURVE_COLUMNS = (
    TableColumn("lr", "lr", lambda lr: f"{lr:.3g}", align_right=True),
    TableColumn("loss", "train/loss, smoothed", lambda loss: f"{loss:.4g}", align_right=True),
)


def run_find_lr(
    settings: Mapping[str, Any],
    *,
    low: float,
    high: float,
    steps: int,
    seeds: int,
    seed: str | None,
    output: Sequence[Path],
    page: Mapping[str, Any],
    force: bool,
    output_format: Format,
) -> None:
    """Runs range tests of one setting and prints the suggested learning rate.

    Args:
        settings: the settings as typed, by field.
        low: the smallest learning rate of the test.
        high: the largest learning rate of the test.
        steps: the number of optimizer steps of each test.
        seeds: the number of tests, with seeds from 0 on; the median over them is used.
        seed: the seeds as a list or range, in place of `seeds`.
        output: files of the figure.
        page: options of the paper of the figure.
        force: whether files that nnlab did not write are replaced.
        output_format: how the curve is printed.

    Raises:
        UsageError: several settings, an invalid range, or a loss that does not fall.
    """
    if not 0 < low < high:
        raise UsageError(
            "--low must be above 0 and below --high, got"
            f" {format_exact(low)} and {format_exact(high)}"
        )
    check_figure_paths(output, page, force=force)
    trials = build_study_spec(TrainRequest(settings)).trials
    if len(trials) != 1:
        raise UsageError(f"find-lr tests one setting, got {len(trials)}", hint="no lists")
    seed_values = tuple(range(seeds)) if seed is None else parse_seeds(seed)
    # Imported only here: torch takes a second or two, which invalid settings do not wait for.
    from nnlab.analysis.find_lr import find_lr

    suggestion = find_lr(trials[0].config, seed_values, low=low, high=high, steps=steps)
    _print_curves(suggestion, seed_values, output_format)
    if output:
        chosen_seeds = {"seeds": seeds} if seed is None else {"seed": seed}
        options = {"settings": dict(settings), "low": low, "high": high, "steps": steps}
        request = FigureRequest("find-lr", (), options | chosen_seeds, page)
        _draw_figure(request, suggestion, seed_values, output)
    if output_format is Format.TABLE:
        _print_suggestion(suggestion, settings)
    if len(seed_values) == 1:
        note("one seed: --seeds 3 takes the median of three")


def _print_curves(
    suggestion: "LearningRateSuggestion", seeds: Sequence[int], output_format: Format
) -> None:
    """Prints all tests as JSON, or the first one as a table."""
    if output_format is Format.JSON:
        print_json(
            {
                "suggested": suggestion.suggested,
                "tenth_of_best": suggestion.tenth_of_lowest_loss_lr,
                "tests": [
                    {
                        "seed": seed,
                        "lr": test.lrs,
                        "loss": test.losses,
                        "smoothed": test.smoothed,
                    }
                    for seed, test in zip(seeds, suggestion.tests, strict=True)
                ],
            }
        )
        return
    first = suggestion.tests[0]
    step = max(1, len(first.lrs) // _MAX_ROWS)
    pairs = list(zip(first.lrs, first.smoothed, strict=True))[::step]
    render([{"lr": lr, "loss": loss} for lr, loss in pairs], CURVE_COLUMNS, output_format)


def _print_suggestion(suggestion: "LearningRateSuggestion", settings: Mapping[str, Any]) -> None:
    suggested = format_exact(suggestion.suggested)
    tenth = format_exact(suggestion.tenth_of_lowest_loss_lr)
    say(
        f"suggested: lr {suggested}, where the loss falls fastest"
        f" (a tenth of the lr with the lowest loss: {tenth})",
        style="bold",
    )
    arguments = [
        argument
        for field, value in settings.items()
        if field != "lr"
        for argument in option_arguments(field, value)
    ]
    say(f"next: {quote_command('nnlab', 'train', *arguments, '--lr', suggested)}", style="dim")


def _draw_figure(
    request: FigureRequest,
    suggestion: "LearningRateSuggestion",
    seeds: Sequence[int],
    output: Sequence[Path],
) -> None:
    # Imported only here: matplotlib takes a second to import.
    from nnlab.figures.kinds.lr_range import lr_range_figure

    write_figure(None, request, lr_range_figure(suggestion, seeds), output)
