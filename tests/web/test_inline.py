"""Modules combined into one script, and pages with a strict policy."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from nnlab.web import inline
from nnlab.web.assets import find_asset
from nnlab.web.inline import (
    combine_modules,
    content_security_policy,
    json_element,
    script_element,
)

WEB = Path(inline.__file__).parent
MODULES = sorted(
    path.relative_to(WEB).as_posix()
    for folder in ("shared", "report", "board")
    for path in (WEB / folder).rglob("*.js")
)
_TOP_LEVEL = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
_FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|import\.meta"
)


@pytest.mark.parametrize("path", MODULES)
def test_modules_never_make_html_of_text(path: str) -> None:
    text = (WEB / path).read_text(encoding="utf-8")
    assert _FORBIDDEN.search(text) is None
    assert "export default" not in text


def test_names_at_the_top_level_are_unique() -> None:
    names = Counter(
        name for path in MODULES for name in _TOP_LEVEL.findall((WEB / path).read_text())
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("entry", ["board/main.js", "report/main.js", "report/quiz.js"])
def test_a_combined_script_has_each_module_once_after_what_it_imports(entry: str) -> None:
    script = combine_modules(entry)
    assert "import {" not in script
    assert re.search(r"^export ", script, re.MULTILINE) is None
    assert script.count("function createElement(") == 1
    assert script.index("function createElement(") < script.index("function createLineChart(")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('import { a as b } from "./dom.js";\n', "renamed"),
        ('import x from "./dom.js";\n', "not a plain import"),
        ("export default 1;\n", "not a plain import or export"),
    ],
)
def test_a_module_outside_the_convention_is_an_error(
    monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.setattr(inline, "asset_text", lambda _: text)
    with pytest.raises(ValueError, match=problem):
        combine_modules("shared/other.js")


def test_data_and_scripts_cannot_end_their_element() -> None:
    value = {"name": "</script><script>alert(1)</script><!--", "line": "\u2028"}
    element = json_element("data", value)
    assert element.count("</script>") == 1
    text = re.sub(r"</?script[^>]*>", "", element)
    assert json.loads(text) == value
    assert script_element('const a = "</script>";').count("</script>") == 1


def test_a_policy_allows_nothing_but_its_scripts_and_styles() -> None:
    policy = content_security_policy(("alert(1)",), ("p {}",))
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy


@pytest.mark.parametrize(
    "path",
    ["shared/../inline.py", "../assets.py", "shared", "shared/", "board/page.html", "uplot/LICENSE",
     "shared//chart.js", "shared/.hidden.js", "other/chart.js", "/etc/passwd"],
)  # fmt: skip
def test_only_modules_and_styles_are_served(path: str) -> None:
    assert find_asset(path) is None
