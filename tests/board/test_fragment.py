"""HTML from templates is reduced to listed elements and attributes before the page shows it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

CLEAN = """
async ([html]) => {
  const { parseFragment } = await import("./assets/board/fragment.js");
  const container = document.createElement("div");
  container.append(parseFragment(html));
  document.body.append(container);
  return container.innerHTML;
}
"""


@pytest.fixture
def tolerant_page(browser: Browser) -> Iterator[Page]:
    """A page whose console may report what the content security policy has blocked."""
    with browser.new_context() as context:
        yield context.new_page()


def cleaned(page: Page, html: str) -> str:
    return str(page.evaluate(CLEAN, [html]))


def test_only_listed_markup_is_kept(tolerant_page: Page, board_url: str) -> None:
    page = tolerant_page
    page.goto(f"{board_url}#view=ranking")
    table = (
        '<div class="scroll"><table class="sortable"><tbody><tr class="best" data-runs="1,2">'
        '<td class="n" data-v="0.5">0.5 &lt;b&gt;</td></tr></tbody></table></div>'
    )
    assert cleaned(page, table) == table
    for hostile, safe in {
        '<img src=x onerror="hacked()">': "",
        "<script>hacked()</script>a": "a",
        '<p onclick="hacked()" style="position:fixed" id="view">b</p>': "<p>b</p>",
        '<a href="javascript:hacked()">c</a>': "<a>c</a>",
        '<a href="data:text/html,x">d</a>': "<a>d</a>",
        '<a href=" https://x.example">e</a>': "<a>e</a>",
        '<svg><a href="https://x.example">f</a></svg>': "",
        "<math><mtext><b>g</b></mtext></math>": "",
        "<template><b>h</b></template>": "",
        '<font color="red"><b>i</b></font>': "<b>i</b>",
        "<!-- a comment -->j": "j",
        '<form action="/x"><input name="a"></form>k': "k",
        '<p class="a&quot; onclick=&quot;">l</p>': "<p>l</p>",
        '<base href="https://x.example/">m': "m",
        "<iframe src='https://x.example'></iframe>n": "n",
    }.items():
        assert cleaned(page, hostile) == safe
    link = '<a href="#view=findings&amp;findings.code=NN101">NN101</a>'
    assert cleaned(page, link) == link.replace('">', '" rel="noreferrer">', 1)
    page.goto("about:blank")
