"""Codes of findings as they are typed: NN101, a group as NN1xx, or a severity."""

from collections.abc import Callable

from nnlab.diagnose import ALL_RULES
from nnlab.errors import UnknownName
from nnlab.records import Finding, Severity


def parse_codes(text: str) -> frozenset[str]:
    """The codes that a comma list means: `NN101,NN2xx`.

    Raises:
        UnknownName: a part means none.

    >>> sorted(codes_of("NN101,nn20x"))[:2]
    ['NN101', 'NN201']
    """
    known = [rule.code for rule in ALL_RULES]
    found: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        stem = part.upper().rstrip("X")
        chosen = [code for code in known if code.startswith(stem)]
        if not stem or not chosen or (stem == part.upper() and stem not in known):
            raise UnknownName("finding", part, known)
        found.update(chosen)
    return frozenset(found)


def finding_filter(text: str) -> Callable[[Finding], bool]:
    """Whether a finding is among those that a list of codes and severities means.

    `warning` means errors too.

    Raises:
        UnknownName: a part is neither.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    severities = {part.lower() for part in parts} & set(Severity)
    if Severity.WARNING in severities:
        severities.add(Severity.ERROR)
    if Severity.INFO in severities:
        severities |= set(Severity)
    codes = parse_codes(",".join(part for part in parts if part.lower() not in set(Severity)))
    return lambda finding: finding.code in codes or finding.severity in severities
