"""`nnlab.board` serves the page from a notebook's process."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

import nnlab as api
from nnlab.errors import NoDatabase


def test_a_notebook_shows_the_board_in_a_frame(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("train", *QUICK, "-q")
    board = api.board(tmp_path / "runs.db", "1", height=500)
    try:
        assert api.board(tmp_path / "runs.db", "1") is board
        html = board._repr_html_()
        assert f'src="{board.url}"' in html
        assert 'location.hostname !== "localhost"' in html
        request = urllib.request.Request(board.url, headers={"Sec-Fetch-Site": "same-site"})
        with urllib.request.urlopen(request) as answer:
            policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'self' http://localhost:*" in policy
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(board.url.partition("?")[0])
    finally:
        board.close()
    board.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(board.url)


def test_a_missing_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoDatabase):
        api.board(tmp_path / "none.db")
