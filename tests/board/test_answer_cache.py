"""Answers that take long are computed once for all clients, and again when they are old."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nnlab.board.answer_cache import AnswerCache


def test_an_answer_is_kept_until_it_is_old() -> None:
    now = [100.0]
    cache = AnswerCache(lambda: now[0])
    calls: list[float] = []

    def compute() -> Mapping[str, Any]:
        calls.append(now[0])
        return {"number": len(calls)}

    assert cache.answer("a", compute, max_age=5) == {
        "number": 1, "age": 0.0, "is_current": True,
    }  # fmt: skip
    now[0] = 104.0
    assert cache.answer("a", compute, max_age=5)["age"] == 4.0
    assert cache.answer("b", compute, max_age=5)["number"] == 2
    now[0] = 105.0
    assert cache.answer("a", compute, max_age=5)["number"] == 3
    assert calls == [100.0, 104.0, 105.0]


def test_an_answer_is_kept_while_the_database_is_unchanged() -> None:
    now, version, calls = [0.0], [1], [0]
    cache = AnswerCache(lambda: now[0])
    cache.follow_changes(lambda: version[0])

    def compute() -> Mapping[str, Any]:
        calls[0] += 1
        return {"number": calls[0]}

    assert cache.answer("a", compute, max_age=5)["number"] == 1
    now[0] = 1000.0
    assert cache.answer("a", compute, max_age=5) == {
        "number": 1, "age": 1000.0, "is_current": True,
    }  # fmt: skip
    version[0] = 2
    assert cache.answer("a", compute, max_age=5)["number"] == 2
    now[0], version[0] = 1001.0, 3
    assert cache.answer("a", compute, max_age=5) == {
        "number": 2, "age": 1.0, "is_current": False,
    }  # fmt: skip
    now[0] = 1005.0
    assert cache.answer("a", compute, max_age=5)["number"] == 3


def test_an_error_is_not_kept() -> None:
    cache = AnswerCache()
    results: Iterator[ValueError | dict[str, Any]] = iter([ValueError("first"), {"number": 2}])

    def compute() -> Mapping[str, Any]:
        result = next(results)
        if isinstance(result, ValueError):
            raise result
        return result

    with pytest.raises(ValueError, match="first"):
        cache.answer("a", compute, max_age=60)
    assert cache.answer("a", compute, max_age=60)["number"] == 2


def test_clients_at_the_same_time_wait_for_one_computation() -> None:
    cache = AnswerCache()
    release = threading.Event()
    calls: list[int] = []

    def compute() -> Mapping[str, Any]:
        calls.append(1)
        assert release.wait(30)
        return {"number": len(calls)}

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(cache.answer, "a", compute, max_age=60) for _ in range(4)]
        release.set()
        assert [answer.result(30)["number"] for answer in answers] == [1] * 4
    assert calls == [1]
