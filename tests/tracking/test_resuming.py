"""Runs that are continued: by id, by config, and from checkpoints."""

from pathlib import Path

import numpy as np
import pytest
import torch
from recorded_programs import run_program, stored_run, stored_runs, values_of

import nnlab
from nnlab.errors import UsageError
from nnlab.records import Status

KILLED = """
run = nnlab.init("s", config={"lr": 0.1}, seed=0, resume="allow")
print(run.start_step, run.resumed, flush=True)
state = run.restore() or {"total": 0}
for step in range(run.start_step, 60):
    state["total"] += step
    run.log({"x": step, "total": state["total"]}, step=step)
    if step % 10 == 9:
        run.checkpoint(state)
    if step == 34 and run.start_step == 0:
        run.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_program_continues_from_its_checkpoint(tmp_path: Path) -> None:
    assert run_program(tmp_path, KILLED)[1] == "0 False\n"
    assert stored_run(tmp_path / "r.db").status is Status.INTERRUPTED
    assert run_program(tmp_path, KILLED)[1] == "30 True\n"
    (run,) = stored_runs(tmp_path / "r.db")
    assert run.status is Status.FINISHED
    assert values_of(tmp_path / "r.db", "x") == [*range(35), *range(30, 60)]
    assert values_of(tmp_path / "r.db", "total")[-1] == sum(range(60))
    # A finished run is not continued.
    assert run_program(tmp_path, KILLED.replace("34", "340"))[1] == "0 False\n"
    assert len(stored_runs(tmp_path / "r.db")) == 2


def test_a_run_is_continued_by_its_id(db: str) -> None:
    with nnlab.init("s", id="mine") as run:
        run.log({"x": 1.0})
    with pytest.raises(UsageError, match="exists already"):
        nnlab.init("s", id="mine")
    with pytest.raises(UsageError, match="exists already"):
        nnlab.init("s", id="mine", resume="never")
    for text in ("mine", "1"):
        with nnlab.init("s", id=text, resume="must") as run:
            assert (run.number, run.resumed) == (1, True)
            run.log({"x": 2.0})
    assert values_of(db, "x") == [1.0, 2.0, 2.0]
    with pytest.raises(UsageError, match="there is no run other"):
        nnlab.init("s", id="other", resume="must")
    with nnlab.init("s", id="other", resume="allow") as run:
        assert (run.number, run.resumed) == (2, False)


def test_a_run_that_is_being_recorded_cannot_be_resumed(db: str) -> None:
    first = nnlab.init("s", id="mine")
    with pytest.raises(UsageError, match="is being recorded by another process"):
        nnlab.init("s", id="mine", resume="allow")
    first.finish()


def test_a_damaged_checkpoint_is_set_aside(db: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = nnlab.init("s")
    for step in range(5):
        run.log({"x": step}, step=step)
        assert run.checkpoint({"step": step})
    folder = Path(run.dir) / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint-3.state",
        "checkpoint-4.state",
    ]
    newest = folder / "checkpoint-4.state"
    newest.write_bytes(newest.read_bytes()[:-40])
    assert run.restore() == {"step": 3}
    assert (folder / "checkpoint-4.damaged").exists()
    assert "is damaged" in capsys.readouterr().err
    run.finish(exit_code=1)
    with nnlab.init("s", id="1", resume="must") as resumed:
        assert resumed.start_step == 4


def test_states_of_models_optimizers_and_generators_are_restored(db: str) -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    generator = np.random.default_rng(0)
    state = {
        "model": model,
        "optimizer": optimizer,
        "array": np.arange(3, dtype=np.float32),
        "torch": torch.get_rng_state(),
        "numpy": generator.bit_generator.state,
        "nested": {1: ("a", {2.5}), "nan": float("inf")},
        "bytes": b"\x00\x01",
        "dtype": torch.float16,
    }
    with nnlab.init("s") as run:
        run.checkpoint(state, step=7)
        restored = run.restore()
    other = torch.nn.Linear(3, 2)
    other.load_state_dict(restored["model"])
    assert torch.equal(other.weight, model.weight)
    torch.optim.Adam(other.parameters()).load_state_dict(restored["optimizer"])
    assert restored["array"].tolist() == [0.0, 1.0, 2.0]
    assert restored["array"].dtype == np.float32
    assert torch.equal(restored["torch"], state["torch"])
    assert restored["numpy"] == generator.bit_generator.state
    assert restored["nested"] == {1: ("a", {2.5}), "nan": float("inf")}
    assert (restored["bytes"], restored["dtype"]) == (b"\x00\x01", torch.float16)


def test_a_state_that_cannot_be_restored_safely_is_an_error(db: str) -> None:
    with nnlab.init("s") as run, pytest.raises(UsageError, match=r"state\['f'\] is a function"):
        run.checkpoint({"f": lambda: None})


def test_a_checkpoint_runs_no_code(db: str) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return print, ("executed",)

    from nnlab.errors import CheckpointError
    from nnlab.tracking.state_encoding import decode_state, encode_state

    content = encode_state({"t": torch.zeros(2)})
    import hashlib
    import struct

    sizes = struct.unpack_from("<QQQ", content)
    payload = pickle.dumps(Evil(), protocol=2)
    changed = struct.pack("<QQQ", sizes[0], 0, len(payload)) + content[24 : 24 + sizes[0]] + payload
    with pytest.raises(CheckpointError):
        decode_state(changed + hashlib.sha256(changed).digest(), "x")
