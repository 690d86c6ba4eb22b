# ruff: noqa: RUF001  formulas have characters that look like others
"""MathML as a line of Unicode, for formulas in a terminal."""

import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from itertools import zip_longest

_SUPERSCRIPTS = dict(zip("0123456789+-−=()niTtk", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱᵀᵗᵏ", strict=True))
_SUBSCRIPTS = dict(zip("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ",
                       strict=True))  # fmt: skip
# Accents above a letter, as combining characters.
_ACCENTS = {"^": "\u0302", "ˆ": "\u0302", "¯": "\u0304", "‾": "\u0304", "―": "\u0304",
            "~": "\u0303", "˜": "\u0303", "∼": "\u0303", "˙": "\u0307", "⃗": "\u20d7",
            "→": "\u20d7"}  # fmt: skip
# Operators with a space on both sides, unless they are signs.
_SPACED_OPERATORS = frozenset("=+−-±<>≤≥≠≈∼~≡∝←→⇒↦·⋅×∈∥⊙")
_SIGNS = frozenset("+−-±")
_LARGE_OPERATORS = frozenset("∑∏∫")
FUNCTION_NAMES = frozenset(
    {"arg", "cos", "det", "dim", "exp", "ln", "log", "max", "min", "sin", "tanh", "tr"}
)
_FIRST_IN_FACTORS = frozenset("([{∇∂∑∏∫")
_WIDE_SPACE = 1.0  # em


def element_as_text(element: ElementTree.Element) -> str:
    """An element of MathML as a line of text."""
    return unicodedata.normalize("NFC", " ".join(_convert(element).split()))


def _convert(element: ElementTree.Element) -> str:
    children = list(element)
    match element.tag:
        case "mi" | "mn" | "mo" | "mtext":
            return element.text or ""
        case "mspace":
            return "  " if _width(element) >= _WIDE_SPACE else ""
        case "mfrac":
            return f"{_group(children[0])}/{_denominator(children[1])}"
        case "msqrt":
            inner = _row(children)
            return f"√{inner}" if _is_symbol(children) else f"√({inner})"
        case "mroot":
            return f"{_script(children[1], _SUPERSCRIPTS, '')}√{_group(children[0])}"
        case "msub" | "munder":
            return _convert(children[0]) + _script(children[1], _SUBSCRIPTS, "_")
        case "msup":
            return _convert(children[0]) + _script(children[1], _SUPERSCRIPTS, "^")
        case "mover":
            return _accented(children)
        case "msubsup" | "munderover":
            low = _script(children[1], _SUBSCRIPTS, "_")
            return _convert(children[0]) + low + _script(children[2], _SUPERSCRIPTS, "^")
        case "mtable":
            return "; ".join(map(_convert, children))
        case "mtr":
            return ", ".join(map(_convert, children))
    return _row(children)


def _width(element: ElementTree.Element) -> float:
    text = element.get("width", "").removesuffix("em")
    try:
        return float(text)
    except ValueError:
        return 0.0


def _accented(children: Sequence[ElementTree.Element]) -> str:
    base, accent = _convert(children[0]), _convert(children[1])
    if accent in _ACCENTS and len(base) == 1:
        return base + _ACCENTS[accent]
    return base + _script(children[1], _SUPERSCRIPTS, "^")


def _row(children: Sequence[ElementTree.Element]) -> str:
    """Elements next to each other, with spaces around operators and between words."""
    text = ""
    for child, next_child in zip_longest(children, children[1:]):
        part = _convert(child)
        if child.tag == "mfrac" and next_child is not None and _is_factor(next_child):
            part = f"({part})"  # 1/n x could be read as 1/(n x)
        is_operator = child.tag == "mo" and part in _SPACED_OPERATORS
        is_sign = part in _SIGNS and _is_start(text.rstrip())
        if is_operator and not is_sign:
            text = f"{text.rstrip()} {part} "
        elif child.tag == "mo" and part == ",":
            text += ", "
        elif part[:1] in _LARGE_OPERATORS:
            text = f"{text.rstrip()} {part} "
        elif child.tag == "mo" and part.isalpha():
            # The name of a function, such as Var.
            text = f"{text} {part}" if text[-1:].isalnum() else text + part
        elif _needs_space(text, part):
            text += f" {part}"
        else:
            text += part
    return text


def _is_factor(element: ElementTree.Element) -> bool:
    """Whether an element after a fraction is multiplied by it, as a bracket or a gradient is."""
    return element.tag != "mo" or element.text in _FIRST_IN_FACTORS


def _is_start(text: str) -> bool:
    """Whether a + or - after the text is a sign instead of an operator."""
    after_bar = text.endswith("|") and text.count("|") % 2 == 1
    return not text or text[-1] in "([{,=/<>≤≥∈←→·⋅" or after_bar


def _needs_space(text: str, part: str) -> bool:
    """Whether a part is a word next to a letter, or follows a subscript: log x, not logx."""
    if text.endswith("}") and part[:1] not in ",.;)|":
        return True  # after a subscript that Unicode has no letters for: max_{w ≤ 1} (w)
    last_word = text[len(text.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    is_word = len(part) > 1 and part.isascii() and part.isalpha()
    return part[:1].isalnum() and (last_word in FUNCTION_NAMES or (is_word and text[-1:].isalnum()))


def _group(element: ElementTree.Element) -> str:
    """The text of a numerator or denominator, in parentheses if it has several parts."""
    text = element_as_text(element)
    outside = re.sub(r"\([^()]*\)", "", text)  # of parentheses
    return f"({text})" if set(" /") & set(outside) else text


def _denominator(element: ElementTree.Element) -> str:
    """The text of a denominator, in parentheses unless it is one symbol or number: 1/(2n)."""
    text = _group(element)
    while len(element) == 1 and element.tag == "mrow":
        element = element[0]
    is_symbol = element.tag != "mrow" or _is_word(element) or element[0].text == "∂"
    return text if is_symbol or text.startswith("(") else f"({text})"


def _is_symbol(children: Sequence[ElementTree.Element]) -> bool:
    """Whether elements are one letter or number, with or without an accent or index."""
    while len(children) == 1 and children[0].tag == "mrow":
        children = list(children[0])
    return len(children) == 1 and children[0].tag in ("mi", "mn", "mover", "msub", "msup")


def _is_word(element: ElementTree.Element) -> bool:
    """Whether a row consists of upright letters, as a name does, or is empty."""
    return all(child.get("mathvariant") == "normal" for child in element)


def _script(element: ElementTree.Element, letters: dict[str, str], mark: str) -> str:
    """A subscript or superscript: raised or lowered letters where Unicode has all of them."""
    text = element_as_text(element)
    packed = text.replace(" ", "")
    if set(packed) <= {"′"}:
        return packed  # a prime is raised already
    if packed and all(letter in letters for letter in packed):
        return "".join(letters[letter] for letter in packed)
    return f"{mark}{text}" if len(text) == 1 else f"{mark}{{{text}}}"
