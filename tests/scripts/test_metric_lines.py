"""Metrics in the lines that scripts print: every usual form, and what only looks like a metric."""

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlab.records import Sample
from nnlab.scripts.metric_lines import MAX_LINE_LENGTH, LineSamples, MetricLineParser

Values = dict[str, float]


def parsed(text: str, *names: str) -> list[LineSamples]:
    parser = MetricLineParser(names)
    return [*parser.feed(text), *parser.finish()]


def values(text: str) -> Values:
    return {sample.metric: sample.value for line in parsed(text) for sample in line}


def position(text: str) -> tuple[int | None, float | None]:
    (line, *_) = parsed(text)
    return line[0].step, line[0].epoch


@pytest.mark.parametrize(
    ("line", "expected", "step", "epoch"),
    [
        ("loss: 0.5", {"loss": 0.5}, None, None),
        ("val_loss=0.5", {"val/loss": 0.5}, None, None),
        ("step 100 | loss 0.5", {"loss": 0.5}, 100, None),
        ("iter 20: loss 10.98, time 1234.5ms, mfu -100.00%", {"loss": 10.98}, 20, None),
        ("step 5: train loss 2.5, val loss 2.75", {"train/loss": 2.5, "val/loss": 2.75}, 5, None),
        ("[1, 2000] loss: 2.173", {"loss": 2.173}, 2000, 1.0),
        ("Epoch [2/5], Step [100/600], Loss: 0.1234", {"loss": 0.1234}, 100, 2.0),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.3", {"train/loss": 1.3}, 640, 1.0),
        (
            "Test set: Average loss: 0.0518, Accuracy: 9827/10000 (98%)",
            {"test/loss": 0.0518, "test/accuracy": 0.9827}, None, None,
        ),
        (
            "Epoch: [0][  10/5005]\tTime  0.333 ( 1.2)\tData 0.0 (0.1)\tLoss 6.9 (7)\tAcc@1 0.39 (0)",
            {"loss": 6.9, "acc@1": 0.39}, 10, 1.0,
        ),
        (" * Acc@1 70.0 Acc@5 89.0", {"acc@1": 70.0, "acc@5": 89.0}, None, None),
        (
            "Epoch 1/10, Train Loss: 0.5, Val Loss: 0.4, Val Acc: 85.32%",
            {"train/loss": 0.5, "val/loss": 0.4, "val/accuracy": 0.8532}, None, 1.0,
        ),
        (
            "| epoch 003 | loss 5.4 | nll_loss 4.1 | ppl 17.2 | wps 1200 | lr 0.001",
            {"loss": 5.4, "nll_loss": 4.1, "ppl": 17.2, "lr": 0.001}, None, 3.0,
        ),
        ("[10]\ttrain-logloss:0.5\tvalid-logloss:0.6",
         {"train/logloss": 0.5, "val/logloss": 0.6}, 10, None),
        ("val Loss: 0.4 Acc: 0.9", {"val/loss": 0.4, "val/accuracy": 0.9}, None, None),
        ("Accuracy of the network on the 10000 test images: 54 %",
         {"test/accuracy": 0.54}, None, None),
        ("2024-01-01 12:00:00,123 - INFO - epoch=1 loss=0.5", {"loss": 0.5}, None, 1.0),
        ("2024-01-01 12:00:00.123 | INFO     | __main__:main:45 - loss=0.5",
         {"loss": 0.5}, None, None),
        ("epoch 5 gini=0.7", {"gini": 0.7}, None, 5.0),
        ("|    ep_rew_mean     | 22.5     |", {"ep_rew_mean": 22.5}, None, None),
        ("loss=nan", {"loss": math.nan}, None, None),
        ("loss: -inf", {"loss": -math.inf}, None, None),
        ("loss: 1.5e-05", {"loss": 1.5e-05}, None, None),
        (
            "{'loss': 0.5, 'grad_norm': 1.2, 'learning_rate': 5e-05, 'epoch': 1.25}",
            {"loss": 0.5, "grad_norm": 1.2, "lr": 5e-05}, None, 1.25,
        ),
        (
            "{'eval_loss': nan, 'eval_runtime': 0.5, 'eval_samples_per_second': 10.2, 'epoch': 1.0}",
            {"val/loss": math.nan}, None, 1.0,
        ),
        ("{'loss': '0.5', 'epoch': '2.0'}", {"loss": 0.5}, None, 2.0),
        ('{"step": 5, "train": {"loss": 0.25}, "time": 12.5}', {"train/loss": 0.25}, 5, None),
        ('INFO {"global_step": 7, "val_acc": 0.5, "name": "x", "done": true}',
         {"val/accuracy": 0.5}, 7, None),
        ("\x1b[32mloss: 0.5\x1b[0m", {"loss": 0.5}, None, None),
        (
            "Epoch 1:  45%|####5     | 45/100 [00:10<00:12,  4.5it/s, loss=0.5, acc=0.8]",
            {"loss": 0.5, "acc": 0.8}, 45, 1.0,
        ),
        (
            "Epoch 0:  50%|#####     | 5/10 [00:00<00:00, 20.21it/s, v_num=0, train_loss=0.5]",
            {"train/loss": 0.5}, 5, 1.0,
        ),
        ("loss 0.51:  45%|####5     | 45/100 [00:10<00:12,  4.5it/s]", {"loss": 0.51}, 45, None),
        ("45it [00:10, 4.5it/s, loss=0.5]", {"loss": 0.5}, 45, None),
        (
            "Validation DataLoader 0: 100%|###| 10/10 [00:00<00:00, 100.1it/s, loss=0.3]",
            {"val/loss": 0.3}, 10, None,
        ),
        (
            "Epoch 0/9 ━━━━━━━━━━━━ 10/10 0:00:00 • 0:00:00 20.21it/s v_num: 0.000 train_loss: 0.512",
            {"train/loss": 0.512}, 10, 1.0,
        ),
        (
            "469/469 [=======] - 2s 4ms/step - loss: 0.5 - accuracy: 0.8 - val_loss: 0.3",
            {"loss": 0.5, "accuracy": 0.8, "val/loss": 0.3}, None, None,
        ),
        (
            "\x1b[1m469/469\x1b[0m \x1b[32m━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m2s\x1b[0m 4ms/step"
            " - accuracy: 0.8 - loss: 0.5",
            {"accuracy": 0.8, "loss": 0.5}, None, None,
        ),
    ],
)  # fmt: skip
def test_a_line_with_metrics(
    line: str, expected: Values, step: int | None, epoch: float | None
) -> None:
    assert str(values(line)) == str(expected)  # as text, because NaN differs from itself
    assert position(line) == (step, epoch)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Epoch 3/10",
        "Namespace(lr=0.1, batch_size=32, loss=0.1)",
        "TrainConfig(loss=0.5, epochs=3)",
        "{'lr': 0.1, 'batch_size': 32}",
        "batch_size: 32",
        "lr: 0.1",
        "Using 4 GPUs",
        "Saving to /tmp/loss/0.5/model_3.pt",
        "torch version: 2.1.0",
        "Training complete in 3m 2s",
        "Best val Acc: 0.930000",
        "Epoch 1: val_loss improved from inf to 0.52, saving model to best.h5",
        "100/469 ━━━━━━━━ 2s 4ms/step - accuracy: 0.8 - loss: 0.5",
        "100%|##########| 469/469 [00:05<00:00, 90.2it/s]",
        "http://localhost:8080/loss=3",
        "elapsed: 10.5",
        "loss function: mse",
        "starts after epoch 0 with seed 42",
        "num_params: 1200000",
        "train samples: 50000",
        "Eval time: 3.5 s",
        "192.168.0.1 port 8080",
        "loss took 0.5 s",
        "val loss: 12:30:05",
    ],
)
def test_a_line_without_metrics(line: str) -> None:
    assert parsed(line) == []


