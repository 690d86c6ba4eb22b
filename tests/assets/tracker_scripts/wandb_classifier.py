import math
import random

import numpy as np
import wandb

run = wandb.init(
    project="digits-classifier",
    name="baseline",
    config={"learning_rate": 0.02, "architecture": "CNN", "epochs": 5, "optim": {"name": "adam"}},
    tags=["example", "small"],
    group="first",
    job_type="train",
    notes="typical script",
    settings=wandb.Settings(silent=True),
)
wandb.config.update({"batch_size": 16}, allow_val_change=True)
wandb.config.dropout = 0.1
wandb.define_metric("val/*", summary="max")
wandb.define_metric("custom_step")
assert wandb.run is run
assert run.config.learning_rate == 0.02
assert run.config["optim"]["name"] == "adam"

random.seed(1)
for epoch in range(2, wandb.config.epochs + 2):
    offset = random.random() / 5
    wandb.log({"acc": 1 - 2**-epoch - offset, "loss": 2**-epoch + offset})
    wandb.log({"val/acc": 1 - 2**-epoch, "epoch": epoch}, commit=False)
    wandb.log({"nested": {"a": epoch, "b": math.sqrt(epoch)}})
wandb.log({"late": float("nan")}, step=20)
wandb.log({"late": np.float32(0.5)}, step=21)

image = np.zeros((8, 8, 3), dtype=np.uint8)
table = wandb.Table(columns=["x", "prediction"], data=[[0, "a"], [1, "b"]])
table.add_data(2, "c")
wandb.log(
    {
        "example": wandb.Image(image, caption="black"),
        "examples": [wandb.Image(image), wandb.Image(image)],
        "weights": wandb.Histogram(np.arange(10.0)),
        "predictions": table,
        "page": wandb.Html("<p>hello</p>", inject=False),
        "chart": wandb.plot.line(table, "x", "prediction", title="a line"),
        "confusion": wandb.plot.confusion_matrix(
            y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["cat", "dog"]
        ),
    }
)
artifact = wandb.Artifact("weights", type="model", metadata={"epochs": 5})
with artifact.new_file("weights.txt") as file:
    file.write("1 2 3")
run.log_artifact(artifact)
wandb.alert(title="nearly done", text="one line is left")
wandb.run.summary["best_accuracy"] = 0.97
run.summary.update({"confusions": 3})
run.finish()
