"""Text in HTML pages is escaped and shown unchanged."""

import html.parser
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nnlab.io import escaping
from nnlab.io.escaping import (
    escape_formula,
    escape_json_controls,
    escape_latex,
    escape_markdown,
    escape_terminal,
    escape_typst,
)

# What TeX acts on, each with the one way in which it may stand in escaped text.
COMMANDS = (
    r"\textbackslash{}", r"\{", r"\}", r"\$", r"\&", r"\#", r"\%", r"\_", r"\textasciicircum{}",
    r"\textasciitilde{}", r"\textbar{}", "{''}", r"\ldots{}", r"\textendash{}", "-{}",
)  # fmt: skip


@given(st.text())
@example("---")
@example("-{}--")
def test_latex_holds_nothing_that_tex_acts_on(text: str) -> None:
    left = escape_latex(text)
    for command in (*COMMANDS, r"\textsuperscript{", r"\textsubscript{", r"\ensuremath{"):
        left = left.replace(command, "")
    for name in ("pm", "times", "cdot", "leq", "geq", "approx", "rightarrow", "alpha", "beta",
                 "gamma", "varepsilon", "lambda", "sigma"):  # fmt: skip
        left = left.replace(rf"\{name}}}", "")
    assert not set(left.replace("}", "")) & set("\\{$&#%_^~\n")


@given(st.text())
def test_typst_holds_nothing_that_typst_acts_on(text: str) -> None:
    escaped = escape_typst(text)
    unescaped = re.sub(r"\\.", "", escaped)
    assert not set(unescaped) & set('\\#$*_`<>@[]~"\n')
    assert not re.search(r"//|/\*|--|-\?|\.\.\.", escaped)
    assert not re.match(r"(\d*\.|[-+/]|=+)(\s|$)", escaped)
    # Without the escapes it is the text in one line.
    assert re.sub(r"\\(.)", r"\1", escaped) == " ".join(escape_terminal(text).split())


@given(st.text())
def test_latex_is_of_letters_that_pdflatex_has(text: str) -> None:
    assert all(sign.isascii() or sign.isalpha() for sign in escape_latex(text))


def test_two_hyphens_of_an_option_are_no_dash() -> None:
    assert escape_latex("--study a--b") == "-{}-study a-{}-b"
    assert "--" not in escape_latex("---")
    assert escape_latex("1–2") == r"1\textendash{}2"  # noqa: RUF001


class Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"))))
def test_html_is_read_as_it_was_written(text: str) -> None:
    reader = Reader()
    reader.feed(f"<p>{escaping.escape_html(text)}</p>")
    reader.close()
    assert (reader.tags, reader.text) == (["p"], text)


@given(st.text())
def test_markdown_holds_no_tag_and_no_line_break(text: str) -> None:
    assert not set(escape_markdown(text)) & set("<>\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n# b", r"a \# b"),
        ("`x` **y** ~z~", r"\`x\` \*\*y\*\* \~z\~"),
        ("[a](https://b)", r"\[a\]\(https&#58;//b\)"),
        ("www.b.example and a@b.c", "www&#46;b.example and a&#64;b.c"),
        ("<b>&lt;", "&lt;b&gt;&amp;lt;"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("===", r"\==="),
        ("-0.5", "-0.5"),
        ("0.25", "0.25"),
        ("x\x1b[2J\r\u2028", r"x\\x1b\[2J\\r\\u2028"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text: str, shown: str) -> None:
    assert escape_markdown(text) == shown


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_of_text_is_no_formula(sign: str) -> None:
    assert str(escape_formula(f"{sign}cmd|' /C calc'!A0"))[0] == "'"
    for number in (-1, -0.5, 1e-3, None, True, "-0.5", "+1e-3", "-.5"):
        assert escape_formula(number) == number
    assert escape_formula("a=b") == "a=b"


@given(st.text())
def test_json_characters_change_no_value(text: str) -> None:
    written = escape_json_controls(json.dumps([text], ensure_ascii=False))
    assert json.loads(written) == [text]
    assert written.isprintable()
