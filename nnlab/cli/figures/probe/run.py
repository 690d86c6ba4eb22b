"""Tables and figures of `nnlab probe`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.analysis.sensitivity import Sensitivity, measure_sensitivity
from nnlab.cli.open_database import open_db
from nnlab.cli.output.figure_files import check_figure_paths, write_figure
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, note, print_json, render
from nnlab.figures.kinds.init import init_figure, layer_outputs_by_setting
from nnlab.figures.kinds.landscape import landscape_figure, run_titles
from nnlab.figures.provenance import FigureRequest

if TYPE_CHECKING:
    from nnlab.engine.initial_outputs import LayerOutputs

INIT_COLUMNS = (
    TableColumn("setting", "setting", wrap=True),
    TableColumn("layers", "layers", align_right=True),
    TableColumn("first", "sd, first layer", lambda sd: f"{sd:.3g}", align_right=True),
    TableColumn("last", "sd, last layer", lambda sd: f"{sd:.3g}", align_right=True),
    TableColumn("signal", "signal", wrap=True),
)
SENSITIVITY_COLUMNS = (
    TableColumn("run", "run", align_right=True),
    TableColumn("setting", "setting", wrap=True),
    TableColumn("rise", "increase of the loss", lambda value: f"{value:.3g}", align_right=True),
    TableColumn("eigenvalue", "largest eigenvalue", lambda value: f"{value:.3g}", align_right=True),
    TableColumn(
        "gradient_norm", "gradient norm", lambda value: f"{value:.3g}", align_right=True, priority=1
    ),
    TableColumn("loss", "train/loss", lambda value: f"{value:.3g}", align_right=True),
)


def print_init_probe(
    settings: Mapping[str, Any],
    seed: object,
    output: Sequence[Path],
    output_format: Format,
    *,
    page: Mapping[str, Any],
    force: bool,
) -> None:
    """Prints and draws the outputs of the layers of untrained models.

    Args:
        settings: texts of the command line by field.
        seed: seed of the weights; None is 0.
        output: files of the figure.
        output_format: format of the table.
        page: options of the paper of the figure.
        force: replace files that nnlab did not create.

    Raises:
        ConfigError: invalid settings.
    """
    check_figure_paths(output, page, force=force)
    number = 0 if seed is None else int(str(seed))
    outputs = layer_outputs_by_setting(settings, number)
    rows = [_init_cells(name, layers) for name, layers in outputs.items()]
    _print_rows(rows, INIT_COLUMNS, output_format)
    if output:
        options = {"settings": dict(settings), **({"seed": number} if number else {})}
        write_figure(None, FigureRequest("init", (), options, page), init_figure(outputs), output)


def _init_cells(name: str, outputs: "LayerOutputs") -> dict[str, Any]:
    return {
        "setting": name,
        "layers": len(outputs.standard_deviations),
        "first": outputs.standard_deviations[0],
        "last": outputs.standard_deviations[-1],
        "signal": outputs.signal_trend,
        "means": list(outputs.means),
        "sds": list(outputs.standard_deviations),
    }


def print_sensitivity(
    names: Sequence[str],
    *,
    examples: int,
    grid: int,
    directions: int,
    output: Sequence[Path],
    page: Mapping[str, Any],
    force: bool,
    output_format: Format,
    db: str | None,
) -> None:
    """Prints and draws the sensitivity of the loss of runs, the least sensitive first.

    Args:
        names: runs by number or name.
        examples: number of training examples to evaluate.
        grid: odd number of steps along a direction.
        directions: number of random directions.
        output: files of the figure.
        page: options of the paper of the figure.
        force: replace files that nnlab did not create.
        output_format: format of the table.
        db: the database.

    Raises:
        UsageError: a run has no stored weights.
        UnknownName: an unknown run.
    """
    check_figure_paths(output, page, force=force)
    with open_db(db) as database:
        runs = store.find_runs(database, names)
        results = [
            measure_sensitivity(database, run, examples=examples, grid=grid, directions=directions)
            for run in runs
        ]
        results.sort(key=lambda result: result.rise)
        titles = run_titles(runs)
        rows = [_sensitivity_cells(titles[result.run.id], result) for result in results]
        _print_rows(rows, SENSITIVITY_COLUMNS, output_format)
        if output_format is Format.TABLE:
            _note_definitions(results)
        if output:
            options = {"examples": examples, "grid": grid, "directions": directions}
            request = FigureRequest("landscape", tuple(names), options | {"top": len(runs)}, page)
            write_figure(database, request, landscape_figure(results), output)


def _sensitivity_cells(title: str, result: Sensitivity) -> dict[str, Any]:
    return {
        "run": result.run.id,
        "setting": title,
        "rise": result.rise,
        "eigenvalue": result.eigenvalue,
        "gradient_norm": result.gradient_norm,
        "loss": result.loss,
        "iterations": result.iterations,
        "converged": result.converged,
        "examples": result.examples,
        "steps": list(result.steps),
        "lines": [list(line) for line in result.lines],
    }


def _note_definitions(results: Sequence[Sensitivity]) -> None:
    note(
        f"increase of the mean loss over {results[0].examples} training examples if the weights"
        " move by a tenth of their norm in a random direction"
    )
    for result in results:
        if not result.converged:
            note(
                f"run {result.run.id}: the eigenvalue did not converge in {result.iterations} steps"
            )


def _print_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[TableColumn], output_format: Format
) -> None:
    """Prints rows; JSON contains all measurements, tables only the columns."""
    if output_format is Format.JSON:
        print_json(rows)
    else:
        render(rows, columns, output_format)
