"""The git state of a checkout is read without executing programs of the checkout's config."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nnlab.provenance import git_state as module
from nnlab.provenance.git_state import GitState, git_state

Git = Callable[..., str]

IDENTITY = ("-c", "user.name=ann", "-c", "user.email=ann@lab.example", "-c", "commit.gpgsign=false")


@pytest.fixture(autouse=True)
def no_config_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def run_git(folder: Path, *words: str) -> str:
    command = ["git", *IDENTITY, *words]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A checkout with one commit of two files."""
    path = tmp_path / "repo"
    path.mkdir()
    run_git(path, "init", "-q", "-b", "main")
    (path / "model.py").write_text("one\n")
    (path / "data.txt").write_text("1\n")
    commit(path)
    return path


def commit(repo: Path) -> str:
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-qm", "x")
    return run_git(repo, "rev-parse", "HEAD")


def change(repo: Path, name: str = "model.py") -> None:
    (repo / name).write_text("two\n")


@pytest.fixture
def trap(tmp_path: Path) -> tuple[str, Path]:
    """A program that leaves a trace when it is started, and the trace."""
    trace, program = tmp_path / "trace", tmp_path / "trap"
    program.write_text(f"#!/bin/sh\ntouch {trace}\ncat\n")
    program.chmod(0o755)
    return str(program), trace


def test_a_clean_checkout(repo: Path) -> None:
    head = run_git(repo, "rev-parse", "HEAD")
    assert git_state(repo) == GitState(head, dirty=False, diff=None)
    (repo / "untracked").write_text("")
    assert git_state(repo) == GitState(head, dirty=False, diff=None)


def test_a_file_that_was_only_touched_is_no_change(repo: Path) -> None:
    os.utime(repo / "model.py", (1, 1))
    state = git_state(repo)
    assert state is not None
    assert state.dirty is False


@pytest.mark.parametrize("staged", [False, True])
def test_changes_are_in_the_diff(repo: Path, *, staged: bool) -> None:
    (repo / "sub").mkdir()
    change(repo)
    if staged:
        run_git(repo, "add", "-A")
    state = git_state(repo / "sub")
    assert state is not None
    assert state.dirty is True
    assert state.diff is not None
    assert "-one\n+two\n" in state.diff


def test_outside_of_a_checkout_and_before_the_first_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    run_git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None


def test_nothing_is_written_into_the_checkout(repo: Path) -> None:
    os.utime(repo / "model.py", (1, 1))
    before = {path: path.stat().st_mtime_ns for path in (repo / ".git").rglob("*")}
    git_state(repo)
    assert {path: path.stat().st_mtime_ns for path in (repo / ".git").rglob("*")} == before


def test_linked_worktrees_split_indexes_and_sha256(repo: Path, tmp_path: Path) -> None:
    run_git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    change(tmp_path / "linked")
    state = git_state(tmp_path / "linked")
    assert state is not None
    assert state.diff is not None
    assert "+two" in state.diff
    run_git(repo, "update-index", "--split-index")
    clean = git_state(repo)
    assert clean is not None
    assert clean.dirty is False
    other = tmp_path / "other"
    other.mkdir()
    run_git(other, "init", "-q", "--object-format=sha256")
    (other / "model.py").write_text("one\n")
    head = commit(other)
    change(other)
    state = git_state(other)
    assert state is not None
    assert (state.commit, len(head), state.dirty) == (head, 64, True)


def test_a_file_mode_that_the_config_ignores_is_no_change(repo: Path) -> None:
    run_git(repo, "config", "core.fileMode", "false")
    (repo / "model.py").chmod(0o755)
    state = git_state(repo)
    assert state is not None
    assert state.dirty is False


