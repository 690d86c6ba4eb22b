"""The frame of a self-contained page: its style, its scripts with their data, and its policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.web.assets import asset_text, has_uplot
from nnlab.web.inline import (
    combine_modules,
    content_security_policy,
    json_element,
    script_element,
    style_element,
)


@dataclass(frozen=True, slots=True)
class PageFrame:
    """The policy of a page, and HTML for its head (`style`) and the end of its body (`scripts`)."""

    policy: str
    style: str
    scripts: str


def build_page_frame(entry: str, *, style: str, data: Mapping[str, Any]) -> PageFrame:
    """The frame of a page.

    Args:
        entry: the module in nnlab/web that the page runs.
        style: the style sheet of the page; that of the charts is added.
        data: values for JSON, each in an element whose id is its name.
    """
    scripts: tuple[str, ...] = (combine_modules(entry),)
    styles: tuple[str, ...] = (style,)
    if has_uplot():
        scripts = (asset_text("uplot/uPlot.iife.min.js"), *scripts)
        styles = (asset_text("uplot/uPlot.min.css"), *styles)
    return PageFrame(
        content_security_policy(scripts, styles),
        "\n".join(map(style_element, styles)),
        "\n".join(
            [*(json_element(name, value) for name, value in data.items())]
            + [script_element(script) for script in scripts]
        ),
    )
