"""Devices and number formats. The code is in `nnlab.engine.device`."""

from nnlab.catalogue.choice import Choice

DEVICES = (
    Choice("auto", "the first of cuda, mps and cpu that this machine has"),
    Choice("cpu", "the processor"),
    Choice("cuda", "the current NVIDIA (or ROCm) GPU"),
    Choice("cuda:", "one GPU by its number: cuda:0, cuda:1"),
    Choice("mps", "the GPU of an Apple machine"),
)

DTYPES = (
    Choice("float32", "single precision"),
    Choice(
        "tf32",
        "single precision with products rounded to 10 bits, on NVIDIA GPUs from Ampere on",
        "NVIDIA 2020, A100 whitepaper",
    ),
    Choice("float64", "double precision: slow, for comparing to the last digit"),
    Choice("bfloat16", "weights in float32, products in bfloat16", "Micikevicius et al. 2018"),
    Choice(
        "float16",
        "weights in float32, products in float16, loss scaled",
        "Micikevicius et al. 2018",
    ),
)
