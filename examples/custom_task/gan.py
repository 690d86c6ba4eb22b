"""A GAN as a task of its own: `--task gan.py:Gan` (Goodfellow et al. 2014).

The generator learns points on a ring. Each training step updates both networks.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

NOISE = 4


def network(inputs, outputs, width):
    """Two hidden layers of `width` units."""
    return nn.Sequential(
        nn.Linear(inputs, width), nn.LeakyReLU(0.2),
        nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, outputs),
    )  # fmt: skip


def ring(count, seed):
    """Points [count, 2] with a distance of about 1 from the origin."""
    generator = torch.Generator().manual_seed(seed)
    angles = torch.rand(count, generator=generator) * 2 * torch.pi
    points = torch.stack([angles.cos(), angles.sin()], dim=1)
    return points + 0.05 * torch.randn(count, 2, generator=generator)


class Gan:
    """A generator and a discriminator with an optimizer each."""

    automatic_optimization = False

    def __init__(self, width: int = 32, lr_ratio: float = 1.0):
        self.generator = network(NOISE, 2, width)
        self.discriminator = network(2, 1, width)
        self.lr_ratio = lr_ratio

    def configure_optimizers(self):
        """The optimizer of the generator, and that of the discriminator."""
        return [
            torch.optim.Adam(self.generator.parameters(), 1e-3, betas=(0.5, 0.99)),
            torch.optim.Adam(
                self.discriminator.parameters(), 1e-3 * self.lr_ratio, betas=(0.5, 0.99)
            ),
        ]

    def training_step(self, batch, optimizers):
        """One step of each network."""
        (real,) = batch
        generator, discriminator = optimizers
        bce = nn.functional.binary_cross_entropy_with_logits
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.generator(torch.randn(len(real), NOISE))

        loss = bce(self.discriminator(real), ones) + bce(self.discriminator(fake.detach()), zeros)
        discriminator.zero_grad()
        loss.backward()
        discriminator.step()

        deception = bce(self.discriminator(fake), ones)
        generator.zero_grad()
        deception.backward()
        generator.step()
        self.log("loss", deception)
        self.log("discriminator_loss", loss)

    def validation_step(self, batch):
        """How far generated points are from the ring, and how unevenly they cover it."""
        (real,) = batch
        fake = self.generator(torch.randn(len(real), NOISE))
        distance = (fake.norm(dim=1) - 1).abs().mean()
        moments = (fake.T.cov() - real.T.cov()).abs().mean()
        return {"ring_error": distance + moments}

    def train_loader(self, seed):
        """Batches of points, other points for each seed; nnlab seeds their order."""
        return DataLoader(TensorDataset(ring(1024, seed)), batch_size=64, shuffle=True)

    def val_loader(self):
        """Other points."""
        return DataLoader(TensorDataset(ring(512, 1_000_000)), batch_size=512)