def test_a_heading_gives_the_epoch_of_the_lines_after_it() -> None:
    text = "Epoch 0/24\n----------\ntrain Loss: 0.5\nval Loss: 0.4\n\nEpoch 1/24\nval Loss: 0.3\n"
    samples = [sample for line in parsed(text) for sample in line]
    # Epochs count from 1, as those of nnlab.
    assert [(s.metric, s.value, s.epoch) for s in samples] == [
        ("train/loss", 0.5, 1.0), ("val/loss", 0.4, 1.0), ("val/loss", 0.3, 2.0),
    ]  # fmt: skip


def test_steps_are_counted_over_epochs() -> None:
    text = "".join(
        f"Epoch [{epoch}/2], Step [{step}/600], Loss: 0.5\n"
        for epoch in (1, 2, 3)
        for step in (300, 600)
    )
    assert [line[0].step for line in parsed(text)] == [300, 600, 900, 1200, 1500, 1800]


def test_steps_that_continue_over_epochs_are_kept() -> None:
    text = "epoch 1 step 100 loss 1\nepoch 2 step 200 loss 1\nepoch 3 step 300 loss 1\n"
    assert [line[0].step for line in parsed(text)] == [100, 200, 300]


def test_a_bar_that_is_drawn_again_counts_once() -> None:
    bars = ["Epoch 1:  50%|# | 5/10 [00:01<00:01, 5.0it/s, loss=0.5]"] * 3
    bars += ["Epoch 1: 100%|##| 10/10 [00:02<00:00, 5.0it/s, loss=0.4]"]
    bars += ["Epoch 2:  50%|# | 5/10 [00:01<00:01, 5.0it/s, loss=0.3]"]
    samples = [line[0] for line in parsed("\r".join(bars) + "\n")]
    assert [(s.step, s.value) for s in samples] == [(5, 0.5), (10, 0.4), (15, 0.3)]


