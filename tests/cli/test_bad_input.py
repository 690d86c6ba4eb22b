"""Invalid input: a clear message and the right exit code, no data loss, no traceback."""

import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab, started
from limited_folders import mounted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--opt", "adm"], "unknown optimizer 'adm': did you mean 'adam'? Known: adadelta,"),
        (["--data", "digit"], "did you mean 'digits'"),
        (["--activation", "rellu"], "did you mean 'relu'"),
        (["--lr", "-1"], "--lr must be greater than 0, got -1"),
        (["--epochs", "many"], "--epochs must be a whole number, got many"),
        (["--dropout", "1.5"], "--dropout must be less than 1, got 1.5"),
        (["--seeds", "0"], "--seeds must be from 1 to 10,000, got 0"),
        (["--seed", "1", "--seeds", "2"], "--seed lists seeds and --seeds counts them"),
        (["--seed", "-1"], "--seed must be at least 0, got -1"),
        (["--decay-rate", "0.1"], "--decay-rate has no effect with --decay none"),
        (["--momentum", "0.5"], "--momentum has no effect with --opt adam"),
        (["--loss", "mse"], "--loss mse does not fit digits, a classification task"),
        (["--objective", "test/accuracy"], "the test split is evaluated only once, at the end"),
        (["--norm", "batch", "--batch-size", "1"], "needs a --batch-size of at least 2"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--objective", "val/loss:up"], "'up' is neither min nor max: use val/loss:min or val/lo"),
        (["--metrics", "f.py:g:median"], "'median' is neither min nor max: use f.py:g:min or f.py"),
        (["--metrics", "f.py:g:max:min"], "there are two directions: use f.py:g:min or f.py:g:max"),
        (["--objective", ":max"], "--objective :max: there is no metric before ':max'"),
        (["--metrics", "f1:up"], "--metrics f1:up: 'up' is neither min nor max: use f1:min or f1"),
        (["--folds", "1"], "Error: --folds must be at least 2, got 1"),
        (["--folds", "300"], "Error: --folds must be at most 100, got 300"),
        (["--output", "x"], "Error: --output has no effect with --model mlp"),
        (["--model-output", "x"], "Error: --model-output has no effect with --model mlp"),
        (["--device", "cuda:9"], "this machine has no such device"),
        (["--study", "nothing"], "there is no database runs.db"),
        (["--name", ""], "--name must be 1 to 200 printable characters"),
        (["--config", "none.toml"], "--config none.toml: no such file"),
        (["--data", "csv:none.csv#y"], "no data file at none.csv"),
        (["--epochz", "3"], "No such option: --epochz"),
        (["--seed", "9223372036854775808"], "--seed must be at most 9223372036854775807, got"),
        (["--seed", "0..9223372036854775808"], "--seed must be at most 9223372036854775807, got"),
        (["--split-seed", "9223372036854775808"], "--split-seed must be at most 9223372036854"),
        (["--per-device", "\N{SUPERSCRIPT TWO}"], "auto, or a number from 1 to 256"),
        (["--stop-on", "x"], "--stop-on: unknown finding 'x'"),
        (["--from", ""], "--from needs a value, got nothing"),
        (["--from", "a" * 300], "the file name is too long (300 characters): aaa"),
        (["--db", "a" * 300], "the file name is too long (300 characters): aaa"),
        (["--data", f"folder:{'a' * 300}"], "the file name is too long"),
        (["--model", f"{'a' * 300}.py:f"], "the file name is too long (303 characters)"),
        (["--name", "2"], "--name '2' could be mistaken for the number of a run"),
        (["--name", "#2"], "--name '#2' could be mistaken for the number of a run"),
        (["--name", "1-3"], "--name '1-3' could be mistaken for the number of a run"),
        (
            ["--study", "2", "--epochs", "1"],
            "--study '2' could be mistaken for the number of a run",
        ),
        (["--data", "penguins.csv"], "'penguins.csv': did you mean csv:penguins.csv (its last"),
        (["--data", "penguins.npz"], "did you mean npz:penguins.npz?"),
        (["--data", "."], "did you mean folder:.?"),
        (["--model", "none.py"], "did you mean none.py:NAME?"),
        (["--sampler", "tpe"], "nnlab init-study NAME --lr 1e-4..1e-1 --sampler"),
        (["--trials=3"], "--trials describes a study, which nnlab init-study sets up"),
    ],
)
def test_train_says_what_is_wrong(nnlab: Nnlab, words: list[str], message: str) -> None:
    answer = nnlab("train", *words, expect=None)
    assert answer.code in (1, 2)
    assert message in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err
    assert "internal error" not in answer.err


