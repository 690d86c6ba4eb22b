import torch
from sklearn.datasets import load_digits
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochScoring, PrintLog

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")[:300]
y = y[:300].astype("int64")


class Classifier(torch.nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)
        )

    def forward(self, inputs):
        return self.layers(inputs).softmax(dim=-1)


net = NeuralNetClassifier(
    Classifier,
    module__width=8,
    max_epochs=3,
    lr=0.1,
    batch_size=64,
    verbose=0,
    callbacks=[
        ("balanced", EpochScoring("balanced_accuracy", lower_is_better=False)),
        ("logger", PrintLog(sink=lambda line: None)),
    ],
)
net.fit(x, y)
