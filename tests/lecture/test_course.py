"""The course as files: valid pages without external resources, written carefully."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from command_line_runner import Nnlab
from course_pages import BuiltCourse, CourseHtml

from nnlab.cli.lecture import views
from nnlab.lecture import read_lines, results
from nnlab.study.reference_results import reference_results

PAGES = ["01-relu.html", "02-reduction.html", "03-decays.html", "index.html"]
NASTY = "<script>alert(1)</script>\"&'{{ 7*7 }}"


def test_there_is_a_page_for_each_line_and_an_index(built_course: BuiltCourse) -> None:
    assert [page.name for page in built_course.pages] == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_valid_and_need_no_network(built_course: BuiltCourse, name: str) -> None:
    page = CourseHtml(built_course.folder / name)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.labels) <= set(page.ids)
    assert page.tags.count("main") == page.tags.count("h1") == 1
    for resource in page.resources:
        assert (built_course.folder / resource).is_file(), resource
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        elif not link.startswith("https://"):
            assert (built_course.folder / link).is_file(), link
    assert all(image["alt"].strip() for image in page.images)
    text = (built_course.folder / name).read_text()
    assert not re.search(r"(src|srcset)=\"https?:|@import|url\(", text)
    assert "default-src 'none'" in text


def test_a_page_asks_first_and_collapses_the_result_and_the_solution(
    built_course: BuiltCourse,
) -> None:
    text = (built_course.folder / "02-reduction.html").read_text()
    page = CourseHtml(built_course.folder / "02-reduction.html")
    question, result = text.index('id="predict"'), text.index('<details class="reveal">')
    assert question < result < text.index("The numbers")
    assert text.index('<details class="solution">') < text.index("0.0016")
    assert page.tags.count("input") == 3
    assert page.tags.count("math") >= 6
    assert page.copied == [
        "nnlab train --reduction mean,sum --opt sgd --lr 0.1 --epochs 5",
        "nnlab init-study mine --from lecture/reduction --opt adam",
    ]
    for part in ("supported", "Next to the literature", "Exercise", "Change one thing", "5 seeds"):
        assert part in page.text
    assert [image["src"] for image in page.images] == [
        f"figures/02-reduction-{theme}-{part}.svg"
        for part in ("verdict", "curves")
        for theme in ("light", "dark")
    ]
    assert '<span class="option">--reduction</span> mean,sum' in text
    assert "mean, lr 0.1" in page.images[0]["alt"] + page.images[2]["alt"]


def test_a_line_without_a_study_has_its_plot(built_course: BuiltCourse) -> None:
    page = CourseHtml(built_course.folder / "03-decays.html")
    assert [image["src"] for image in page.images] == [
        "figures/03-decays-light-plot.svg",
        "figures/03-decays-dark-plot.svg",
    ]
    assert page.resources[0] == "figures/03-decays-plot.html"
    assert "slider" in page.frames[0]["title"]
    assert "Next to the literature" not in page.text
    text = (built_course.folder / "03-decays.html").read_text()
    result = text.index('<details class="reveal">')
    assert result < text.index("The exponential decay, a sixteenth of") < text.index("<figure")


def test_pages_are_linked_in_order(built_course: BuiltCourse) -> None:
    links = {name: CourseHtml(built_course.folder / name).links for name in PAGES[:3]}
    local = {
        name: [link for link in page_links if re.fullmatch(r"[\w-]+\.html", link)]
        for name, page_links in links.items()
    }
    assert local["01-relu.html"] == ["index.html", "index.html", "02-reduction.html"]
    assert local["02-reduction.html"] == [
        "index.html", "01-relu.html", "index.html", "03-decays.html",
    ]  # fmt: skip
    assert local["03-decays.html"] == ["index.html", "02-reduction.html", "index.html"]


def test_the_same_results_give_the_same_bytes(
    built_course: BuiltCourse, nnlab: Nnlab, lines_folder: Path
) -> None:
    nnlab("lecture", "--all", "--no-train", "-o", "again", "--db", str(built_course.db))
    written = sorted(path for path in Path("again").rglob("*") if path.is_file())
    assert len(written) == len(PAGES) + 11
    for path in written:
        original = built_course.folder / path.relative_to("again")
        assert path.read_bytes() == original.read_bytes(), path


def test_what_is_trained_already_is_not_trained_again(
    built_course: BuiltCourse, nnlab: Nnlab, lines_folder: Path
) -> None:
    shutil.copy(built_course.db, "runs.db")
    answer = nnlab("lecture", "--all", "--lines", "2")
    assert "every study is trained already" in answer.out
    assert re.search(
        r"course/index.html: 1 page, [\d.]+ KiB, training .+, writing .+ s", answer.out
    )
    assert sorted(path.name for path in Path("course").glob("*.html")) == [PAGES[1], PAGES[3]]


def test_training_continues_where_it_was_stopped(
    nnlab: Nnlab, lines_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_SECONDS_BETWEEN_LINES", 0.0)
    nnlab("init-study", "--from", "lecture/reduction", "--epochs", "1", "--seeds", "5")
    nnlab("train", "--study", "lecture/reduction", "--seeds", "5", "-q")
    with sqlite3.connect("runs.db") as connection:
        connection.execute(
            "UPDATE run SET status = 'queued', epochs = 0 WHERE id IN (SELECT id FROM run LIMIT 2)"
        )
    answer = nnlab("lecture", "--all", "--lines", "reduction")
    assert "1/1 lecture/reduction: 2 runs" in answer.out
    assert "  2 of 2 epochs" in answer.out
    page = CourseHtml(Path("course/02-reduction.html"))
    assert "this course" in page.text


@pytest.mark.parametrize("name", ["index.html", "01-relu.html", "figures/01-relu-dark-verdict.svg"])
def test_files_of_others_are_not_replaced(nnlab: Nnlab, lines_folder: Path, name: str) -> None:
    words = ("lecture", "--all", "--no-train", "--lines", "1")
    path = Path("course") / name
    path.parent.mkdir(parents=True)
    path.write_text("<p>mine</p>")
    answer = nnlab(*words, expect=1)
    assert f"'{path}' exists and was not created by nnlab" in answer.err
    assert path.read_text() == "<p>mine</p>"
    assert len(list(Path("course").glob("*.html"))) == (path.suffix == ".html")
    nnlab(*words, "--force")
    assert len(list(Path("course").glob("*.html"))) == 2


def test_an_own_course_is_replaced(nnlab: Nnlab, lines_folder: Path) -> None:
    for _ in range(2):
        nnlab("lecture", "--all", "--no-train", "--lines", "1")


def test_a_file_in_place_of_the_folder_is_refused(nnlab: Nnlab, lines_folder: Path) -> None:
    Path("course").write_text("mine")
    assert "'course' is a file" in nnlab("lecture", "--all", "--no-train", expect=1).err


def test_without_training_the_reference_results_are_shown(
    nnlab: Nnlab, lines_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reference = {
        "trained_on": "one core",
        "studies": {
            "lecture/reduction": {
                "verdict": "supported",
                "seeds": 8,
                "runs": 24,
                "seconds": 3.0,
                "comparisons": [
                    {"says": "with the same learning rate the sum tests worse by 5 points",
                     "found": 0.8, "low": 0.7, "high": 0.9, "n": 8, "verdict": "supported"},
                    {"says": "removed from the study", "found": None, "low": 0.1, "high": 0.2,
                     "n": 8, "verdict": "cannot tell"},
                ],
            }
        },
    }  # fmt: skip
    (tmp_path / "reference.json").write_text(json.dumps(reference))
    references = reference_results(tmp_path / "reference.json")
    monkeypatch.setattr(results, "_references", lambda: references)
    nnlab("lecture", "--all", "--no-train", "--lines", "1,2")
    listed = nnlab("lecture", "--json").json
    assert not Path("runs.db").exists()
    page = CourseHtml(Path("course/02-reduction.html"))
    assert "reference result" in page.text
    assert "0.8 (0.7 to 0.9)" in page.text
    assert "unknown (0.1 to 0.2)" in page.text
    assert "one core" in page.text
    assert [image["src"] for image in page.images] == [
        "figures/02-reduction-light-verdict.svg",
        "figures/02-reduction-dark-verdict.svg",
    ]
    assert "The study is not trained yet." in CourseHtml(Path("course/01-relu.html")).text
    assert [row["result"] and row["result"]["origin"] for row in listed] == [
        None, "reference", None,
    ]  # fmt: skip


def test_text_of_files_and_databases_is_shown_as_text(
    built_course: BuiltCourse, nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch, lines_folder: Path
) -> None:
    shutil.copy(built_course.db, "runs.db")
    with sqlite3.connect("runs.db") as connection:
        connection.execute("UPDATE study SET claim = ?", (NASTY,))
    Path("lines").mkdir()
    text = (lines_folder / "reduction.toml").read_text()
    text = text.replace("Does Adam need it?", "Does Adam? <img src=x onerror=alert(1)>")
    Path("lines/reduction.toml").write_text(text.replace("nothing changes", "<b>nothing</b>"))
    monkeypatch.setattr(read_lines, "LINES_FOLDER", Path("lines"))
    nnlab("lecture", "--all", "--no-train")
    page = CourseHtml(Path("course/02-reduction.html"))
    assert NASTY in page.text
    assert "<b>nothing</b>" in page.text
    assert "<img src=x onerror=alert(1)>" in page.text
    assert page.tags.count("script") == 1
    assert page.tags.count("img") == 4
