"""Weight averages compared to torch's AveragedModel, and the state after `swapped_in`."""

import io
from collections.abc import Iterator

import pytest
import torch
from torch import nn, optim
from torch.nn import functional
from torch.optim import swa_utils

from nnlab.engine.weight_average import WeightAverage, build
from nnlab.settings import DataFacts, RunConfig, resolve

EPOCHS, STEPS = 8, 5


class Network(nn.Module):
    """A hidden layer followed by batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, 6)
        self.norm = nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.head(self.norm(self.hidden(x)).relu())
        return outputs


def network() -> Network:
    generator = torch.Generator().manual_seed(3)
    model = Network().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


EXAMPLES = torch.randn(50, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
TARGETS = torch.randint(0, 2, (50,), generator=torch.Generator().manual_seed(2))


def average_of(model: nn.Module, **settings: object) -> WeightAverage:
    run_config = RunConfig(epochs=EPOCHS, **settings)  # type: ignore[arg-type]
    average = build(model, resolve(run_config, DataFacts("classification")))
    assert average is not None
    return average


def train(
    model: nn.Module, average: WeightAverage | None, begin: int = 0
) -> Iterator[tuple[int, int]]:
    """Trains as the loop does; yields after each step, as (epoch, step)."""
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    model.train()
    for epoch in range(begin + 1, EPOCHS + 1):
        for step in range(STEPS):
            optimizer.zero_grad()
            rows = slice(10 * step, 10 * step + 10)
            functional.cross_entropy(model(EXAMPLES[rows]), TARGETS[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if average is not None:
                average.after_step(model)
            yield epoch, step
        if average is not None:
            average.after_epoch(model, epoch)


def state_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_close(actual: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in actual.items():
        assert torch.allclose(tensor, expected[name], rtol=1e-10, atol=1e-12), name


def test_ema_equals_torchs_for_a_small_decay_rate() -> None:
    """(1 + n) / (10 + n) is never below 0.1, so a decay of 0.1 is the same from the first step."""
    model = network()
    average = average_of(model, average="ema", average_decay=0.1)
    theirs = swa_utils.AveragedModel(
        model,
        multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.1),  # type: ignore[no-untyped-call]
        use_buffers=True,
    )
    for _ in train(model, average):
        theirs.update_parameters(model)
    count = model.state_dict()["norm.num_batches_tracked"].item()
    with average.swapped_in(model):
        actual, expected = state_of(model), state_of(theirs.module)
    # A count has no average: ours is the model's, torch's is rounded down.
    assert actual.pop("norm.num_batches_tracked") == count
    expected.pop("norm.num_batches_tracked")
    assert_close(actual, expected)


def test_the_decay_rate_of_ema_grows_with_the_steps() -> None:
    """One weight, 1 at the first step and 0 after it, is the product of all memories."""
    model = nn.Linear(1, 1, bias=False)
    average = average_of(model, average="ema", average_decay=0.2)
    nn.init.ones_(model.weight)
    average.after_step(model)
    nn.init.zeros_(model.weight)
    for _ in range(3):
        average.after_step(model)
    with average.swapped_in(model):
        assert model.weight.item() == pytest.approx(2 / 11 * 0.2 * 0.2)


def test_swa_equals_torchs_with_recomputed_statistics() -> None:
    model = network()
    average = average_of(model, average="swa", average_from=0.5)
    theirs = swa_utils.AveragedModel(model)
    for epoch, step in train(model, average):
        if epoch > 4 and step == STEPS - 1:
            theirs.update_parameters(model)
    swa_utils.update_bn([EXAMPLES], theirs)
    with average.swapped_in(model, EXAMPLES):
        actual = state_of(model)
    assert_close(actual, state_of(theirs.module))


def test_statistics_are_a_mean_over_chunks_that_take_every_example() -> None:
    model = network()
    average = average_of(model, average="swa", average_from=0.0)
    average.after_epoch(model, 1)
    many = torch.randn(1025, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    with average.swapped_in(model, many):
        assert model.norm.running_mean is not None
        # Chunks of 513 and 512 count alike: to a thousandth this is the mean of all.
        assert torch.allclose(model.norm.running_mean, model.hidden(many).mean(0), atol=1e-2)
        assert model.norm.num_batches_tracked == 2


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_before_any_update_the_model_is_unchanged(kind: str) -> None:
    model = network()
    before = state_of(model)
    with average_of(model, average=kind).swapped_in(model, EXAMPLES):
        assert_close(state_of(model), before)


@pytest.mark.parametrize("settings", [{"average": "ema"}, {"average": "swa", "average_from": 0.2}])
def test_the_models_own_weights_are_restored_and_training_is_unaffected(
    settings: dict[str, object],
) -> None:
    model, twin = network(), network()
    average = average_of(model, **settings)
    for (_, step), _ in zip(train(model, average), train(twin, None), strict=True):
        if step == STEPS - 1:
            with average.swapped_in(model, EXAMPLES):
                pass
            model.train()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, twin.state_dict()[name]), name


def test_an_error_inside_the_context_restores_the_weights() -> None:
    model = network()
    average = average_of(model, average="swa", average_from=0.0)
    average.after_epoch(model, 1)
    nn.init.zeros_(model.hidden.weight)
    seen = []

    def fail() -> None:
        with average.swapped_in(model, EXAMPLES):
            seen.append(bool(model.hidden.weight.any()))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [True]
    assert not model.hidden.weight.any()


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_a_resumed_average_is_the_same_to_the_bit(kind: str) -> None:
    model = network()
    average = average_of(model, average=kind)
    steps = train(model, average)
    for epoch, step in steps:
        if (epoch, step) == (7, STEPS - 1):
            break
    next(steps)  # the average has taken epoch 7 by now
    stored = io.BytesIO()
    torch.save({"average": average.state_dict(), "model": model.state_dict()}, stored)
    stored.seek(0)
    state = torch.load(stored, weights_only=True)
    twin = network()
    twin.load_state_dict(state["model"])
    resumed = average_of(twin, average=kind)
    resumed.load_state_dict(state["average"])
    for net, weight_average in ((model, average), (twin, resumed)):
        nn.init.constant_(net.hidden.weight, 0.3)
        weight_average.after_step(net)
        weight_average.after_epoch(net, 8)
    with average.swapped_in(model, EXAMPLES), resumed.swapped_in(twin, EXAMPLES):
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, twin.state_dict()[name]), name


def test_a_checkpoint_contains_only_the_average() -> None:
    model = network()
    average = average_of(model, average="swa", average_from=0.0)
    average.after_epoch(model, 1)
    taken = [tensor.clone() for tensor in average.state_dict()["means"]]
    with average.swapped_in(model, EXAMPLES):
        pass
    after = average.state_dict()["means"]
    assert all(torch.equal(a, b) for a, b in zip(taken, after, strict=True))


def test_none_is_no_average() -> None:
    config = resolve(RunConfig(), DataFacts("classification"))
    assert build(network(), config) is None
