import random

import trackio as wandb

random.seed(0)
wandb.init(project="fake-training", name="first", config={"epochs": 4, "learning_rate": 0.001})
for epoch in range(wandb.config["epochs"]):
    train_loss = 1 / (epoch + 1) + random.random() / 10
    wandb.log({"epoch": epoch, "train_loss": train_loss, "val_accuracy": 0.5 + epoch / 10})
wandb.log({"test": {"accuracy": 0.75}}, step=10)
wandb.log({"results": wandb.Table(columns=["a"], data=[[1], [2]])})
wandb.alert("training ended", text="all epochs are done", level=wandb.AlertLevel.INFO)
wandb.finish()
