"""Texts of the lecture with formulas and code: as HTML for the course, and for a terminal."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nnlab.lecture.mathematics import formula_as_mathml, formula_as_text, formula_problem

if TYPE_CHECKING:
    from markupsafe import Markup

SpanKind = Literal["text", "code", "inline formula", "display formula"]

_SPAN = re.compile(r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$]+)\$|`(?P<code>[^`]+)`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A part of a text of one kind, without the characters that mark it."""

    kind: SpanKind
    text: str


# A paragraph, or a display formula alone.
TextBlock = tuple[TextSpan, ...]


def text_blocks(text: str) -> tuple[TextBlock, ...]:
    """The paragraphs and display formulas of a text; empty lines separate paragraphs.

    >>> [[span.kind for span in block] for block in text_blocks("Let $x$ be `1`: $$y$$")]
    [['text', 'inline formula', 'text', 'code', 'text'], ['display formula']]
    """
    blocks: list[TextBlock] = []
    paragraph: list[TextSpan] = []

    def end_paragraph() -> None:
        if any(span.kind != "text" or span.text.strip() for span in paragraph):
            blocks.append(tuple(paragraph))
        paragraph.clear()

    for span in _spans(text):
        if span.kind == "display formula":
            end_paragraph()
            blocks.append((span,))
        elif span.kind == "text":
            first, *others = re.split(r"\n\s*\n", span.text)
            paragraph.append(TextSpan("text", first))
            for part in others:
                end_paragraph()
                paragraph.append(TextSpan("text", part))
        else:
            paragraph.append(span)
    end_paragraph()
    return tuple(blocks)


def _spans(text: str) -> Iterator[TextSpan]:
    end = 0
    for match in _SPAN.finditer(text):
        if match.start() > end:
            yield TextSpan("text", text[end : match.start()])
        if match["display"]:
            yield TextSpan("display formula", match["display"].strip())
        elif match["inline"]:
            yield TextSpan("inline formula", match["inline"].strip())
        else:
            yield TextSpan("code", match["code"])
        end = match.end()
    if end < len(text):
        yield TextSpan("text", text[end:])


def text_problems(text: str) -> Iterator[str]:
    """What is wrong with the markup of a text: formulas that cannot be read, single marks."""
    for span in _spans(text):
        if span.kind == "text":
            for mark in "$`":
                if mark in span.text:
                    yield f"a {mark} is not closed near {span.text[span.text.index(mark) :][:30]!r}"
        elif span.kind != "code" and (problem := formula_problem(span.text)):
            yield problem


def text_as_html(text: str) -> "Markup":
    """The text as HTML paragraphs: formulas as MathML, everything else escaped."""
    # Imported only here, because the list of lines needs no HTML.
    from markupsafe import Markup

    parts = [
        _span_as_html(block[0])
        if block[0].kind == "display formula"
        else Markup("<p>{}</p>").format(Markup("").join(map(_span_as_html, block)))
        for block in text_blocks(text)
    ]
    return Markup("\n").join(parts)


def inline_as_html(text: str) -> "Markup":
    """The text as HTML without paragraphs, for a place inside of one."""
    from markupsafe import Markup

    return Markup("").join(map(_span_as_html, _spans(text)))


def command_as_html(command: str) -> "Markup":
    """A command as HTML whose lines are not broken within the name of an option, as after `--`."""
    from markupsafe import Markup

    option = Markup('<span class="option">{}</span>')
    words = re.split(r"(\s+)", command)
    return Markup("").join(option.format(w) if w.startswith("-") else w for w in words)


def breakable_as_html(text: str) -> "Markup":
    """A text as HTML whose lines may be broken after the brackets, dots and signs of code in it."""
    from markupsafe import Markup

    return Markup("<wbr>").join(re.split(r"(?<=[(=._])(?=\w)", text))


def _span_as_html(span: TextSpan) -> "Markup":
    from markupsafe import Markup, escape

    match span.kind:
        case "text":
            return escape(span.text)
        case "code":
            return Markup("<code>{}</code>").format(span.text)
        case "inline formula":
            return Markup(formula_as_mathml(span.text, display=False))  # noqa: S704  escaped there
        case "display formula":
            # A wide formula scrolls in its own box on a narrow screen.
            formula = Markup(formula_as_mathml(span.text, display=True))  # noqa: S704
            return Markup('<div class="formula scroll">{}</div>').format(formula)


def text_for_terminal(text: str) -> tuple[str, ...]:
    """The paragraphs of the text in plain Unicode; display formulas are indented."""
    return tuple(
        f"    {_span_for_terminal(block[0])}"
        if block[0].kind == "display formula"
        else " ".join("".join(map(_span_for_terminal, block)).split())
        for block in text_blocks(text)
    )


def _span_for_terminal(span: TextSpan) -> str:
    return formula_as_text(span.text) if span.kind.endswith("formula") else span.text
