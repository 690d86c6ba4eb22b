"""How much of a gradient is noise: the simple noise scale of McCandlish et al. 2018, eq. 2.9.

It is tr(covariance of the examples' gradients) / |mean gradient|², in examples: the batch size at
which noise and signal are of one size. Its two numbers are estimated without bias from one batch,
as in appendix A.1 with a small batch of one example and a large one of all:

    variance = n / (n - 1) (mean of |g_i|² - |mean of g_i|²)
    signal   = |mean of g_i|² - variance / n

What an example adds to the gradient of a linear layer is the outer product of what came in and of
the slope that came back, so that its length is known without it (Goodfellow 2015). So nothing is
computed twice: the step's own passes are listened to. Biases and normalisations, few beside the
weights, stay out. Gradients of steps that follow each other, which are there too, would not do:
each step goes along the noise of its own batch, the next gradient lacks that, and the signal
comes out too small.
"""

import math

import torch

# Convolutions and tokens have no short cut: so many examples of the batch speak for it.
MAX_EXAMPLES = 16


def mean_squared_linear_gradient(inputs: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """The mean |gradient|² that an example gives the weights of a linear layer.

    Args:
        inputs: what went in, [..., n, features in].
        slopes: of the batch's loss by what came out, [..., n, features out].

    Returns:
        [...]; the sum of all n such gradients is the batch's own.
    """
    sizes = torch.linalg.vector_norm(inputs, dim=-1) * torch.linalg.vector_norm(slopes, dim=-1)
    squares: torch.Tensor = sizes.square_().mean(-1)
    return squares


def mean_squared_shared_gradient(inputs: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """As `mean_squared_linear_gradient` where weights are used at every place (pixel, token) of an example.

    Args:
        inputs: what the weights met, [..., n, places, in].
        slopes: of the batch's loss by what came out, [..., n, places, out].
    """
    each = inputs.transpose(-1, -2) @ slopes
    return each.square().sum((-1, -2)).mean(-1)


def noise_scale(each: float, whole: float, examples: int) -> float:
    """tr(covariance) / |mean gradient|² in examples; nan where the gradient is lost in its noise.

    Args:
        each: mean |gradient|² of what single examples add to the batch's gradient.
        whole: |gradient|² of the batch, the sum of what they add.
        examples: in the batch.

    >>> noise_scale(each=2.0, whole=4.0, examples=2)  # orthogonal: no signal
    nan
    >>> noise_scale(each=1.0, whole=4.0, examples=2)  # the same twice: no noise
    0.0
    """
    if examples < 2:
        return math.nan
    # The batch's gradient is the sum: an example's own is n times as long as what it adds.
    variance = (each * examples**2 - whole) * examples / (examples - 1)
    signal = whole - variance / examples
    return variance / signal if signal > 0 else math.nan


def noise_metric(each: float, whole: float, examples: int) -> dict[str, float]:
    """`noise_scale` by its metric's name; nothing where the gradient is lost in its noise."""
    scale = noise_scale(each, whole, examples)
    return {} if math.isnan(scale) else {"probe/gradient_noise": scale}
