"""Parts of the LaTeX code of tables: the notes below them, and plain text for labels."""

from collections.abc import Sequence

from nnlab.io.escaping import escape_latex


def notes_below(notes: Sequence[str]) -> list[str]:
    """The lines of a paragraph below the tabular, as wide as the text; none without notes."""
    if not notes:
        return []
    text = " ".join(map(escape_latex, notes))
    return [r"  \par\smallskip", rf"  \parbox{{\linewidth}}{{\footnotesize {text}}}"]


def plain_tex(text: str) -> str:
    """Text for a TeX label, without special characters and line breaks."""
    return "".join(
        character for character in " ".join(text.split()) if character not in "\\{}%$#~^&"
    )
