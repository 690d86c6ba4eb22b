"""Figures that a command may be asked to write beside what it prints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nnlab
from nnlab.cli.render import note

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_formats(paths: Sequence[Path]) -> None:
    """Refuses a suffix that no figure is written in; without paths matplotlib is not imported.

    Raises:
        UsageError: the suffix is none of .pdf, .svg and .png.
    """
    if not paths:
        return
    from nnlab.plots.save import check_format

    for path in paths:
        check_format(path)


def write_figure(
    figure: "Figure", paths: Sequence[Path], provenance: Mapping[str, str], told: str = "drawn"
) -> None:
    """Writes a figure to each path and says so; `told` is what the line says of it.

    Raises:
        OutputError: a file cannot be written.
    """
    from nnlab.plots.save import save

    for path in paths:
        save(figure, path, {"nnlab": nnlab.__version__, **provenance})
        note(f"{path}: {told}")
