"""What each sampled field may be: values to choose from, or a range of numbers."""

from collections.abc import Mapping

from nnlab.config.ranges import Range, is_range, parse_range, round_to_spacing
from nnlab.config.space import Space
from nnlab.objective import Scalar

Domain = Range | tuple[Scalar, ...]
Domains = Mapping[str, Domain]
ParamValues = Mapping[str, Scalar]

# So that settings stay readable: 0.003162, not 0.0031622776601683794.
SIGNIFICANT_DIGITS = 4


def sampled_domains(space: Space) -> Domains:
    """The fields of a space that have a choice, by name.

    Sorted, so that the same space gives the same trials however it was written down.
    """
    return {
        name: _parse_domain(name, values)
        for name, values in sorted(space.items())
        if len(values) > 1 or is_range(name, values[0])
    }


def fixed_values(space: Space) -> ParamValues:
    """The fields of a space that have no choice."""
    return {name: values[0] for name, values in space.items() if name not in sampled_domains(space)}


def _parse_domain(name: str, values: tuple[Scalar, ...]) -> Domain:
    return parse_range(name, str(values[0])) if is_range(name, values[0]) else values


def value_at(domain: Domain, share: float) -> Scalar:
    """What lies at a share of the way through a domain, from 0 up to 1.

    Choices have slices of equal length, and so has every whole number of a range.

    >>> at(("sgd", "adam"), 0.7)
    'adam'
    >>> at(Range(0.001, 0.1, log=True, whole=False), 0.25)
    0.003162
    >>> [at(Range(1, 4, log=False, whole=True), share) for share in (0.0, 0.3, 0.999)]
    [1, 2, 4]
    """
    if isinstance(domain, tuple):
        return domain[min(int(share * len(domain)), len(domain) - 1)]
    return domain.integer_at(share) if domain.whole else round_in_domain(domain, domain.at(share))


def round_in_domain(domain: Domain, value: Scalar) -> Scalar:
    """A number of a range without needless digits, or a whole one, and never out of the range.

    It has `SIGNIFICANT_DIGITS` digits, or more in a range so narrow that fewer than a hundred numbers would
    be left.
    """
    if isinstance(domain, tuple) or not isinstance(value, int | float):
        return value
    if domain.whole:
        return int(min(max(round(value), domain.low), domain.high))
    short = round_to_spacing(
        value, digits=SIGNIFICANT_DIGITS, spacing=(domain.high - domain.low) / 10
    )
    return float(min(max(short, domain.low), domain.high))


def domain_contains(domain: Domain, value: Scalar) -> bool:
    """Whether a value lies in a domain."""
    if isinstance(domain, tuple):
        return value in domain
    return isinstance(value, int | float) and domain.low <= value <= domain.high
