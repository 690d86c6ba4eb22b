"""How a field of RunConfig is presented to the user; every field is annotated with an Option."""

from dataclasses import dataclass

from nnlab.objective import Scalar

# The largest integer of SQLite.
MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Option:
    """Presentation of a field: help text, unit, panel of the help page, accepted values.

    Attributes:
        help: what the field means; the list of values, the unit and the default are appended.
        panel: heading of its group on the help page.
        catalogue: catalogue that the values come from.
        default_from: kind of choice whose selected catalogue row defines the default.
        fallback_default: default if the selected row does not define the field.
        needs: another field, without whose value this one has no effect.
        one_of: accepted values of a field without a catalogue.
        words: texts that a numeric field accepts besides numbers; `auto` stands for the default.
        commas: a value may contain commas; semicolons separate the items of a list.
        unit: unit of a number.
        no_effect_value: a setting is displayed without the field if it has this value.
        flag: a switch on the command line.
        flag_name: name of the option if it is not derived from the field's name.
        aliases: other names of the option, in commands that do not use them for something else.
    """

    help: str
    panel: str
    catalogue: str | None = None
    default_from: str | None = None
    fallback_default: Scalar = None
    needs: str | None = None
    one_of: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    commas: bool = False
    unit: str = ""
    no_effect_value: Scalar = None
    flag: bool = False
    flag_name: str | None = None
    aliases: tuple[str, ...] = ()
