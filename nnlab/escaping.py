# ruff: noqa: RUF001  signs that look alike are what this file tells apart
"""Text of any origin in a page: shown as it is, never read as markup."""

import html as _html
import unicodedata


def terminal(text: str) -> str:
    r"""Text without control characters: each is replaced by its Python escape sequence.

    Line feeds and tabs are kept. Covers the C0 and C1 control characters, bidirectional
    overrides, line separators and lone surrogates, none of which a terminal may receive from a
    database.

    >>> terminal("name\x1b[2J")
    'name\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" or sign == "\u00a0" else _escape_sequence(sign)
        for sign in text
    )


def _escape_sequence(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def escaped(text: str) -> str:
    r"""Text that markdown shows as it is: no markup, no HTML, no control characters.

    >>> escaped("a_b <script>|x|")
    'a\\_b &lt;script&gt;\\|x\\|'
    """
    text = terminal(text)
    for sign in "\\`*_{}[]()#|":
        text = text.replace(sign, "\\" + sign)
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")


def html(text: object) -> str:
    """Text that a browser shows as it is, in an element or an attribute in quotes.

    >>> html('<script>alert("1")</script>')
    '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;'
    """
    return _html.escape(str(text), quote=True)


def latex(text: str) -> str:
    r"""Text that LaTeX sets as it is, with packages that every installation has.

    >>> latex("50 % of a_b & \\input{x} ± 10⁻³")
    '50 \\% of a\\_b \\& \\textbackslash{}input\\{x\\} \\ensuremath{\\pm} 10\\textsuperscript{-3}'
    """
    written = "".join(_LATEX.get(sign) or _letter(sign) for sign in text.replace("\n", " "))
    # Raised digits in a row are one exponent.
    return written.replace("}\\textsuperscript{", "")


def _letter(sign: str) -> str:
    """A letter as it is; of what has no sign in the usual fonts, its plain relative."""
    if sign.isascii():
        return sign if sign.isprintable() else " "
    # Latin letters with their accents are in every font that pdflatex loads.
    if unicodedata.name(sign, "").startswith("LATIN"):
        return sign
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(_LATEX.get(letter, letter) for letter in plain) or "?"


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"\ensuremath{\pm}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "…": r"\ldots{}",
    "–": "--",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≈": r"\ensuremath{\approx}",
    "→": r"\ensuremath{\rightarrow}",
    "α": r"\ensuremath{\alpha}",
    "β": r"\ensuremath{\beta}",
    "γ": r"\ensuremath{\gamma}",
    "ε": r"\ensuremath{\varepsilon}",
    "λ": r"\ensuremath{\lambda}",
    "σ": r"\ensuremath{\sigma}",
} | {
    sign: rf"\textsuperscript{{{plain}}}"
    for sign, plain in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)
}
_LATEX |= {
    sign: rf"\textsubscript{{{plain}}}"
    for sign, plain in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)
}
