"""Figure files that commands write in addition to their output."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.cli.output.render import note
from nnlab.io.file_origin import check_replaceable
from nnlab.version import nnlab_version

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_figure_paths(paths: Sequence[Path], *, force: bool) -> None:
    """Raises if figure files cannot be written; called before the computation.

    matplotlib is imported only if there are paths.

    Args:
        paths: the figure files.
        force: replace files that nnlab did not create.

    Raises:
        UsageError: the suffix of a path is not a figure format.
        OutputError: a file exists and nnlab did not create it.
    """
    if not paths:
        return
    from nnlab.figures.draw.save import check_format

    for path in paths:
        check_format(path)
    check_replaceable(paths, force=force)


def write_figure(
    figure: "Figure",
    paths: Sequence[Path],
    provenance: Mapping[str, str],
    description: str = "drawn",
) -> None:
    """Writes a figure to each path and prints a note with its description.

    Raises:
        OutputError: a file cannot be written.
    """
    from nnlab.figures.draw.save import save_figure

    for path in paths:
        save_figure(figure, path, {"nnlab": nnlab_version(), **provenance})
        note(f"{path}: {description}")
