"""Discovery of flags: scripts that fail, end, loop, print or start processes before they parse."""

import os
import sys
import time
from pathlib import Path

import pytest

from nnlab.errors import UserCodeError
from nnlab.io.files import cache_dir
from nnlab.scripts import flag_discovery
from nnlab.scripts.flag_discovery import discover_flags
from nnlab.scripts.flag_records import flags_from_json, flags_to_json
from nnlab.scripts.flags import Flag, ScriptFlags
from nnlab.scripts.script_version import script_version

PARSE = """
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.parse_args()
"""


def _discover(folder: Path, text: str, **options: float) -> ScriptFlags:
    script = folder / "train.py"
    script.write_text(text, encoding="utf-8")
    return discover_flags(script, sys.executable, **options)  # type: ignore[arg-type]


def _names(flags: ScriptFlags) -> list[str]:
    return [flag.name for flag in flags.flags]


def test_nothing_after_the_parse_is_executed(tmp_path: Path) -> None:
    text = f"""
import argparse, atexit, pathlib, sys
mark = pathlib.Path({str(tmp_path / "mark")!r})
atexit.register(mark.touch)
print("x" * 200_000)
print("error", file=sys.stderr)
assert sys.stdin.read() == "" and sys.argv == [{str(tmp_path / "train.py")!r}]
assert __name__ == "__main__" and sys.path[0] == {str(tmp_path)!r}
try:
    {PARSE.strip().replace(chr(10), chr(10) + "    ")}
finally:
    mark.touch()
"""
    assert _names(_discover(tmp_path, text)) == ["lr"]
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("call", ["parse_args()", "parse_known_args()", "parse_intermixed_args()"])
def test_every_method_that_parses_stops_the_script(tmp_path: Path, call: str) -> None:
    text = "import argparse, pathlib\n" + PARSE.replace("parse_args()", call)
    mark = tmp_path / "mark"
    assert _names(_discover(tmp_path, f"{text}pathlib.Path({str(mark)!r}).touch()")) == ["lr"]
    assert not mark.exists()


