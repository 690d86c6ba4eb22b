"""Embedded categories: indices, learned vectors, and training equal to a plain torch loop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nnlab.engine import checkpoint, models, user_code
from nnlab.engine.batched.grouping import can_batch
from nnlab.engine.data import facts_of
from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.embeddings import default_embedding_size
from nnlab.engine.data.prepare import prepare_data
from nnlab.engine.data.preprocessing import fit_input_transform
from nnlab.engine.data.split_dataset import read_and_split
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.loop import build_session, train
from nnlab.engine.models.embedded_features import EmbeddedFeatures
from nnlab.engine.seeds import make_generator
from nnlab.errors import ConfigError
from nnlab.settings import RunConfig, resolve

COLUMNS = (
    FeatureColumn("a"),
    FeatureColumn("town", ("x", "y", "z"), encoding="embed", embedding_size=2),
    FeatureColumn("b"),
)


@pytest.fixture
def towns(tmp_path: Path) -> str:
    """A table with 40 towns, three colours and a number; the target depends on all of them."""
    generator = np.random.default_rng(0)
    lines = ["town,colour,size,y"]
    for _ in range(240):
        town, colour, size = generator.integers(40), generator.integers(3), generator.normal()
        lines.append(f"town{town},{'rgb'[colour]},{size:.4f},{town % 7 + colour + size:.4f}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    return f"csv:{tmp_path / 't.csv'}"


def resolved(data: str, **settings: Any) -> RunConfig:
    optimizer = {} if "opt" in settings else {"opt": "sgd", "lr": 0.05, "momentum": 0.0}
    fixed = {"categories": "embed", "device": "cpu", "epochs": 2, "batch_size": 32}
    config = RunConfig(data=data, **{**fixed, **optimizer, **settings})
    facts = facts_of(config)
    return resolve(replace(config, data_version=facts.version), facts)


def test_the_vectors_follow_the_other_features() -> None:
    inner = nn.Linear(4, 1)
    model = EmbeddedFeatures(inner, COLUMNS, make_generator(0, "weights"))
    weight = model.embeddings[0].weight
    assert weight.shape == (4, 2)
    features = torch.tensor([[0.5, 1.0, -1.0], [0.25, 3.0, 2.0]])
    expected = torch.cat((features[:, [0, 2]], weight[[1, 3]]), dim=1)  # type: ignore[index]
    assert torch.equal(model.embed(features), expected)
    assert torch.equal(model(features), inner(expected))


@pytest.mark.parametrize("index", [0.0, -1.0, 4.0, 1e9])
def test_unknown_categories_have_the_vector_zero(index: float) -> None:
    model = EmbeddedFeatures(nn.Linear(4, 1), COLUMNS, make_generator(0, "weights"))
    embedded = model.embed(torch.tensor([[1.0, index, 2.0]]))
    assert embedded.tolist() == [[1.0, 2.0, 0.0, 0.0]]
    embedded.sum().backward()  # type: ignore[no-untyped-call]
    gradient = model.embeddings[0].weight.grad
    assert isinstance(gradient, torch.Tensor)
    assert not gradient.any()


def test_the_default_size_is_that_of_fastai() -> None:
    sizes = [default_embedding_size(n) for n in (1, 2, 3, 50, 1000, 10**7)]
    assert sizes == [2, 2, 3, 14, 77, 600]


def test_only_the_categories_of_the_training_split_are_learned(towns: str) -> None:
    split = read_and_split(resolved(towns, train_size=60))
    column = split.dataset.columns[0]
    rows = [line.split(",")[0] for line in Path(towns[4:]).read_text().splitlines()[1:]]
    trained = sorted({rows[row] for row in split.rows.train.tolist()})
    assert column.values == tuple(trained)
    assert column.embedding_size == default_embedding_size(len(trained))
    expected = [1 + trained.index(row) if row in trained else 0 for row in rows]
    assert 0 in expected
    assert split.dataset.examples[:, 0].tolist() == expected


@pytest.mark.parametrize("inputs", ["standardise", "centre", "minmax", "zca", "none"])
def test_indices_are_not_transformed(inputs: str) -> None:
    generator = np.random.default_rng(0)
    examples = generator.normal(3, 2, (50, 4))
    examples[:, 1] = np.arange(50)
    rows = np.arange(40)
    mask = [False, True, False, False]
    transformed = fit_input_transform(inputs, examples, rows, mask)(examples)
    assert transformed[:, 1].tolist() == examples[:, 1].tolist()
    others = fit_input_transform(inputs, examples[:, [0, 2, 3]], rows)(examples[:, [0, 2, 3]])
    np.testing.assert_allclose(transformed[:, [0, 2, 3]], others, rtol=1e-12, atol=1e-12)


def test_training_equals_a_plain_torch_loop(towns: str) -> None:
    config = resolved(towns, embedding_size=3, width=8, depth=1)
    session = build_session(config)
    initial = {name: value.clone() for name, value in session.model.state_dict().items()}
    data = prepare_data(config, torch.device("cpu"))
    epochs = list(train(session))

    embeddings = nn.ModuleList(
        nn.Embedding(len(column.values) + 1, 3, padding_idx=0) for column in data.columns[:2]
    )
    network = nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 1))
    embeddings.load_state_dict(
        {k.removeprefix("embeddings."): v for k, v in initial.items() if "embeddings" in k}
    )
    positional = [v for k, v in initial.items() if k.startswith("model.")]
    network.load_state_dict(dict(zip(network.state_dict(), positional, strict=True)))
    optimizer = torch.optim.SGD([*embeddings.parameters(), *network.parameters()], lr=0.05)

    def outputs(x: torch.Tensor) -> torch.Tensor:
        vectors = [table(x[:, i].long()) for i, table in enumerate(embeddings)]
        result: torch.Tensor = network(torch.cat((x[:, 2:], *vectors), dim=1))
        return result

    for epoch in (1, 2):
        order = draw_order(config, data.train.targets, epoch)
        for rows in torch.split(order, 32):
            loss = nn.functional.mse_loss(
                outputs(data.train.examples[rows]), data.train.targets[rows]
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        expected = nn.functional.mse_loss(outputs(data.val.examples), data.val.targets).item()
        assert epochs[epoch - 1].values["val/loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("model", ["linear", "mlp", "transformer"])
def test_models_for_tables_receive_the_embedded_features(towns: str, model: str) -> None:
    config = resolved(towns, model=model, embedding_size=2)
    session = build_session(config)
    assert isinstance(session.model, EmbeddedFeatures)
    assert sum(1 for _ in train(session)) == 2
    assert not session.model.embeddings[0].weight[0].any()  # type: ignore[index]


def test_user_models_see_the_width_after_the_embedding(towns: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def net(in_features, in_shape, outputs):\n"
        "    assert in_shape == (5,)\n"
        "    return nn.Sequential(nn.Dropout(0.5), nn.Linear(in_features, outputs))\n"
    )
    reference = f"{tmp_path / 'net.py'}:net"
    config = resolved(towns, model=reference, embedding_size=2)
    session = build_session(replace(config, model_version=user_code.code_version(reference)))
    assert models.user_defined.is_user_defined(session.model)
    assert sum(1 for _ in train(session)) == 2


def test_runs_with_embeddings_are_not_batched(towns: str) -> None:
    config = resolved(towns)
    assert not can_batch(config)
    assert can_batch(replace(config, categories="one-hot"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"categories": "embed", "augment": "noise"}, "--augment noise changes numbers"),
        ({"many_categories": "embed", "mixup": 0.2}, "--mixup changes numbers"),
        ({"embedding_size": 3}, "--embedding-size has no effect: add --categories embed"),
    ],
)
def test_conflicting_options_are_refused(
    towns: str, settings: dict[str, Any], message: str
) -> None:
    config = RunConfig(data=towns, **settings)
    with pytest.raises(ConfigError, match=message):
        resolve(config, facts_of(config))


def test_few_and_many_categories_are_chosen_separately(towns: str) -> None:
    def encodings(**settings: Any) -> list[str]:
        config = RunConfig(data=towns, max_categories=10, **settings)
        facts = facts_of(config)
        split = read_and_split(resolve(replace(config, data_version=facts.version), facts))
        return [column.encoding for column in split.dataset.columns]

    assert encodings(many_categories="embed") == ["embed", "plain", "plain"]
    assert encodings(many_categories="hash", categories="embed") == ["hash", "embed", "plain"]
    assert encodings(many_categories="embed", categories="embed") == ["embed", "embed", "plain"]


def test_checks_of_the_data_leave_out_indices(towns: str) -> None:
    checks = prepare_data(resolved(towns), torch.device("cpu")).checks()
    assert checks["data/mean"] == pytest.approx(0, abs=1e-5)
    assert checks["data/sd"] == pytest.approx(1, abs=1e-5)


def test_a_resumed_run_equals_an_uninterrupted_one(towns: str) -> None:
    config = resolved(towns, embedding_size=2, dropout=0.2, opt="adam", epochs=3)
    uninterrupted = build_session(config)
    expected = [epoch.values for epoch in train(uninterrupted)]
    stopped = build_session(config)
    values = [next(iter(train(stopped))).values]
    resumed = build_session(config)
    checkpoint.restore_checkpoint(resumed, checkpoint.serialize_checkpoint(stopped), "c.pt")
    values += [epoch.values for epoch in train(resumed)]
    assert values == expected
    for name, tensor in uninterrupted.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
