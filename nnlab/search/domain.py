"""The domains of sampled fields: tuples of choices, or ranges of numbers."""

from collections.abc import Callable, Mapping

from nnlab.catalogue.models import AUTO
from nnlab.objective import Scalar
from nnlab.settings.ranges import Range, is_field_range, parse_field_range, round_to_spacing
from nnlab.settings.registry import SettingField, setting_field
from nnlab.settings.space import Space

Domain = Range | tuple[Scalar, ...]
Domains = Mapping[str, Domain]
ParamValues = Mapping[str, Scalar]
# The field of a name in a space: a setting of nnlab, or a flag of a script.
FindField = Callable[[str], SettingField]

# Keeps settings readable: 0.003162, not 0.0031622776601683794.
SIGNIFICANT_DIGITS = 4


def sampled_domains(space: Space, find_field: FindField = setting_field) -> Domains:
    """The domains of the fields that have more than one value, by name.

    They are sorted by name, so that the proposed trials do not depend on the order of the options.

    Args:
        space: values and ranges by field.
        find_field: the field of a name.
    """
    return {
        name: _parse_domain(find_field(name), values)
        for name, values in sorted(space.items())
        if len(values) > 1 or is_field_range(find_field(name), values[0])
    }


def fixed_values(space: Space, find_field: FindField = setting_field) -> ParamValues:
    """The values of the fields that have only one."""
    domains = sampled_domains(space, find_field)
    return {name: values[0] for name, values in space.items() if name not in domains}


def _parse_domain(field: SettingField, values: tuple[Scalar, ...]) -> Domain:
    is_range = is_field_range(field, values[0])
    return parse_field_range(field, str(values[0])) if is_range else values


def value_at(domain: Domain, position: float) -> Scalar:
    """The value at a position in a domain, from 0 (included) to 1 (excluded).

    All choices, and all integers of a range, have the same probability.

    >>> value_at(("sgd", "adam"), 0.7)
    'adam'
    >>> value_at(Range(0.001, 0.1, log=True, whole=False), 0.25)
    0.003162
    >>> [value_at(Range(1, 4, log=False, whole=True), position) for position in (0.0, 0.3, 0.999)]
    [1, 2, 4]
    """
    if isinstance(domain, tuple):
        return domain[min(int(position * len(domain)), len(domain) - 1)]
    if domain.whole:
        return domain.integer_at(position)
    return round_in_domain(domain, domain.at(position))


def round_in_domain(domain: Domain, value: Scalar) -> Scalar:
    """A value rounded to readable digits within the domain; choices are returned unchanged.

    The result has `SIGNIFICANT_DIGITS` digits, or more in a range so narrow that it would
    otherwise have fewer than a hundred different values.
    """
    if isinstance(domain, tuple) or not isinstance(value, int | float):
        return value
    if domain.whole:
        return int(min(max(round(value), domain.low), domain.high))
    rounded = round_to_spacing(
        value, digits=SIGNIFICANT_DIGITS, spacing=(domain.high - domain.low) / 10
    )
    return float(min(max(rounded, domain.low), domain.high))


def as_proposed(domain: Domain, value: Scalar) -> Scalar:
    """The choice that a stored value was proposed as: a trial stores the default for `auto`.

    >>> as_proposed(("auto", 0.5), 1.0), as_proposed(("auto", 0.5), 0.5)
    ('auto', 0.5)
    """
    if isinstance(domain, tuple) and AUTO in domain and value not in domain:
        return AUTO
    return value


def domain_contains(domain: Domain, value: Scalar) -> bool:
    """Whether a value lies in a domain."""
    if isinstance(domain, tuple):
        return value in domain
    return isinstance(value, int | float) and domain.low <= value <= domain.high
