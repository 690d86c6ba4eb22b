"""The font files of figures, with superscript digits of their own, so that 10⁻⁴ is in one font.

The fonts for papers have ¹, ² and ³ only; the other digits would come from another font. A copy of
the font, in matplotlib's cache, gets all of them: its own digits, smaller and raised or lowered.
"""

import hashlib
import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.font_manager import findSystemFonts, fontManager

from nnlab.errors import OutputError
from nnlab.figures.draw.paper import HELVETICA, SANS, SERIF
from nnlab.io.files import write_atomic

_SIZE: Final = 0.65  # of a superscript digit, relative to a normal one
_RAISED, _LOWERED = 0.36, -0.14  # in units of the font size
_SUPERSCRIPTS: Final = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "−0123456789", strict=True))  # noqa: RUF001
_SUBSCRIPTS: Final = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_CACHE_VERSION: Final = b"1"
# The name of the copy of each family, and the regular and bold files that it is made from, the best
# first. The fonts of the second are metrically compatible with Helvetica.
_COPIES: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    SERIF: ("nnlab Serif", (("STIXGeneral.ttf", "STIXGeneralBol.ttf"),)),
    HELVETICA: (
        "nnlab Sans",
        (
            ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
            ("Arimo-Regular.ttf", "Arimo-Bold.ttf"),
            ("Arial.ttf", "Arial_Bold.ttf"),
        ),
    ),
}


@cache
def font_families(family: str) -> tuple[str, ...]:
    """The fonts for a family of `Paper`: that of the text first, then one for rare characters."""
    if family not in _COPIES:
        return tuple(dict.fromkeys((family, SANS)))
    name, files = _COPIES[family]
    sources = _find_font_files(files)
    if not sources or not all(_register_copy(source, name) for source in sources):
        return (family, SANS) if family == SERIF else (SANS,)
    return name, SANS


def _find_font_files(pairs: tuple[tuple[str, str], ...]) -> list[Path]:
    """The first pair of a regular and a bold file that matplotlib or the system has, or nothing."""
    own = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for pair in pairs:
        if all((own / name).exists() for name in pair):
            return [own / name for name in pair]
    installed = {Path(path).name.lower(): Path(path) for path in findSystemFonts(fontext="ttf")}
    for pair in pairs:
        if all(name.lower() in installed for name in pair):
            return [installed[name.lower()] for name in pair]
    return []


def _register_copy(source: Path, name: str) -> bool:
    """Makes the copy of a font unless it exists, and whether matplotlib can use it."""
    try:
        content = source.read_bytes()
        digest = hashlib.sha256(_CACHE_VERSION + name.encode() + content).hexdigest()[:16]
        copy = Path(mpl.get_cachedir()) / f"nnlab-{digest}.ttf"
        if not copy.exists():
            write_atomic(copy, _add_superscripts(content, name), durable=False)
        fontManager.addfont(copy)
    except (OSError, OutputError):
        return False
    return True


def _add_superscripts(content: bytes, name: str) -> bytes:
    """The content of the font with the additional glyphs, under another name."""
    # Imported only where a copy is made.
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(content), recalcTimestamp=False)
    size = font["head"].unitsPerEm
    for characters, shift in ((_SUPERSCRIPTS, _RAISED), (_SUBSCRIPTS, _LOWERED)):
        for character, plain in characters.items():
            _add_scaled_glyph(font, character, plain, round(shift * size))
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6, 16):
            record.string = name.replace(" ", "") if record.nameID == 6 else name
    target = io.BytesIO()
    font.save(target)
    return target.getvalue()


def _add_scaled_glyph(font: Any, character: str, plain: str, shift: int) -> None:
    """Adds a smaller glyph of another character at a height, in units of the font."""
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.pens.transformPen import TransformPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    glyphs = font.getGlyphSet()
    source = font.getBestCmap()[ord(plain)]
    outline = DecomposingRecordingPen(glyphs)
    glyphs[source].draw(outline)
    pen = TTGlyphPen(None)
    outline.replay(TransformPen(pen, (_SIZE, 0, 0, _SIZE, 0, shift)))
    glyph = f"nnlab{ord(character):04X}"
    font["glyf"][glyph] = pen.glyph(dropImpliedOnCurves=False)
    advance, bearing = font["hmtx"][source]
    font["hmtx"][glyph] = (round(_SIZE * advance), round(_SIZE * bearing))
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[ord(character)] = glyph
