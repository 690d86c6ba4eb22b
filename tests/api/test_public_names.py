"""What `import nnlab` gives: the names, their types, and nothing that takes time to import."""

import inspect
import json
import subprocess
import sys

import pytest
import typer

import nnlab as api
from nnlab.api.settings import TrainSettings
from nnlab.api.train import train
from nnlab.cli.main import load_command
from nnlab.settings import setting_fields

HEAVY = ("torch", "sqlalchemy", "matplotlib", "pandas", "scipy", "numpy", "pydantic", "typer")


def test_the_public_names_are_pinned() -> None:
    assert api.__all__ == [
        "Histogram", "Image", "Results", "RunHandle", "Table", "TrainResult", "board",
        "config", "define_metric", "diagnose", "errors", "finish", "init", "load", "log", "login",
        "open", "plots", "records", "run", "save", "summary", "train", "unwatch", "watch",
    ]  # fmt: skip
    assert set(api.__all__) <= set(dir(api))
    for name in set(api.__all__) - {"run"}:  # None until a run is recorded
        assert getattr(api, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'trane'"):
        getattr(api, "trane")  # noqa: B009  a type checker rejects the attribute


def test_the_import_is_lazy() -> None:
    script = (
        "import sys, json, nnlab; dir(nnlab); nnlab.__version__;"
        f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == []


def test_opening_and_diagnosing_do_not_import_torch() -> None:
    script = (
        "import sys, json, nnlab; nnlab.open, nnlab.train, nnlab.plots, nnlab.errors;"
        "nnlab.diagnose({'loss': [1.0, 0.5], 'val_loss': [1.0, 0.6]});"
        "print(json.dumps([m for m in ('torch', 'matplotlib', 'pandas') if m in sys.modules]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == []


def test_every_field_of_a_setting_is_a_typed_keyword() -> None:
    assert [*TrainSettings.__annotations__, "seed"] == list(setting_fields())


# Options of `nnlab train` that the function has under another name, or not at all.
OTHER_NAMES = {"tag": "tags", "no_git_diff": "git_diff"}
ONLY_ON_THE_COMMAND_LINE = {
    *("launcher", "partition", "address", "nodes", "gpus", "cpus", "mem", "time", "max_parallel"),
    *("dry_run", "notify", "quiet", "verbose"),
    # The parser's carrier of `--model.NAME VALUE`, which is the keyword "model.NAME".
    "setting_arguments",
}


def test_every_option_of_the_command_is_a_keyword() -> None:
    keywords = {*inspect.signature(train).parameters, *TrainSettings.__annotations__}
    options = {parameter.name for parameter in load_command("train").params} - {"help"}
    missing = {OTHER_NAMES.get(name, name) for name in options} - keywords
    assert missing == ONLY_ON_THE_COMMAND_LINE


def test_every_question_and_sampler_option_of_init_study_is_a_keyword() -> None:
    keywords = {*inspect.signature(train).parameters, *TrainSettings.__annotations__}
    options = {parameter.name for parameter in load_command("init-study").params}
    # Options of `--script`, which Python programs execute themselves.
    of_scripts = {"script", "cmd", "grid", "seed_flag", "python", "nproc", "time_limit", "grace"}
    missing = options - keywords - {"help", "skip_if_exists"}
    assert missing <= ONLY_ON_THE_COMMAND_LINE | of_scripts


def test_no_error_is_one_of_the_command_line() -> None:
    with pytest.raises(api.errors.NnlabError) as caught:
        api.open("missing.db")
    assert not isinstance(caught.value, typer.Exit | SystemExit)
