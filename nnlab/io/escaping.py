# ruff: noqa: RUF001  this file distinguishes characters that look alike
"""Escaping of text for all output: terminals, HTML, Markdown, LaTeX, Typst, CSV and JSON."""

import html as _html
import json
import re
import unicodedata


def escape_terminal(text: str) -> str:
    r"""Text in which control characters are replaced by their Python escape sequences.

    Line feeds and tabs are kept. C0 and C1 control characters, bidirectional overrides, line
    separators and lone surrogates are replaced, because a terminal must not receive them from a
    database.

    >>> escape_terminal("name\x1b[2J")
    'name\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in "\n\t" or character == "\u00a0"
        else _escape_sequence(character)
        for character in text
    )


def replace_controls(name: str) -> str:
    r"""A name of one line: what is not printable in it is replaced by U+FFFD.

    >>> replace_controls("val\x1b[2J/loss")
    'val\ufffd[2J/loss'
    """
    if name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


_BLOCK_MARKER = re.compile(r"^(\d*)([-+.=)])(?=[-=\s]*$|\s)")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _escape_sequence(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def escape_markdown(text: str) -> str:
    r"""Text that Markdown renders literally: no markup, no HTML, no control characters.

    >>> escape_markdown("a_b <script>|x|")
    'a\\_b &lt;script&gt;\\|x\\|'
    """
    text = " ".join(escape_terminal(text).split()).replace("&", "&amp;")
    for character in "\\`*_{}[]()#|~":
        text = text.replace(character, "\\" + character)
    # Renderers turn bare addresses into links; an entity in place of a character prevents that.
    text = text.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    # At the start of a line these characters would create a list, a rule or a heading.
    return _BLOCK_MARKER.sub(r"\1\\\2", text)


def escape_formula(value: object) -> object:
    """A cell value that a spreadsheet shows as text instead of executing it as a formula.

    Numbers, and strings that are numbers, are returned unchanged.

    >>> escape_formula("=HYPERLINK(1)"), escape_formula("-0.5"), escape_formula(-0.5)
    ("'=HYPERLINK(1)", '-0.5', -0.5)
    """
    if not isinstance(value, str):
        return value
    if value[:1] in _FORMULA_SIGNS and not _NUMBER.fullmatch(value):
        value = "'" + value
    return escape_terminal(value)


def escape_json_controls(text: str) -> str:
    r"""JSON text in which the control characters that JSON allows in strings are escaped too.

    It has the same values.

    >>> escape_json_controls('["\x9b2J"]')
    '["\\u009b2J"]'
    """
    return "".join(
        character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1]
        for character in text
    )


def escape_html(text: object) -> str:
    """Text that a browser shows literally, in an element or a quoted attribute.

    >>> escape_html('<script>alert("1")</script>')
    '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;'
    """
    return _html.escape(str(text), quote=True)


def escape_latex(text: str) -> str:
    r"""Text that LaTeX typesets literally, with packages that every installation has.

    >>> escape_latex("50 % of a_b & \\input{x} ± 10⁻³")
    '50 \\% of a\\_b \\& \\textbackslash{}input\\{x\\} \\ensuremath{\\pm} 10\\textsuperscript{-3}'
    """
    escaped = "".join(
        _LATEX_REPLACEMENTS.get(character) or _latex_letter(character)
        for character in text.replace("\n", " ")
    )
    # Two hyphens, as in `--study`, are no dash. Adjacent superscript digits are one exponent.
    return re.sub("-(?=-)", "-{}", escaped).replace("}\\textsuperscript{", "")


def _latex_letter(character: str) -> str:
    """A character that the usual fonts have, or its closest ASCII equivalent."""
    if character.isascii():
        return character if character.isprintable() else " "
    # Accented Latin letters are in every font that pdflatex loads.
    if unicodedata.name(character, "").startswith("LATIN"):
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
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
    '"': "{''}",
    "±": r"\ensuremath{\pm}",
    "†": r"\ensuremath{\dagger}",
    "‡": r"\ensuremath{\ddagger}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "·": r"\ensuremath{\cdot}",
    "…": r"\ldots{}",
    "–": r"\textendash{}",
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
    character: rf"\textsuperscript{{{plain}}}"
    for character, plain in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)
}
_LATEX_REPLACEMENTS |= {
    character: rf"\textsubscript{{{plain}}}"
    for character, plain in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)
}

# What has a meaning anywhere in Typst's markup; `--`, `-?`, `...`, `//` and `/*` only in pairs.
_TYPST_MARKUP = re.compile(r"[\\#$*_`<>@\[\]~\"]|-(?=[-?])|\.(?=\.\.)|/(?=[/*])")
# At the start of a block these make a list, a heading or a numbered item.
_TYPST_BLOCK_MARKER = re.compile(r"^(\d*)([-+/.]|=+)(?=\s|$)")


def escape_typst(text: str) -> str:
    r"""Text that Typst typesets literally, in a content block.

    >>> escape_typst("a_b [x] #f $y$ // ± 1"), escape_typst("+ dropout"), escape_typst("0.5")
    ('a\\_b \\[x\\] \\#f \\$y\\$ \\// ± 1', '\\+ dropout', '0.5')
    """
    escaped = _TYPST_MARKUP.sub(r"\\\g<0>", " ".join(escape_terminal(text).split()))
    return _TYPST_BLOCK_MARKER.sub(r"\1\\\2", escaped)
