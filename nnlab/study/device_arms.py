"""Arms for a device that not every machine has: `requires = "cuda"` in their table.

[[arm]]
name = "cuda, float32"
device = "cuda"
requires = "cuda"

On a machine without the device the arm has no trials, and the comparisons that name it are not
evaluated.
"""

from collections.abc import Mapping
from typing import Any

from nnlab.errors import ConfigError, DeviceError, unknown_name_message

REQUIRES_KEY = "requires"
# The devices that not every machine has.
_DEVICES = ("cuda", "mps")


def required_devices(content: Mapping[str, Any]) -> dict[str, str]:
    """The device that each arm of a file requires, by the name of the arm.

    Raises:
        ConfigError: a required device is neither `cuda` nor `mps`.
    """
    tables = [table for table in content.get("arm", []) if isinstance(table, dict)]
    required = {
        str(table.get("name")): table[REQUIRES_KEY] for table in tables if REQUIRES_KEY in table
    }
    problems = [
        f"arm {arm}: requires: {unknown_name_message('device', str(device), _DEVICES)}"
        for arm, device in required.items()
        if device not in _DEVICES
    ]
    if problems:
        raise ConfigError(problems)
    return required


def missing_device_notes(required: Mapping[str, str]) -> dict[str, str]:
    """Why arms are left out on this machine, by their name.

    Args:
        required: the device that each arm requires, by the name of the arm.
    """
    if not required:
        return {}
    # Imported only here: torch, which knows the devices, takes a second to import.
    from nnlab.engine.device import resolve_device

    notes = {}
    for arm, device in required.items():
        try:
            resolve_device(device)
        except DeviceError:
            notes[arm] = f"left out: this machine has no device {device}"
    return notes
