"""`EmbeddedFeatures`: learned embeddings of categorical columns in front of a model."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from nnlab.engine.data.dataset import FeatureColumn
from nnlab.engine.data.embeddings import index_features


class EmbeddedFeatures(nn.Module):
    """Replaces the indices of categories among the features by learned vectors.

    `model` receives the other features in their order, then the vectors of the embedded columns:
    [n, width]. Index 0, and any number that is no index of a category, stands for an unknown
    category. Its vector is zero and is not trained, as in a one-hot encoding without a 1.
    """

    indices: torch.Tensor
    dense: torch.Tensor
    sizes: torch.Tensor

    def __init__(
        self, model: nn.Module, columns: Sequence[FeatureColumn], generator: torch.Generator
    ) -> None:
        """Draws the initial vectors from N(0, 1), the scale of standardised features.

        Args:
            model: takes inputs of `embedded_shape(columns)`.
            columns: the columns of the table, at least one of them embedded.
            generator: for the initial vectors.
        """
        super().__init__()
        embedded = [column for column in columns if column.encoding == "embed"]
        is_index = torch.tensor(index_features(columns))
        # Not among the weights: the columns determine them.
        self.register_buffer("indices", is_index.nonzero().flatten(), persistent=False)
        self.register_buffer("dense", (~is_index).nonzero().flatten(), persistent=False)
        sizes = torch.tensor([column.num_embeddings for column in embedded])
        self.register_buffer("sizes", sizes, persistent=False)
        self.embeddings = nn.ModuleList(
            nn.Embedding(column.num_embeddings, column.embedding_size, padding_idx=0)
            for column in embedded
        )
        with torch.no_grad():
            for embedding in self.embeddings:
                embedding.weight.normal_(generator=generator)  # type: ignore[operator]
                embedding.weight[0] = 0.0  # type: ignore[operator]
        self.model = model

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """The features that the model receives, [n, width], for features [n, features]."""
        indices = features.index_select(1, self.indices).long()
        indices = torch.where((indices > 0) & (indices < self.sizes), indices, 0)
        dense = features.index_select(1, self.dense)
        vectors = [embedding(indices[:, i]) for i, embedding in enumerate(self.embeddings)]
        return torch.cat((dense, *vectors), dim=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The outputs of the model."""
        outputs: torch.Tensor = self.model(self.embed(features))
        return outputs


def embedded_shape(columns: Sequence[FeatureColumn], in_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an example that the model behind the embeddings receives."""
    if not any(index_features(columns)):
        return in_shape
    vectors = sum(column.embedding_size for column in columns if column.encoding == "embed")
    return (math.prod(in_shape) - sum(index_features(columns)) + vectors,)
