"""Process groups: the shares of a batch and their gradients equal those of the whole batch."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.multiprocessing.spawn import spawn

from nnlab.engine.data_parallel import check_batch_shares, check_parallel_support
from nnlab.engine.loop import build_session
from nnlab.engine.models.dropout import BatchShare, Dropout
from nnlab.engine.models.sync_batch_norm import _AllReduceSum, convert_to_synced_batch_norm
from nnlab.engine.process_group import (
    ProcessGroup,
    _rank_bounds,
    distributed_context,
)
from nnlab.errors import UsageError
from nnlab.settings import RunConfig


@given(rows=st.integers(0, 500), size=st.integers(1, 17))
def test_shares_partition_a_batch_evenly(rows: int, size: int) -> None:
    shares = [_rank_bounds(rows, rank, size) for rank in range(size)]
    assert [row for begin, end in shares for row in range(begin, end)] == list(range(rows))
    lengths = [end - begin for begin, end in shares]
    assert max(lengths) - min(lengths) <= 1


def _in_process(rank: int, size: int, folder: str, work: Callable[[ProcessGroup], Any]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
    torch.save(work(ProcessGroup("ddp")), f"{folder}/{rank}.pt")
    # Work without a collective may end while the other process still connects to this one.
    dist.barrier()
    dist.destroy_process_group()


def together(size: int, folder: Path, work: Callable[[ProcessGroup], Any]) -> list[Any]:
    """The results of `size` processes, by rank."""
    spawn(_in_process, args=(size, str(folder), work), nprocs=size)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt") for rank in range(size)]


def _batch(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(rows, 3, 2, 2, generator=generator) * 3 + 1, torch.randn(
        rows, generator=generator
    )


def _model() -> nn.Module:
    generator = torch.Generator().manual_seed(5)
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


ROWS = (7, 2, 3)


def _gradients(group: ProcessGroup) -> list[list[torch.Tensor]]:
    """Per batch: weighted loss, outputs, gradients and running statistics in one process."""
    model = _model()
    convert_to_synced_batch_norm(model)
    results = []
    for rows in ROWS:
        x, y = _batch(rows)
        own = group.take_rows(rows)
        inputs = x[own].clone().requires_grad_()
        loss = group.scale_loss((model(inputs)[:, 0] - y[own]).square().mean())
        model.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        for gradient in gradients:
            group.all_reduce_sum(gradient).div_(group.size)
        outputs = torch.zeros(rows, 1)
        group.write_own_rows(model.eval()(x[own]).detach(), outputs)
        model.train()
        results.append(
            [
                group.all_reduce_sum(loss.detach().clone()) / group.size,
                group.all_reduce_sum(outputs),
                *gradients,
                *(b.clone() for b in model.buffers()),
            ]
        )
    return results


def test_the_gradient_of_the_shares_equals_that_of_the_batch(tmp_path: Path) -> None:
    expected = _single_process_gradients()
    for answer in together(2, tmp_path, _gradients):
        for batch, expected_batch in zip(answer, expected, strict=True):
            for value, expected_value in zip(batch, expected_batch, strict=True):
                torch.testing.assert_close(value, expected_value, rtol=1e-5, atol=1e-6)


def _single_process_gradients() -> list[list[torch.Tensor]]:
    """The same with torch's own batch normalisation in one process."""
    model = _model()
    results = []
    for rows in ROWS:
        x, y = _batch(rows)
        loss = (model(x)[:, 0] - y).square().mean()
        model.zero_grad()
        loss.backward()
        gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        outputs = model.eval()(x).detach()
        model.train()
        results.append([loss.detach(), outputs, *gradients, *(b.clone() for b in model.buffers())])
    return results


def _noise(group: ProcessGroup) -> list[torch.Tensor]:
    layer = Dropout(0.4)
    layer.batch_share = group.batch_share
    layer.seed_epoch(seed=1, epoch=2, device=torch.device("cpu"))
    results = []
    for rows in (5, 4):
        own = group.take_rows(rows)
        results.append(layer(torch.ones(rows, 6)[own]))
    return results


