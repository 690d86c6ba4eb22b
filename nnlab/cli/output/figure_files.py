"""Figure files that commands write in addition to their output."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.cli.output.render import note
from nnlab.io.file_origin import check_replaceable

if TYPE_CHECKING:
    from nnlab.figures.prepared_figure import PreparedFigure
    from nnlab.figures.provenance import FigureRequest


def check_figure_paths(
    paths: Sequence[Path],
    page: Mapping[str, Any] | None = None,
    *,
    force: bool,
    animated: bool = False,
    interactive: bool = False,
) -> None:
    """Raises if figure files cannot be written; called before the computation.

    matplotlib is imported only if there are paths.

    Args:
        paths: the figure files.
        page: options of the paper of the figure.
        force: replace files that nnlab did not create.
        animated: whether the figure can be written as an animation.
        interactive: whether the figure can be written as an HTML page.

    Raises:
        UnknownName: an unknown venue, style, palette or position of the legend.
        UsageError: the suffix of a path is not a figure format, ffmpeg is missing, or an option of
            the paper is wrong.
        OutputError: a file exists and nnlab did not create it.
    """
    if not paths:
        return
    from nnlab.figures.draw.save import check_format
    from nnlab.figures.page import use_page

    with use_page(page or {}):
        pass
    for path in paths:
        if check_format(path, animated=animated, interactive=interactive) == "mp4":
            from nnlab.figures.draw.animation import check_ffmpeg

            check_ffmpeg()
    check_replaceable(paths, force=force)


def write_figure(
    db: "store.Database | None",
    request: "FigureRequest",
    figure: "PreparedFigure",
    paths: Sequence[Path],
) -> None:
    """Draws a figure into each path, as `nnlab plot` does, and prints a note for each file.

    Args:
        db: the database; None only if the request does not need it.
        request: what `nnlab plot` would draw, which is stored in the files.
        figure: the figure of the request.
        paths: the figure files.

    Raises:
        OutputError: a file cannot be written.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.output import RequestedFigure, save_figure_files
    from nnlab.figures.page import draw_on_page, use_page
    from nnlab.figures.provenance import build_provenance

    requested = RequestedFigure(request, figure, build_provenance(db, request, figure))
    with use_page(request.page):
        drawn = draw_on_page(request.kind, figure)
        for file in save_figure_files(drawn, requested, paths, data=False):
            note(f"{file.path}: {file.description}")
