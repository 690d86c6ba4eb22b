"""Fixtures of the plugin tests: installed packages with plugins."""

from pathlib import Path

import pytest
from installed_plugins import ASSETS, Install, install_package


@pytest.fixture(scope="session")
def lab_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package lab-extras 1.2."""
    return install_package(ASSETS / "plugin_package", tmp_path_factory.mktemp("lab"))


@pytest.fixture
def lab(install: Install, lab_site: Path) -> Path:
    """The package lab-extras 1.2 is installed."""
    install(lab_site)
    return lab_site


@pytest.fixture
def broken(install: Install, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package broken-extras 0.1 is installed."""
    folder = install_package(ASSETS / "broken_plugin_package", tmp_path_factory.mktemp("broken"))
    install(folder)
    return folder