def test_all_problems_are_told_at_once(nnlab: Nnlab) -> None:
    answer = nnlab("train", "--opt", "adm", "--lr", "0", "--depth", "x", "--seeds", "0", expect=2)
    assert "4 problems with the settings" in answer.err
    for option in ("--opt", "--lr", "--depth", "--seeds"):
        assert f"- {option}" in answer.err


def test_a_config_file_tells_all_its_problems(nnlab: Nnlab, folder: Path) -> None:
    (folder / "c.toml").write_text("lrr = 1\nepoch = 2\ntags = 3\nname = 4\n")
    answer = nnlab("train", "--config", "c.toml", expect=2)
    assert "4 problems" in answer.err
    assert "unknown key 'lrr': did you mean 'lr'?\n" in answer.err  # and not all keys
    (folder / "c.toml").write_text("colour = 1")
    answer = nnlab("train", "--config", "c.toml", expect=2)
    assert answer.err == (
        "Error: c.toml: unknown key 'colour'; nnlab train --help lists the options, whose names are"
        " the keys\n"
    )
    (folder / "c.toml").write_text("lr = = 1")
    assert "is not valid TOML" in nnlab("train", "--config", "c.toml", expect=2).err
    assert not (folder / "runs.db").exists()


def test_a_file_of_text_has_no_weights(nnlab: Nnlab, folder: Path) -> None:
    (folder / "my study.toml").write_text("lr = = 1")
    (folder / "notes.txt").write_text("lr is \N{GREEK SMALL LETTER ETA}" * 1000)
    for words in (["init-study", "s", "--from"], ["train", "--from"]):
        answer = nnlab(*words, "my study.toml", expect=2)
        assert "a text file does not contain weights" in answer.err
        assert "--config 'my study.toml' reads a study from a TOML file" in answer.err
        answer = nnlab(*words, "notes.txt", expect=2)
        assert "a text file does not contain weights" in answer.err
        assert "--config" not in answer.err
    assert not (folder / "runs.db").exists()


def test_a_model_file_lists_its_callables_and_is_not_run(nnlab: Nnlab, folder: Path) -> None:
    (folder / "models.py").write_text(
        "raise SystemExit\ndef small(): ...\nclass Large: ...\ndef _own(): ...\nRATE = 1\n"
    )
    for option in ("--model", "--data"):
        answer = nnlab("train", option, "models.py", expect=2)
        assert "did you mean models.py:small or models.py:Large?" in answer.err


