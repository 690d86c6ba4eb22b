"""Parser of finding codes as typed on the command line: NN101, a group NN1xx, or a severity."""

from collections.abc import Callable

from nnlab.diagnosis import ALL_RULES, all_rules
from nnlab.errors import UnknownName
from nnlab.records import Finding, Severity


def parse_codes(text: str) -> frozenset[str]:
    """The codes in a comma-separated list such as `NN101,NN2xx`.

    Raises:
        UnknownName: a part matches no code.

    >>> sorted(parse_codes("NN101,nn20x"))[:2]
    ['NN101', 'NN201']
    """
    codes: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        # Plugins are imported only for codes that are not built in.
        matches = _matching_codes(part, [rule.code for rule in ALL_RULES])
        if not matches:
            all_codes = [rule.code for rule in all_rules()]
            matches = _matching_codes(part, all_codes)
            if not matches:
                raise UnknownName("finding", part, all_codes)
        codes.update(matches)
    return frozenset(codes)


def _matching_codes(part: str, codes: list[str]) -> list[str]:
    """The code that a part names, or the codes of its group."""
    stem = part.upper().rstrip("X")
    if not stem or (stem == part.upper() and stem not in codes):
        return []
    return [code for code in codes if code.startswith(stem)]


def finding_filter(text: str) -> Callable[[Finding], bool]:
    """A predicate for findings that match a list of codes and severities.

    A severity includes the more serious ones.

    Raises:
        UnknownName: a part is neither a code nor a severity.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    severities = {part.lower() for part in parts} & set(Severity)
    if Severity.WARNING in severities:
        severities.add(Severity.ERROR)
    if Severity.INFO in severities:
        severities |= set(Severity)
    codes = parse_codes(",".join(part for part in parts if part.lower() not in set(Severity)))
    return lambda finding: finding.code in codes or finding.severity in severities
