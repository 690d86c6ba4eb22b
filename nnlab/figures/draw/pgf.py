r"""Writes figures as drawing commands of the pgf package, so that LaTeX sets their text.

TeX is not needed to write the file: matplotlib measures the text, so the layout is that of the
other formats. All text is escaped: a trial named `\input{...}` appears as these characters.
"""

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_pgf import RendererPgf
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from nnlab.errors import UsageError
from nnlab.figures.draw.fonts import font_families
from nnlab.figures.draw.paper import SERIF
from nnlab.io.escaping import escape_latex

_TEX_POINTS_PER_POINT = 72.27 / 72  # TeX points per matplotlib point
_HORIZONTAL_ANCHORS = {"left": "left", "right": "right", "center": ""}
_VERTICAL_ANCHORS = {"top": "top", "bottom": "bottom", "baseline": "base", "center": ""}


class _PgfTextRenderer(RendererPgf):
    """Writes text as TeX commands, measured without TeX."""

    def __init__(self, figure: Figure, file: io.StringIO) -> None:
        super().__init__(figure, file)  # type: ignore[no-untyped-call]
        width, height = figure.get_size_inches() * figure.dpi
        self._measure = RendererAgg(width, height, figure.dpi)  # type: ignore[no-untyped-call]

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        """Width, height and descent of a text in pixels."""
        return self._measure.get_text_width_height_descent(s, prop, ismath)  # type: ignore[no-any-return,no-untyped-call]

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,  # noqa: ARG002  texts are never formulas here
        mtext: Any = None,
    ) -> None:
        """Writes one line of text at the position and anchor that matplotlib gave it."""
        options = [f"x={x / self.dpi:f}in", f"y={y / self.dpi:f}in", "left", "base"]
        # matplotlib passes no artist for a line of a longer text.
        if mtext is not None and (angle == 0 or mtext.get_rotation_mode() == "anchor"):
            options = self._anchored(mtext) or self._aligned(s, x, y, prop, angle, mtext)
        if angle:
            options.append(f"rotate={angle:f}")
        size = prop.get_size_in_points() * _TEX_POINTS_PER_POINT
        is_serif = any(name in prop.get_family() for name in font_families(SERIF)[:1])
        family = r"\rmfamily" if is_serif else r"\sffamily"
        red, green, blue = tuple(gc.get_rgb())[:3]
        self._line(r"\begin{pgfscope}")
        self._line(rf"\definecolor{{nnlabtext}}{{rgb}}{{{red:f},{green:f},{blue:f}}}")
        self._line(
            rf"\pgftext[{','.join(part for part in options if part)}]"
            rf"{{\color{{nnlabtext}}{family}\fontsize{{{size:f}}}{{{1.2 * size:f}}}"
            rf"\selectfont {escape_latex(s)}}}"
        )
        self._line(r"\end{pgfscope}")

    def draw_image(self, *_: Any, **__: Any) -> None:
        """Refuses images: their pixels would need files of their own.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "this figure contains an image, which .pgf and .tikz files cannot hold",
            hint="use .pdf or .png",
        )

    def _anchored(self, mtext: Any) -> list[str]:
        """The position of a text as its anchor, which does not depend on its width in TeX."""
        vertical = _VERTICAL_ANCHORS.get(mtext.get_verticalalignment())
        horizontal = _HORIZONTAL_ANCHORS.get(mtext.get_horizontalalignment())
        if vertical is None or horizontal is None:
            return []
        x, y = mtext.get_transform().transform(mtext.get_unitless_position())
        return [f"x={x / self.dpi:f}in", f"y={y / self.dpi:f}in", horizontal, vertical]

    def _aligned(
        self, s: str, x: float, y: float, prop: FontProperties, angle: float, mtext: Any
    ) -> list[str]:
        """The position of a text on its baseline; its alignment does not depend on its width."""
        alignment = mtext.get_horizontalalignment()
        width, _, _ = self.get_text_width_height_descent(s, prop, False)
        # `x` and `y` are the left end of the text as matplotlib measured it.
        share = {"left": 0.0, "center": 0.5, "right": 1.0}.get(alignment, 0.0)
        x += share * width * math.cos(math.radians(angle))
        y += share * width * math.sin(math.radians(angle))
        horizontal = _HORIZONTAL_ANCHORS.get(alignment, "left")
        return [f"x={x / self.dpi:f}in", f"y={y / self.dpi:f}in", horizontal, "base"]

    def _line(self, text: str) -> None:
        self.fh.write(f"{text}%\n")


def pgf_picture(figure: Figure, environment: str, comments: Sequence[str]) -> str:
    r"""The figure as a `pgfpicture` or `tikzpicture`, for `\input`.

    Args:
        figure: the figure after its layout.
        environment: the LaTeX environment.
        comments: comment lines at the top.

    Raises:
        UsageError: the figure contains images.
    """
    file = io.StringIO()
    width, height = figure.get_size_inches()
    package = "pgf" if environment == "pgfpicture" else "tikz"
    head = [*comments, rf"\usepackage{{{package}}} in the preamble, then \input this file"]
    file.writelines(f"% {line}\n" for line in head)
    file.write("\\begingroup%\n\\makeatletter%\n" + rf"\begin{{{environment}}}" + "%\n")
    file.write(
        rf"\pgfpathrectangle{{\pgfpointorigin}}{{\pgfqpoint{{{width:f}in}}{{{height:f}in}}}}"
    )
    file.write("%\n\\pgfusepath{use as bounding box, clip}%\n")
    renderer = MixedModeRenderer(  # type: ignore[no-untyped-call]
        figure, width, height, figure.dpi, _PgfTextRenderer(figure, file)
    )
    figure.draw(renderer)  # type: ignore[arg-type]
    file.write(rf"\end{{{environment}}}" + "%\n\\makeatother%\n\\endgroup%\n")
    return file.getvalue()