def test_nothing_is_made_when_the_settings_are_wrong(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", "--lr", "-1", expect=2)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("cell", "message"),
    [("", "the value is missing"), ("tall", "'tall' is not a number")],
)
def test_a_data_file_with_bad_cells_trains_nothing(
    nnlab: Nnlab, folder: Path, cell: str, message: str
) -> None:
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
    (folder / "points.csv").write_text(f"height,kind\n{rows}{cell},a\n")
    answer = nnlab("train", "--data", "csv:points.csv#kind", expect=1)
    assert f"line 42, column 'height': {message}" in answer.err
    assert not (folder / "runs.db").exists()
    (folder / "points.csv").write_text(f"height,kind\n{rows}")
    nnlab("train", "--data", "csv:points.csv#kind", "--epochs", "2", "-q")
    (folder / "points.csv").write_text(f"height,kind\n{rows}{rows}")
    nnlab("train", "--data", "csv:points.csv#kind", "--epochs", "2", "-q")
    output = nnlab("ls", "--format", "json").json
    assert [run["status"] for run in output] == ["finished"] * 2  # new content, new trial


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["studies"],
        ["show", "1"],
        ["compare"],
        ["plot", "curves", "-o", "x.pdf"],
        ["report"],
        ["db", "status"],
        ["db", "check"],
        ["train", "--study", "s"],
    ],
)
def test_without_a_database_it_says_how_to_make_one(
    nnlab: Nnlab, folder: Path, words: list[str]
) -> None:
    answer = nnlab(*words, expect=1)
    assert "there is no database runs.db" in answer.err
    assert "nnlab train" in answer.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"hello, I am a text\n" * 50, b"\x00\xff" * 3000])
def test_a_file_that_is_no_database(nnlab: Nnlab, folder: Path, content: bytes) -> None:
    (folder / "runs.db").write_bytes(content)
    for words in (["ls"], ["train", *QUICK]):
        answer = nnlab(*words, expect=1)
        assert "runs.db" in answer.err
        assert "database" in answer.err
    assert (folder / "runs.db").read_bytes() == content


