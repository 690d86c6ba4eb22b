"""Plugins of an installed package, one of each kind, used through the command line."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab
from installed_plugins import ASSETS, Install, install_documented_package, install_package

from nnlab.api.load import load
from nnlab.catalogue import find_choice
from nnlab.errors import PluginError, UnknownName
from nnlab.io.file_origin import read_figure_provenance
from nnlab.testing.launcher_runs import (
    busy_pids,
    start_command,
    stored_points,
    wait_for,
    wait_for_exit,
)

PLUGINS = (
    *("--data", "rings", "--model", "wide-and-deep", "--opt", "sign-sgd", "--decay", "sawtooth"),
    *("--epochs", "4", "--train-size", "60"),
)
KINDS = {
    "data": "rings",
    "model": "wide-and-deep",
    "opt": "sign-sgd",
    "decay": "sawtooth",
    "rule": "LAB001",
    "figure": "final-loss",
    "launcher": "two-processes",
}


def stored_setting(folder: Path, run: int = 1) -> dict[str, Any]:
    connection = sqlite3.connect(folder / "runs.db")
    (text,) = connection.execute(
        "SELECT setting FROM trial JOIN run ON run.trial_id = trial.id WHERE run.id = ?", (run,)
    ).fetchone()
    connection.close()
    setting: dict[str, Any] = json.loads(text)
    return setting


def test_choices_lists_a_plugin_of_each_kind_with_its_package(lab: Path, nnlab: Nnlab) -> None:
    rows = nnlab("choices", "--format", "json").json
    found = {row["kind"]: row["name"] for row in rows if row["package"] == "lab-extras 1.2"}
    assert found == KINDS
    (row,) = [row for row in rows if row["name"] == "sign-sgd"]
    assert row["summary"].startswith("the sign of the momentum")
    assert row["defaults"] == {"lr": 0.003, "momentum": 0.9, "weight_decay": 0.0}
    assert "lab-extras 1.2" in nnlab("choices", "opt").out


def test_plugins_are_trained_in_a_grid_stored_and_compared(
    lab: Path, nnlab: Nnlab, folder: Path
) -> None:
    out = nnlab("train", *PLUGINS, "--opt", "sign-sgd,adam", "--seeds", "2").out
    assert "Plugins             lab-extras 1.2" in out
    assert "plugin_versions" not in out
    setting = stored_setting(folder)
    assert setting["lr"] == 0.003
    assert setting["plugin_versions"] == (
        "data=lab-extras 1.2, model=lab-extras 1.2, opt=lab-extras 1.2, decay=lab-extras 1.2"
    )
    ranked = nnlab("compare", "--format", "json").json
    assert "sign-sgd" in json.dumps(ranked)
    assert {run["trial"] for run in nnlab("ls", "--format", "json").json} == {
        "opt=sign-sgd",
        "opt=adam",
    }
    assert (
        nnlab("show", "1", "--format", "json").json[0]["attempts"][0]["environment"]["packages"][
            "lab-extras"
        ]
        == "1.2"
    )
    assert (
        "4 already trained"
        in nnlab("train", *PLUGINS, "--opt", "sign-sgd,adam", "--seeds", "2").out
    )
    assert "no problems" in nnlab("db", "check").out


def test_a_toml_file_may_name_plugins(lab: Path, nnlab: Nnlab, folder: Path) -> None:
    (folder / "study.toml").write_text(
        'data = "rings"\nopt = ["sign-sgd", "sgd"]\nepochs = 2\ndecay = "sawtooth"\nwidth = 4\n'
    )
    nnlab("train", "--config", "study.toml", "--study", "s", "-q")
    assert stored_setting(folder)["decay_every"] == 4


def test_an_option_that_the_plugin_does_not_have_is_refused(lab: Path, nnlab: Nnlab) -> None:
    answer = nnlab("train", "--opt", "sign-sgd", "--beta1", "0.9", expect=2)
    assert "--beta1 has no effect with --opt sign-sgd" in answer.err


def test_messages_suggest_the_names_of_plugins(lab: Path, nnlab: Nnlab) -> None:
    words = {
        "sign-sgd": ("train", "--opt", "sign-sdg"),
        "final-loss": ("plot", "final-los"),
        "two-processes": ("train", "--launcher", "two-process"),
    }
    for name, command in words.items():
        assert f"did you mean '{name}'?" in nnlab(*command, expect=2).err
    assert "LAB001" in nnlab("explain", "LAB002", expect=2).err


def test_completion_offers_plugins(lab: Path) -> None:
    from nnlab.cli import completion

    assert completion.catalogue_completer("opt")("adam,sign") == [
        ("adam,sign-sgd", "plugin of lab-extras 1.2")
    ]
    assert completion.findings("la") == [("LAB001", "plugin of lab-extras 1.2")]
    assert completion.launchers("two") == [("two-processes", "plugin of lab-extras 1.2")]
    assert not [name for name in sys.modules if name.startswith("lab_extras")]


def test_a_run_that_was_killed_is_resumed_bit_for_bit(lab: Path, folder: Path) -> None:
    words = ("train", *PLUGINS, "--epochs", "60", "--checkpoint-every", "2", "-q")
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir()
    code, _, err = wait_for_exit(start_command(undisturbed, *words))
    assert code == 0, err
    process = start_command(folder, *words)
    os.kill(wait_for(lambda: busy_pids(folder))[0], signal.SIGKILL)
    process.communicate()
    code, _, err = wait_for_exit(start_command(folder, *words))
    assert code == 0, err
    assert stored_points(folder) == stored_points(undisturbed)


@pytest.mark.parametrize(
    ("changed", "engine"), [(("--decay", "sawtooth"), "stacked"), (("--opt", "sign-sgd"), "solo")]
)
def test_what_has_no_batched_program_is_trained_run_by_run(
    lab: Path, nnlab: Nnlab, changed: tuple[str, ...], engine: str
) -> None:
    nnlab("train", *QUICK, *changed, "--seeds", "3", "--engine", "stacked", "-q")
    (run,) = nnlab("show", "1", "--format", "json").json
    assert run["attempts"][0]["engine"].startswith(engine)


def test_a_rule_diagnoses_explains_and_stops(lab: Path, nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "-q")
    (run,) = nnlab("diagnose", "1", "--format", "json").json
    (finding,) = [finding for finding in run["findings"] if finding["code"] == "LAB001"]
    assert finding["message"] == "only 3 epochs"
    nnlab("diagnose", "1", "--fail-on", "LAB001", expect=3)
    nnlab("diagnose", "1", "--fail-on", "LABxxx", expect=3)
    text = nnlab("explain", "lab001").out
    assert "What to try: more epochs." in text
    assert "LAB001" in nnlab("explain").out
    nnlab("train", *QUICK, "--stop-on", "LAB001", "-q")
    assert "stopped on LAB001 short training" in nnlab("show", "2").out
    assert "LAB001" in nnlab("ls").out


def test_a_figure_is_drawn_checked_listed_and_drawn_again(
    lab: Path, nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *QUICK, "--lr", "0.01,0.1", "-q")
    assert "next: add -o final-loss.pdf" in nnlab("plot", "final-loss").out
    nnlab("plot", "final-loss", "--metric", "train/loss", "--top", "1", "-o", "a.svg")
    provenance = read_figure_provenance(folder / "a.svg")
    assert provenance is not None
    assert provenance["plugin"] == "lab-extras 1.2"
    assert provenance["options"] == {"metric": "train/loss", "top": 1}
    answer = nnlab("plot", "--check", "a.svg").out
    assert "fresh, the same numbers" in answer
    assert "nnlab plot final-loss --metric train/loss --top 1 -o a.svg" in answer
    nnlab("train", *QUICK, "--lr", "0.2", "--epochs", "9", "-q")
    nnlab("plot", "--check", "a.svg", expect=3)
    nnlab("figures", "--refresh")
    nnlab("plot", "--check", "a.svg")
    assert "--metric TEXT" in nnlab("plot", "final-loss", "--help").out
    assert "final-loss Plugin of lab-extras 1.2." in " ".join(nnlab("plot", "--help").out.split())


def test_a_data_set_is_shown(lab: Path, nnlab: Nnlab) -> None:
    shown = nnlab("data", "show", "rings", "--samples", "100", "--format", "json").json
    assert shown["classes"] == ["outer", "inner"]
    assert shown["version"] == "lab-extras 1.2"
    assert sum(shown["splits"].values()) == 100
    assert "read by its plugin" in nnlab("data", "fetch", "rings").out


def test_a_launcher_is_listed_and_trains(lab: Path, nnlab: Nnlab, folder: Path) -> None:
    assert "plugin of lab-extras 1.2" in nnlab("launchers").out
    words = ("train", *QUICK, "--launcher", "two-processes", "-q", "--engine", "solo")
    code, _, err = wait_for_exit(start_command(folder, *words, "--seeds", "2"))
    assert code == 0, err
    assert {run["status"] for run in nnlab("ls", "--format", "json").json} == {"finished"}
    answer = nnlab("train", "--launcher", "two-processes", "--parallel", "ddp", expect=2)
    assert "does not work with the launcher of a plugin" in answer.err


@pytest.fixture
def uninstalled(
    nnlab: Nnlab, folder: Path, lab_site: Path, monkeypatch: pytest.MonkeyPatch
) -> Nnlab:
    """Plugins were trained by another process; they are not installed in this one."""
    words = ("train", *PLUGINS, "--opt", "sign-sgd,adam", "--study", "s", "-q")
    subprocess.run(
        [sys.executable, "-m", "nnlab", *words],
        check=True,
        env={**os.environ, "PYTHONPATH": str(lab_site)},
    )
    connection = sqlite3.connect(folder / "runs.db")
    connection.execute("UPDATE run SET status = 'interrupted' WHERE id = 1")
    connection.commit()
    connection.close()
    return nnlab


def test_results_can_be_read_without_the_plugin(
    uninstalled: Nnlab, install: Install, folder: Path
) -> None:
    assert "opt=sign-sgd" in uninstalled("ls").out
    assert "sign-sgd" in uninstalled("compare").out
    assert "lab-extras 1.2" in uninstalled("show", "1").out
    assert "LAB001" in uninstalled("show", "2").out
    uninstalled("plot", "curves", "-o", "curves.svg")
    uninstalled("diagnose")
    uninstalled("report", "s", "-o", "report.html")
    assert "no problems" in uninstalled("db", "check").out


def test_resuming_without_the_plugin_names_what_is_missing(
    uninstalled: Nnlab, install: Install
) -> None:
    answer = uninstalled("train", "--study", "s", expect=1)
    missing = "needs the data set plugin 'rings' (lab-extras 1.2), which is not installed"
    assert missing in answer.err
    assert "Traceback" not in answer.err
    answer = uninstalled("verify", "2", expect=1)
    assert missing in answer.err + answer.out


def test_using_a_model_without_its_plugin_names_the_package_and_how_to_install_it(
    uninstalled: Nnlab, folder: Path
) -> None:
    commands = (
        ("predict", "2", "--data", "new.csv"),
        ("evaluate", "2", "--data", "new.csv"),
        ("export", "2", "-o", "m.safetensors"),
    )
    (folder / "new.csv").write_text("x,y\n1,2\n")
    missing = "needs the model plugin 'wide-and-deep' (lab-extras 1.2), which is not installed"
    for words in commands:
        message = " ".join(uninstalled(*words, expect=1).err.split())
        assert missing in message
        assert "pip install lab-extras==1.2" in message
    with pytest.raises(PluginError, match="needs the model plugin 'wide-and-deep'"):
        load(2)
    message = " ".join(uninstalled("explain", "LAB001", expect=2).err.split())
    assert "unknown finding 'LAB001'" in message
    assert "a finding of a plugin is explained where its package is installed" in message


def test_resuming_with_another_version_is_refused_and_training_makes_a_new_trial(
    uninstalled: Nnlab, install: Install, tmp_path_factory: pytest.TempPathFactory
) -> None:
    newer = tmp_path_factory.mktemp("newer")
    install(install_package(ASSETS / "plugin_package", newer, version="1.3"))
    answer = uninstalled("train", "--study", "s", expect=1)
    assert "it was lab-extras 1.2, now it is lab-extras 1.3" in answer.err
    assert "2 new" in uninstalled("train", *PLUGINS, "--opt", "sign-sgd,adam").out


def test_a_figure_of_a_plugin_that_is_not_installed_cannot_be_checked(
    uninstalled: Nnlab, install: Install, folder: Path, lab_site: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "nnlab", "plot", "final-loss", "-o", "a.svg"],
        check=True,
        env={**os.environ, "PYTHONPATH": str(lab_site)},
    )
    assert (
        "needs the figure plugin of lab-extras 1.2"
        in uninstalled("plot", "--check", "a.svg", expect=3).out
    )
    assert "unknown" in uninstalled("figures").out


def test_an_edited_source_of_an_editable_installation_makes_a_new_trial(
    install: Install, nnlab: Nnlab, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As with pip install --editable: the metadata and the code lie in different folders."""
    site = install_package(ASSETS / "plugin_package", tmp_path_factory.mktemp("site"))
    source = tmp_path_factory.mktemp("source")
    (site / "lab_extras").rename(source / "lab_extras")
    path = f"{site}{os.pathsep}{source}"
    words = ("train", *QUICK, "--opt", "sign-sgd", "--epochs", "1")

    def trained() -> str:
        process = subprocess.run(
            [sys.executable, "-m", "nnlab", *words],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        return process.stdout

    assert "1 new" in trained()
    assert "1 already trained" in trained()
    assert stored_setting(folder)["plugin_versions"].startswith("opt=lab-extras 1.2 (source ")
    module = source / "lab_extras" / "optimizer.py"
    module.write_text(module.read_text() + "\n# changed\n")
    assert "1 new" in trained()


def test_without_an_installed_package_its_names_are_unknown() -> None:
    with pytest.raises(UnknownName, match="unknown optimizer 'sign-sgd'"):
        find_choice("opt", "sign-sgd")


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["ls"], ["compare"]])
def test_commands_without_plugins_search_for_none(
    trained: Nnlab, folder: Path, words: list[str]
) -> None:
    code = (
        "import sys\nfrom nnlab.cli.main import main\n"
        f"main({words})\nfrom nnlab.catalogue import plugins\n"
        "print(plugins._scan.cache_info().misses, file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert answer.stderr.endswith("\n0\n") or answer.stderr == "0\n", answer.stderr


def test_the_tests_of_the_plugin_package_pass(lab: Path, tmp_path: Path) -> None:
    assert_tests_pass(ASSETS / "plugin_package" / "tests", tmp_path)


def test_the_tests_in_the_documentation_pass(install: Install, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(install_documented_package(site))
    # The launcher is that of the package above, whose tests take longest.
    assert_tests_pass(site / "test_lab_extras.py", tmp_path, "-k", "not TestTwoProcesses")


def assert_tests_pass(tests: Path, folder: Path, *words: str) -> None:
    """Runs pytest on the tests of a plugin, without the configuration of this repository."""
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder),
         "-p", "no:cacheprovider", str(tests), *words],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout
    assert " passed" in answer.stdout
