"""The fonts of figures have superscripts of their own, in one font for the whole label."""

import shutil
import subprocess
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from matplotlib.font_manager import FontProperties, findfont

from nnlab.figures.draw.fonts import font_families
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import HELVETICA, SANS, SERIF, Paper, use_paper
from nnlab.figures.draw.save import save_figure
from nnlab.figures.draw.style import style_context

DIGITS = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉"


def test_the_serif_font_has_raised_copies_of_its_own_digits() -> None:
    family = font_families(SERIF)[0]
    font = TTFont(findfont(FontProperties(family=family)))
    cmap, glyphs = font.getBestCmap(), font["glyf"]
    assert {character for character in DIGITS if ord(character) not in cmap} == set()
    plain, raised, lowered = (glyphs[cmap[ord(character)]] for character in "4⁴₄")
    assert raised.yMax - raised.yMin == pytest.approx(0.65 * (plain.yMax - plain.yMin), abs=2)
    assert lowered.yMin < plain.yMin < raised.yMin
    assert font["hmtx"][cmap[ord("⁴")]][0] == round(0.65 * font["hmtx"][cmap[ord("4")]][0])


def test_an_unknown_family_is_used_as_it_is_with_one_for_rare_characters() -> None:
    assert font_families("Some Font") == ("Some Font", SANS)
    assert font_families(SANS) == (SANS,)


@pytest.mark.skipif(not shutil.which("pdffonts"), reason="needs poppler-utils")
@pytest.mark.parametrize("family", [SERIF, HELVETICA])
def test_a_figure_with_powers_of_ten_embeds_one_font(family: str, tmp_path: Path) -> None:
    with use_paper(Paper(family=family)), style_context():
        figure = new_figure(1.0)
        ax = figure.subplots()
        ax.set_xticks([0, 1], ["10⁻⁴", "2·10¹²"])
        ax.set_xlabel("R², β₁")
        freeze_layout(figure)
        save_figure(figure, tmp_path / "f.pdf", {})
    lines = subprocess.check_output(["pdffonts", tmp_path / "f.pdf"], text=True).splitlines()[2:]
    assert len(lines) == 1, lines
    assert "TrueType" in lines[0]
