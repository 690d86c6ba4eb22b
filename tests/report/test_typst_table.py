"""Tables as Typst figures: rules, groups, escaped text; compiled if the compiler is installed."""

import importlib.util
import math
import re
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.report.measured_cell import MeasuredCell
from nnlab.report.paper_table import PaperTable
from nnlab.report.text_table import TextCell, TextColumn, TextTable
from nnlab.report.typst_table import table_as_typst, text_table_as_typst

HOSTILE = r'a_b [x] *#f $y$ <l> @r `c` "q" // -- ... \ = + ~ /* https://x.org'
NO_TYPST = "the compiler (pip install typst) is not installed"

TABLE = PaperTable(
    ("Optimizer",),
    (("Iris", 2), ("Wine", 2)),
    ("Validation", "Test") * 2,
    (
        (
            (HOSTILE,),
            (
                MeasuredCell(0.98, 0.05, bold=True),
                MeasuredCell(1.0, 0.0, bold=False),
                MeasuredCell(-0.5, math.nan, bold=False),
                None,
            ),
        ),
    ),
    f"Caption {HOSTILE}",
    "tab:50 % <x>",
    "val/accuracy",
    "Data set",
    notes=(f"= {HOSTILE}",),
)


def assert_balanced(text: str) -> None:
    """Checks that brackets outside of escapes are closed in the order in which they are opened."""
    plain = re.sub(r"\\.", "", re.sub(r"(?m)^//.*$", "", text))
    opened: list[str] = []
    for character in plain:
        if character in "([":
            opened.append(")]"["([".index(character)])
        elif character in ")]":
            assert opened.pop() == character
    assert not opened


def test_a_ranking_has_groups_rules_and_bold_cells() -> None:
    text = table_as_typst(TABLE, "nnlab compare\n#panic()")
    lines = text.splitlines()
    assert lines[0].startswith("// made by nnlab")
    assert "#panic()" in lines[0]
    assert "    columns: 5," in lines
    assert "    align: (left, right, right, right, right,)," in lines
    assert sum("stroke: 0.08em" in line for line in lines) == 2
    assert "table.cell(colspan: 2, align: center)[Iris]," in text
    assert "table.hline(start: 1, end: 3, stroke: 0.03em)," in text
    assert "table.hline(start: 3, end: 5, stroke: 0.03em)," in text
    assert "[*0.98 ± 0.05*]," in text
    assert "[\N{MINUS SIGN}0.5" in text
    assert lines[-1] == ") <tab:50-x>"
    assert_balanced(text)
    assert r"a\_b \[x\] \*\#f \$y\$ \<l\> \@r \`c\` \"q\"" in text
    assert r"\= a\_b" in text  # at the start of a block it would be a heading


def test_a_text_table_has_a_rule_below_the_base() -> None:
    rows = ((TextCell("base"), TextCell("")), (TextCell("+ dropout"), TextCell("1", bold=True)))
    columns = (TextColumn("Change"), TextColumn("p", align_right=True))
    text = text_table_as_typst(TextTable(columns, rows, "C", "tab:x", leading_rows=1))
    body = text.splitlines()
    base = body.index("    [base], [],")
    assert body[base + 1] == "    table.hline(stroke: 0.05em),"
    assert body[base + 2] == r"    [\+ dropout], [*1*],"
    assert_balanced(text)


@pytest.mark.skipif(importlib.util.find_spec("typst") is None, reason=NO_TYPST)
def test_every_kind_of_table_compiles(two_dataset_study: Nnlab, tmp_path: Path) -> None:
    import typst  # type: ignore[import-not-found, unused-ignore]

    words = (
        ["--top", "3"],
        ["--pivot", "data"],
        ["--pivot", "data", "--transpose"],
        ["--across", "opt"],
        ["--ablation", "opt=sgd,lr=0.1,data=wine"],
        ["--columns", "params,seconds,energy"],
    )
    parts = [two_dataset_study("compare", "s", *w, "--format", "typst").out for w in words]
    labels = [f"{label} " for part in parts for label in re.findall(r"(?m)^\) <(.+)>$", part)]
    unique = [
        part.replace(f"<{label.strip()}>", f"<t{i}>")
        for i, (part, label) in enumerate(zip(parts, labels, strict=False))
    ]
    document = tmp_path / "tables.typ"
    document.write_text("\n".join([table_as_typst(TABLE), *unique, "@tab:50-x"]))
    assert len(typst.compile(str(document))) > 1000