def test_a_large_diff_is_not_kept(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DIFF_BYTES", 100)
    (repo / "model.py").write_text("x\n" * 200)
    state = git_state(repo)
    assert state == GitState(
        run_git(repo, "rev-parse", "HEAD"),
        dirty=True,
        diff="(a diff of more than 100 bytes, too large to keep)",
    )


# Configs that make git start a program when it compares files, or shows how they differ.
CONFIGS: dict[str, list[tuple[str, str]]] = {
    "clean filter": [("filter.x.clean", "TRAP")],
    "process filter": [("filter.x.process", "TRAP"), ("filter.x.required", "true")],
    "a filter with an odd name": [("filter.x=y.clean", "TRAP")],
    "fsmonitor": [("core.fsmonitor", "TRAP")],
    "hooks": [("core.hooksPath", "HOOKS")],
    "external diff": [("diff.external", "TRAP")],
    "text converter": [("diff.x.textconv", "TRAP")],
    "diff driver": [("diff.x.command", "TRAP")],
    "pager": [("core.pager", "TRAP"), ("pager.diff", "TRAP"), ("pager.status", "true")],
    "alias": [("alias.diff", "!TRAP"), ("alias.status", "!TRAP"), ("alias.rev-parse", "!TRAP")],
    "include": [("include.path", "INCLUDED")],
}


@pytest.mark.parametrize("settings", CONFIGS.values(), ids=CONFIGS.keys())
def test_no_program_of_the_config_is_started(
    repo: Path, tmp_path: Path, trap: tuple[str, Path], settings: list[tuple[str, str]]
) -> None:
    program, trace = trap
    included, hooks = tmp_path / "included", tmp_path / "hooks"
    included.write_text(f'[filter "x"]\n\tclean = {program}\n[diff "x"]\n\ttextconv = {program}\n')
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).symlink_to(program)
    (repo / ".gitattributes").write_text("*.py filter=x diff=x\n*.txt filter=x=y\n")
    head = commit(repo)
    for name, value in settings:
        for placeholder, path in (("TRAP", program), ("HOOKS", hooks), ("INCLUDED", included)):
            value = value.replace(placeholder, str(path))
        run_git(repo, "config", name, value)
    trace.unlink(missing_ok=True)
    change(repo)
    change(repo, "data.txt")
    state = git_state(repo)
    assert not trace.exists()
    assert state is not None
    assert (state.commit, state.dirty) == (head, True)
    assert state.diff is not None
    assert "-one\n+two\n" in state.diff


def test_a_filter_in_the_attributes_of_the_git_folder_is_not_started(
    repo: Path, trap: tuple[str, Path]
) -> None:
    program, trace = trap
    (repo / ".git" / "info" / "attributes").write_text("* filter=x diff=x\n")
    run_git(repo, "config", "filter.x.clean", program)
    run_git(repo, "config", "diff.x.textconv", program)
    change(repo)
    state = git_state(repo)
    assert state is not None
    assert state.dirty is True
    assert not trace.exists()


def test_a_submodule_with_a_config_of_its_own_is_not_entered(
    repo: Path, tmp_path: Path, trap: tuple[str, Path]
) -> None:
    program, trace = trap
    sub = repo / "sub"
    sub.mkdir()
    run_git(sub, "init", "-q")
    (sub / "a.py").write_text("one\n")
    (sub / ".gitattributes").write_text("* filter=x\n")
    commit(sub)
    commit(repo)
    run_git(sub, "config", "filter.x.clean", program)
    run_git(sub, "config", "core.fsmonitor", program)
    run_git(repo, "config", "diff.submodule", "log")
    trace.unlink(missing_ok=True)
    change(sub, "a.py")
    state = git_state(repo)
    assert state is not None
    assert state.dirty is False  # at the commit that it should be at
    assert not trace.exists()
    run_git(sub, "config", "--unset", "filter.x.clean")
    run_git(sub, "config", "--unset", "core.fsmonitor")
    commit(sub)
    state = git_state(repo)
    assert state is not None
    assert state.dirty is True


def test_missing_objects_are_not_fetched(repo: Path, trap: tuple[str, Path]) -> None:
    """In a partial clone git would fetch them, with a program that its config names."""
    program, trace = trap
    head = run_git(repo, "rev-parse", "HEAD")
    blob = run_git(repo, "rev-parse", "HEAD:model.py")
    (repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", f"ext::{program}"),
        ("protocol.ext.allow", "always"),
        ("core.sshCommand", program),
    ):
        run_git(repo, "config", name, value)
    change(repo)
    state = git_state(repo)
    assert state is not None
    assert (state.commit, state.dirty) == (head, True)
    assert not trace.exists()


def test_a_working_tree_elsewhere_is_not_compared(repo: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "model.py").write_text("hunter2\n")
    run_git(repo, "config", "core.worktree", str(secrets))
    state = git_state(repo)
    assert state is None or (state.dirty, state.diff) == (None, None)


def test_variables_of_the_environment_start_nothing(
    repo: Path, trap: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, trace = trap
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS"):
        monkeypatch.setenv(name, program)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere"))
    change(repo)
    state = git_state(repo)
    assert state is not None
    assert state.diff is not None
    assert "+two" in state.diff
    assert not trace.exists()


def test_a_checkout_that_never_answers_is_given_up(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(repo / ".git" / "endless")
    run_git(repo, "config", "include.path", "endless")
    monkeypatch.setattr(module, "_TIMEOUT_SECONDS", 0.2)
    assert git_state(repo) is None
