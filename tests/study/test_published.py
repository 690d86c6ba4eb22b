"""What was known before a study is parsed completely, or refused with every problem."""

from typing import Any

import pytest

from nnlab.records import Pilot, PublishedResult
from nnlab.study.published import parse_pilot, parse_published

RESULT = {"result": "It helps.", "source": "A paper", "verdict": "mixed"}


def test_a_pilot_is_read() -> None:
    problems: list[str] = []
    assert parse_pilot({"seeds": "0..3", "notes": "Wider grid."}, problems) == Pilot(
        (0, 1, 2, 3), "Wider grid."
    )
    assert parse_pilot(None, problems) is None
    assert problems == []


def test_published_results_are_read() -> None:
    problems: list[str] = []
    table = {**RESULT, "url": "https://example.org/1"}
    assert parse_published([RESULT, table], problems) == (
        PublishedResult("It helps.", "A paper", "mixed"),
        PublishedResult("It helps.", "A paper", "mixed", "https://example.org/1"),
    )
    assert problems == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "pilot: seeds must list"),
        ({"seeds": "a..b"}, "pilot: --seed"),
        ({"seeds": "0", "notes": 3}, "pilot: notes must be text"),
        ({"seeds": "0", "note": "x"}, "pilot: unknown key 'note': did you mean 'notes'"),
    ],
)
def test_errors_of_a_pilot(table: dict[str, Any], message: str) -> None:
    problems: list[str] = []
    assert parse_pilot(table, problems) is None
    assert message in "\n".join(problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verdict": "true"}, "verdict is supported, not supported, mixed; got 'true'"),
        ({"verdict": None}, "verdict is missing"),
        ({"source": ""}, "source must be text"),
        ({"url": "javascript:alert(1)"}, "url must begin with https://"),
        ({"reslut": "x"}, "did you mean 'result'"),
    ],
)
def test_errors_of_a_published_result(change: dict[str, Any], message: str) -> None:
    problems: list[str] = []
    table = {key: value for key, value in {**RESULT, **change}.items() if value is not None}
    assert parse_published([table], problems) == ()
    assert message in "\n".join(problems)