def test_a_corrupt_database_is_told_and_left_alone(trained: Nnlab, folder: Path) -> None:
    trained("db", "backup", "good.db")
    content = bytearray((folder / "good.db").read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xde" * 200
    (folder / "bad.db").write_bytes(content)
    answer = trained("compare", "--db", "bad.db", expect=1)
    assert "bad.db" in answer.err
    assert "damaged" in answer.err or "malformed" in answer.err
    assert (folder / "bad.db").read_bytes() == content


def test_a_database_of_another_program(nnlab: Nnlab, folder: Path) -> None:
    connection = sqlite3.connect(folder / "runs.db")
    connection.execute("CREATE TABLE run (id INTEGER)")
    connection.commit()
    connection.close()
    for words in (["ls"], ["train", *QUICK]):
        answer = nnlab(*words, expect=1)
        assert "runs.db" in answer.err
        assert "run" in answer.err


def test_a_newer_database_is_read_but_not_written(trained: Nnlab, folder: Path) -> None:
    connection = sqlite3.connect(folder / "runs.db")
    connection.execute("UPDATE nnlab_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    answer = trained("ls", "--format", "json")
    assert len(answer.json) == 4
    assert "newer nnlab" in answer.err
    answer = trained("train", *QUICK, "--seed", "9", expect=1)
    assert "revision 9999" in answer.err
    assert "update nnlab" in answer.err
    assert len(trained("ls", "--format", "json").json) == 4


@pytest.fixture
def locked(folder: Path) -> Iterator[threading.Event]:
    """Holds the write lock of runs.db, from another connection, once the event is set."""
    hold, held, release = threading.Event(), threading.Event(), threading.Event()

    def holder() -> None:
        hold.wait(60)
        connection = sqlite3.connect(folder / "runs.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        held.set()
        release.wait(60)
        connection.close()

    thread = threading.Thread(target=holder)
    thread.start()
    hold.held = held  # type: ignore[attr-defined]
    yield hold
    hold.set()
    release.set()
    thread.join()


def test_a_locked_database(
    trained: Nnlab, locked: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnlab.store import database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    locked.set()
    locked.held.wait(10)  # type: ignore[attr-defined]
    answer = trained("train", *QUICK, "--seed", "9", expect=1)
    assert "runs.db is locked" in answer.err
    assert len(trained("ls", "--format", "json").json) == 4  # readers do not wait


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    where = folder / "small"
    if not mounted(where, "size=1m"):
        pytest.skip("a small file system needs the right to mount one")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def test_a_full_disk_loses_no_finished_epoch(nnlab: Nnlab, folder: Path, small_disk: Path) -> None:
    place = str(small_disk / "runs.db")
    nnlab("train", *QUICK, "-q", "--no-keep-models", "--db", place)
    (small_disk / "filler").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 400_000))
    words = ("--data", "iris", "--epochs", "5000", "--seed", "1", "--db", place)
    process = started(folder, "train", *words)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "no room left" in err
    assert "Traceback" not in err
    (small_disk / "filler").unlink()
    assert "no problems" in nnlab("db", "check", "--db", place).out
    runs = {run["run"]: run for run in nnlab("ls", "--db", place, "--format", "json").json}
    assert runs[1]["status"] == "finished"
    assert runs[2]["status"] == "interrupted"
    connection = sqlite3.connect(place)
    stored = connection.execute(
        "SELECT count(*), max(epoch) FROM point JOIN metric m ON m.id = metric_id"
        " WHERE run_id = 2 AND m.name = 'val/loss'"
    ).fetchone()
    connection.close()
    assert stored == (runs[2]["epochs"], runs[2]["epochs"])
    assert stored[0] > 0


@pytest.mark.parametrize("suffix", ["pt2", "safetensors"])
def test_an_export_to_a_full_disk_keeps_the_old_file(
    nnlab: Nnlab, folder: Path, small_disk: Path, suffix: str
) -> None:
    nnlab("train", "--data", "iris", "--widths", "512,512", "--epochs", "1", "-q")
    target = small_disk / f"net.{suffix}"
    target.write_text("old")
    # In a process of its own: torch's writer of zip files aborted it.
    process = started(folder, "export", "1", "-o", str(target), "--force")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"cannot write '{target}': no room left on the disk" in " ".join(err.split())
    assert target.read_text() == "old"
    assert [path.name for path in small_disk.iterdir()] == [target.name]


@pytest.fixture
def read_only_folder(trained: Nnlab, folder: Path) -> Iterator[Path]:
    """A folder with a database, mounted so that nobody can write to it, not even root."""
    where = folder / "frozen"
    where.mkdir()
    shutil.copy(folder / "runs.db", where / "runs.db")
    command = f"mount --bind {where} {where} && mount -o remount,bind,ro {where}"
    if os.geteuid() != 0:
        where.chmod(stat.S_IRUSR | stat.S_IXUSR)
        (where / "runs.db").chmod(stat.S_IRUSR)
    elif subprocess.run(["sh", "-c", command], capture_output=True, check=False).returncode:
        pytest.skip("root needs the right to mount to make a folder read-only")
    yield where
    if os.geteuid() == 0:
        subprocess.run(["umount", str(where)], check=True)
    else:
        where.chmod(stat.S_IRWXU)


def test_a_read_only_database_is_read_but_not_written(
    trained: Nnlab, read_only_folder: Path
) -> None:
    place = str(read_only_folder / "runs.db")
    assert len(trained("ls", "--db", place, "--format", "json").json) == 4
    assert "val/accuracy" in trained("compare", "--db", place).out
    answer = trained("train", *QUICK, "--seed", "9", "--db", place, expect=1)
    assert "runs.db cannot be written" in answer.err
    assert "read-only" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plot", "curves", "-o", "nowhere/x.pdf"], "the folder 'nowhere' does not exist"),
        (["plot", "curves", "-o", "x.docx"], "x.docx"),
        (["plot", "curves", "-o", "folder.pdf"], "folder.pdf"),
        (["plot", "curves", "--data"], "add -o curves.pdf"),
        (["report", "-o", "nowhere/x.md"], "the folder 'nowhere' does not exist"),
        (["report", "-o", "x.docx"], "a report is written as .html, .md or .tex"),
        (["db", "backup", "nowhere/x.db"], "nowhere"),
        (["db", "backup", "runs.db"], "runs.db exists already"),
        (["train", "--db", "nowhere/x.db"], "no folder"),
        (["train", "--db", "folder.pdf"], "is a folder"),
        (["train", "--db", "mysql://ann:secret@host/lab"], "mysql"),
        (["train", "--study", "nothing"], "unknown study 'nothing'"),
        (["compare", "nothing"], "unknown study or run 'nothing'"),
        (["compare", "99"], "unknown run '99'"),
        (["compare", "--by", "val/acuracy"], "did you mean 'val/accuracy'"),
        (["compare", "--at", "never"], "--at must be best, last or an epoch"),
        (["compare", "--group-by", "optt"], "did you mean 'opt'"),
        (["compare", "--by", "x:y"], "--by x:y: 'y' is neither min nor max: use x:min or x:max"),
        (["compare", "--by", ""], "--by needs a metric"),
        (["compare", "--at", "\N{SUPERSCRIPT TWO}"], "--at must be best, last or an epoch"),
        (["compare", "--top", "9" * 20], "less than or equal to 1000000000"),
        (["ls", "--limit", "9" * 20], "less than or equal to"),
        (
            ["plot", "init", "-o", "x.pdf", "--seed", "\N{SUPERSCRIPT TWO}"],
            "this figure needs a single seed",
        ),
        (["report", "-o", f"{'a' * 300}.md"], "the file name is too long (303 characters)"),
        (["figures", "a" * 300], "the file name is too long (300 characters)"),
        (
            ["init-study", "2", "--lr", "0.1"],
            "the name '2' could be mistaken for the number of a run",
        ),
        (["show", "99"], "unknown run '99'"),
        (["ls", "--status", "done"], "unknown status 'done'"),
        (["ls", "nothing"], "unknown study 'nothing'"),
        (["choices", "optimiser"], "unknown kind of choice 'optimiser'"),
        (["lss"], "No such command"),
    ],
)
def test_every_command_says_what_is_wrong(
    trained: Nnlab, folder: Path, words: list[str], message: str
) -> None:
    (folder / "folder.pdf").mkdir()
    answer = trained(*words, expect=None)
    assert answer.code in (1, 2)
    assert message in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err
    assert "internal error" not in answer.err
    assert "secret" not in answer.err
    assert len(trained("ls", "--format", "json").json) == 4


