"""What `nnlab probe` does: tables and figures of what is inside models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.options import Format
from nnlab.cli.output.figure_files import check_figure_paths, write_figure
from nnlab.cli.output.render import TableColumn, note, print_json, render
from nnlab.figures.kinds.init import draw_init_figure, layer_outputs_by_setting
from nnlab.figures.kinds.landscape import landscape_figure, run_titles

if TYPE_CHECKING:
    from nnlab.analysis.sensitivity import Sensitivity
    from nnlab.engine.initial_outputs import LayerOutputs

INIT_COLUMNS = (
    TableColumn("setting", "setting", wrap=True),
    TableColumn("layers", "layers", right=True),
    TableColumn("first", "sd, first layer", lambda sd: f"{sd:.3g}", right=True),
    TableColumn("last", "sd, last layer", lambda sd: f"{sd:.3g}", right=True),
    TableColumn("signal", "the signal", wrap=True),
)
SENSITIVITY_COLUMNS = (
    TableColumn("run", "run", right=True),
    TableColumn("setting", "setting", wrap=True),
    TableColumn("rise", "rise of the loss", lambda value: f"{value:.3g}", right=True),
    TableColumn("eigenvalue", "top eigenvalue", lambda value: f"{value:.3g}", right=True),
    TableColumn(
        "gradient_norm", "gradient norm", lambda value: f"{value:.3g}", right=True, priority=1
    ),
    TableColumn("loss", "train/loss", lambda value: f"{value:.3g}", right=True),
)


def print_init_probe(
    settings: Mapping[str, Any],
    seed: object,
    output: Sequence[Path],
    how: Format,
    *,
    force: bool,
) -> None:
    """Prints, and draws, what the layers of untrained models put out.

    Raises:
        ConfigError: settings that do not hold.
    """
    check_figure_paths(output, force=force)
    found = layer_outputs_by_setting(settings, 0 if seed is None else int(str(seed)))
    _print_rows([_init_cells(name, outputs) for name, outputs in found.items()], INIT_COLUMNS, how)
    if output:
        write_figure(draw_init_figure(found), output, {"probe": "init"})


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
    force: bool,
    how: Format,
    db: str | None,
) -> None:
    """Prints, and draws, how sensitive the loss of runs is, the least sensitive first.

    Raises:
        UsageError: a run kept no weights.
        UnknownName: no such run.
    """
    check_figure_paths(output, force=force)
    with open_db(db) as database:
        runs = store.find_runs(database, names)
        from nnlab.analysis.sensitivity import measure_sensitivity

        found = [
            measure_sensitivity(database, run, examples=examples, grid=grid, directions=directions)
            for run in runs
        ]
    found.sort(key=lambda one: one.rise)
    titles = run_titles(runs)
    rows = [_sensitivity_cells(titles[one.run.id], one) for one in found]
    _print_rows(rows, SENSITIVITY_COLUMNS, how)
    if how is Format.TABLE:
        _note_definitions(found)
    if output:
        about = {"runs": ", ".join(str(one.run.id) for one in found)}
        write_figure(landscape_figure(found).draw(), output, about)


def _sensitivity_cells(title: str, one: "Sensitivity") -> dict[str, Any]:
    return {
        "run": one.run.id,
        "setting": title,
        "rise": one.rise,
        "eigenvalue": one.eigenvalue,
        "gradient_norm": one.gradient_norm,
        "loss": one.loss,
        "iterations": one.iterations,
        "converged": one.converged,
        "examples": one.examples,
        "steps": list(one.steps),
        "lines": [list(line) for line in one.lines],
    }


def _note_definitions(found: Sequence["Sensitivity"]) -> None:
    note(
        f"rise: of the mean loss over {found[0].examples} training examples, when the weights"
        " move by a tenth of their length in a random direction"
    )
    for one in found:
        if not one.converged:
            note(f"run {one.run.id}: the eigenvalue still moved after {one.iterations} steps")


def _print_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[TableColumn], how: Format
) -> None:
    """As a table its columns, as JSON all that was measured."""
    if how is Format.JSON:
        print_json(rows)
    else:
        render(rows, columns, how)
