"""Devices and number formats (dtypes). The code is in `nnlab.engine.device`."""

from nnlab.catalogue.choice import Choice

DEVICES = (
    Choice("auto", "the first available of cuda, mps and cpu"),
    Choice("cpu", "the processor; torch.FloatTensor in old code is float32 here"),
    Choice(
        "cuda",
        "the current NVIDIA (or ROCm) GPU; torch.cuda.FloatTensor in old code is float32 here",
    ),
    Choice("cuda:", "a GPU by its index: cuda:0, cuda:1"),
    Choice("mps", "the GPU of an Apple computer"),
)

DTYPES = (
    Choice(
        "float32",
        "single precision; formerly torch.FloatTensor (on a GPU torch.cuda.FloatTensor)",
    ),
    Choice(
        "tf32",
        "single precision with products rounded to 10 bits; NVIDIA GPUs since Ampere",
        "NVIDIA 2020, A100 whitepaper",
    ),
    Choice(
        "float64",
        "double precision: slow, for exact comparisons; formerly torch.DoubleTensor",
    ),
    Choice("bfloat16", "weights in float32, products in bfloat16", "Micikevicius et al. 2018"),
    Choice(
        "float16",
        "weights in float32, products in float16, with loss scaling",
        "Micikevicius et al. 2018",
    ),
)
