"""Widths and font sizes of venues (conferences, journals), so that figures match the page.

Most values are those of tueplots. The others: ACL style files (A4, column width 7.7 cm, text width
16 cm, 11 points); IEEEtran (column width 252 points, text width 516 points, 10 points, captions 8
points); Nature's guide to figures (89 and 183 mm, sans serif, 5 to 7 points); a poster in A0
portrait with two columns of figures, read from a distance of two metres.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from nnlab.errors import UsageError
from nnlab.figures.draw.paper import HELVETICA, SERIF, Paper

_CM, _POINT = 1 / 2.54, 1 / 72.27  # inches


@dataclass(frozen=True, slots=True)
class Venue:
    """The width of a column and of the whole text in inches; `text` is None with one column.

    `label` and `small` are font sizes in points, of axis labels and of ticks and legends.
    """

    column: float
    text: float | None
    label: float
    small: float
    family: str = SERIF


_CUSTOM: Final = {
    "acl": Venue(7.7 * _CM, 16.0 * _CM, 9.0, 8.0),
    "ieee": Venue(252 * _POINT, 516 * _POINT, 8.0, 7.0),
    "nature": Venue(8.9 * _CM, 18.3 * _CM, 7.0, 6.0, HELVETICA),
    "poster": Venue(14.0, None, 26.0, 22.0, HELVETICA),
}
_TUEPLOTS: Final = {
    "neurips": ("neurips2024", None),
    "icml": ("icml2024_half", "icml2024_full"),
    "iclr": ("iclr2024", None),
    "aaai": ("aaai2024_half", "aaai2024_full"),
    "cvpr": ("cvpr2024_half", "cvpr2024_full"),
    "jmlr": ("jmlr2001", None),
    "tmlr": ("tmlr2023", None),
    "beamer": ("beamer_169", None),
}
VENUES: Final = tuple(sorted((*_CUSTOM, *_TUEPLOTS)))


def find_venue(name: str) -> Venue:
    """The widths and font sizes of the venue of that name, one of `VENUES`."""
    if name in _CUSTOM:
        return _CUSTOM[name]
    from tueplots import figsizes, fontsizes  # slow to import, and rarely needed

    half, full = _TUEPLOTS[name]
    year = half.partition("_")[0]
    sizes: dict[str, Any] = getattr(fontsizes, year)()
    return Venue(
        _figure_width(getattr(figsizes, half)),
        None if full is None else _figure_width(getattr(figsizes, full)),
        float(sizes["axes.labelsize"]),
        float(sizes["xtick.labelsize"]),
        HELVETICA if name == "beamer" else SERIF,
    )


def paper_for_venue(name: str, columns: int | None = None) -> Paper:
    """The paper of a venue, one column wide where it has two.

    Raises:
        UsageError: `columns` is 2 and the venue has one column.
    """
    venue = find_venue(name)
    if columns == 2 and venue.text is None:
        raise UsageError(
            f"--columns 2: a {name} page has one column", hint="omit --columns, or use --width"
        )
    width = venue.text if columns == 2 and venue.text is not None else venue.column
    return Paper(width=width, size=venue.small, label_size=venue.label, family=venue.family)


def _figure_width(figure_size: Callable[[], dict[str, Any]]) -> float:
    return float(figure_size()["figure.figsize"][0])
