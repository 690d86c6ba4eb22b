"""Checks the names of the models of packages: `timm:NAME`, `hf:NAME-OR-FOLDER`."""

import difflib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from nnlab.errors import UserCodeError
from nnlab.settings.argument_types import type_of_default
from nnlab.settings.arguments import Parameter, Signature

_MAX_SUGGESTIONS = 5

# Settings that follow from the data, or that the classes of transformers set themselves.
_FIXED_HF_SETTINGS = frozenset(
    ("num_labels", "id2label", "label2id", "architectures", "model_type", "transformers_version")
)


def check_package_model(model: str) -> None:
    """Imports the package of a model and checks that it has the model.

    Args:
        model: the value of `--model`, such as `timm:resnet18`.

    Raises:
        UserCodeError: the package is not installed or cannot be imported, or has no such model.
    """
    prefix, _, name = model.partition(":")
    if prefix == "timm":
        timm = import_package("timm", model)
        if not timm.is_model(name):
            names = timm.list_models()
            raise UserCodeError(
                f"timm has no model '{name}'{_suggestions(name, names)}",
                hint=f"timm.list_models() lists all {len(names):,}",
            )
    elif not hf_folder(model).is_dir():
        with offline():
            transformers = import_package("transformers", model)
        architectures = transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
        if name not in architectures:
            raise UserCodeError(
                f"'{name}' is neither a folder nor an architecture of transformers"
                f"{_suggestions(name, architectures)}",
                hint="nothing is downloaded: name a folder that save_pretrained wrote, or a type of"
                " model such as vit, resnet or bert",
            )


def hf_folder(model: str) -> Path:
    """The folder that `hf:FOLDER` names; it does not exist if the name is an architecture."""
    return Path(model.removeprefix("hf:")).expanduser()


def read_hf_settings(model: str) -> Any:
    """The configuration of `hf:FOLDER` or of the architecture `hf:NAME`, with its defaults.

    Raises:
        UserCodeError: the package cannot be imported, or the folder has no valid configuration.
    """
    with offline():
        transformers = import_package("transformers", model)
        folder = hf_folder(model)
        if not folder.is_dir():
            return transformers.AutoConfig.for_model(model.removeprefix("hf:"))
        try:
            return transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserCodeError(f"--model {model}: {line}") from error


def hf_signature(model: str, passed: frozenset[str]) -> Signature:
    """The settings of a model of transformers, as the parameters that `--model.NAME` sets."""
    defaults = read_hf_settings(model).to_dict()
    parameters = {
        name: Parameter(name, "", type_of_default(default), repr(default))
        for name, default in defaults.items()
        if not name.startswith("_") and name not in _FIXED_HF_SETTINGS
    }
    return Signature(model, parameters, passed=passed)


def import_package(name: str, model: str) -> Any:
    """The package that a model needs.

    Raises:
        UserCodeError: it is not installed, or importing it fails.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = error.name or name
        raise UserCodeError(
            f"--model {model} needs the package {package}, which is not installed",
            hint=f"pip install {package.partition('.')[0]}",
        ) from None
    except (ImportError, RuntimeError) as error:
        raise UserCodeError(
            f"--model {model}: the package {name} cannot be imported: {error}",
            hint="its version, or that of a package that it needs, does not fit torch",
        ) from error


@contextmanager
def offline() -> Iterator[None]:
    """Keeps transformers from any access to the network, also while it is imported."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    previous = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _suggestions(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, n=_MAX_SUGGESTIONS, cutoff=0.5)
    return f": did you mean {', '.join(close)}?" if close else ""
