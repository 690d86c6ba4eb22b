"""`wandb.util`: the functions that scripts use."""

import secrets
import string
from typing import TYPE_CHECKING

from nnlab.compat.unsupported import unsupported_attributes

_CHARACTERS = string.ascii_lowercase + string.digits


def generate_id(length: int = 8) -> str:
    """A random id for `wandb.init(id=...)`."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(length))


if not TYPE_CHECKING:
    __getattr__ = unsupported_attributes("wandb.util")
