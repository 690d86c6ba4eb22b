# ruff: noqa: RUF001  signs that look alike are what this file tells apart
"""Escaping for terminals, pages and files: text of any origin is shown as it is."""

import html as _html
import json
import re
import unicodedata


def escape_terminal(text: str) -> str:
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


_BLOCK_MARKER = re.compile(r"^(\d*)([-+.=)])(?=[-=\s]*$|\s)")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _escape_sequence(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def escape_markdown(text: str) -> str:
    r"""Text that markdown shows as it is: no markup, no HTML, no control characters.

    >>> escaped("a_b <script>|x|")
    'a\\_b &lt;script&gt;\\|x\\|'
    """
    text = " ".join(escape_terminal(text).split()).replace("&", "&amp;")
    for sign in "\\`*_{}[]()#|~":
        text = text.replace(sign, "\\" + sign)
    # Renderers link bare addresses: an entity in place of the sign they look for prevents that.
    text = text.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    # At the start of a line these would be a list, a rule or a heading.
    return _BLOCK_MARKER.sub(r"\1\\\2", text)


def escape_formula(value: object) -> object:
    """A cell that a spreadsheet shows as text instead of executing it as a formula.

    Numbers, and texts that are numbers, are returned as they are.

    >>> spreadsheet("=HYPERLINK(1)"), spreadsheet("-0.5"), spreadsheet(-0.5)
    ("'=HYPERLINK(1)", '-0.5', -0.5)
    """
    if not isinstance(value, str):
        return value
    if value[:1] in _FORMULA_SIGNS and not _NUMBER.fullmatch(value):
        value = "'" + value
    return escape_terminal(value)


def escape_json_controls(text: str) -> str:
    r"""JSON text in which control characters that JSON allows in strings are escaped as well.

    Reading it gives the same values.

    >>> json_characters('["\x9b2J"]')
    '["\\u009b2J"]'
    """
    return "".join(
        sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text
    )


def escape_html(text: object) -> str:
    """Text that a browser shows as it is, in an element or an attribute in quotes.

    >>> html('<script>alert("1")</script>')
    '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;'
    """
    return _html.escape(str(text), quote=True)


def escape_latex(text: str) -> str:
    r"""Text that LaTeX sets as it is, with packages that every installation has.

    >>> latex("50 % of a_b & \\input{x} ± 10⁻³")
    '50 \\% of a\\_b \\& \\textbackslash{}input\\{x\\} \\ensuremath{\\pm} 10\\textsuperscript{-3}'
    """
    written = "".join(
        _LATEX_REPLACEMENTS.get(sign) or _latex_letter(sign) for sign in text.replace("\n", " ")
    )
    # Raised digits in a row are one exponent.
    return written.replace("}\\textsuperscript{", "")


def _latex_letter(sign: str) -> str:
    """A letter as it is; of what has no sign in the usual fonts, its plain relative."""
    if sign.isascii():
        return sign if sign.isprintable() else " "
    # Latin letters with their accents are in every font that pdflatex loads.
    if unicodedata.name(sign, "").startswith("LATIN"):
        return sign
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(_LATEX_REPLACEMENTS.get(letter, letter) for letter in plain) or "?"


_LATEX_REPLACEMENTS = {
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
_LATEX_REPLACEMENTS |= {
    sign: rf"\textsubscript{{{plain}}}"
    for sign, plain in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)
}
