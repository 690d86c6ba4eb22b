import wandb

for lr in (0.1, 0.01):
    with wandb.init(project="rates", config={"lr": lr}, reinit=True) as run:
        for step in range(4):
            run.log({"train/loss": lr / (step + 1), "val/loss": lr * 2 / (step + 1)}, step=step)
        wandb.finish()
