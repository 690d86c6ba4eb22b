"""`RuleContract`: a rule is explained, never raises, and its findings are complete."""

import inspect
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab.diagnosis import Rule, RuleContext, all_rules
from nnlab.diagnosis.plugin_rules import CODE_PATTERN
from nnlab.diagnosis.rule import MIN_CONFIDENCE
from nnlab.records import Curve, Finding, History, Severity

_METRICS = (
    *("train/loss", "val/loss", "train/accuracy", "val/accuracy", "train/r2", "lr"),
    *("train/grad_norm", "probe/update_ratio", "probe/dead/1", "data/classes", "data/majority"),
)
_VALUES = st.floats(allow_nan=True, allow_infinity=True)
_CURVES = st.dictionaries(st.sampled_from(_METRICS), st.lists(_VALUES, max_size=12))


def make_history(curves: Mapping[str, Sequence[float]]) -> History:
    """The history of curves whose first value is that of epoch 1."""
    return History(
        {
            name: Curve(name, tuple(range(1, len(values) + 1)), tuple(map(float, values)))
            for name, values in curves.items()
        }
    )


class RuleContract:
    """A diagnosis rule; set `code` to its code.

    Attributes:
        code: the code; a test class may define the fixture `rule` instead.
        detects: curves with the problem, by metric, from epoch 1.
        ignores: curves without it.
    """

    code: ClassVar[str] = ""
    detects: ClassVar[Mapping[str, Sequence[float]]] = {}
    ignores: ClassVar[Mapping[str, Sequence[float]]] = {}

    @pytest.fixture
    def rule(self) -> Rule:
        """The rule that is tested."""
        return next(rule for rule in all_rules() if rule.code == self.code)

    def test_it_is_explained(self, rule: Rule) -> None:
        """`nnlab explain` prints the docstring of the rule."""
        text = inspect.getdoc(type(rule)) or ""
        for section in ("Detects:", "Why it matters:", "What to try:"):
            assert section in text, f"the docstring lacks the section '{section}'"
        assert rule.code.startswith("NN") or CODE_PATTERN.fullmatch(rule.code)
        assert rule.name == rule.name.lower()
        assert rule.remedy.strip()

    def test_it_never_raises_an_error(self, rule: Rule) -> None:
        """Curves may be empty, short, or full of NaN and infinity."""

        @settings(deadline=None, derandomize=True, max_examples=60)
        @given(curves=_CURVES)
        def check(curves: dict[str, list[float]]) -> None:
            check_finding(rule, rule.check(RuleContext(make_history(curves))))

        check()
        check_finding(rule, rule.check(RuleContext(make_history({}))))

    def test_it_detects_the_problem_and_nothing_else(self, rule: Rule) -> None:
        """The curves in `detects` and `ignores`."""
        if self.detects:
            finding = rule.check(RuleContext(make_history(self.detects)))
            assert finding is not None
            check_finding(rule, finding)
        if self.ignores:
            assert rule.check(RuleContext(make_history(self.ignores))) is None


def check_finding(rule: Rule, finding: Finding | None) -> None:
    """Asserts that a finding of a rule can be stored and shown."""
    if finding is None:
        return
    assert isinstance(finding, Finding)
    assert (finding.code, finding.name) == (rule.code, rule.name)
    assert finding.severity in set(Severity)
    assert MIN_CONFIDENCE <= finding.confidence <= 1.0
    assert finding.onset is None or finding.onset >= 0
    assert finding.message.strip()
    assert "\n" not in finding.message
    for name, value in finding.evidence.items():
        assert isinstance(name, str)
        assert isinstance(value, int | float)