def test_a_fault_of_ours_is_one_line_unless_debug(
    trained: Nnlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nnlab import store

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(store, "study_overviews", broken)
    answer = trained("studies", expect=1)
    assert "ZeroDivisionError: oh" in answer.err
    assert "--debug" in answer.err
    with pytest.raises(ZeroDivisionError):
        trained("studies", "--debug")


def test_a_network_file_system_is_said_and_works(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mounts").write_text(f"40 22 0:40 / {folder} rw - nfs4 server:/x rw")
    monkeypatch.setattr("nnlab.store.filesystem.MOUNT_TABLE", folder / "mounts")
    err = nnlab("train", *QUICK, "--seeds", "2", "-q").err
    assert "runs.db is on a network file system (nfs4)" in err
    assert not (folder / "runs.db-wal").exists()
    assert len(nnlab("ls", "--format", "json").json) == 2
    assert "network" not in nnlab("ls").err  # who only reads has nothing to fear


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--devices", "cpu:2000"], "processes can train on the CPU of this machine"),
        (["--devices", "tpu"], "--devices tpu: this machine has"),
        (["--devices", "cuda:9"], "--devices cuda:9: this machine has"),
        (["--device", "cuda:9"], "--device cuda:9: this machine has no such device"),
        (["--per-device", "100000"], "--per-device 100000: auto, or a number from 1 to 256"),
    ],
)
def test_a_dry_run_refuses_devices_that_are_not_there(
    nnlab: Nnlab, folder: Path, words: list[str], message: str
) -> None:
    answer = nnlab("train", *QUICK, "--dry-run", *words, expect=None)
    assert answer.code in (1, 2)
    assert message in answer.err
    assert list(folder.iterdir()) == []
