"""Models for tokens and signals: equal to torch's modules, causal, and blind to padding."""

from typing import Any

import pytest
import torch
from torch import nn

from nnlab.engine import models
from nnlab.engine.batched.grouping import can_batch
from nnlab.engine.models import ModelFacts
from nnlab.engine.models.recurrent import RecurrentNetwork
from nnlab.engine.models.token_transformer import TokenTransformer, attention_mask
from nnlab.engine.models.tokens import last_token, mean_over_tokens, real_tokens
from nnlab.engine.seeds import make_generator
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

LENGTH, VOCABULARY, CLASSES = 9, 7, 4
TOKEN_MODELS = ("transformer", "lstm", "gru")
LANGUAGE = ModelFacts((LENGTH, VOCABULARY), VOCABULARY, "language_modeling", 0)
TAGGING = ModelFacts((LENGTH, CLASSES), VOCABULARY, "token_classification", 0)
WHOLE = ModelFacts((CLASSES,), VOCABULARY, "classification", 0)


def resolved(facts: ModelFacts, **settings: object) -> RunConfig:
    data_facts = DataFacts(facts.task, has_tokens=facts.vocab_size > 0)
    small = {"width": 8, "depth": 2, **settings}
    return resolve(RunConfig(**small), data_facts)  # type: ignore[arg-type]


def built(facts: ModelFacts, seed: int = 0, **settings: object) -> nn.Module:
    config = resolved(facts, **settings)
    generator = make_generator(seed, "weights")
    return models.build(config, (LENGTH,), facts.output_shape[-1], generator, facts=facts)


def tokens(n: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, VOCABULARY, (n, LENGTH), generator=generator)


@pytest.mark.parametrize("facts", [LANGUAGE, TAGGING, WHOLE], ids=lambda facts: facts.task)
@pytest.mark.parametrize("model", TOKEN_MODELS)
def test_outputs_have_their_shape_and_every_parameter_a_gradient(
    model: str, facts: ModelFacts
) -> None:
    net = built(facts, model=model, dropout=0.2)
    models.seed_model_noise(net, 0, 1, torch.device("cpu"))
    examples = torch.arange(VOCABULARY).repeat(5, 2)[:, :LENGTH]  # every token, padding too
    outputs = net(examples)
    assert outputs.shape == (5, *facts.output_shape)
    outputs.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
    assert list(net.state_dict())[-1] == "head.bias"
    assert models.head_layer_name(net) == "head"


