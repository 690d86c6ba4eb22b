"""The views "Ranking", "Findings" and "Queue" in a browser."""

import re
from pathlib import Path

from command_line_runner import QUICK, Nnlab
from playwright.sync_api import Page, expect
from store.store_fixtures import ENVIRONMENT

from nnlab import store
from nnlab.records import Epoch, Status

PATIENCE = 30_000  # milliseconds, on a busy machine
HOSTILE = "<img src=x onerror=alert(1)>"


def check_phone_width(page: Page) -> None:
    """Waits until the page fits into the width of a phone; charts are drawn again for it."""
    page.set_viewport_size({"width": 375, "height": 800})
    expect(page.locator("html")).to_have_js_property("scrollWidth", 375, timeout=PATIENCE)


def test_rows_of_a_ranking_select_runs(page: Page, board_url: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{board_url}#view=ranking")
    rows = page.locator("#view tbody tr")
    expect(rows).to_have_count(4, timeout=PATIENCE)
    first = rows.first.locator("input[type=checkbox]")
    runs = rows.first.get_attribute("data-runs")
    assert runs is not None
    first.check()
    expect(page.locator("#selection")).to_contain_text("2 runs selected")
    # The other rows stay, and the link restores the selection.
    expect(rows).to_have_count(4)
    assert f"runs={runs.replace(',', '%2C')}" in page.url
    page.reload()
    expect(rows.first.locator("input[type=checkbox]")).to_be_checked(timeout=PATIENCE)
    page.get_by_label("only the selected runs").check()
    expect(rows).to_have_count(1, timeout=PATIENCE)
    page.get_by_label("metric").fill("val/loss")
    page.get_by_label("metric").press("Enter")
    expect(page.locator("#view section p").first).to_contain_text("By val/loss", timeout=PATIENCE)
    assert "ranking.by=val%2Floss" in page.url
    expect(page.locator(".ranking-command")).to_contain_text("--by val/loss")
    check_phone_width(page)


def test_a_new_ranking_keeps_the_order_and_the_filter(
    page: Page, board_url: str, nnlab: Nnlab
) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{board_url}#view=ranking&study=opts")
    rows = page.locator("#view tbody tr")
    expect(rows).to_have_count(4, timeout=PATIENCE)
    rate = page.get_by_role("columnheader", name="Learning rate")
    rate.get_by_role("button").click()
    expect(rate).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("searchbox").fill("adam")
    expect(page.locator("#view tbody tr:visible")).to_have_count(2)
    nnlab("train", "--study", "opts", "--seeds", "3", "--extend", "-q")
    expect(rows.first.locator("td").nth(3)).to_have_text("3", timeout=PATIENCE)
    expect(rate).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("searchbox")).to_have_value("adam")
    expect(page.locator("#view tbody tr:visible")).to_have_count(2)


def test_findings_show_evidence_and_stay_open(page: Page, board_url: str, nnlab: Nnlab) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{board_url}#view=ranking")
    page.locator("#view td.flags a").first.click()
    expect(page).to_have_title("Findings · nnlab", timeout=PATIENCE)
    card = page.locator(".findings-card")
    expect(card).to_have_count(1, timeout=PATIENCE)
    expect(card).to_have_attribute("open", "")
    assert re.search(r"findings\.code=NN\d+", page.url)
    expect(card.locator("canvas").first).to_be_visible(timeout=PATIENCE)
    expect(card.locator(".findings-commands code").first).to_contain_text("nnlab remedy")
    expect(card.locator(".findings-evidence")).to_contain_text("Measured in run")
    card.get_by_text("How it is detected").click()
    other = card.get_by_role("button", name="plot run").last
    name = other.text_content()
    other.click()
    assert name is not None
    run = name.removeprefix("plot run ")
    expect(card.get_by_role("heading", name=f"Run {run}:").first).to_be_visible(timeout=PATIENCE)
    # What is open stays open while the database changes.
    nnlab("train", *QUICK, "--study", "more", "-q")
    expect(page.locator("#view .hint").first).to_contain_text("9 runs", timeout=PATIENCE)
    expect(card.locator(".findings-explanation")).to_have_attribute("open", "")
    expect(card.get_by_role("heading", name=f"Run {run}:").first).to_be_visible()
    assert "findings.plot=" in page.url
    page.get_by_label("severity").select_option("error")
    expect(page).to_have_url(re.compile(r"findings\.severity=error"))
    page.go_back()
    expect(card).to_have_count(1)
    check_phone_width(page)


def test_the_queue_is_live_and_hostile_reasons_are_text(
    page: Page, board_url: str, trained: Path, nnlab: Nnlab
) -> None:
    page.set_default_timeout(PATIENCE)
    nnlab("init-study", "waiting", *QUICK, "--seeds", "3")
    page.goto(f"{board_url}#view=queue")
    expect(page.locator(".queue-total")).to_contain_text("3 queued", timeout=PATIENCE)
    expect(page.get_by_text("No worker is training.")).to_be_visible()
    db = store.open_database(str(trained), write=True, create=False)
    ids = [run.id for run in store.runs(db) if run.trial.study == "waiting"]

    def claim(run_id: int) -> store.Claim:
        claim = store.claim(
            db, ENVIRONMENT, run_ids=[run_id], pid=7, command="nnlab train", hostname="gpu-1",
            lease_seconds=600.0,
        )  # fmt: skip
        assert claim is not None
        return claim

    failed = claim(ids[1])
    store.release_run(db, failed, Status.FAILED, reason=HOSTILE, traceback=f"Error: {HOSTILE}")
    busy = claim(ids[0])
    worker = page.locator("#view tr", has_text="gpu-1")
    expect(worker).to_contain_text("0 of 3", timeout=PATIENCE)
    failure = page.locator(".queue-failure")
    expect(failure).to_contain_text(HOSTILE, timeout=PATIENCE)
    failure.locator("summary").click()
    expect(failure.locator("pre")).to_have_text(f"Error: {HOSTILE}")
    expect(page).to_have_url(re.compile(f"queue.failure={failed.run.id}$"))
    worker.get_by_role("link").focus()
    store.RunWriter(db, busy, resume_after=0).write(Epoch(1, {"val/loss": 0.5}, 0.1))
    expect(worker).to_contain_text("1 of 3", timeout=PATIENCE)
    expect(worker.get_by_role("link")).to_be_focused()
    expect(failure.locator("pre")).to_be_visible()
    db.close()
    check_phone_width(page)
