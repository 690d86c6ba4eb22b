"""The table of runs in a browser."""

import sqlite3
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

PATIENCE = 30_000


def test_it_sorts_filters_selects_and_restores(page: Page, board_url: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(board_url)
    rows = page.locator(".runs-table tbody tr")
    expect(rows).to_have_count(8, timeout=PATIENCE)
    heading = page.locator(".runs-table thead th").nth(1)
    heading.get_by_role("button").click()
    expect(rows.first).to_contain_text("1", timeout=PATIENCE)
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("filter the runs").fill("opt=adam lr<0.05")
    expect(rows).to_have_count(2, timeout=PATIENCE)
    page.get_by_label("select run 3").check()
    expect(page.locator("#selection")).to_contain_text("1 run selected")
    address = page.url
    page.get_by_role("link", name="Curves", exact=True).click()
    expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE)
    page.goto("about:blank")
    page.goto(address)
    expect(rows).to_have_count(2, timeout=PATIENCE)
    expect(page.get_by_label("filter the runs")).to_have_value("opt=adam lr<0.05")
    expect(page.get_by_label("select run 3")).to_be_checked()


def test_a_faulty_filter_is_explained(browser: Browser, board_url: str) -> None:
    # Not the fixture `page`: the browser reports the answer 400 in its console.
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{board_url}#view=runs&runs.filter=status%3Adone")
    expect(page.locator("#message")).to_contain_text("status is one of", timeout=PATIENCE)
    page.get_by_label("filter the runs").fill("status:finished")
    expect(page.locator(".runs-table tbody tr")).to_have_count(8, timeout=PATIENCE)
    expect(page.locator("#message")).to_have_text("")
    context.close()


def test_trials_open_and_columns_are_added(page: Page, board_url: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{board_url}#view=runs&runs.group=trial")
    rows = page.locator(".runs-table tbody tr")
    expect(rows).to_have_count(4, timeout=PATIENCE)
    page.locator(".runs-toggle").first.click()
    expect(rows).to_have_count(6)
    expect(page.locator(".runs-toggle").first).to_have_attribute("aria-expanded", "true")
    page.locator("summary", has_text="Columns").click()
    page.locator(".runs-menu label", has_text="batch_size").get_by_role("checkbox").check()
    expect(page.get_by_role("columnheader", name="batch_size")).to_be_visible(timeout=PATIENCE)
    page.goto(f"{board_url}#view=runs&runs.columns=name,-seed,setting:lr")
    expect(page.get_by_role("columnheader", name="lr")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("columnheader", name="name")).to_be_visible()
    expect(page.get_by_role("columnheader", name="seed")).to_have_count(0)


def test_a_change_updates_a_row_in_place(page: Page, board_url: str, trained: Path) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(board_url)
    box = page.get_by_label("select run 8")
    box.focus()
    with sqlite3.connect(trained) as connection:
        connection.execute("UPDATE run SET status = 'failed' WHERE id = 7")
    expect(page.locator("tr[data-key=r7]")).to_contain_text("failed", timeout=PATIENCE)
    expect(box).to_be_focused()
    box.press("ArrowDown")
    expect(page.get_by_label("select run 7")).to_be_focused()
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
