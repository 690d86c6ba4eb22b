"""Charts and their panels in a browser."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<img src=x onerror=alert(1)>\"&'"
SPEC: dict[str, Any] = {
    "title": "Loss",
    "xLabel": "epoch",
    "lines": [
        {"key": "a", "label": "first", "color": 0, "x": [1, 2, 3, 4], "y": [4, 3, None, 1],
         "nonFinite": [3], "marks": [{"x": 4, "y": 1, "kind": "best", "text": "best"}]},
        {"key": "b", "label": HOSTILE, "color": 1, "dashed": True, "x": [1, 2, 3, 4],
         "y": [2, 2.5, 2, 1.5], "low": [1, 2, 1, 1], "high": [3, 3, 3, 2]},
    ],
    "rules": [{"x": 2, "kind": "onset", "color": 0, "text": "onset"}],
    "shaded": [2, 4],
}  # fmt: skip
DRAW = """
async (spec) => {
  const { createLineChart } = await import("./chart.js");
  document.body.replaceChildren();
  globalThis.zooms = [];
  const options = { onZoom: (a, b) => zooms.push([a, b]), onResetZoom: () => zooms.push("reset") };
  globalThis.chart = createLineChart(document.body, { ...spec, ...options });
}
"""


@pytest.fixture
def chart(page: Page, board_url: str) -> Page:
    """A page with a chart."""
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    page.goto(f"{board_url}assets/shared/style.css")
    page.add_script_tag(url=f"{board_url}assets/uplot/uPlot.iife.min.js")
    page.add_style_tag(url=f"{board_url}assets/shared/style.css")
    page.evaluate(DRAW, SPEC)
    page.locator("canvas").wait_for()
    return page


def test_the_cursor_shows_the_values_of_all_lines(chart: Page) -> None:
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    chart.mouse.move(box["x"] + 2, box["y"] + 10)
    tip = chart.locator(".chart-tip")
    tip.wait_for()
    assert "epoch 1" in tip.inner_text()
    assert "first: 4" in tip.inner_text()
    assert f"{HOSTILE}: 2 (1 to 3)" in tip.inner_text()
    assert tip.locator(".nearest").inner_text() == "first: 4"
    assert chart.locator("img").count() == 0


def test_keys_move_the_cursor_and_zoom(chart: Page) -> None:
    area = chart.locator(".chart-area")
    area.focus()
    area.press("ArrowRight")
    tip = chart.locator(".chart-tip")
    assert "epoch" in tip.inner_text()
    area.press("+")
    area.press("0")
    zooms = chart.evaluate("zooms")
    assert zooms[-1] == "reset"
    low, high = zooms[0]
    assert 1 <= low < high <= 4
    assert high - low < 3
    assert "first" in str(area.get_attribute("aria-label"))


def test_dragging_selects_a_range(chart: Page) -> None:
    box = chart.locator(".u-over").bounding_box()
    assert box is not None
    y = box["y"] + 30
    chart.mouse.move(box["x"] + box["width"] / 3, y)
    chart.mouse.down()
    chart.mouse.move(box["x"] + 2 * box["width"] / 3, y, steps=4)
    chart.mouse.up()
    (low, high) = chart.evaluate("zooms")[0]
    assert low == pytest.approx(2, abs=0.05)
    assert high == pytest.approx(3, abs=0.05)


def test_the_svg_has_the_same_lines(chart: Page) -> None:
    root = ElementTree.fromstring(chart.evaluate("chart.toSvg()"))
    texts = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
    assert "Loss" in texts
    assert HOSTILE in texts, "in the legend, as text"
    assert "epoch" in texts
    lines = [
        p for p in root.iter(f"{SVG}path") if p.get("fill") == "none" and p.get("stroke-width")
    ]
    curves = [str(p.get("d")) for p in lines if str(p.get("d")).count("L") >= 2]
    assert any(path.count("M") == 2 for path in curves), "a gap at the missing value"
    assert any(p.get("stroke-dasharray") == "5 3" for p in lines)
    assert not [e for e in root.iter() if "script" in e.tag or "img" in e.tag]


def test_a_change_of_the_theme_redraws(chart: Page) -> None:
    colors = "() => chart.colors.ink"
    light = chart.evaluate(colors)
    chart.emulate_media(color_scheme="dark")
    chart.wait_for_function("(light) => chart.colors.ink !== light", arg=light)


def test_a_dark_page_is_printed_in_light_colors(chart: Page) -> None:
    light = chart.evaluate("chart.colors")
    chart.evaluate("import('./theme.js').then((theme) => document.body.append("
                   "theme.createThemeButton()))")  # fmt: skip
    chart.locator("#theme").click()
    dark = chart.evaluate("chart.colors")
    assert dark != light
    chart.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert chart.evaluate("chart.colors") == light
    chart.evaluate("dispatchEvent(new Event('afterprint'))")
    assert chart.evaluate("chart.colors") == dark
    assert chart.locator("html").get_attribute("data-theme") == "dark"


def test_the_line_of_the_key_cursor_disappears(chart: Page) -> None:
    pixels = "() => document.querySelector('canvas').toDataURL()"
    before = chart.evaluate(pixels)
    area = chart.locator(".chart-area")
    area.focus()
    area.press("ArrowRight")
    chart.wait_for_function(f"(before) => ({pixels})() !== before", arg=before)
    area.press("Escape")
    chart.wait_for_function(f"(before) => ({pixels})() === before", arg=before)
    assert chart.locator(".chart-tip").is_hidden()


def test_log_axes_leave_out_zero(chart: Page) -> None:
    chart.evaluate(DRAW, SPEC | {"xLog": True, "rules": [{"x": 0, "kind": "onset", "color": 0}],
                                 "shaded": [0, 2]})  # fmt: skip
    area = chart.locator(".chart-area")
    area.focus()
    area.press("-")
    low, high = chart.evaluate("zooms[0]")
    assert 0 < low < 1
    assert high > 4
    svg = chart.evaluate("chart.toSvg()")
    assert "NaN" not in svg
    assert "Infinity" not in svg


def test_a_range_without_values_shows_the_line_through_it(page: Page, board_url: str) -> None:
    page.goto(board_url)
    code = """
    () => import('./assets/shared/chart_ranges.js').then(({ yRangeWithin }) => {
      const spec = { lines: [{ x: [0, 10, 20], y: [50, 60, 90] }] };
      return [[2, 4], [8, 12], [30, 40]].map((range) => yRangeWithin(spec, range));
    })
    """
    between, around, beyond = page.evaluate(code)
    assert between == pytest.approx([49.5, 60.5])
    assert around[0] < 60 < around[1]
    assert beyond == pytest.approx([-0.05, 1.05])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("linearTicks(0, 1, 5)", [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ("linearTicks(3, 97, 4)", [20, 40, 60, 80]),
        ("linearTicks(2, 2, 4)", [2]),
        ("logTicks(0.001, 10, 6)", [0.001, 0.01, 0.1, 1, 10]),
        ("logTicks(2, 9, 6)", [2, 5]),
        ("axisTicks(0, 600, {kind: 'duration', count: 4})", [0, 300, 600]),
        ("tickLabels([0, 90, 7200], 'duration')", ["0", "1.5 min", "2 h"]),
    ],
)
def test_ticks_are_round(page: Page, board_url: str, expression: str, expected: object) -> None:
    page.goto(board_url)
    module = "import('./assets/shared/ticks.js')"
    names = "linearTicks, logTicks, axisTicks, tickLabels"
    assert page.evaluate(f"{module}.then(({{{names}}}) => {expression})") == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"), (12345, "12,345"), (1234, "1234"),
        (12345.67, "12,346"), (-0.5, "\u22120.5"), (1e-7, "1e\u22127"), (-1e-7, "\u22121e\u22127"),
        (0, "0"), (None, "\u2013"), (3.0, "3"),
    ],
)  # fmt: skip
def test_numbers_are_short(page: Page, board_url: str, value: float | None, text: str) -> None:
    page.goto(board_url)
    module = "import('./assets/shared/numbers.js')"
    code = f"{module}.then(({{formatNumber}}) => formatNumber({json.dumps(value)}))"
    assert page.evaluate(code) == text
