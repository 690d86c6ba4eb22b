r"""Formulas of the lecture: LaTeX as MathML for browsers, and as a line of Unicode for a terminal.

Browsers render MathML without fonts or scripts of ours, so the course works offline. The text for
the terminal is made from the MathML too, so that both read LaTeX in the same way.
"""

import xml.etree.ElementTree as ElementTree
from functools import cache
from itertools import pairwise

from nnlab.errors import ConfigError
from nnlab.lecture.formula_text import FUNCTION_NAMES, element_as_text

_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
# LaTeX sets them without spaces, MathML with: | w | / 2.
_UNSPACED_OPERATORS = ("|", "/")
# MathML Core defines no named widths of spaces.
_NEGATIVE_SPACES = {"negativethinmathspace": "-0.167em"}


def formula_as_mathml(latex: str, *, display: bool) -> str:
    """A formula as a `math` element of HTML; `display` gives it a line of its own.

    The element contains no other elements than those of MathML, and all text in it is escaped.

    Raises:
        ConfigError: the formula cannot be read.
    """
    element = _parse_formula(latex, display=display)
    return ElementTree.tostring(element, encoding="unicode", short_empty_elements=False)


def formula_as_text(latex: str) -> str:
    r"""A formula as a line of Unicode.

    Raises:
        ConfigError: the formula cannot be read.

    >>> formula_as_text(r"\hat{x}_i = \frac{x_i + \mu}{\sqrt{\sigma^2 + \varepsilon}}")
    'x̂ᵢ = (xᵢ + μ)/√(σ² + ε)'
    """
    return element_as_text(_parse_formula(latex, display=True))


def formula_problem(latex: str) -> str:
    """Why a formula cannot be read; empty if it can."""
    try:
        _parse_formula(latex, display=True)
    except ConfigError as error:
        return error.message
    return ""


@cache
def _parse_formula(latex: str, *, display: bool) -> ElementTree.Element:
    """The `math` element of a formula, with names of HTML instead of XML.

    Raises:
        ConfigError: the formula cannot be read.
    """
    # Imported only here: commands that show no formula do not need it.
    from latex2mathml.converter import convert

    if latex.count("{") - latex.count(r"\{") != latex.count("}") - latex.count(r"\}"):
        raise ConfigError([f"the formula {latex!r} cannot be read: its braces are not balanced"])
    # The converter does not escape the text of \text, where markup would become that of the page.
    without_markup = latex.replace("<", r"\lt ").replace(">", r"\gt ")
    try:
        text = convert(without_markup, display="block" if display else "inline")
        # The text comes from the converter, which writes no entities or references to files.
        root = ElementTree.fromstring(text)  # noqa: S314
    except Exception as error:  # noqa: BLE001  the converter raises IndexError and others too
        reason = str(error) or type(error).__name__
        raise ConfigError([f"the formula {latex!r} cannot be read: {reason}"]) from None
    for element in root.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
        if "\\" in (element.text or ""):
            # The converter shows commands that it does not know as text.
            raise ConfigError([f"the formula {latex!r} has an unknown command {element.text}"])
        if (element.tag, element.text) == ("mi", "~"):
            # The converter takes the relation of \sim for a letter.
            element.tag, element.text = "mo", "\u223c"
        if element.tag == "mo" and element.text in _UNSPACED_OPERATORS:
            element.set("lspace", "0")
            element.set("rspace", "0")
        if element.get("width") in _NEGATIVE_SPACES:
            element.set("width", _NEGATIVE_SPACES[element.attrib["width"]])
    _space_functions(root)
    return root


def _space_functions(root: ElementTree.Element) -> None:
    """Adds the thin space of LaTeX between the name of a function and its argument: ln 2."""
    for parent in list(root.iter("mrow")):
        children = list(parent)
        for child, following in reversed(list(pairwise(children))):
            if _function_name(child) in FUNCTION_NAMES and following.tag in ("mi", "mn", "mfrac"):
                space = ElementTree.Element("mspace", width="0.167em")
                parent.insert(children.index(child) + 1, space)


def _function_name(element: ElementTree.Element) -> str:
    """The name in an element, which may have a subscript: `log` of log₂."""
    base = element[0] if element.tag in ("msub", "msup", "munder") else element
    return base.text or "" if base.tag in ("mi", "mo") else ""
