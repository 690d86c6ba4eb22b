"""Draws every kind of figure of every study at every venue, and writes docs/gallery.md.

    make gallery

The texts of every figure are searched for faults (markup, rounding noise, overlaps). The page has a
contact sheet per kind: one study at every venue, and the other studies at the default width. With
`--sheets` only these are drawn, and with `--pictures FOLDER` every picture is also written in full
size.
"""

import argparse
import io
import shlex
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from figure_checks import assert_plain_text, assert_readable
from gallery_studies import OTHER_FIGURES, STUDIES, TOGETHER, train_studies
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from nnlab import store
from nnlab.cli.figures.plot.all_figures import call_for_studies, study_facts
from nnlab.cli.figures.plot.command import app  # noqa: F401  registers the commands
from nnlab.cli.figures.plot.figure_words import parse_figure_command
from nnlab.errors import NnlabError
from nnlab.figures import KINDS, prepare_figure
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.venues import VENUES
from nnlab.figures.page import draw_on_page, use_page
from nnlab.figures.provenance import FigureRequest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PROCESSES = 2
# The pages of each figure: every venue, and the styles that change all colours.
PAGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "default": {},
    **{venue: {"venue": venue} for venue in VENUES},
    "dark": {"style": "dark"},
    "grey": {"palette": "grey"},
}
_SHEET_PAGE = "default"  # of all studies but the first, which is shown on every page
_COLUMNS, _THUMBNAIL, _CAPTION, _GAP = 5, 320, 18, 8  # pixels, except the number of columns
_COLORS = 64  # of a contact sheet; limits its size
_INTRODUCTION = """# Gallery

Every kind of figure, drawn by `make gallery`: the first pictures are one study at every venue, the
others are other studies at the default width. The pictures are small; `nnlab plot KIND STUDY`
draws them in full size.
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture of the gallery: its study and page, the PNG file, and the faults of its texts."""

    study: str
    page: str
    png: bytes
    faults: tuple[str, ...]


