"""The JSON of what tests a study's claim: its comparisons, its pilot and the published results.

The column `decides` holds a list of comparisons, as in databases of older versions, or an object
with the keys `comparisons`, `pilot` and `published`. A comparison lacks the keys that have their
default, so that studies without them are stored as before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, get_args

from nnlab.records import (
    PUBLISHED_VERDICTS,
    Comparison,
    ComparisonScale,
    Pilot,
    PublishedResult,
)
from nnlab.store.serialization import replace_invalid_unicode, to_json

_OPTIONAL_NUMBERS = ("above", "below", "expected", "pilot_sd")


@dataclass(frozen=True, slots=True)
class ClaimEvidence:
    """What tests the claim of a study, and what was known about it before."""

    comparisons: tuple[Comparison, ...] = ()
    pilot: Pilot | None = None
    published: tuple[PublishedResult, ...] = ()


def claim_to_json(evidence: ClaimEvidence) -> str | None:
    """The JSON that is stored; None for a study without a claim."""
    if not evidence.comparisons:
        return None
    comparisons = [_without_defaults(comparison) for comparison in evidence.comparisons]
    if evidence.pilot is None and not evidence.published:
        return to_json(comparisons)
    return to_json(
        {
            "comparisons": comparisons,
            "pilot": None if evidence.pilot is None else _plain(asdict(evidence.pilot)),
            "published": [_plain(asdict(result)) for result in evidence.published],
        }
    )


def _without_defaults(comparison: Comparison) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(Comparison)}
    return {
        name: value
        for name, value in _plain(asdict(comparison)).items()
        if defaults[name] is MISSING or value != defaults[name]
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with texts that every database can store."""
    return {
        name: replace_invalid_unicode(value) if isinstance(value, str) else value
        for name, value in values.items()
    }


def claim_from_json(text: str | None) -> ClaimEvidence:
    """The inverse of `claim_to_json`.

    Raises:
        TypeError, ValueError, KeyError: the text is not what `claim_to_json` writes.
    """
    content = json.loads(text or "[]")
    if isinstance(content, list):
        return ClaimEvidence(tuple(map(_parse_comparison, content)))
    pilot = content["pilot"]
    return ClaimEvidence(
        tuple(map(_parse_comparison, content["comparisons"])),
        None if pilot is None else _parse_pilot(pilot),
        tuple(map(_parse_published, content["published"])),
    )


def _parse_comparison(values: Mapping[str, Any]) -> Comparison:
    comparison = Comparison(**{**values, "arms": tuple(values["arms"])})
    numbers = [getattr(comparison, name) for name in _OPTIONAL_NUMBERS]
    texts = (
        *(comparison.says, comparison.metric, comparison.at, comparison.other_metric),
        *(comparison.other_at, comparison.expected_from, *comparison.arms),
    )
    if (
        not _are_texts(texts)
        or comparison.scale not in get_args(ComparisonScale)
        or not all(number is None or type(number) in (int, float) for number in numbers)
    ):
        raise TypeError("its comparisons do not have the keys of a comparison")
    return comparison


def _parse_pilot(values: Mapping[str, Any]) -> Pilot:
    seeds = values["seeds"]
    if not all(type(seed) is int for seed in seeds) or not _are_texts([values["notes"]]):
        raise TypeError("its pilot does not have seeds and notes")
    return Pilot(tuple(seeds), values["notes"])


def _parse_published(values: Mapping[str, Any]) -> PublishedResult:
    result = PublishedResult(**values)
    if (
        not _are_texts([result.result, result.source, result.url])
        or result.verdict not in PUBLISHED_VERDICTS
    ):
        raise TypeError("its published results do not have the keys of a published result")
    return result


def _are_texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) for value in values)