def test_the_objective_is_a_metric_whatever_its_name() -> None:
    assert parsed("niceness: 0.5") == []
    assert parsed("niceness: 0.5", "niceness")[0][0].metric == "niceness"


def test_two_values_of_a_metric_in_a_line_are_one() -> None:
    assert values("loss: 0.5 loss: 0.6") == {"loss": 0.5}


def test_a_line_that_never_ends_is_dropped_and_the_next_one_is_read() -> None:
    parser = MetricLineParser()
    for _ in range(10):
        assert parser.feed("loss: 0.5, " * 1000) == []
    assert [line[0].value for line in parser.feed("\nloss: 0.25\n")] == [0.25]


def test_deeply_nested_json_is_no_problem() -> None:
    assert parsed('{"loss": 1, "x": ' + "[" * (MAX_LINE_LENGTH // 2) + "}") == [
        (Sample("loss", 1.0),)
    ]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for line in parsed(text):
        for sample in line:
            assert sample.metric
            assert isinstance(sample.value, float)


METRICISH = st.lists(
    st.sampled_from(
        ["loss", "val", "acc", "epoch", "step", ": ", "=", " ", "|", ",", "0.5", "1e-3", "nan", "12",
         "/", "%", "[", "]", "{", "}", "'", '"', "\r", "\n", "it/s", "<", "-", "\x1b[1m", "4ms/step"]
    ),
    max_size=60,
).map("".join)  # fmt: skip


@given(METRICISH)
def test_texts_like_logs_are_read_without_an_error(text: str) -> None:
    for line in parsed(text):
        assert len({sample.metric for sample in line}) == len(line) > 0


@given(METRICISH, st.integers(0, 2**32))
def test_the_pieces_in_which_a_text_arrives_do_not_matter(text: str, seed: int) -> None:
    generator = random.Random(seed)
    parser = MetricLineParser()
    pieces: list[LineSamples] = []
    rest = text
    while rest:
        size = generator.randint(1, 5)
        pieces += parser.feed(rest[:size])
        rest = rest[size:]
    pieces += parser.finish()
    assert str(pieces) == str(parsed(text))


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(NUMBERS, NUMBERS, st.integers(0, 10**9))
def test_a_value_keeps_all_its_digits(loss: float, accuracy: float, step: int) -> None:
    expected = {"train/loss": loss, "val/r2": accuracy}
    lines: list[str] = [
        f"step {step} train_loss: {loss!r} val_r2: {accuracy!r}",
        f"step={step}, train_loss={loss!r}, val_r2={accuracy!r}",
        json.dumps({"step": step, "train_loss": loss, "val_r2": accuracy}),
        str({"step": step, "train_loss": loss, "val_r2": accuracy}),
    ]
    for line in lines:
        assert values(line) == expected
        assert position(line)[0] == step


def test_a_hostile_line_is_read_in_no_time() -> None:
    hostile: list[Any] = [
        "1" * 900, "1 " * 450, "- " * 450, "[" * 900, "a:" * 450, "0/" * 450, "{'" * 9000,
        "━" * 900, "epoch " * 150, "%|" * 450, "{'a':" * 3900 + "}", "a" * 999 + "1",
    ]  # fmt: skip
    for text in hostile:
        parsed(text)
