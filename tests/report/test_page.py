"""Reports as HTML: one file, all text escaped, works in a browser."""

from __future__ import annotations

import json
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line_runner import QUICK, Nnlab
from store_speed import fill_database

if TYPE_CHECKING:
    from playwright.sync_api import Page as BrowserPage

NASTY = "<script>alert(1)</script>\"&'{{ 7*7 }}"


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def charts_of(text: str) -> list[Any]:
    """The charts of a page, as its script reads them."""
    match = re.search(r'<script type="application/json" id="charts">(.*?)</script>', text)
    assert match is not None
    charts: list[Any] = json.loads(match[1])
    return charts


def chart_number(section: str) -> int:
    match = re.search(r'data-chart="(\d+)"', section)
    assert match is not None
    return int(match[1])


@pytest.fixture
def study(nnlab: Nnlab) -> Nnlab:
    """A study whose name and question are attacks, with a run that failed in it."""
    nnlab("init-study", NASTY, *QUICK, "--opt", "sgd,adam", "--lr", "0.01,0.1", "--seeds", "3",
          "--question", f"Which? {NASTY}")  # fmt: skip
    nnlab("train", "--study", NASTY, "-q")
    return nnlab


def test_the_page_asks_nobody_for_anything_and_shows_text_as_text(
    study: Nnlab, tmp_path: Path
) -> None:
    study("report", NASTY, "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    page = Page(text)
    assert page.tags.count("script") == 3, "the data of the charts, uPlot and the page's own"
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert all(link.startswith("#") for link in page.links)
    assert NASTY in page.text
    assert "{{ 7*7 }}" in page.text
    assert not re.search(r"@import|url\((?!#)", text)


def test_every_part_is_there(study: Nnlab, tmp_path: Path) -> None:
    study("report", NASTY, "-o", "r.html")
    page = Page((tmp_path / "r.html").read_text())
    for part in (
        "is best of 4", "Ranking", "Curves", "Which choices matter", "Findings", "What was run",
        "Where", "Commands", "packages", "12 runs: 12 finished", "tier",
    ):  # fmt: skip
        assert part in page.text, part
    assert len(charts_of((tmp_path / "r.html").read_text())) >= 2


def test_a_page_before_anything_was_trained(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("init-study", "s", *QUICK)
    nnlab("report", "s")
    assert "nothing has been trained yet" in (tmp_path / "report.html").read_text()


def test_runs_are_reported_too(study: Nnlab, tmp_path: Path) -> None:
    study("report", "1", "2", "-o", "two.html")
    assert "2 runs: 2 finished" in (tmp_path / "two.html").read_text()


@pytest.mark.parametrize("suffix", ["md", "tex"])
def test_other_formats_have_their_figures_beside_them(
    study: Nnlab, tmp_path: Path, suffix: str
) -> None:
    study("report", NASTY, "-o", f"r.{suffix}")
    kind = "png" if suffix == "md" else "pdf"
    assert (tmp_path / f"r-curves.{kind}").is_file()
    text = (tmp_path / f"r.{suffix}").read_text()
    assert f"r-curves.{kind}" in text.replace("\\", "")
    assert "<script>" not in text


def test_overfitting_stands_at_the_top_with_its_curve(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab(
        *("train", "--data", "circles", "--data-noise", "0.3", "--train-size", "60", "-q"),
        *("--width", "256", "--depth", "3", "--lr", "0.003", "--epochs", "80", "--seeds", "2"),
    )
    nnlab("report", "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    flag = text.index("Overfitting in 2 of 2 runs")
    assert flag < text.index("Ranking</h2>")
    section = text[flag : text.index("</section>", flag)]
    chart = charts_of(text)[chart_number(section)]
    (rule,) = chart["rules"]
    assert rule["kind"] == "onset"
    assert chart["shaded"][0] == rule["x"] < chart["shaded"][1]


def test_a_plateau_has_a_banner_of_its_own_and_noise_has_none(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab(
        *("train", "--data", "circles", "--data-noise", "0.3", "--train-size", "60", "-q"),
        *("--width", "256", "--depth", "3", "--lr", "0.003", "--epochs", "80"),
    )
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("DELETE FROM finding WHERE code != 'NN101'")
        (message,) = connection.execute("SELECT message FROM finding").fetchone()
        connection.execute("UPDATE finding SET code = 'NN102', severity = 'info'")
    nnlab("report", "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    section = text[text.index('id="plateau"') :].partition("</section>")[0]
    assert "Validation plateau in 1 of 1 runs" in section
    assert charts_of(text)[chart_number(section)]["rules"][0]["kind"] == "plateau"
    assert 'id="overfitting"' not in text
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("UPDATE finding SET code = 'NN101', severity = 'warning'")
        connection.execute(
            "INSERT INTO finding (run_id, code, name, severity, confidence, onset, message, remedy,"
            " evidence, created_at) SELECT run_id, 'NN401', 'inputs', severity, confidence, 1,"
            " 'not normalised', remedy, evidence, created_at FROM finding"
        )
    nnlab("report", "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    assert 'id="overfitting"' not in text
    assert text.index('id="NN401"') > 0
    assert message.split(" (")[0] in text, "the finding itself stays in the list"
    assert not any(chart["rules"] for chart in charts_of(text))


@pytest.mark.parametrize("width", [1200, 500])
def test_in_a_browser_it_sorts_hides_filters_and_shows_values(
    study: Nnlab, tmp_path: Path, page: BrowserPage, width: int
) -> None:
    study("report", NASTY, "-o", "r.html")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((tmp_path / "r.html").as_uri())
    rows = page.locator("#ranked tbody tr")
    headings = page.locator("#ranked thead th").all_inner_texts()
    column = next(i for i, text in enumerate(headings) if text.startswith("val/accuracy"))
    heading = page.locator("#ranked thead th").nth(column)
    heading.click()
    up = [row.locator("td").nth(column).inner_text() for row in rows.all()]
    numbers = [float(text.split()[0]) for text in up]
    assert numbers == sorted(numbers)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"

    curves = page.locator("#curves figure").first
    columns = curves.locator("table thead th")
    curves.locator("summary").click()
    columns.first.wait_for()
    named = columns.count()
    curves.locator("summary").click()
    page.locator("#curves .legend button").first.click()
    columns.first.wait_for(state="detached")
    curves.locator("summary").click()
    columns.first.wait_for()
    assert 1 < columns.count() < named
    page.locator("#curves .legend button").first.click()

    area = curves.locator(".chart-area")
    area.scroll_into_view_if_needed()
    area.locator(".u-over").hover(position={"x": 4, "y": 60})
    tip = curves.locator(".chart-tip")
    assert "epoch 1" in tip.inner_text()
    assert len(tip.locator("div").all()) > 2, "the values of all curves"

    page.locator("input.filter").first.fill("adam 0.01")
    assert len([row for row in rows.all() if row.is_visible()]) == 1
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_five_hundred_runs_make_a_small_page(nnlab: Nnlab, tmp_path: Path) -> None:
    fill_database(tmp_path / "runs.db", runs=500, seeds=5)
    nnlab("report", "-o", "r.html")
    page = Page((tmp_path / "r.html").read_text())
    assert "500 runs" in page.text
    assert (tmp_path / "r.html").stat().st_size < 5_000_000