def test_a_package_that_parses_in_several_places_is_no_preliminary_parse(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "site-packages"
    package.mkdir(parents=True)
    (package / "helper.py").write_text(
        "def first(parser):\n    return parser.parse_known_args()\n"
        "def second(parser):\n    return parser.parse_known_args()\n"
    )
    mark = tmp_path / "mark"
    text = f"""
import argparse, pathlib, sys
sys.path.append({str(package)!r})
import helper
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
helper.first(parser)
pathlib.Path({str(mark)!r}).touch()
"""
    assert _names(_discover(tmp_path, text)) == ["lr"]
    assert not mark.exists()


def test_a_script_that_fails_before_it_parses(tmp_path: Path) -> None:
    flags = _discover(tmp_path, "import argparse\nimport missing_module_x\n" + PARSE)
    assert flags.parser == "unknown"
    assert flags.problem == (
        "it ended (exit code 1) before it parsed its arguments: "
        "ModuleNotFoundError: No module named 'missing_module_x'"
    )


def test_output_of_a_failing_script_is_escaped(tmp_path: Path) -> None:
    flags = _discover(tmp_path, "import argparse, sys\nsys.exit('\\x1b[31mno data')")
    assert flags.problem is not None
    assert "\x1b" not in flags.problem
    assert flags.problem.endswith("no data")


def test_a_script_without_a_parser_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    flags = _discover(tmp_path, f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    assert flags == ScriptFlags("unknown")
    assert not mark.exists()


def test_a_script_that_never_parses_is_killed_with_its_processes(tmp_path: Path) -> None:
    text = f"""
import argparse, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
while True:
    time.sleep(0.01)
"""
    flags = _discover(tmp_path, text, time_limit=1.5)
    assert flags.problem == "it did not parse its arguments within 1.5 s"
    pid = int((tmp_path / "pid").read_text())
    for _ in range(200):
        if not _is_running(pid):
            return
        time.sleep(0.05)
    pytest.fail("the script's process is still running")


def _is_running(pid: int) -> bool:
    """Whether a process runs: not ended, and not a zombie that nobody waits for."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_processes_that_the_script_starts_do_not_report(tmp_path: Path) -> None:
    text = """
import argparse, multiprocessing
def work(): pass
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start(); process.join()
    assert process.exitcode == 0
""" + PARSE.replace("\n", "\n    ")
    assert _names(_discover(tmp_path, text)) == ["lr"]


def test_a_flag_with_a_huge_help_and_many_choices(tmp_path: Path) -> None:
    text = f"""
import argparse
parser = argparse.ArgumentParser()
for i in range(300):
    parser.add_argument(f"--flag{{i}}", help="word " * 5000)
parser.add_argument("--choice", choices=[str(i) for i in range(2000)])
{PARSE.replace("parser = argparse.ArgumentParser()", "")}"""
    flags = _discover(tmp_path, text)
    assert len(flags.flags) == 302
    assert len(flags.flags[0].help) == 2000
    assert flags.resolve_flag("choice").choices == ()


def test_unusual_names(tmp_path: Path) -> None:
    text = """
import argparse
parser = argparse.ArgumentParser(prefix_chars="-+")
parser.add_argument("--ünicode-flag", default=float("inf"))
parser.add_argument("+x", type=int)
parser.add_argument("-lr", type=float)
parser.add_argument("--model.depth", type=int)
parser.add_argument("--a\\x1b[31mb")
parser.add_argument("--bad-help", help="%(missing)s %")
parser.parse_args()
"""
    flags = _discover(tmp_path, text)
    names = ["ünicode_flag", "x", "lr", "model.depth", "a\\x1b[31mb", "bad_help"]
    assert _names(flags) == names
    assert flags.flags[0].default == "inf"
    assert flags.resolve_flag("depth").name == "model.depth"


def test_arguments_that_are_not_those_of_the_command_line_are_parsed_as_usual(
    tmp_path: Path,
) -> None:
    text = f"""
import argparse
library = argparse.ArgumentParser()
library.add_argument("--inner", type=int)
assert library.parse_args(["--inner", "3"]).inner == 3
{PARSE}"""
    assert _names(_discover(tmp_path, text)) == ["lr"]


def test_a_parser_of_a_local_module(tmp_path: Path) -> None:
    (tmp_path / "options.py").write_text(f"import argparse\ndef get():\n{_indented(PARSE)}")
    text = "from options import get\nget()\n"
    assert _names(_discover(tmp_path, text)) == ["lr"]
    (tmp_path / "options.py").write_text(
        f"import argparse\ndef get():\n{_indented(PARSE.replace('--lr', '--rate'))}"
    )
    assert _names(_discover(tmp_path, text)) == ["rate"]


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def test_the_cache_is_used_and_survives_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = "import argparse\n" + PARSE
    flags = _discover(tmp_path, text)
    (file,) = (cache_dir() / "script-flags").iterdir()
    for content in (b"", b"{", b'{"parser": 1}', b'{"parser": "argparse", "flags": [[]]}', b"[]"):
        file.write_bytes(content)
        assert _discover(tmp_path, text) == flags
    monkeypatch.setattr(flag_discovery, "PROBE", tmp_path / "missing")
    assert _discover(tmp_path, text) == flags  # from the cache
    assert _discover(tmp_path, text + "#").problem is not None


def test_damaged_records_are_no_errors() -> None:
    flags = ScriptFlags("click", (Flag("lr", ("--lr",), "float", 0.1, value_count=2),), ("fit",))
    content = flags_to_json(flags)
    assert flags_from_json(content) == flags
    for index in range(len(content)):
        assert flags_from_json(content[:index]).problem is not None
        for byte in (b"0", b'"', b"[", b"x"):
            damaged = flags_from_json(content[:index] + byte + content[index + 1 :])
            assert all(flag.name and flag.spellings for flag in damaged.flags)


def test_a_missing_script_or_interpreter(tmp_path: Path) -> None:
    with pytest.raises(UserCodeError, match="cannot read the script"):
        discover_flags(tmp_path / "missing.py", sys.executable)
    (tmp_path / "train.py").write_text("import argparse")
    with pytest.raises(UserCodeError, match="cannot start 'no-python'"):
        discover_flags(tmp_path / "train.py", "no-python")


def test_the_version_covers_local_imports(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import near\n")
    (tmp_path / "near.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("x = 1\n")
    first = script_version(script)
    assert [file.name for file in first.files] == ["train.py", "near.py"]
    assert (first.git_commit, first.git_dirty) == (None, None)
    (tmp_path / "other.py").write_text("x = 2\n")
    assert script_version(script) == first
    (tmp_path / "near.py").write_text("x = 2\n")
    assert script_version(script).digest != first.digest