def test_dropout_masks_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    layer = Dropout(0.4)
    layer.seed_epoch(seed=1, epoch=2, device=torch.device("cpu"))
    first, second = together(2, tmp_path, _noise)
    for first_rows, second_rows, rows in zip(first, second, (5, 4), strict=True):
        assert torch.equal(torch.cat([first_rows, second_rows]), layer(torch.ones(rows, 6)))


def test_dropout_masks_of_another_shape_are_not_divided() -> None:
    layer = Dropout(0.4)
    layer.batch_share = BatchShare(0, 3, 9)
    layer.seed_epoch(seed=1, epoch=2, device=torch.device("cpu"))
    assert layer(torch.ones(12, 2)).shape == (12, 2)


def _decisions(group: ProcessGroup) -> list[Any]:
    row = group.take_rows(1)  # one row for two processes: the second has loss weight 0
    weighed = float(group.scale_loss(torch.tensor(2.0)))
    examples = torch.arange(7.0)[:, None]
    outputs = group.compute_outputs(nn.Identity(), examples, 1)
    return [
        group.is_leader,
        (row.start, row.stop),
        weighed,
        group.broadcast_int(3 if group.is_leader else 9),
        group.broadcast_object({"lr": 0.1} if group.is_leader else None),
        outputs[:, 0].tolist(),
    ]


def test_all_processes_get_the_leaders_values_and_all_outputs(tmp_path: Path) -> None:
    leader, follower = together(2, tmp_path, _decisions)
    seen = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert leader == [True, (0, 1), 4.0, 3, {"lr": 0.1}, seen]
    assert follower == [False, (0, 1), 0.0, 3, {"lr": 0.1}, seen]


def test_the_sum_over_processes_has_the_gradient_of_a_sum(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (
        ("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "0"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    assert os.environ["RANK"] == "0"
    with distributed_context(torch.device("cpu")):
        x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(_AllReduceSum.apply, (x,))


@pytest.mark.parametrize(
    ("settings", "mode", "message"),
    [
        ({"opt": "lbfgs", "batch_size": "full"}, "ddp", "--opt lbfgs"),
        ({"opt": "muon"}, "fsdp", "--opt muon"),
        ({"average": "ema"}, "fsdp", "--average ema"),
        ({"device": "cuda:1"}, "ddp", "--device cuda:1"),
    ],
)
def test_unsupported_settings_are_refused(
    settings: dict[str, Any], mode: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=f"--parallel {mode} cannot train with {message}"):
        check_parallel_support(RunConfig(**settings), mode)


@pytest.mark.parametrize(
    ("train_size", "batch_size", "fits"),
    [(64, 16, True), (66, 64, False), (67, 64, False), (68, 64, True), (65, 64, True)],
)
def test_a_share_too_small_for_batch_normalisation_is_refused(
    config: Callable[..., RunConfig], train_size: int, batch_size: int, fits: bool
) -> None:
    """Of 66 examples the last batch of 64 has 2, one for each process; of 65 there is one batch."""
    setting = {"train_size": train_size, "batch_size": batch_size}
    group = SimpleNamespace(mode="ddp", size=2, sync_batch_norm=False)
    synced = SimpleNamespace(mode="ddp", size=2, sync_batch_norm=True)
    check_batch_shares(build_session(config(**setting)), group)  # type: ignore[arg-type]
    session = build_session(config(norm="batch", **setting))
    check_batch_shares(session, synced)  # type: ignore[arg-type]
    if fits:
        check_batch_shares(session, group)  # type: ignore[arg-type]
    else:
        with pytest.raises(UsageError, match="too few for batch normalisation"):
            check_batch_shares(session, group)  # type: ignore[arg-type]
