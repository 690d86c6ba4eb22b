"""Texts with formulas and code, as HTML and for a terminal."""

import pytest

from nnlab.lecture.texts import (
    breakable_as_html,
    command_as_html,
    inline_as_html,
    text_as_html,
    text_for_terminal,
    text_problems,
)

TEXT = """
First `nnlab train` with
$x^2$ & <b>more</b>.

Second: $$y = x$$ and the rest.
"""


def test_paragraphs_code_and_formulas_as_html() -> None:
    html = str(text_as_html(TEXT))
    assert html.count("<p>") == 3
    assert "<code>nnlab train</code>" in html
    assert "&amp; &lt;b&gt;more&lt;/b&gt;." in html
    assert '<div class="formula scroll"><math display="block">' in html
    assert html.count('<math display="inline">') == 1


def test_code_is_escaped_and_dollars_in_it_are_no_formula() -> None:
    assert str(inline_as_html("`<a $x>`")) == "<code>&lt;a $x&gt;</code>"


def test_lines_of_commands_and_code_are_broken_at_words_only() -> None:
    assert str(command_as_html("nnlab train --lr 1 <x>\nnnlab show")) == (
        'nnlab train <span class="option">--lr</span> 1 &lt;x&gt;\nnnlab show'
    )
    assert str(breakable_as_html("f(size_average=False): <b>")) == (
        "f(<wbr>size_<wbr>average=<wbr>False): &lt;b&gt;"
    )


def test_the_terminal_gets_paragraphs_of_one_line() -> None:
    assert text_for_terminal(TEXT) == (
        "First nnlab train with x² & <b>more</b>.",
        "Second:",
        "    y = x",
        "and the rest.",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("costs 3 $", "a $ is not closed near '$'"),
        ("a `code", "a ` is not closed near '`code'"),
        ("$$x", "a $ is not closed near '$$x'"),
    ],
)
def test_marks_that_are_not_closed_are_named(text: str, problem: str) -> None:
    assert problem in list(text_problems(text))
