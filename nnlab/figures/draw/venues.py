"""Papers of venues: widths and sizes of type, so that a figure's text matches the page's.

Most are those of tueplots. Of the rest: *ACL style files* (A4, a column of 7.7 cm, 16 cm of text,
11 points); *IEEEtran* (columns of 252 points, 516 points of text, 10 points, captions of 8);
Nature's guide to figures (89 and 183 mm, sans serif, 5 to 7 points); a poster in A0 portrait with
two columns of figures, read from two metres.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from nnlab.errors import UsageError
from nnlab.figures.draw.paper import SANS, SERIF, Paper

_CM, _POINT = 1 / 2.54, 1 / 72.27  # inches


@dataclass(frozen=True, slots=True)
class Venue:
    """Widths of one column and of the whole text in inches, None where there is one column.

    `label` and `small` are sizes of type in points: of the axes' names, of ticks and legends.
    """

    column: float
    text: float | None
    label: float
    small: float
    family: str = SERIF


_CUSTOM: Final = {
    "acl": Venue(7.7 * _CM, 16.0 * _CM, 9.0, 8.0),
    "ieee": Venue(252 * _POINT, 516 * _POINT, 8.0, 7.0),
    "nature": Venue(8.9 * _CM, 18.3 * _CM, 7.0, 6.0, SANS),
    "poster": Venue(14.0, None, 26.0, 22.0, SANS),
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
    """The venue of that name, one of `VENUES`."""
    if name in _CUSTOM:
        return _CUSTOM[name]
    from tueplots import figsizes, fontsizes

    half, full = _TUEPLOTS[name]
    year = half.partition("_")[0]
    sizes: dict[str, Any] = getattr(fontsizes, year)()
    return Venue(
        _figure_width(getattr(figsizes, half)),
        None if full is None else _figure_width(getattr(figsizes, full)),
        float(sizes["axes.labelsize"]),
        float(sizes["xtick.labelsize"]),
        SANS if name == "beamer" else SERIF,
    )


def paper_for_venue(name: str, columns: int | None = None) -> Paper:
    """The paper of a venue, one column wide where it has two.

    Raises:
        UsageError: two columns are wanted of a venue that has one.
    """
    found = find_venue(name)
    if columns == 2 and found.text is None:
        raise UsageError(
            f"--columns 2: a {name} page has one column", hint="leave it out, or use --width"
        )
    width = found.text if columns == 2 and found.text is not None else found.column
    return Paper(width=width, size=found.small, label_size=found.label, family=found.family)


def _figure_width(of: Callable[[], dict[str, Any]]) -> float:
    return float(of()["figure.figsize"][0])
