"""Probes: values computed by hand, no effect on training, a limited number of layers."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from nnlab.engine import probe
from nnlab.engine.loop import build_session, forward_backward, train
from nnlab.engine.loss_landscape import LossLandscape
from nnlab.engine.probe import Probe, quantiles
from nnlab.engine.probe.quantiles import QUANTILE_PERCENTAGES, tensor_quantiles
from nnlab.engine.probe.sensitivity import measure_sensitivity
from nnlab.settings import RunConfig

Make = Callable[..., RunConfig]
Settings = dict[str, object]


def two_units() -> nn.Module:
    """The first unit gives 2 x, the second is dead."""
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        model.get_parameter("0.weight").copy_(torch.tensor([[2.0], [0.0]]))
        model.get_parameter("0.bias").copy_(torch.tensor([0.0, -1.0]))
    return model


def test_statistics_of_a_layer_by_hand() -> None:
    examples = torch.tensor([[1.0], [2.0], [-1.0], [3.0]])
    values = Probe(two_units(), examples).collect_metrics()
    outputs = torch.tensor([2.0, 4.0, 0.0, 6.0, 0.0, 0.0, 0.0, 0.0])
    assert values["probe/activation_mean/1"] == pytest.approx(1.5)
    assert values["probe/activation_sd/1"] == pytest.approx(outputs.std().item())
    assert values["probe/zeros/1"] == pytest.approx(5 / 8)
    assert values["probe/dead/1"] == pytest.approx(1 / 2)
    assert "probe/saturated/1" not in values  # a relu has no ends


@pytest.mark.parametrize(
    ("activation", "at_ends"), [(nn.Tanh(), 10.0), (nn.Sigmoid(), 10.0)], ids=["tanh", "sigmoid"]
)
def test_saturation_is_the_share_at_the_ends(activation: nn.Module, at_ends: float) -> None:
    model = nn.Sequential(nn.Identity(), activation)
    examples = torch.tensor([[0.0], [at_ends], [-at_ends], [0.1]])
    values = Probe(model, examples).collect_metrics()
    assert values["probe/saturated/1"] == pytest.approx(1 / 2)


def test_a_channel_is_dead_where_its_whole_image_is() -> None:
    examples = torch.ones(3, 2, 4, 4)
    examples[:, 1] = -1.0
    values = Probe(nn.Sequential(nn.ReLU()), examples).collect_metrics()
    assert values["probe/dead/1"] == pytest.approx(1 / 2)


def test_the_update_ratio_is_that_of_the_step_between() -> None:
    model = two_units()
    model_probe = Probe(model, torch.ones(2, 1))
    model_probe.before_last_step()
    weights = [p for p in model.parameters() if p.ndim == 2]
    size = math.sqrt(sum(w.square().sum().item() for w in weights))
    with torch.no_grad():
        weights[0].add_(0.3)
    model_probe.after_last_step()
    moved = 0.3 * math.sqrt(weights[0].numel())
    assert model_probe.collect_metrics()["probe/update_ratio"] == pytest.approx(moved / size)


def test_full_measures_the_gradient_norm_of_each_layer(config: Make) -> None:
    session = build_session(config(probe="full", dtype="float64"))
    (first, *_) = list(train(session))
    assert {"probe/grad_norm/1", "probe/grad_norm/2", "probe/update_ratio/2"} <= set(first.values)
    part = session.data.train
    loss = nn.functional.cross_entropy(
        session.model(part.examples[: probe.PROBE_BATCH_SIZE]),
        part.targets[: probe.PROBE_BATCH_SIZE],
    )
    weights = [p for p in session.model.parameters() if p.ndim == 2]
    expected = [g.norm().item() for g in torch.autograd.grad(loss, weights)]
    assert session.probe is not None
    measured = session.probe.collect_metrics()
    assert [measured["probe/grad_norm/1"], measured["probe/grad_norm/2"]] == pytest.approx(expected)


def test_full_measures_the_quantiles_of_weights_and_gradients(config: Make) -> None:
    session = build_session(config(probe="full", dtype="float64", epochs=2))
    weights = [p for p in session.model.parameters() if p.ndim == 2]
    start = [np.percentile(w.detach(), QUANTILE_PERCENTAGES) for w in weights]
    first, last = train(session)
    part = session.data.train
    loss = nn.functional.cross_entropy(
        session.model(part.examples[: probe.PROBE_BATCH_SIZE]),
        part.targets[: probe.PROBE_BATCH_SIZE],
    )
    gradients = torch.autograd.grad(loss, weights)
    for layer in (1, 2):
        for name, values, expected in (
            ("start_weight", first.values, start[layer - 1]),
            (
                "weight",
                last.values,
                np.percentile(weights[layer - 1].detach(), QUANTILE_PERCENTAGES),
            ),
            ("grad", last.values, np.percentile(gradients[layer - 1], QUANTILE_PERCENTAGES)),
        ):
            stored = [values[f"probe/{name}_quantile_{p}/{layer}"] for p in QUANTILE_PERCENTAGES]
            assert stored == pytest.approx(list(expected), rel=1e-9, abs=1e-12), (name, layer)
    assert not any("start_weight_quantile" in name for name in last.values)


def test_quantiles_are_those_of_torch() -> None:
    tensor = torch.randn(37, 11, generator=torch.Generator().manual_seed(0))
    levels = torch.tensor(QUANTILE_PERCENTAGES) / 100
    assert torch.equal(tensor_quantiles(tensor), torch.quantile(tensor.flatten(), levels))
    assert tensor_quantiles(tensor.half()).dtype == torch.float32
    tensor[3, 3] = math.nan
    assert tensor_quantiles(tensor).isnan().all()


def test_large_tensors_are_sampled_except_for_their_extremes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quantiles, "MAX_SORTED_ELEMENTS", 2000)
    tensor = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
    sampled = tensor_quantiles(tensor)
    assert (sampled[0], sampled[-1]) == (tensor.min(), tensor.max())
    columns = torch.arange(100.0).repeat(100)  # every column is sampled
    assert tensor_quantiles(columns)[4] == pytest.approx(49.5, abs=0.6)
    exact = np.percentile(tensor, QUANTILE_PERCENTAGES[1:-1])
    assert sampled[1:-1].tolist() == pytest.approx(list(exact), abs=0.12)


def test_quantiles_of_eight_layers_of_a_deep_model_are_measured(config: Make) -> None:
    values = next(iter(train(build_session(config(depth=30, epochs=1, probe="full"))))).values
    for name in ("weight", "grad"):
        prefix = f"probe/{name}_quantile_50/"
        layers = sorted(int(n.removeprefix(prefix)) for n in values if n.startswith(prefix))
        assert len(layers) == probe.MAX_PROBED_LAYERS
        assert (layers[0], layers[-1]) == (1, 31)


@pytest.mark.parametrize("settings", [{}, {"model": "cnn", "data": "digits", "width": 2}], ids=str)
def test_the_gradient_noise_is_that_of_single_examples(config: Make, settings: Settings) -> None:
    """The short cut against the gradient of each example by itself."""
    session = build_session(config(dtype="float64", batch_size=12, **settings))
    part, model = session.data.train, session.model
    examples, targets = part.examples[:12], part.targets[:12]
    model_probe = Probe(model, examples)
    model_probe.before_last_step()
    with model_probe.record_last_step():
        forward_backward(session, examples, targets)
    measured = model_probe.collect_metrics().get("probe/gradient_noise", math.nan)
    weights = [p for p in model.parameters() if p.ndim >= 2]
    rows = []
    for i in range(12):
        loss = nn.functional.cross_entropy(model(examples[i : i + 1]), targets[i : i + 1])
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)]))
    each = torch.stack(rows)
    variance = each.var(dim=0).sum()
    signal = each.mean(0).square().sum() - variance / 12
    expected = (variance / signal).item() if signal > 0 else math.nan
    assert measured == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_the_sensitivity_is_measured_before_and_after_epochs(config: Make) -> None:
    session = build_session(config(probe="sensitivity", epochs=2))
    first, last = train(session)
    started = {"probe/start_rise", "probe/start_sharpness"}
    assert started <= set(first.values)
    assert not started & set(last.values)
    for epoch in (first, last):
        assert epoch.values["probe/sharpness"] > 0
        assert math.isfinite(epoch.values["probe/rise"])


def test_the_rise_is_invariant_to_the_scale_of_the_inputs() -> None:
    """Inputs ten times as large and first weights a tenth: the same function, the same rise."""
    generator = torch.Generator().manual_seed(1)
    examples = torch.randn(32, 3, generator=generator)
    targets = torch.randint(0, 2, (32,), generator=generator)
    original = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    scaled = copy.deepcopy(original)
    with torch.no_grad():
        scaled.get_parameter("0.weight").div_(10.0)
    rises = [
        measure_sensitivity(LossLandscape(model, nn.functional.cross_entropy, inputs, targets))[
            "rise"
        ]
        for model, inputs in ((original, examples), (scaled, examples * 10.0))
    ]
    assert rises[0] == pytest.approx(rises[1], rel=1e-3)


def test_no_more_than_eight_layers_of_a_deep_model_are_measured(config: Make) -> None:
    values = next(iter(train(build_session(config(depth=30, epochs=1))))).values
    numbers = sorted(int(n.rpartition("/")[2]) for n in values if n.startswith("probe/dead/"))
    assert len(numbers) == probe.MAX_PROBED_LAYERS
    assert (numbers[0], numbers[-1]) == (1, 30)


def test_none_measures_nothing(config: Make) -> None:
    assert build_session(config(probe="none")).probe is None


def test_a_model_without_known_activations_has_no_layer_metrics(config: Make) -> None:
    values = next(iter(train(build_session(config(model="linear", epochs=1))))).values
    assert {name for name in values if name.startswith("probe/")} == {
        "probe/update_ratio",
        "probe/gradient_noise",
        "probe/start_loss",
        "probe/model_weight_layers",
    }


def test_a_frozen_layer_has_no_gradient_and_the_others_keep_their_numbers() -> None:
    model = two_units()
    model.get_parameter("0.weight").requires_grad = False
    targets = torch.zeros(4, dtype=torch.long)
    full = LossLandscape(model, nn.functional.cross_entropy, torch.ones(4, 1), targets)
    model_probe = Probe(model, torch.ones(4, 1), gradient_landscape=full)
    names = [name for name in model_probe.collect_metrics() if name.startswith("probe/grad_norm/")]
    assert names == ["probe/grad_norm/2"]
