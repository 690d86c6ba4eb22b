import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

torch.manual_seed(0)
x = torch.arange(-5, 5, 0.5).view(-1, 1)
y = -5 * x + 0.1 * torch.randn(x.size())
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
writer = SummaryWriter("runs/regression")
writer.add_graph(model, x)
for epoch in range(10):
    loss = torch.nn.functional.mse_loss(model(x), y)
    writer.add_scalar("Loss/train", loss, epoch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    writer.add_scalars("error", {"mean": loss.item(), "largest": 2 * loss.item()}, epoch)
    writer.add_histogram("weights", model.weight, epoch)
for step in range(5):
    writer.add_scalar("Accuracy/test", np.random.RandomState(step).rand(), step)
writer.add_scalar("without_step", 0.25)
writer.add_image("image", torch.zeros(3, 8, 8), 0)
writer.add_images("images", np.zeros((2, 8, 8, 3)), 0, dataformats="NHWC")
figure, axes = plt.subplots()
axes.plot([1, 2])
writer.add_figure("figure", figure, 0)
writer.add_text("notes", "a text", 0)
writer.add_pr_curve("curve", np.array([0, 1, 1]), np.array([0.1, 0.8, 0.6]), 0)
writer.add_embedding(torch.randn(4, 3), metadata=["a", "b", "c", "d"], tag="embedding")
writer.add_hparams({"lr": 0.01, "batch": 20, "shuffled": True}, {"hparam/loss": loss.item()})
writer.flush()
writer.close()
with SummaryWriter(log_dir="runs/other", comment="unused") as other:
    other.add_scalar("Loss/train", 1.5, 3)
    assert other.get_logdir() == other.log_dir == "runs/other"
