"""Checkpoints of user tasks inside an epoch: a resumed run equals an uninterrupted one."""

from collections.abc import Callable

import pytest
import torch
from user_tasks import GAN, resolved

from nnlab.engine.checkpoint import restore_checkpoint, serialize_checkpoint
from nnlab.engine.loader_loop import train
from nnlab.engine.loader_session import LoaderSession, build_loader_session

WriteTask = Callable[[str], None]


def _session() -> LoaderSession:
    return build_loader_session(
        resolved(task="task.py:GAN", objective="val/mean_error", epochs=3, device="cpu")
    )


@pytest.mark.parametrize("steps", [1, 5, 8, 19])
def test_a_gan_resumes_bit_for_bit_from_a_checkpoint(write_task: WriteTask, steps: int) -> None:
    write_task(GAN)
    whole, interrupted, resumed = _session(), _session(), _session()
    expected = [epoch.values for epoch in train(whole)]
    count = 0

    def stop_after(_: LoaderSession) -> bool:
        nonlocal count
        count += 1
        return count == steps

    epochs = [epoch.values for epoch in train(interrupted, on_step=stop_after)]
    restore_checkpoint(resumed, serialize_checkpoint(interrupted), "checkpoint")
    epochs += [epoch.values for epoch in train(resumed)]
    assert epochs == expected
    for name, value in whole.task.module.state_dict().items():
        assert torch.equal(value, resumed.task.module.state_dict()[name]), name
    for one, other in zip(whole.task.optimizers, resumed.task.optimizers, strict=True):
        pairs = list(zip(one.state.values(), other.state.values(), strict=True))
        assert pairs
        assert all(torch.equal(a["exp_avg_sq"], b["exp_avg_sq"]) for a, b in pairs)
