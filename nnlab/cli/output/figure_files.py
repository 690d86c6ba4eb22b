"""Figures that a command may be asked to write beside what it prints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nnlab
from nnlab.cli.output.render import note
from nnlab.io.file_origin import check_replaceable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_figure_paths(paths: Sequence[Path], *, force: bool) -> None:
    """Refuses figure files that cannot be written, before anything is computed.

    Without paths matplotlib is not imported.

    Args:
        paths: of the figures.
        force: replace files that nnlab did not make.

    Raises:
        UsageError: no figure is written in the format of a suffix.
        OutputError: a file exists and nnlab did not make it.
    """
    if not paths:
        return
    from nnlab.figures.draw.save import check_format

    for path in paths:
        check_format(path)
    check_replaceable(paths, force=force)


def write_figure(
    figure: "Figure", paths: Sequence[Path], provenance: Mapping[str, str], told: str = "drawn"
) -> None:
    """Writes a figure to each path and says so; `told` is what the line says of it.

    Raises:
        OutputError: a file cannot be written.
    """
    from nnlab.figures.draw.save import save_figure

    for path in paths:
        save_figure(figure, path, {"nnlab": nnlab.__version__, **provenance})
        note(f"{path}: {told}")
