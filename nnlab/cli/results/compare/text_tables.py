"""Output of text tables for papers, as text for a file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import print_text, say
from nnlab.report.text_table import TextTable
from nnlab.report.text_table_formats import (
    text_table_as_html,
    text_table_as_latex,
    text_table_as_markdown,
)
from nnlab.report.typst_table import text_table_as_typst


@dataclass(frozen=True, slots=True)
class TextOutput:
    """How a table is printed.

    `output_format` is a value of `--format`. `command` is the command line, which LaTeX and Typst
    tables mention in a comment. `caption` and `label` replace those of the table; the labels of
    further tables get a number.
    """

    output_format: str
    command: str
    caption: str | None = None
    label: str | None = None

    @property
    def list_format(self) -> Format | None:
        """The format of lists that this is, if the table is no table for papers."""
        is_paper = self.output_format == Format.MARKDOWN or self.output_format not in set(Format)
        return None if is_paper else Format(self.output_format)


def print_text_tables(tables: Sequence[TextTable], output: TextOutput) -> None:
    """Prints tables for papers, separated by empty lines."""
    for number, table in enumerate(tables, start=1):
        if number > 1:
            say()
        label = f"{output.label}-{number}" if output.label and number > 1 else output.label
        captioned = replace(
            table, caption=output.caption or table.caption, label=label or table.label
        )
        match output.output_format:
            case "latex":
                print_text(text_table_as_latex(captioned, output.command))
            case "typst":
                print_text(text_table_as_typst(captioned, output.command))
            case "html":
                print_text(text_table_as_html(captioned))
            case _:
                print_text(text_table_as_markdown(captioned))
