"""Tables of text cells: escaping, alignment and rules in LaTeX, HTML and Markdown."""

from nnlab.report.text_table import (
    PaperColumn,
    TextCell,
    TextTable,
    hidden_paddings,
    table_label,
    typeset_number,
)
from nnlab.report.text_table_formats import (
    text_table_as_html,
    text_table_as_latex,
    text_table_as_markdown,
)

TABLE = TextTable(
    (PaperColumn("Change & <b>"), PaperColumn("Accuracy", align_right=True)),
    (
        (TextCell("base"), TextCell("0.98 ± 0.05")),
        (TextCell("+ a_b"), TextCell("1.00 ± 0", bold=True)),
        (TextCell("[x]"), TextCell("0.5")),
        (TextCell("lr 30"), TextCell("diverged")),
        (TextCell("none"), TextCell("", bold=True)),
    ),
    "50 % $x$",
    "tab:x",
    leading_rows=1,
    notes=("Bold: a & b.", "Second."),
)


def test_hidden_text_aligns_the_decimal_points() -> None:
    assert [padding for _, padding in hidden_paddings(TABLE)] == ["", ".00", "0 ± 0.00", "", ""]
    assert {padding for padding, _ in hidden_paddings(TABLE)} == {""}


def test_latex_escapes_and_separates_the_base() -> None:
    lines = text_table_as_latex(TABLE, "nnlab compare\n\\input{x}").splitlines()
    assert r"  \begin{tabular}{lr}" in lines
    assert r"  \caption{50 \% \$x\$}" in lines
    base = lines.index(r"    base & 0.98 \ensuremath{\pm} 0.05 \\")
    assert lines[base + 1] == r"    \midrule"
    assert lines[base + 2] == (r"    + a\_b & \textbf{1.00 \ensuremath{\pm} 0\phantom{.00}} \\")
    # A bracket after the end of a row would be its optional argument.
    assert lines[base + 3].startswith("    {[x]} & 0.5")
    assert lines[base + 4] == r"    lr 30 & diverged \\"
    assert lines[base + 5] == r"    none &  \\"
    assert r"  \parbox{\linewidth}{\footnotesize Bold: a \& b. Second.}" in lines
    # The command is complete, so that it can be repeated, and stays on the line of the comment.
    assert lines[0].endswith(r": nnlab compare \input{x}")
    assert lines[0].startswith("% ")
    assert not any(r"\input" in line for line in lines[1:])


def test_html_has_a_body_for_the_base_and_aligns_numbers() -> None:
    text = text_table_as_html(TABLE)
    assert text.count("<tbody>") == 2
    assert '<th scope="row">+ a_b</th><td style="text-align: right"><strong>1.00 ± 0' in text
    assert "Change &amp; &lt;b&gt;" in text
    assert '<tfoot><tr><td colspan="2">Bold: a &amp; b. Second.</td></tr></tfoot>' in text


def test_markdown_aligns_and_prints_notes_below() -> None:
    lines = text_table_as_markdown(TABLE).splitlines()
    assert lines[1] == "| --- | ---: |"
    assert lines[3].endswith("| **1.00 ± 0** |")
    assert lines[6].endswith("|  |")
    assert lines[-1].startswith("Bold: a &amp; b.")


def test_numbers_are_typeset() -> None:
    assert typeset_number("-0.5 ± 0.1") == "\N{MINUS SIGN}0.5 ± 0.1"
    power = " \N{MULTIPLICATION SIGN} 10⁵"
    assert typeset_number("(-1.2 ± 0.3)e+05") == f"(\N{MINUS SIGN}1.2 ± 0.3){power}"
    assert typeset_number("2024-01 resnet-8") == "2024-01 resnet-8"
    assert table_label(" ") == "tab:results"
