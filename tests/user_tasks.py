"""User tasks for tests: a GAN, resolved configs, and a bare training loop."""

import copy
from dataclasses import dataclass, field
from typing import Any

import torch

from nnlab.engine.data import facts_of
from nnlab.engine.seeds import derive_seed
from nnlab.engine.signatures import find_signature
from nnlab.engine.user_task.opening import OpenedTask, open_user_task
from nnlab.engine.versions import file_versions
from nnlab.settings import RunConfig, resolve
from nnlab.settings.registry import build_config

GAN = '''
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class GAN:
    """A generator and a critic of numbers from a normal distribution N(3, 0.5)."""

    def __init__(self, width: int = 16, lr: float = 0.01, batch_size: int = 64):
        self.generator = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1))
        self.critic = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, 1))
        self.lr, self.batch_size = lr, batch_size

    def configure_optimizers(self):
        betas = (0.5, 0.9)
        return [
            torch.optim.Adam(self.generator.parameters(), lr=self.lr, betas=betas),
            torch.optim.Adam(self.critic.parameters(), lr=self.lr, betas=betas),
        ]

    def training_step(self, batch, optimizers):
        (real,) = batch
        bce = nn.functional.binary_cross_entropy_with_logits
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.generator(torch.randn(len(real), 2))
        critic_loss = bce(self.critic(real), ones) + bce(self.critic(fake.detach()), zeros)
        generator_optimizer, critic_optimizer = optimizers
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        generator_loss = bce(self.critic(fake), ones)
        generator_optimizer.zero_grad()
        generator_loss.backward()
        generator_optimizer.step()
        self.log("generator_loss", generator_loss)
        self.log("critic_loss", critic_loss)

    def validation_step(self, batch):
        (real,) = batch
        fake = self.generator(torch.randn(len(real), 2))
        return {"mean_error": (fake.mean() - real.mean()).abs()}

    def train_loader(self, seed):
        numbers = torch.randn(512, 1, generator=torch.Generator().manual_seed(seed)) * 0.5 + 3
        return DataLoader(TensorDataset(numbers), self.batch_size, shuffle=True)

    def val_loader(self):
        numbers = torch.randn(256, 1, generator=torch.Generator().manual_seed(1)) * 0.5 + 3
        return DataLoader(TensorDataset(numbers), 256)
'''


def resolved(**values: Any) -> RunConfig:
    """A resolved config; arguments have dotted names."""
    config = build_config(values)
    return resolve(
        config, facts_of(config), versions=file_versions(config), signatures=find_signature
    )


def opened(**values: Any) -> OpenedTask:
    return open_user_task(resolved(**values), torch.device("cpu"))


@dataclass
class BareLoop:
    """Trains a task as the protocol describes it; `state` may be taken between any two steps."""

    opened: OpenedTask
    seed: int = 0
    epoch: int = 1
    index: int = 0
    epochs: list[dict[str, float]] = field(default_factory=list)

    def steps(self, count: int) -> None:
        """Trains `count` batches; at the end of an epoch it is evaluated."""
        task = self.opened.task
        source = self.opened.train
        while count > 0:
            task.epoch = self.epoch
            if self.index == 0:
                task.reset("train")
            for batch in source.epoch(self.epoch, self.index):
                torch.manual_seed(derive_seed(self.seed, "user_model", self.epoch, self.index))
                loss = task.training_step(batch, self.index)
                if loss is not None:
                    task.optimizers[0].zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    task.optimizers[0].step()
                task.after_step()
                self.index += 1
                count -= 1
                if count == 0 and self.index != source.batches_per_epoch:
                    return
            self._end_epoch()

    def _end_epoch(self) -> None:
        task = self.opened.task
        task.reset("val")
        with torch.no_grad():
            for index, batch in enumerate(self.opened.val.epoch(self.epoch)):
                task.validation_step(batch, index, "val")
        values = {f"{s}/{n}": v for s in ("train", "val") for n, v in task.logged(s).items()}
        task.after_epoch(values)
        self.epochs.append(values)
        self.epoch, self.index = self.epoch + 1, 0

    def state(self) -> dict[str, Any]:
        task = self.opened.task
        return copy.deepcopy(
            {
                "module": task.module.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in task.optimizers],
                "task": task.state_dict(),
                "position": (self.epoch, self.index),
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        task, state = self.opened.task, copy.deepcopy(state)
        task.module.load_state_dict(state["module"])
        for optimizer, saved in zip(task.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        task.load_state_dict(state["task"])
        self.epoch, self.index = state["position"]
