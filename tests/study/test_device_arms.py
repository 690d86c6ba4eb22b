"""Arms with `requires = "cuda"` exist where a GPU is, and are left out with a note elsewhere."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.engine import device
from nnlab.engine.device import DeviceInfo
from nnlab.errors import ConfigError
from nnlab.store.rows import arms_to_json, parse_arms
from nnlab.study import builtin
from nnlab.study.request import TrainRequest, merge_config_file
from nnlab.study.spec import StudySpec, build_study_spec

FILE = """
claim = "The device changes nothing."
data = "iris"
width = 8
depth = 1
epochs = 2
seeds = 2

[[arm]]
name = "float32"
device = "cpu"

[[arm]]
name = "float64"
device = "cpu"
dtype = "float64"

[[arm]]
name = "float32, GPU"
device = "cuda"
requires = "cuda"

[[decide]]
says = "double is as single"
metric = "val/accuracy"
same = ["float64", "float32"]
margin = 0.05

[[subclaim]]
says = "the GPU is as the CPU"
metric = "val/accuracy"
same = ["float32, GPU", "float32"]
margin = 0.05
"""
GPU = DeviceInfo("cuda:0", "a GPU", 2**33)


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "devices.toml"
    path.write_text(FILE)
    return path


@pytest.fixture(params=[False, True], ids=["without GPU", "with GPU"])
def has_gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this machine seems to have a GPU."""
    devices = ([GPU] if request.param else []) + [DeviceInfo("cpu", "a CPU", None)]
    monkeypatch.setattr(device, "list_devices", lambda: tuple(devices))
    return bool(request.param)


def read(file: Path, study: str = "devices") -> StudySpec:
    return build_study_spec(merge_config_file(file, TrainRequest(settings={}, study=study)))


def test_an_arm_has_trials_only_where_its_device_is(file: Path, has_gpu: bool) -> None:
    spec = read(file)
    assert [arm.name for arm in spec.arms] == ["float32", "float64", "float32, GPU"]
    assert [len(arm.trials) for arm in spec.arms] == [1, 1, int(has_gpu)]
    note = "" if has_gpu else "left out: this machine has no device cuda"
    assert [arm.note for arm in spec.arms] == ["", "", note]
    assert len(spec.comparisons) == 2
    devices = {trial.setting["device"] for trial in spec.trials}
    assert devices == ({"cpu", "cuda"} if has_gpu else {"cpu"})


def test_the_study_of_precision_uses_the_gpu_where_there_is_one(has_gpu: bool) -> None:
    name = "lecture/precision"
    spec = read(builtin.builtin_study_path(name), name)
    settings = {(trial.setting["device"], trial.setting["dtype"]) for trial in spec.trials}
    dtypes = ("float64", "float32", "bfloat16")
    devices = ("cpu", "cuda") if has_gpu else ("cpu",)
    assert settings == {(device, dtype) for device in devices for dtype in dtypes}
    deciding = {arm for each in spec.comparisons if each.decides for arm in each.arms}
    assert deciding == set(dtypes)  # the verdict is decided by the same arms on every machine


def test_the_report_says_what_was_left_out(
    nnlab: Nnlab, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "list_devices", lambda: (DeviceInfo("cpu", "a CPU", None),))
    answer = nnlab("train", "--study", "devices", "--config", file.name, "--no-keep-models")
    assert "arm float32, GPU: left out: this machine has no device cuda" in answer.err
    assert "verdict: cannot tell" in answer.out  # two seeds
    nnlab("report", "devices", "-o", "devices.md")
    report = Path("devices.md").read_text()
    assert "- float32, GPU: left out: this machine has no device cuda" in report
    assert "- not evaluated, because an arm was left out: the GPU is as the CPU" in report
    assert "| double is as single |" in report
    assert "| sub-claim: the GPU is as the CPU |" not in report
    # A machine with a GPU trains the study as it is stored, and does not replace it.
    monkeypatch.setattr(device, "list_devices", lambda: (GPU, DeviceInfo("cpu", "a CPU", None)))
    assert "nothing to train" in nnlab("train", "--study", "devices").out
    refused = nnlab("init-study", "devices", "--config", file.name, expect=2)
    assert "arm float32, GPU: none -> 1 trials" in refused.err


def test_a_device_that_no_machine_has_is_refused(file: Path) -> None:
    file.write_text(FILE.replace('requires = "cuda"', 'requires = "cdua"'))
    with pytest.raises(ConfigError, match=r"unknown device 'cdua'.*did you mean 'cuda'"):
        read(file)


def test_arms_of_older_databases_have_no_note(file: Path) -> None:
    spec = read(file)
    text = arms_to_json(spec.arms[:1])
    assert text is not None
    assert "note" not in text
    assert parse_arms(text) == spec.arms[:1]
    assert parse_arms(arms_to_json(spec.arms)) == spec.arms
