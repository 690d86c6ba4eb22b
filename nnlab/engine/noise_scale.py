"""The gradient noise scale of McCandlish et al. 2018, eq. 2.9 (their "simple noise scale").

It is tr(covariance of the examples' gradients) / |mean gradient|², in examples: the batch size at
which noise and signal have equal size. Both numbers are estimated without bias from one batch of n
examples, as in appendix A.1 with a small batch of one example and a large batch of all:

    variance = n / (n - 1) (mean of |g_i|² - |mean of g_i|²)
    signal   = |mean of g_i|² - variance / n

The gradient of one example for a linear layer is the outer product of the layer's input and the
gradient with respect to its output, so its norm follows from the norms of the two (Goodfellow
2015). Hooks on the training step's own passes see both, so nothing is computed twice. Biases and
normalisation layers have few parameters and are left out. The gradients of successive steps would
not do as samples: each step moves along the noise of its own batch, so the next gradient lacks
that noise, and the signal would be underestimated.
"""

import math

import torch

# For convolutions and tokens there is no such shortcut: only this many examples are used.
MAX_EXAMPLES = 16


def mean_squared_linear_gradient(
    inputs: torch.Tensor, output_gradients: torch.Tensor
) -> torch.Tensor:
    """The mean over examples of |gradient|² for the weights of a linear layer.

    Args:
        inputs: of the layer, [..., n, in features].
        output_gradients: of the batch's loss, [..., n, out features].

    Returns:
        [...]; the gradients are contributions to the batch's gradient, which is their sum.
    """
    norms = torch.linalg.vector_norm(inputs, dim=-1) * torch.linalg.vector_norm(
        output_gradients, dim=-1
    )
    squares: torch.Tensor = norms.square_().mean(-1)
    return squares


def mean_squared_shared_gradient(
    inputs: torch.Tensor, output_gradients: torch.Tensor
) -> torch.Tensor:
    """Like `mean_squared_linear_gradient` for weights shared by all positions (pixels, tokens).

    Args:
        inputs: of the weights, [..., n, positions, in].
        output_gradients: of the batch's loss, [..., n, positions, out].
    """
    gradients = inputs.transpose(-1, -2) @ output_gradients
    return gradients.square().sum((-1, -2)).mean(-1)


def noise_scale(per_example: float, batch: float, examples: int) -> float:
    """tr(covariance) / |mean gradient|² in examples; nan if the estimated signal is not positive.

    Args:
        per_example: mean over examples of |contribution to the batch's gradient|².
        batch: |gradient|² of the batch, which is the sum of the contributions.
        examples: in the batch.

    >>> noise_scale(per_example=2.0, batch=4.0, examples=2)  # orthogonal gradients: no signal
    nan
    >>> noise_scale(per_example=1.0, batch=4.0, examples=2)  # equal gradients: no noise
    0.0
    """
    if examples < 2:
        return math.nan
    # Contributions are 1/n of an example's own gradient.
    variance = (per_example * examples**2 - batch) * examples / (examples - 1)
    signal = batch - variance / examples
    return variance / signal if signal > 0 else math.nan


def noise_metric(per_example: float, batch: float, examples: int) -> dict[str, float]:
    """The metric `probe/gradient_noise`; empty if `noise_scale` is nan."""
    scale = noise_scale(per_example, batch, examples)
    return {} if math.isnan(scale) else {"probe/gradient_noise": scale}
