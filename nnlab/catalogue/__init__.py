"""What can be chosen: one frozen table for each kind of choice, plain data, no torch.

A row names a choice, says in a line what it is and where it comes from, and holds the options
that matter with it and their defaults. The code behind a row lives in the engine, under the
same name; a test holds the two together. Completion, `nnlab choices` and the checks of a
setting read only these tables, so they start at once.
"""

from collections.abc import Mapping

from nnlab.catalogue.activations import ACTIVATIONS
from nnlab.catalogue.augments import AUGMENTS
from nnlab.catalogue.averages import AVERAGES
from nnlab.catalogue.choice import Choice, Task
from nnlab.catalogue.data import DATA, PUBLISHED
from nnlab.catalogue.decays import DECAYS
from nnlab.catalogue.initializers import INITIALIZERS
from nnlab.catalogue.inputs import INPUTS
from nnlab.catalogue.losses import LOSSES
from nnlab.catalogue.models import MODELS
from nnlab.catalogue.norms import NORMS
from nnlab.catalogue.optimizers import OPTIMIZERS
from nnlab.catalogue.precision import DEVICES, DTYPES
from nnlab.catalogue.probes import PROBES
from nnlab.catalogue.pruners import PRUNERS
from nnlab.catalogue.reductions import REDUCTIONS
from nnlab.catalogue.samplers import SAMPLERS
from nnlab.catalogue.user_files import suggest_spelling
from nnlab.errors import UnknownName

__all__ = [
    "CATALOGUES",
    "KIND_LABELS",
    "Choice",
    "Task",
    "choice_names",
    "find_choice",
    "split_names",
]

CATALOGUES: Mapping[str, tuple[Choice, ...]] = {
    "data": DATA,
    "inputs": INPUTS,
    "augment": AUGMENTS,
    "model": MODELS,
    "activation": ACTIVATIONS,
    "init": INITIALIZERS,
    "norm": NORMS,
    "loss": LOSSES,
    "reduction": REDUCTIONS,
    "opt": OPTIMIZERS,
    "average": AVERAGES,
    "decay": DECAYS,
    "probe": PROBES,
    "device": DEVICES,
    "dtype": DTYPES,
    "sampler": SAMPLERS,
    "pruner": PRUNERS,
}

_BY_NAME: Mapping[str, Mapping[str, Choice]] = {
    kind: {row.name: row for row in rows} for kind, rows in CATALOGUES.items()
}


KIND_LABELS: Mapping[str, str] = {
    "data": "data set",
    "inputs": "treatment of inputs",
    "augment": "augmentation",
    "average": "average of weights",
    "init": "initialisation",
    "norm": "normalisation",
    "opt": "optimizer",
    "dtype": "number format",
}


def choice_names(kind: str) -> tuple[str, ...]:
    """The names of a kind, in the order of its table."""
    return tuple(_BY_NAME[kind])


# Kinds of which a value may name several rows: `flip+shift`.
_COMBINABLE_KINDS = ("augment",)

# Kinds that take a user's own code beside their rows, under the row called so.
_USER_CODE = "module:"


def split_names(kind: str, value: str) -> tuple[str, ...]:
    """The names in a value: one, or several where the kind's names are joined.

    >>> parts_of("augment", "flip+shift"), parts_of("opt", "adam")
    (('flip', 'shift'), ('adam',))
    """
    return tuple(value.split("+")) if kind in _COMBINABLE_KINDS else (value,)


def find_choice(kind: str, name: str) -> Choice:
    """The row of that name; a name with an argument (`csv:points.csv#y`) finds its prefix's row.

    So does a published data set with a folder (`mnist:FOLDER`). Any other `package.module:name`
    or `file.py:name` is a user's own, where the kind has a row for those.

    Raises:
        UnknownName: no row has that name; the message lists all and the nearest, or says how the
            user's own file of that name is written.
    """
    rows = _BY_NAME[kind]
    if name in rows and not name.endswith(":"):
        return rows[name]
    prefix, colon, argument = name.partition(":")
    if colon and argument and prefix + colon in rows and prefix + colon != _USER_CODE:
        return rows[prefix + colon]
    if kind == "data" and argument and prefix in PUBLISHED:
        return rows[prefix]
    if prefix and argument and _USER_CODE in rows:
        return rows[_USER_CODE]
    raise UnknownName(
        KIND_LABELS.get(kind, kind), name, rows, suggestion=suggest_spelling(kind, name)
    )
