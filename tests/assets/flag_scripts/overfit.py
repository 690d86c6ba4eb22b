"""Prints the losses of a model that overfits, less with weight decay and more with label noise."""

import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--weight-decay", type=float, default=0.0)
parser.add_argument("--hidden-noise", type=float, default=0.0)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
generator = random.Random(options.seed)
for epoch in range(1, options.epochs + 1):
    train = 2.0 * 0.85**epoch + 0.01 * generator.random()
    rise = max(0, epoch - 8) * 0.05 * (1 - 10 * options.weight_decay)
    val = 2.0 * 0.85**epoch + 0.3 + rise + options.hidden_noise + 0.01 * generator.random()
    print(f"epoch {epoch} train_loss={train:.5f} val_loss={val:.5f}", flush=True)
