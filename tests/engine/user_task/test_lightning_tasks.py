"""LightningModules as user tasks, without Lightning's trainer."""

from collections.abc import Callable

import pytest
import torch
from user_tasks import BareLoop, opened, resolved

from nnlab.engine.user_task.lightning import overridden_hooks
from nnlab.errors import UserCodeError

WriteTask = Callable[[str], None]

pytest.importorskip("lightning", reason="lightning is not installed")

MODULES = """
import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import MeanSquaredError


class Line(lightning.LightningModule):
    def __init__(self, lr: float = 0.1, width: int = 4):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1))
        self.mse = MeanSquaredError()

    def loss(self, batch):
        x, y = batch
        return nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("train_loss", loss, prog_bar=True, on_step=True)
        self.log_dict({"epoch": self.current_epoch, "steps": self.global_step})
        assert self.device == batch[0].device
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch), on_epoch=True)
        self.mse(self.net(batch[0]), batch[1])
        self.log("val_mse", self.mse)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams.lr)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler}}

    def data(self):
        x = torch.linspace(-1, 1, 50)[:, None]
        return DataLoader(TensorDataset(x, x.sin()), 20)

    def train_dataloader(self):
        return self.data()

    def val_dataloader(self):
        return self.data()


class Manual(Line):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        first, second = self.optimizers()
        self.toggle_optimizer(first)
        loss = self.loss(batch)
        first.zero_grad()
        self.manual_backward(loss)
        first.step()
        self.untoggle_optimizer(first)
        second.zero_grad()
        self.manual_backward(self.loss(batch))
        second.step()
        if self.trainer.global_step % 3 == 2:
            self.lr_schedulers().step()
        self.log("loss", loss)

    def configure_optimizers(self):
        first = torch.optim.SGD(self.net[0].parameters(), lr=0.1)
        second = torch.optim.SGD(self.net[2].parameters(), lr=0.1)
        return [first, second], [torch.optim.lr_scheduler.StepLR(first, 1, gamma=0.5)]


class Hooked(Line):
    def on_train_epoch_start(self):
        pass

    def configure_gradient_clipping(self, *args, **kwargs):
        pass


class Logger(Line):
    def training_step(self, batch, batch_idx):
        self.trainer.logger.save()
"""


def test_a_module_trains_as_its_step_and_optimizer_say(write_task: WriteTask) -> None:
    write_task(MODULES)
    loop = BareLoop(opened(task="task.py:Line", **{"task.width": 8}))
    module = loop.opened.task.instance
    assert type(module).__name__ == "Line"
    assert module.hparams.width == module.net[0].out_features == 8
    loop.steps(2 * 3)
    assert [values["train/epoch"] for values in loop.epochs] == [0.0, 1.0]
    # Steps 0, 1, 2 and 3, 4, 5 with 20, 20 and 10 examples.
    assert loop.epochs[1]["train/steps"] == pytest.approx(3 * 0.4 + 4 * 0.4 + 5 * 0.2)
    assert loop.epochs[1]["val/mse"] == pytest.approx(loop.epochs[1]["val/loss"], rel=1e-5)
    assert loop.epochs[1]["val/loss"] < loop.epochs[0]["val/loss"]
    assert loop.opened.task.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.1 / 4)


def test_manual_optimization_has_optimizers_and_schedulers(write_task: WriteTask) -> None:
    write_task(MODULES)
    task = opened(task="task.py:Manual")
    loop = BareLoop(task)
    before = {name: value.clone() for name, value in task.task.module.state_dict().items()}
    loop.steps(2 * 3)
    after = task.task.module.state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    # The module steps its scheduler itself, after each third step.
    assert [group["lr"] for group in task.task.optimizers[0].param_groups] == [0.1 / 4]
    assert loop.epochs[1]["train/loss"] < loop.epochs[0]["train/loss"]


def test_hooks_of_the_trainer_are_refused_by_name(write_task: WriteTask) -> None:
    write_task(MODULES)
    with pytest.raises(
        UserCodeError,
        match="nnlab does not call: configure_gradient_clipping, on_train_epoch_start",
    ):
        resolved(task="task.py:Hooked")


def test_what_needs_a_trainer_is_reported_with_the_line(write_task: WriteTask) -> None:
    write_task(MODULES)
    loop = BareLoop(opened(task="task.py:Logger"))
    with pytest.raises(
        UserCodeError, match=r"in training_step: .*self.trainer.logger does not exist"
    ):
        loop.steps(1)


def test_no_hook_of_a_plain_class_is_looked_for() -> None:
    assert overridden_hooks(dict) == ()