@pytest.mark.parametrize("model", TOKEN_MODELS)
def test_the_weights_follow_from_the_seed(model: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        net = built(LANGUAGE, seed, model=model)
        return nn.utils.parameters_to_vector(net.parameters()).detach()

    first = weights(0)
    torch.manual_seed(99)
    assert torch.equal(weights(0), first)
    assert not torch.equal(weights(1), first)


@pytest.mark.parametrize("model", TOKEN_MODELS)
def test_a_language_model_does_not_see_later_tokens(model: str) -> None:
    net = built(LANGUAGE, model=model).eval()
    first = tokens()
    second = first.clone()
    second[:, 6:] = first[:, 6:] % (VOCABULARY - 1) + 1
    assert torch.allclose(net(first)[:, :6], net(second)[:, :6], atol=1e-6)
    assert not torch.allclose(net(first)[:, 6:], net(second)[:, 6:], atol=1e-3)


def test_a_transformer_that_tags_sees_later_tokens() -> None:
    net = built(TAGGING, model="transformer").eval()
    first = tokens()
    second = first.clone()
    second[:, 6:] = first[:, 6:] % (VOCABULARY - 1) + 1
    assert not torch.allclose(net(first)[:, :6], net(second)[:, :6], atol=1e-4)


@pytest.mark.parametrize("facts", [LANGUAGE, TAGGING, WHOLE], ids=lambda facts: facts.task)
@pytest.mark.parametrize("model", TOKEN_MODELS)
def test_padding_does_not_change_the_outputs(model: str, facts: ModelFacts) -> None:
    net = built(facts, model=model).eval()
    short = tokens()[:, :6]
    padded = nn.functional.pad(short, (0, LENGTH - 6), value=0)
    expected, outputs = net(short), net(padded)
    if facts.has_output_per_position:
        outputs = outputs[:, :6]
    assert torch.allclose(outputs, expected, atol=1e-6)
    # Neither do other examples of the batch, nor examples of nothing but padding.
    alone = net(padded[:1])
    assert torch.allclose(net(padded)[:1], alone, atol=1e-6)
    assert bool(net(torch.zeros(2, LENGTH, dtype=torch.int64)).isfinite().all())


@pytest.mark.parametrize(("model", "cell"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_recurrent_layers_are_torchs(model: str, cell: type[nn.LSTM | nn.GRU]) -> None:
    net = built(LANGUAGE, model=model)
    assert isinstance(net, RecurrentNetwork)
    reference = cell(8, 8, num_layers=2, batch_first=True)
    state = net.layers.state_dict()
    reference.load_state_dict(
        {name: state[f"{name[-1]}.cell.{name[:-1]}0"] for name in reference.state_dict()}
    )
    embedding = nn.Embedding(VOCABULARY, 8)
    embedding.weight.data.copy_(net.get_parameter("steps.weight"))
    expected = nn.functional.linear(
        reference(embedding(tokens()))[0], net.head.weight, net.head.bias
    )
    assert torch.allclose(net(tokens()), expected, atol=1e-6)


def test_a_new_lstm_remembers() -> None:
    """Only the bias of the forget gate is 1; every gate has its own initial matrix."""
    net = built(LANGUAGE, model="lstm", init="orthogonal")
    bias = net.get_parameter("layers.0.cell.bias_ih_l0")
    assert bias.tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    assert not net.get_parameter("layers.0.cell.bias_hh_l0").any()
    for gate in torch.split(net.get_parameter("layers.0.cell.weight_hh_l0"), 8):
        assert torch.allclose(gate @ gate.T, torch.eye(8), atol=1e-5)


def test_a_transformer_for_tokens_is_torchs_encoder() -> None:
    net = built(LANGUAGE, model="transformer", heads=2, activation="relu")
    assert isinstance(net, TokenTransformer)
    layer = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, activation="relu", batch_first=True, norm_first=True
    )
    state: dict[str, Any] = dict(net.blocks[0].state_dict())
    names = {
        "attention.into.weight": "self_attn.in_proj_weight",
        "attention.into.bias": "self_attn.in_proj_bias",
        "attention.out.weight": "self_attn.out_proj.weight",
        "attention.out.bias": "self_attn.out_proj.bias",
        "attention_norm.0.weight": "norm1.weight",
        "attention_norm.0.bias": "norm1.bias",
        "mlp.branch.0.weight": "norm2.weight",
        "mlp.branch.0.bias": "norm2.bias",
        "mlp.branch.1.weight": "linear1.weight",
        "mlp.branch.1.bias": "linear1.bias",
        "mlp.branch.3.weight": "linear2.weight",
        "mlp.branch.3.bias": "linear2.bias",
    }
    layer.load_state_dict({names[name]: value for name, value in state.items()})
    examples = tokens()
    examples[:, 7:] = 0
    x = net.positions(net.embedding(examples))
    is_real = real_tokens(examples, 0)
    mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
    expected = layer.train()(
        x, src_mask=mask.isinf(), src_key_padding_mask=~is_real, is_causal=False
    )
    outputs = net.blocks[0](x, attention_mask(is_real, is_causal=True))
    assert torch.allclose(outputs[:, :7], expected[:, :7], atol=1e-5)


def test_reductions_leave_out_the_padding() -> None:
    values = torch.arange(12.0).reshape(2, 3, 2)
    is_real = torch.tensor([[True, True, False], [False, False, False]])
    assert mean_over_tokens(values, is_real).tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert last_token(values, is_real).tolist() == [[2.0, 3.0], [6.0, 7.0]]
    assert bool(real_tokens(torch.zeros(2, 3), None).all())


def test_a_sequence_longer_than_the_positions_is_refused() -> None:
    net = built(LANGUAGE, model="transformer")
    with pytest.raises(DataError, match=r"10 tokens is longer than the 9 positions"):
        net(torch.ones(1, 10, dtype=torch.int64))


@pytest.mark.parametrize("model", ["lstm", "gru"])
@pytest.mark.parametrize("shape", [(40,), (3, 6, 5)])
def test_recurrent_models_read_signals_and_rows_of_images(
    model: str, shape: tuple[int, ...]
) -> None:
    config = resolved(ModelFacts((3,)), model=model)
    net = models.build(config, shape, 3, make_generator(0, "weights"))
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    assert net(x).shape == (4, 3)
    assert isinstance(net, RecurrentNetwork)
    steps = net.steps(x)
    if len(shape) == 3:
        assert torch.equal(steps[:, 2], x[:, :, 2].flatten(1))
    else:
        assert torch.equal(steps[..., 0], x)
    assert not can_batch(config)


def test_a_signal_may_have_a_class_for_each_value_but_not_for_others() -> None:
    per_value = ModelFacts((40, 3), 0, "token_classification")
    config = resolved(per_value, model="lstm")
    net = models.build(config, (40,), 3, make_generator(0, "weights"), facts=per_value)
    assert net(torch.zeros(2, 40)).shape == (2, 40, 3)
    with pytest.raises(DataError, match=r"one output for each value of a signal"):
        models.build(config, (20,), 3, make_generator(0, "weights"), facts=per_value)
    config = resolved(per_value, model="transformer")
    with pytest.raises(DataError, match=r"needs tokens"):
        models.build(config, (40,), 3, make_generator(0, "weights"), facts=per_value)


@pytest.mark.parametrize("model", ["mlp", "linear"])
def test_tokens_are_refused_by_models_of_numbers(model: str) -> None:
    facts = DataFacts("classification", has_tokens=True)
    message = f"--model {model} does not take tokens, which brackets has; transformer, lstm and gru"
    with pytest.raises(ConfigError, match=message):
        resolve(RunConfig(data="brackets", model=model), facts)


def test_a_patch_of_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--patch has no effect with digits: each token"):
        resolved(WHOLE, model="transformer", patch=2)
