"""User tasks against plain torch loops: steps, optimizers, metrics, and what is reported."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from user_tasks import GAN, BareLoop, opened, resolved

from nnlab.engine.data.prepare import prepare_data
from nnlab.engine.epoch_order import draw_order
from nnlab.errors import ConfigError, UserCodeError
from nnlab.settings import metric_direction, setting_of

WriteTask = Callable[[str], None]

SUPERVISED = """
import torch
from torch import nn
from torch.nn.functional import cross_entropy


class Classifier:
    def __init__(self, in_features, num_classes, scale: float = 1.0):
        self.model = nn.Linear(in_features, num_classes)
        self.scale = scale

    def training_step(self, batch, batch_idx):
        x, y = batch
        return self.scale * cross_entropy(self.model(x), y)

    def validation_step(self, batch):
        x, y = batch
        logits = self.model(x)
        right = (logits.argmax(1) == y).float().mean()
        return {"loss": cross_entropy(logits, y), "accuracy": right}


class WithModel(Classifier):
    def __init__(self, model):
        self.model, self.scale = model, 1.0


class Metrics(Classifier):
    def validation_step(self, batch):
        x, y = batch
        self.log("val_loss", cross_entropy(self.model(x), y))
        return self.model(x), y

    def configure_metrics(self):
        from torchmetrics.classification import MulticlassF1Score

        return {"macro_f": MulticlassF1Score(3), "errors": errors}


def errors(outputs, targets):
    return (outputs.argmax(1) != targets).sum()
"""


def test_a_supervised_task_equals_a_plain_loop(write_task: WriteTask) -> None:
    write_task(SUPERVISED)
    values = {"data": "iris", "task": "task.py:Classifier", "opt": "sgd", "lr": 0.5}
    loop = BareLoop(opened(**values, batch_size=32))
    config = resolved(**values, batch_size=32)
    model = nn.Linear(4, 3)
    model.load_state_dict(
        {name[6:]: value.clone() for name, value in loop.opened.task.module.state_dict().items()}
    )
    loop.steps(2 * (loop.opened.train.batches_per_epoch or 0))

    data = prepare_data(config, torch.device("cpu"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for epoch in (1, 2):
        order, total = draw_order(config, data.train.targets, epoch), 0.0
        for rows in order.split(32):  # type: ignore[no-untyped-call]
            x, y = data.train.examples[rows], data.train.targets[rows]
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(rows)
        logits = model(data.val.examples)
        expected = {
            "train/loss": total / len(order),
            "val/loss": nn.functional.cross_entropy(logits, data.val.targets).item(),
            "val/accuracy": (logits.argmax(1) == data.val.targets).float().mean().item(),
        }
        assert loop.epochs[epoch - 1] == pytest.approx(expected, rel=1e-6)


def test_the_default_optimizer_trains_all_parameters(write_task: WriteTask) -> None:
    write_task(GAN.replace("def configure_optimizers", "def unused"))
    task = opened(task="task.py:GAN", opt="sgd", lr=0.1).task
    trained = sum(p.numel() for group in task.optimizers[0].param_groups for p in group["params"])
    assert trained == sum(p.numel() for p in task.module.parameters()) > 0
    assert {name.split(".")[0] for name, _ in task.module.named_parameters()} == {
        "generator",
        "critic",
    }


def test_a_task_receives_the_model_and_the_setting_stores_it(write_task: WriteTask) -> None:
    write_task(SUPERVISED)
    task = opened(data="iris", task="task.py:WithModel", model="linear").task
    assert sum(p.numel() for p in task.module.parameters()) == 4 * 3 + 3
    setting = setting_of(resolved(data="iris", task="task.py:WithModel", model="linear"))
    assert (setting["model"], setting["opt"]) == ("linear", "adam")
    without = setting_of(resolved(data="iris", task="task.py:Classifier"))
    assert without["model"] == "task"
    assert not {"width", "depth", "activation", "loss"} & set(without)


def test_a_setting_names_what_the_task_defines(write_task: WriteTask) -> None:
    write_task(GAN)
    setting = setting_of(resolved(task="task.py:GAN", objective="val/mean_error"))
    assert [setting[n] for n in ("data", "model", "opt", "decay")] == ["task"] * 4
    assert setting["objective"] == "val/mean_error:min"
    # The constructor has a parameter batch_size and no value for lr was set.
    assert setting["batch_size"] == 64
    assert "lr" not in setting


def test_arguments_and_settings_reach_the_constructor(write_task: WriteTask) -> None:
    write_task(GAN)
    task = opened(task="task.py:GAN", lr=0.25, **{"task.width": 4}).task
    assert task.instance.lr == 0.25
    assert task.instance.generator[0].out_features == 4
    assert [optimizer.param_groups[0]["lr"] for optimizer in task.optimizers] == [0.25, 0.25]


def test_a_gan_learns_and_logs_both_losses(write_task: WriteTask) -> None:
    write_task(GAN)
    loop = BareLoop(opened(task="task.py:GAN"))
    loop.steps(30 * 8)
    assert set(loop.epochs[0]) == {"train/generator_loss", "train/critic_loss", "val/mean_error"}
    assert loop.epochs[0]["val/mean_error"] > 1.0
    assert min(values["val/mean_error"] for values in loop.epochs[20:]) < 0.5


@pytest.mark.parametrize("interrupted_after", [3, 8, 13])
def test_a_gan_resumes_bit_for_bit(write_task: WriteTask, interrupted_after: int) -> None:
    write_task(GAN)
    whole, first = BareLoop(opened(task="task.py:GAN")), BareLoop(opened(task="task.py:GAN"))
    whole.steps(24)
    first.steps(interrupted_after)
    second = BareLoop(opened(task="task.py:GAN"))
    second.restore(first.state())
    second.steps(24 - interrupted_after)
    assert second.epochs == whole.epochs[-len(second.epochs) :]
    for name, value in whole.opened.task.module.state_dict().items():
        assert torch.equal(value, second.opened.task.module.state_dict()[name]), name
    for a, b in zip(whole.opened.task.optimizers, second.opened.task.optimizers, strict=True):
        states = list(zip(a.state.values(), b.state.values(), strict=True))
        assert states
        assert all(torch.equal(one["exp_avg"], other["exp_avg"]) for one, other in states)


def test_metrics_are_accumulated_over_the_whole_split(write_task: WriteTask) -> None:
    torchmetrics = pytest.importorskip("torchmetrics", reason="torchmetrics is not installed")
    write_task(SUPERVISED)
    loop = BareLoop(opened(data="iris", task="task.py:Metrics", batch_size=10))
    loop.steps(loop.opened.train.batches_per_epoch or 0)
    data = loop.opened.data
    assert data is not None
    with torch.no_grad():
        logits = loop.opened.task.instance.model(data.val.examples)
    f1 = torchmetrics.classification.MulticlassF1Score(3)(logits, data.val.targets)
    values = loop.epochs[0]
    assert values["val/macro_f"] == pytest.approx(f1.item())
    assert values["val/errors"] == (logits.argmax(1) != data.val.targets).sum().item()
    # The last batch is smaller, so the mean over the batches would be another number.
    expected = nn.functional.cross_entropy(logits, data.val.targets).item()
    assert values["val/loss"] == pytest.approx(expected, rel=1e-6)


def test_directions_are_stored_with_the_setting(write_task: WriteTask) -> None:
    pytest.importorskip("torchmetrics", reason="torchmetrics is not installed")
    write_task(SUPERVISED)
    config = resolved(data="iris", task="task.py:Metrics", objective="val/macro_f")
    setting = setting_of(config)
    assert setting["objective"] == "val/macro_f:max"
    assert setting["task_directions"] == "macro_f:max"
    assert metric_direction("val/macro_f", setting) == "max"
    with pytest.raises(ConfigError, match="not known whether lower or higher values of val/gini"):
        resolved(data="iris", task="task.py:Metrics", objective="val/gini")
    stated = resolved(data="iris", task="task.py:Metrics", objective="val/gini:max")
    assert stated.objective == "val/gini:max"


STEP = """
from torch import nn


