"""The view "Curves" in a browser."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from board.curve_fixtures import add_curve, add_runs, add_study, append_points, context_of
from playwright.sync_api import Browser, Page, Response, expect
from sqlalchemy import insert

from nnlab import store
from nnlab.board.app import create_app
from nnlab.board.server import BoardServer, listen
from nnlab.store.tables import finding

PATIENCE = 30_000  # milliseconds
HOSTILE = "<img src=x onerror=alert(1)>/'loss"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[store.Database]:
    """Two trials, one with two seeds and one with NaN, and a metric with a hostile name."""
    database = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    study = add_study(database, "opts")
    for lr, seeds in [(0.1, [0, 1]), (0.2, [0])]:
        for run_id in add_runs(database, study, lr, seeds):
            losses = [2.0 * math.exp(-epoch * lr) for epoch in range(30)]
            losses[10] = math.nan if lr == 0.2 else losses[10]
            for metric in ("train/loss", "val/loss", HOSTILE):
                add_curve(database, run_id, losses, metric)
            for layer in range(13):
                add_curve(database, run_id, [0.1, 0.2], f"probe/dead/{layer}")
    yield database
    database.close()


@contextmanager
def served(database: store.Database, browser: Browser) -> Iterator[str]:
    """The address of the view in a board of a database."""
    listener = listen("127.0.0.1", 0)
    server = BoardServer(create_app(context_of(database)), listener)
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/#view=curves"
    for tabs in browser.contexts:
        tabs.close()  # otherwise the page would report that the server does not answer
    server.stop()


@pytest.fixture
def url(db: store.Database, browser: Browser) -> Iterator[str]:
    with served(db, browser) as address:
        yield address


def is_update(response: Response) -> bool:
    return "curves/data" in response.url and "after=" in response.url


def panel(page: Page, title: str) -> Any:
    """The panel of a metric, once it is drawn."""
    found = page.locator(".curves-panel").filter(has=page.get_by_text(title, exact=True)).first
    expect(found).to_be_visible(timeout=PATIENCE)
    return found


def test_panels_are_grouped_and_the_legend_hides_trials(page: Page, url: str) -> None:
    page.goto(url)
    panel(page, "val/loss")
    groups = page.locator(".curves-group")
    assert groups.evaluate_all("all => all.map((group) => [group.dataset.group, group.open])") == [
        ["val", True],
        ["train", True],
        [HOSTILE.partition("/")[0], True],
        ["probe", False],
    ]
    expect(panel(page, "val/loss")).to_contain_text("NaN or infinite at 1 place", timeout=PATIENCE)
    expect(panel(page, "val/loss")).to_contain_text("below 5 seeds with their range")
    page.get_by_role("button", name="lr=0.2 (run 3)").click()
    expect(panel(page, "val/loss")).not_to_contain_text("NaN or infinite", timeout=PATIENCE)
    assert "curves.hidden=2" in page.url
    page.go_back()
    expect(page.get_by_role("button", name="lr=0.2 (run 3)")).to_have_attribute(
        "aria-pressed", "true", timeout=PATIENCE
    )


def test_a_link_restores_the_controls(page: Page, url: str) -> None:
    page.goto(
        f"{url}&curves.filter=loss&curves.merge=1&curves.seeds=lines&curves.smooth=0.5"
        "&curves.logy=1&curves.from=5&curves.to=20"
    )
    expect(panel(page, "loss")).to_contain_text("smoothed, with the raw line", timeout=PATIENCE)
    expect(page.get_by_label("seeds")).to_have_value("lines")
    expect(page.get_by_label("log y")).to_be_checked()
    expect(page.get_by_label("log x")).not_to_be_checked()
    expect(page.get_by_label("smoothing")).to_have_value("0.5")
    expect(page.get_by_label("metrics")).to_have_value("loss")
    assert page.locator(".curves-panel").count() == 2
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.get_by_role("button", name="Reset zoom")).to_be_hidden(timeout=PATIENCE)
    assert "curves.from" not in page.url
    page.get_by_label("metrics").fill("probe/*")
    expect(page.locator(".curves-group")).to_have_count(1, timeout=PATIENCE)
    page.locator(".curves-group summary").first.click()
    panel(page, "probe/dead/2")
    assert "curves.groups=" in page.url


def test_the_cursor_zoom_and_table_of_a_panel(page: Page, url: str) -> None:
    page.goto(f"{url}&curves.filter=loss&curves.sync=1")
    first, second = panel(page, "val/loss"), panel(page, "train/loss")
    chart = first.locator(".u-over")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    for shown in (first, second):  # the cursor is in all panels
        expect(shown.locator(".chart-tip")).to_contain_text("lr=0.1", timeout=PATIENCE)
        expect(shown.locator(".chart-tip")).to_contain_text("lr=0.2")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Reset zoom").wait_for(timeout=PATIENCE)
    state = dict(parse_qsl(page.url.partition("#")[2]))
    assert 14 < float(state["curves.from"]) < 17
    assert 21 < float(state["curves.to"]) < 24
    expect(second.locator(".chart-area")).to_have_attribute(
        "aria-label", re.compile(r"from 1[456][.\d]* to 2[123]"), timeout=PATIENCE
    )
    first.get_by_text("Data as a table").click()
    expect(first.locator("table thead")).to_contain_text("epochlr=0.1lr=0.2", timeout=PATIENCE)
    with page.expect_download() as download:
        first.get_by_role("button", name="Save SVG").click()
    assert download.value.suggested_filename == "val-loss.svg"
    text = download.value.path().read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")


def test_best_epochs_and_the_onset_of_overfitting_are_marked(
    page: Page, url: str, db: store.Database
) -> None:
    with db.write() as connection:
        for run_id, code in [(1, "NN101"), (2, "NN101"), (3, "NN102")]:
            connection.execute(
                insert(finding).values(
                    run_id=run_id, code=code, name="overfitting", severity="warning",
                    confidence=0.9, onset=10 + run_id, message="", remedy="", evidence="{}",
                    created_at="2026-01-01T00:00:00+00:00",
                )
            )  # fmt: skip
    page.goto(f"{url}&curves.filter=val/loss")
    note = panel(page, "val/loss").locator(".panel-note")
    expect(note).to_contain_text("ring: best epoch", timeout=PATIENCE)
    expect(note).to_contain_text("dotted line: overfitting starts at 11 (lr=0.1)")
    expect(note).to_contain_text("dashed line: plateau starts at 13 (lr=0.2)")
    page.get_by_label("seeds").select_option("lines")
    expect(note).to_contain_text("at 12 (lr=0.1, run 2)", timeout=PATIENCE)


def test_an_axis_that_seeds_do_not_share_has_a_line_for_each_run(page: Page, url: str) -> None:
    page.goto(f"{url}&curves.x=metric:train/loss&curves.filter=val/loss")
    panel(page, "val/loss")
    expect(page.get_by_label("x axis")).to_have_value("metric:train/loss")
    page.get_by_label("x axis").select_option("")
    expect(panel(page, "val/loss")).to_contain_text("mean of the seeds", timeout=PATIENCE)
    assert "curves.x" not in page.url


def test_an_update_sends_only_new_points(page: Page, url: str, db: store.Database) -> None:
    page.goto(f"{url}&curves.filter=val/loss")
    panel(page, "val/loss")
    chart = panel(page, "val/loss").locator(".chart-area")
    expect(chart).to_have_attribute("aria-label", re.compile("from 1 to 30"), timeout=PATIENCE)
    with page.expect_response(is_update, timeout=PATIENCE) as information:
        append_points(db, 3, [0.5, 0.25])
    expect(chart).to_have_attribute("aria-label", re.compile("from 1 to 32"), timeout=PATIENCE)
    (line,) = information.value.json()["metrics"]["val/loss"]["lines"]
    assert (line["key"], line["keep"], line["x"]) == ("trial:2", 29, [30, 31, 32])


def test_runs_that_begin_appear(page: Page, url: str, db: store.Database) -> None:
    page.goto(f"{url}&curves.filter=val/loss")
    panel(page, "val/loss")
    append_points(db, 3, [0.5])
    (run_id,) = add_runs(db, store.find_study(db, "opts"), 0.4, [0])
    add_curve(db, run_id, [1.0, 0.5])
    expect(page.get_by_role("button", name="lr=0.4 (run 4)")).to_be_visible(timeout=PATIENCE)


def test_nothing_overlaps_at_phone_width(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(url)
    panel(page, "val/loss")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    boxes = page.locator(".curves-controls > *").evaluate_all(
        "all => all.filter((e) => !e.hidden).map((e) => e.getBoundingClientRect())"
        ".map((r) => [r.left, r.top, r.right, r.bottom])"
    )
    assert len(boxes) >= 9
    for index, a in enumerate(boxes):
        for b in boxes[index + 1 :]:
            overlap = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            assert min(overlap) <= 0.5, json.dumps([a, b])


def test_a_database_without_runs_says_so(page: Page, browser: Browser, tmp_path: Path) -> None:
    db = store.open_database(str(tmp_path / "empty.db"), write=True, create=True)
    with served(db, browser) as url:
        page.goto(url)
        expect(page.locator("main")).to_contain_text("no run has started yet", timeout=PATIENCE)
    db.close()
