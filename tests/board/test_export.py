"""The page as one file: it works from disk, small, and is not written over a user's file."""

import re
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from playwright.sync_api import Page, expect
from store_speed import fill_database

PATIENCE = 30_000
VIEWS = {
    "runs&runs.filter=opt%3Dadam": "1 to 4 of 4 runs",
    "runs&runs.group=trial": "1 to 4 of 4 trials",
    "runs&runs.sort=setting:lr": "1 to 8 of 8 runs",
    "curves&runs=1-4": "val/accuracy",
    "ranking": "Tier 1",
    "findings": "runs",
    "settings": "Heatmap",
    "compare&compare.a=1&compare.b=2": "Settings",
    "run&run.id=3": "Run 3: opts",
    "queue": "8 runs: 8 finished",
}


def test_every_view_works_from_disk(
    trained: Path, nnlab: Nnlab, page: Page, tmp_path: Path
) -> None:
    printed = nnlab("board", "opts", "--export", "board.html").out
    assert re.search(r"board.html: \d\.\d MB", printed)
    for view, text in VIEWS.items():
        page.goto("about:blank")
        page.goto(f"{(tmp_path / 'board.html').as_uri()}#view={view}")
        expect(page.locator("#view")).to_contain_text(text, timeout=PATIENCE)
        expect(page.locator("#message")).to_have_text("")
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_label("select run 2").check()
    page.get_by_role("link", name="Curves", exact=True).click()
    expect(page.locator("#selection")).to_contain_text("1 run selected")
    expect(page.locator("canvas").first).to_be_visible(timeout=PATIENCE)


def test_a_hundred_runs_are_small(nnlab: Nnlab, tmp_path: Path) -> None:
    fill_database(tmp_path / "runs.db", runs=100, seeds=5)
    nnlab("board", "--export", "board.html")
    assert (tmp_path / "board.html").stat().st_size <= 5_000_000


def test_too_many_runs_are_an_error(nnlab: Nnlab, tmp_path: Path) -> None:
    fill_database(tmp_path / "runs.db", runs=501, seeds=1)
    answer = nnlab("board", "--export", "board.html", expect=None)
    assert "at most 500 runs, not 501" in answer.err
    assert not (tmp_path / "board.html").exists()


def test_a_file_of_the_user_is_kept(trained: Path, nnlab: Nnlab, tmp_path: Path) -> None:
    (tmp_path / "board.html").write_text("mine")
    answer = nnlab("board", "--export", "board.html", expect=None)
    assert "board.html" in answer.err
    assert (tmp_path / "board.html").read_text() == "mine"
    nnlab("board", "--export", "board.html", "--force")
    nnlab("board", "--export", "board.html")


@pytest.mark.parametrize("module", ["starlette", "uvicorn"])
def test_neither_server_nor_framework_is_needed(
    trained: Path, nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    nnlab("board", "--export", "board.html")
    assert (tmp_path / "board.html").is_file()
