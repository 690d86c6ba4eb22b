"""Views are links, and their address restores them."""

from playwright.sync_api import Page


def test_a_link_shows_its_view(page: Page, board_url: str) -> None:
    page.goto(f"{board_url}#view=ranking")
    assert page.title() == "Ranking · nnlab"
    page.get_by_role("link", name="Curves").click()
    assert page.title() == "Curves · nnlab"
    assert page.url == f"{board_url}#view=curves"
    page.go_back()
    assert page.title() == "Ranking · nnlab"
