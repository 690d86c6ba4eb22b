"""Answers are valid JSON of a bounded length, whatever they are made of."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nnlab.mcp_server.compact_json import MAX_CHARACTERS, compact_json
from nnlab.mcp_server.thin_curve import thin_curve
from nnlab.records import Curve

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_every_answer_is_valid_json(values: dict[str, Any]) -> None:
    text = compact_json(values)
    assert len(text) <= MAX_CHARACTERS
    json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))


def test_rows_that_do_not_fit_are_counted() -> None:
    rows = [{"run": number, "note": "x" * 80} for number in range(5_000)]
    text = compact_json({"rows": rows, "left_off": 7}, "rows")
    answer = json.loads(text)
    assert MAX_CHARACTERS * 0.9 < len(text) <= MAX_CHARACTERS
    assert answer["left_off"] == 7 + 5_000 - len(answer["rows"])
    assert answer["rows"][-1]["run"] == len(answer["rows"]) - 1


def test_an_answer_without_rows_that_is_too_long_says_so() -> None:
    answer = json.loads(compact_json({str(number): "x" * 300 for number in range(100)}))
    assert answer["error"] == "the answer is too long"


def test_the_next_page_begins_with_the_first_row_that_was_left_out() -> None:
    rows = [{"run": number, "note": "x" * 390} for number in range(120)]
    seen: list[int] = []
    offset: int | None = 0
    while offset is not None:
        page = rows[offset : offset + 50]
        values: dict[str, Any] = {"rows": page, "total": 120}
        if offset + 50 < 120:
            values["more_from"] = offset + 50
        answer = json.loads(compact_json(values, "rows", offset=offset))
        assert answer.get("left_off", 0) == len(page) - len(answer["rows"])
        seen += [row["run"] for row in answer["rows"]]
        offset = answer.get("more_from")
    assert seen == list(range(120))


def test_a_row_that_is_too_long_hides_no_other() -> None:
    long = {str(number): "x" * 390 for number in range(100)}
    rows = [long, {"run": 1}, {"run": 2}]
    answer = json.loads(compact_json({"rows": rows}, "rows", offset=0))
    assert answer == {"rows": [{"error": "this row is too long"}], "left_off": 2, "more_from": 1}
    answer = json.loads(compact_json({"rows": rows[1:]}, "rows", offset=1))
    assert answer == {"rows": [{"run": 1}, {"run": 2}]}


def test_a_long_list_of_numbers_says_how_many_are_left_out() -> None:
    seeds = json.loads(compact_json({"seeds": range(5_000)}))["seeds"]
    assert seeds[:3] == [0, 1, 2]
    assert seeds[-1] == f"{5_000 - len(seeds) + 1:,} more"


def test_a_terminal_receives_no_control_characters() -> None:
    name = "\x1b]0;x\x07 \x9b31m \u202e \u2028 naïve 数"
    text = compact_json({"name": name})
    assert text.isprintable()
    assert "naïve 数" in text
    assert json.loads(text) == {"name": name}


def test_what_says_nothing_is_left_out() -> None:
    values: dict[str, Any] = {
        "a": None,
        "b": "",
        "c": [],
        "d": {"e": math.nan},
        "f": False,
        "g": 0,
        "h": math.inf,
    }
    assert json.loads(compact_json(values)) == {"f": False, "g": 0, "h": "inf"}


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=300), st.integers(min_value=4, max_value=50)
)
def test_a_thin_curve_has_the_ends_and_the_extremes(values: list[float], points: int) -> None:
    curve = Curve("val/loss", tuple(range(1, len(values) + 1)), tuple(values))
    thin = thin_curve(curve, points)
    assert len(thin) <= max(points, min(len(values), points))
    assert thin[0][0] == 1
    assert thin[-1][0] == len(values)
    numbers = [value for value in values if not math.isnan(value)]
    kept = [value for _, value in thin if not math.isnan(value)]
    if numbers:
        assert min(kept) == min(numbers)
        assert max(kept) == max(numbers)