class Task:
    def __init__(self, in_features):
        self.layer = nn.Linear(in_features, 1)

    def training_step(self, batch):
        {training}

    def validation_step(self, batch):
        {validation}
"""


@pytest.mark.parametrize(
    ("training", "validation", "message"),
    [
        (
            "return self.layer(batch)",
            "return 0.0",
            r"task.py, line 10, in training_step: .*batch 0: \(float32 \[64, 4\], int64 \[64\]\)",
        ),
        ("return None", "return 0.0", "training_step returns no loss - task.py, line 9"),
        (
            "return self.layer(batch[0])",
            "return 0.0",
            r"the loss must be one number, got a tensor \[64, 1\] - task.py, line 9",
        ),
        (
            "return self.layer(batch[0]).mean().detach()",
            "return 0.0",
            "the loss of training_step has no gradient",
        ),
        (
            "return self.layer(batch[0]).mean()",
            "return self.layer(batch[0]), batch[1]",
            r"\(outputs, targets\), which needs the method configure_metrics",
        ),
        (
            "return self.layer(batch[0]).mean()",
            "self.log('words', 'two')",
            r"log\('words'\) needs one number, got a value of type str",
        ),
    ],
)
def test_errors_name_the_line_and_the_batch(
    write_task: WriteTask, training: str, validation: str, message: str
) -> None:
    write_task(STEP.format(training=training, validation=validation))
    loop = BareLoop(opened(data="iris", task="task.py:Task"))
    with pytest.raises(UserCodeError, match=message):
        loop.steps(loop.opened.train.batches_per_epoch or 0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Task:\n    pass", "has no training_step and no validation_step"),
        ("def Task():\n    pass", "is of type function; nnlab needs a class"),
    ],
)
def test_what_is_no_task_is_refused_when_the_setting_is_resolved(
    write_task: WriteTask, source: str, message: str
) -> None:
    write_task(source)
    with pytest.raises(UserCodeError, match=message):
        resolved(task="task.py:Task")


def test_options_that_do_not_fit_are_refused(write_task: WriteTask) -> None:
    write_task(GAN)
    with pytest.raises(ConfigError) as error:
        resolved(task="task.py:GAN", mixup=0.2, folds=3, warmup=1.0)
    text = "\n".join(error.value.problems)
    for flag in ("--mixup", "--folds", "--warmup"):
        assert f"{flag} has no effect with --task task.py:GAN" in text
    with pytest.raises(ConfigError, match="--opt task needs --task"):
        resolved(opt="task")
