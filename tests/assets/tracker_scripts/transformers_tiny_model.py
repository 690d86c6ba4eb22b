import sys

import torch
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainingArguments,
    set_seed,
)


class Tokens(Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, index):
        tokens = torch.tensor([index % 7 + 1, index % 5 + 1, 3, 2])
        return {"input_ids": tokens, "labels": torch.tensor(index % 2)}


set_seed(0)
config = BertConfig(
    vocab_size=16,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=1,
    intermediate_size=8,
    num_labels=2,
)
arguments = TrainingArguments(
    output_dir="output",
    run_name="tiny-bert",
    num_train_epochs=3,
    per_device_train_batch_size=4,
    learning_rate=1e-3,
    logging_steps=1,
    eval_strategy="epoch",
    save_strategy="epoch",
    report_to="tensorboard",
    use_cpu=True,
    disable_tqdm=True,
)
trainer = Trainer(
    model=BertForSequenceClassification(config),
    args=arguments,
    train_dataset=Tokens(),
    eval_dataset=Tokens(),
    compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())},
)
trainer.train(resume_from_checkpoint=sys.argv[1] if len(sys.argv) > 1 else None)
trainer.evaluate()
