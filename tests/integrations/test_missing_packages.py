"""An adapter whose framework is not installed names the package to install."""

import importlib
import sys

import pytest

from nnlab.errors import MissingPackage


@pytest.mark.parametrize(
    ("adapter", "packages"),
    [
        ("lightning", ("lightning", "pytorch_lightning")),
        ("transformers", ("transformers",)),
        ("accelerate", ("accelerate",)),
        ("keras", ("keras",)),
        ("skorch", ("skorch",)),
    ],
)
def test_the_error_names_the_package(
    adapter: str, packages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"nnlab.integrations.{adapter}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    for name in list(sys.modules):
        if name.split(".")[0] in packages:
            monkeypatch.delitem(sys.modules, name)
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage, match=f"needs the package {packages[0]}") as raised:
        importlib.import_module(module)
    assert raised.value.hint == f"pip install {packages[0]}"
    assert isinstance(raised.value, ImportError)
    sys.modules.pop(module, None)