def main() -> int:
    """Trains the studies, draws all figures and writes the page; 1 if a figure has a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    parser.add_argument("--db", help="a database with the studies, which are then not trained")
    parser.add_argument("--pictures", type=Path, help="folder for every picture in full size")
    parser.add_argument(
        "--sheets", action="store_true", help="draw only the pictures of the contact sheets"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = options.db or str(Path(folder) / "gallery.db")
        if options.db is None:
            train_studies(db, STUDIES)
        faults = 0
        with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
            jobs = [
                pool.submit(
                    draw_kind,
                    db,
                    kind,
                    PAGES,
                    render_all=options.pictures is not None,
                    only_sheets=options.sheets,
                )
                for kind in options.kinds
            ]
            for kind, job in zip(options.kinds, jobs, strict=True):
                pictures = job.result()
                for picture in pictures:
                    for fault in picture.faults:
                        print(f"{kind} {picture.study} {picture.page}: {fault}", flush=True)
                        faults += 1
                print(f"{kind}: {len(pictures)} pictures", flush=True)
                _write_pictures(kind, pictures, options.pictures)
    if set(options.kinds) == set(KINDS):
        _write_page()
    print(f"{faults} faults")
    return 1 if faults else 0


def draw_kind(
    db: str,
    kind: str,
    pages: Mapping[str, Mapping[str, Any]],
    *,
    render_all: bool = False,
    only_sheets: bool = False,
) -> list[Drawn]:
    """All pictures of a kind: of each study to which it applies, on each page.

    Only those of the contact sheet are rendered, unless `render_all`, and with `only_sheets` only
    they are drawn.
    """
    with closing(store.open_database(db, write=False)) as database:
        return [
            draw_picture(
                name,
                page_name,
                draw,
                render=render_all or number == 0 or page_name == _SHEET_PAGE,
            )
            for number, (name, request) in enumerate(requests_of(database, kind))
            for page_name, draw in drawings(
                database, request, _sheet_pages(pages, number) if only_sheets else pages
            )
        ]


def _sheet_pages(
    pages: Mapping[str, Mapping[str, Any]], study_number: int
) -> Mapping[str, Mapping[str, Any]]:
    """The pages of a study on the contact sheet: all of the first study, one of the others."""
    return pages if study_number == 0 else {_SHEET_PAGE: pages[_SHEET_PAGE]}


def requests_of(db: store.Database, kind: str) -> Iterator[tuple[str, FigureRequest]]:
    """The studies to which a kind of figure applies, with the request of the figure."""
    stored = [study.name for study in store.all_studies(db)]
    if kind in OTHER_FIGURES:
        text = OTHER_FIGURES[kind].format(study=stored[0])
        yield "", parse_figure_command(shlex.split(text)).request
        return
    names: list[tuple[str, ...]] = [(name,) for name in stored if name != "default"]
    if set(TOGETHER) <= set(stored):
        names.append(TOGETHER)
    for studies in names:
        try:
            request = call_for_studies(kind, studies, study_facts(db, studies)).request
            prepare_figure(db, request.kind, request.words, request.options)
        except NnlabError:
            continue
        yield ", ".join(studies), request


def drawings(
    db: store.Database, request: FigureRequest, pages: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """For each page, a function that draws the figure; its numbers are read once."""
    prepared = prepare_figure(db, request.kind, request.words, request.options)
    for name, page in pages.items():

        def draw(page: Mapping[str, Any] = page) -> Figure:
            with use_page(page):
                return draw_on_page(request.kind, prepared)

        yield name, draw


def draw_picture(
    study: str, page: str, draw: Callable[[], Figure], *, render: bool = True
) -> Drawn:
    """A picture with the faults of its texts, and the warnings of matplotlib.

    The PNG file is empty unless `render`.
    """
    faults = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            figure = draw()
        except NnlabError as error:
            return Drawn(study, page, b"", (str(error),))
        for check in (assert_plain_text, lambda figure: assert_readable(figure, least=1)):
            try:
                check(figure)
            except AssertionError as error:
                faults.append(str(error).splitlines()[0])
        file = io.BytesIO()
        if render:
            with style_context():
                figure.savefig(file, format="png", dpi=100)
    faults += [str(warning.message) for warning in caught]
    return Drawn(study, page, file.getvalue(), tuple(dict.fromkeys(faults)))


def _write_pictures(kind: str, pictures: Sequence[Drawn], folder: Path | None) -> None:
    """Writes the contact sheet of a kind, and every picture into a folder."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            name = f"{kind}-{picture.study or 'none'}-{picture.page}.png".replace(", ", "+")
            (folder / name).write_bytes(picture.png)
    if not pictures:
        return
    first = pictures[0].study
    shown = [
        (picture.page if picture.study == first else picture.study, picture.png)
        for picture in pictures
        if picture.png and (picture.study == first or picture.page == _SHEET_PAGE)
    ]
    path = DOCS / "gallery" / f"{kind}.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(contact_sheet(shown))


def contact_sheet(pictures: Sequence[tuple[str, bytes]]) -> bytes:
    """A PNG file with small copies of named PNG files in rows."""
    font = ImageFont.load_default(13)
    thumbnails = []
    for name, png in pictures:
        image = Image.open(io.BytesIO(png)).convert("RGB")
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        thumbnails.append((name, image))
    rows = [thumbnails[i : i + _COLUMNS] for i in range(0, len(thumbnails), _COLUMNS)]
    heights = [max(image.height for _, image in row) + _CAPTION + _GAP for row in rows]
    sheet = Image.new("RGB", (_COLUMNS * (_THUMBNAIL + _GAP), sum(heights)), "white")
    drawing = ImageDraw.Draw(sheet)
    y = 0
    for row, height in zip(rows, heights, strict=True):
        for column, (name, image) in enumerate(row):
            x = column * (_THUMBNAIL + _GAP)
            drawing.text((x + 2, y), name, fill="black", font=font)
            sheet.paste(image, (x, y + _CAPTION))
        y += height
    file = io.BytesIO()
    # Median cut would merge the few coloured pixels with the many grey ones.
    method = Image.Quantize.MAXCOVERAGE
    small = sheet.quantize(_COLORS, method=method, dither=Image.Dither.NONE)
    small.save(file, format="png", optimize=True)
    return file.getvalue()


def _write_page() -> None:
    sections = [
        f"## {kind}\n\n![{kind}](gallery/{kind}.png)\n"
        for kind in KINDS
        if (DOCS / "gallery" / f"{kind}.png").exists()
    ]
    (DOCS / "gallery.md").write_text("\n".join([_INTRODUCTION, *sections]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
