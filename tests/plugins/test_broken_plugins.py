"""Plugins that cannot be used are named once and skipped; everything else works."""

from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from installed_plugins import Install, write_metadata

from nnlab.cli.reference.plugin_rows import OTHER_PLUGIN_TABLES
from nnlab.engine.plugin_types import DataPlugin, OptimizerPlugin
from nnlab.errors import ConfigError

REASONS = {
    "adam": "nnlab has a built-in optimizer of that name",
    "import-error": "missing_dependency.py, line 3: ModuleNotFoundError: No module named",
    "no spaces": "its name is not valid (lower case letters",
    "wrong-name": "its name is 'another', and not the name of the entry point",
    "wrong-type": "NUMBER is of type int, and not nnlab.plugins.OptimizerPlugin",
    "unknown-default": "defaults has 'rho', which does not belong to --opt; lr, momentum",
    "no-attribute": "AttributeError: module 'broken_extras.objects' has no attribute 'NOTHING'",
    "no-reference": "its entry point 'broken_extras.objects' is not package.module:NAME",
    "NN101": "its name is not valid (2 to 5 capital letters and 3 digits",
    "curves": "nnlab has a built-in figure of that name",
    "ray": "nnlab has a built-in launcher of that name",
}


def test_choices_lists_every_broken_plugin_with_its_reason(broken: Path, nnlab: Nnlab) -> None:
    answer = nnlab("choices", "--format", "json")
    rows = {row["name"]: row for row in answer.json if row["broken"]}
    for name, reason in REASONS.items():
        assert reason in rows[name]["broken"], name
        assert rows[name]["package"] == "broken-extras 0.1"
    assert rows.keys() == {*REASONS, "red\x1b[31m"}
    for name in REASONS:
        assert answer.err.count(f"plugin '{name}' of broken-extras 0.1 is skipped") == 1
    assert "\x1b[31m" not in answer.err
    assert "\\x1b[31m" in answer.err


def test_built_in_choices_work_beside_broken_plugins(broken: Path, nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "--opt", "adam", "-q")
    assert "'import-error'" not in answer.err  # its entry is not used
    warnings = [line for line in answer.err.splitlines() if "Warning" in line]
    assert sorted(line.split("'")[1] for line in warnings) == ["BAD001", "NN101"]
    assert "its check raises RuntimeError: this never works" in answer.err
    answer = nnlab("train", *QUICK, "--epochs", "2", "-q")
    assert "Warning" not in answer.err  # named once by each process
    nnlab("plot", "curves", "-o", "a.svg")


def test_a_broken_plugin_that_is_asked_for_is_an_error(broken: Path, nnlab: Nnlab) -> None:
    answer = nnlab("train", "--opt", "import-error", expect=1)
    assert (
        "the optimizer plugin 'import-error' of broken-extras 0.1 cannot be used:"
        " missing_dependency.py, line 3: ModuleNotFoundError" in answer.err
    )
    assert "is skipped" not in answer.err
    assert "wrong-type" in nnlab("train", "--opt", "wrong-tipe", expect=2).err


def test_a_plugin_that_fails_is_named_with_its_package(broken: Path, nnlab: Nnlab) -> None:
    answer = nnlab("train", *QUICK, "--opt", "fails", expect=1)
    assert "the plugin 'fails' of broken-extras 0.1 fails" in answer.err
    assert "RuntimeError: this never works" in answer.err
    nnlab("train", *QUICK, "-q")
    answer = nnlab("plot", "fails", expect=1)
    assert "the figure plugin 'fails' fails" in answer.err


def test_two_packages_with_the_same_name_are_both_skipped(
    lab: Path, install: Install, nnlab: Nnlab, tmp_path: Path
) -> None:
    site = tmp_path / "other"
    site.mkdir()
    entry = {"sign-sgd": "lab_extras.optimizer:SIGN_SGD"}
    write_metadata(site, "other-lab", "0.1", {"nnlab.optimizers": entry})
    install(site)
    answer = nnlab("train", "--opt", "sign-sgd", expect=1)
    assert "lab-extras 1.2 and other-lab 0.1 cannot be used: two entry points" in answer.err


def test_damaged_metadata_of_a_package_is_ignored(
    lab: Path, install: Install, nnlab: Nnlab, tmp_path: Path
) -> None:
    metadata = tmp_path / "other" / "damaged-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_bytes(b"[nnlab.optimizers]\nno equals sign\n\xff")
    install(tmp_path / "other")
    assert "sign-sgd" in nnlab("choices", "opt").out


def test_defaults_are_checked_when_a_plugin_is_created() -> None:
    def build(*arguments: object) -> None:
        """Never called."""

    with pytest.raises(ConfigError, match="--lr must be"):
        OptimizerPlugin(name="a", summary="", defaults={"lr": -1.0}, build=build)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exactly one task"):
        DataPlugin(name="a", summary="", read=build)


def test_the_groups_of_other_tables_are_those_of_the_tables() -> None:
    import importlib

    for group, module, name in OTHER_PLUGIN_TABLES.values():
        assert getattr(importlib.import_module(module), name).group == group
