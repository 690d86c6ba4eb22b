"""The gallery: texts of all kinds of figures, on studies with divergence, overfitting, regression.

`make gallery` draws the full matrix of kinds, studies and venues; here each kind is drawn once per
study, at venues and in styles that take turns.
"""

import itertools
import warnings
from collections.abc import Iterator
from contextlib import closing

import gallery
import pytest
from figure_checks import assert_plain_text
from gallery_studies import STUDIES, train_studies

from nnlab import store
from nnlab.figures import KINDS

# Divergence with three seeds, several optimizers, regression.
QUICK_STUDIES = ("grid3", "wine", "diabetes")
# Kinds that need remedies, several data sets or several sizes of the training set.
NEED_OTHER_STUDIES = ("remedy", "gate", "critical-difference", "scaling", "reliable", "histograms")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[store.Database]:
    """Some studies of the gallery with three seeds and three epochs."""
    path = str(tmp_path_factory.mktemp("gallery") / "runs.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNLAB_DEVICES", "cpu:1")
        train_studies(path, QUICK_STUDIES, "--seeds", "3", "--epochs", "3")
    with closing(store.open_database(path, write=False)) as db:
        yield db


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_every_kind_are_plain(database: store.Database, kind: str) -> None:
    pages = itertools.cycle(list(gallery.PAGES.items()))
    for _ in range(list(KINDS).index(kind)):
        next(pages)  # so that kinds differ in the venues at which they are drawn
    # Evaluating models takes long, and their figures differ little between studies.
    requests = gallery.requests_of(database, kind)
    drawn = list(itertools.islice(requests, 1 if KINDS[kind].needs_model else None))
    assert drawn or kind in NEED_OTHER_STUDIES
    for _, request in drawn:
        name, page = next(pages)
        ((_, draw),) = gallery.drawings(database, request, {name: page})
        with warnings.catch_warnings():
            # A venue may be too narrow for a figure; `make gallery` reports that.
            warnings.simplefilter("ignore")
            assert_plain_text(draw())


def test_a_contact_sheet_has_every_picture(database: store.Database) -> None:
    pages = {name: gallery.PAGES[name] for name in ("default", "icml", "dark")}
    pictures = [
        gallery.draw_picture(name, page, draw)
        for name, request in itertools.islice(gallery.requests_of(database, "ranking"), 1)
        for page, draw in gallery.drawings(database, request, pages)
    ]
    assert [picture.page for picture in pictures] == list(pages)
    sheet = gallery.contact_sheet([(picture.page, picture.png) for picture in pictures])
    assert sheet.startswith(b"\x89PNG")


def test_the_studies_have_what_results_may_contain() -> None:
    options = " ".join(STUDIES.values())
    assert len(STUDIES) >= 10
    for part in (
        "--seeds 10",
        "--seeds 3",
        "--trials 60",
        "diabetes",
        "--train-size",
        "--lr 0.001",
    ):
        assert part in options
