"""Values stored as text are read back unchanged."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.store.serialization import (
    evidence_from_json,
    evidence_to_json,
    replace_invalid_unicode,
    timestamp_from_text,
    timestamp_to_text,
    to_json,
)


def test_json_is_one_text_for_equal_values() -> None:
    assert to_json({"b": 1, "a": (0.1, None, True)}) == '{"a":[0.1,null,true],"b":1}'
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"lr": math.nan})


@given(st.dictionaries(st.text(), st.floats(allow_nan=True, allow_infinity=True)))
def test_evidence_of_any_numbers_comes_back(evidence: dict[str, float]) -> None:
    assert repr(evidence_from_json(evidence_to_json(evidence))) == repr(
        dict(sorted(evidence.items()))
    )


@given(st.datetimes(), st.integers(-14, 14))
def test_moments_come_back_and_sort_as_text(moment: datetime, hours: int) -> None:
    base = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
        text = timestamp_to_text(aware)
    except OverflowError:  # the first and last day of the calendar
        return
    assert timestamp_from_text(text) == aware
    assert (text < timestamp_to_text(base)) == (aware < base)


def test_moments_say_their_zone_and_are_read_in_utc_where_they_do_not() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        timestamp_to_text(datetime(2026, 1, 1))
    assert timestamp_from_text("2026-01-01 10:00") == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert timestamp_from_text(None) is None


def test_bytes_that_are_no_text_do_not_stop_a_run() -> None:
    assert replace_invalid_unicode("train \udcff.toml") == "train ?.toml"
    assert replace_invalid_unicode("größe") == "größe"
