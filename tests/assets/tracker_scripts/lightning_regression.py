import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset


class Regression(pl.LightningModule):
    def __init__(self, width=4, lr=0.05):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(2, width), torch.nn.ReLU(), torch.nn.Linear(width, 1)
        )

    def loss(self, batch):
        x, y = batch
        return torch.nn.functional.mse_loss(self.net(x), y)

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_loss", self.loss(batch), prog_bar=True)

    def test_step(self, batch, batch_idx):
        self.log("test_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


pl.seed_everything(0)
x = torch.randn(32, 2)
data = TensorDataset(x, x.sum(dim=1, keepdim=True))
logger = CSVLogger("logs", name="regression", version="first")
trainer = pl.Trainer(
    max_epochs=3,
    accelerator="cpu",
    devices=1,
    logger=logger,
    log_every_n_steps=1,
    enable_progress_bar=False,
    callbacks=[
        LearningRateMonitor(),
        ModelCheckpoint("checkpoints", monitor="val_loss", save_top_k=1),
    ],
)
model = Regression(width=8)
trainer.fit(model, DataLoader(data, batch_size=16), DataLoader(data, batch_size=16))
trainer.test(model, DataLoader(data, batch_size=16), verbose=False)
