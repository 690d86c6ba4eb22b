"""What `nnlab find-lr` does: range tests, a suggestion, a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.cli.options import option_arguments
from nnlab.cli.output.figure_files import check_figure_paths, write_figure
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, print_json, render, say
from nnlab.config.space import parse_seeds
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command
from nnlab.objective import format_exact
from nnlab.study.spec import TrainRequest, build_study_spec

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
    seeds: object,
    output: Sequence[Path],
    force: bool,
    format: Format,  # noqa: A002
) -> None:
    """Tests one setting and says which learning rate to take.

    Raises:
        UsageError: several settings, an impossible range, or no fall of the loss.
    """
    if not 0 < low < high:
        raise UsageError(
            f"--low must be above 0 and below --high, got {format_exact(low)} and {format_exact(high)}"
        )
    check_figure_paths(output, force=force)
    points = build_study_spec(TrainRequest(settings)).points
    if len(points) != 1:
        raise UsageError(f"find-lr tests one setting, got {len(points)}", hint="no lists")
    chosen = tuple(seeds) if isinstance(seeds, range) else parse_seeds(seeds)
    # torch takes its second or two here, after the settings were found to be good.
    from nnlab.analysis.find_lr import find_lr

    found = find_lr(points[0].config, chosen, low=low, high=high, steps=steps)
    test = found.tests[0]
    if format is Format.JSON:
        print_json(
            {
                "suggested": found.suggested,
                "tenth_of_best": found.tenth_of_lowest_loss_lr,
                "tests": [
                    {"seed": seed, "lr": t.lrs, "loss": t.losses, "smoothed": t.smoothed}
                    for seed, t in zip(chosen, found.tests, strict=True)
                ],
            }
        )
    else:
        every = max(1, len(test.lrs) // _MAX_ROWS)
        pairs = list(zip(test.lrs, test.smoothed, strict=True))[::every]
        render([{"lr": lr, "loss": loss} for lr, loss in pairs], CURVE_COLUMNS, format)
    _draw_figure(found.suggested, [(t.lrs, t.losses, t.smoothed) for t in found.tests], output)
    if format is Format.TABLE:
        say(
            f"suggested: lr {format_exact(found.suggested)}, where the loss falls fastest"
            f" (a tenth of where it is lowest: {format_exact(found.tenth_of_lowest_loss_lr)})",
            style="bold",
        )
        words = [word for k, v in settings.items() if k != "lr" for word in option_arguments(k, v)]
        suggested = quote_command("nnlab", "train", *words, "--lr", format_exact(found.suggested))
        say(f"next: {suggested}", style="dim")
    if len(chosen) == 1:
        note("one seed: --seeds 3 takes the median of three")


def _draw_figure(
    suggested: float,
    tests: Sequence[tuple[Sequence[float], Sequence[float], Sequence[float]]],
    output: Sequence[Path],
) -> None:
    if not output:
        return
    from nnlab.figures.draw.lr_range import draw_lr_range

    figure = draw_lr_range(tests, suggested)
    provenance = {"range test": f"lr {format_exact(suggested)}"}
    write_figure(figure, output, provenance, f"{len(tests)} range tests")
