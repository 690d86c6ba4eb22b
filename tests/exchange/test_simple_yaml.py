"""The parser of simple YAML, compared with PyYAML on what it writes."""

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.exchange.log_reader import Audit
from nnlab.exchange.simple_yaml import parse_yaml

_KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_./ -]{0,20}[A-Za-z0-9_]", fullmatch=True)
# YAML has more line ends than others; `1e5` is a text for PyYAML, but a number for everybody else.
_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"), max_size=60
).filter(lambda text: not any(letter.isdigit() for letter in text[:2]))
_SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False) | _TEXTS
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=4))
def test_what_pyyaml_writes_is_read_as_it_was(values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values, allow_unicode=True)
    assert parse_yaml(text, Audit()) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("---\n# comment\nlr: 0.1 # comment\n", {"lr": 0.1}),
        ("a: 1e-3\nb: .nan\nc: -.inf\nd: ~", {"a": 0.001, "b": "nan", "c": -math.inf, "d": None}),
        ("a:\n- 1\n- b: 2\n  c: 3\n-\n  - 4", {"a": [1, {"b": 2, "c": 3}, [4]]}),
        ("a: [1, {b: 'x, y'}, \"z\",\n  2]\nc: {}", {"a": [1, {"b": "x, y"}, "z", 2], "c": {}}),
        ("a: {'k': 1, b: , \"c\": x:y}", {"a": {"k": 1, "b": None, "c": "x:y"}}),
        ("a: |\n  one\n  two\nb: >-\n  one\n  two", {"a": "one\ntwo", "b": "one two"}),
        ("'quoted: key': http://x:1/y", {"quoted: key": "http://x:1/y"}),
        ("a: one\n  two\n  three", {"a": "one two three"}),
    ],
)
def test_forms_that_people_write(text: str, values: dict[str, Any]) -> None:
    parsed = parse_yaml(text, Audit())
    if "b" in parsed and parsed["b"] != parsed["b"]:
        parsed["b"] = "nan"
    assert parsed == values


def test_python_objects_and_aliases_are_left_out() -> None:
    audit = Audit()
    text = (
        "run: !!python/object/apply:os.system ['touch /tmp/x']\n"
        "path: !!python/object/apply:pathlib.PosixPath\n- /\n- x\n"
        "nested:\n  fn: !!python/name:os.system ''\n  kept: &anchor 1\n  alias: *anchor\n"
        "betas: !!python/tuple\n- 0.9\n- 0.99\n"
    )
    assert parse_yaml(text, audit) == {"nested": {"kept": 1}, "betas": [0.9, 0.99]}
    assert {note.code: note.count for note in audit.notes} == {"yaml-tag": 3, "yaml-alias": 1}


@pytest.mark.parametrize(
    "text",
    [
        "- 1\n- 2",
        "text",
        "a: 'open",
        "a: [1, 2",
        "a: [1 2",
        "\ta: 1",
        "a:\n  b: 2\n    c: 3\n d: 4",
        "a: {b 1}",
        "a:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 60)),
        "a: " + "[" * 5000 + "]" * 5000,
        "- " * 5000 + "1",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_yaml(text, Audit())


@pytest.mark.parametrize(
    "text",
    [
        "k" + " " * 500_000 + "x",
        "a: '" + "''\n" * 200_000,
        'a: "' + '\\"\n' * 200_000,
        "a: [" + "[\n" * 200_000,
        "a:" * 300_000,
        "a: {" + "b: 1," * 100_000 + "}",
    ],
)
def test_long_texts_take_linear_time(text: str) -> None:
    audit = Audit()
    try:
        parse_yaml(text, audit)
    except ValueError as error:
        assert str(error)  # noqa: PT017
