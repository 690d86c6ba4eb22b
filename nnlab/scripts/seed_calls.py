"""Finds random generators that a script uses without seeding them, by the text of its sources."""

import re
from collections.abc import Iterable, Mapping

# A call that seeds every generator: of Lightning, transformers, accelerate, and usual own names.
_SEEDS_ALL = re.compile(
    rb"\b(?:seed_everything|set_seed|seed_all|set_random_seed|fix_seed|fix_random_seeds"
    rb"|set_all_seeds|enable_full_determinism)\s*\("
)
# The modules before another one in `import os, random`.
_OTHER_MODULES = rb"(?:[\w.]+(?:[ \t]+as[ \t]+\w+)?[ \t]*,[ \t]*)*"
_USES: Mapping[str, tuple[re.Pattern[bytes], re.Pattern[bytes], str]] = {
    "torch": (
        re.compile(
            rb"^\s*(?:import[ \t]+" + _OTHER_MODULES + rb"|from[ \t]+)torch\b", re.MULTILINE
        ),
        re.compile(rb"\bmanual_seed(?:_all)?\s*\("),
        "torch.manual_seed(seed)",
    ),
    "numpy": (
        re.compile(rb"\b(?:np|numpy)\.random\."),
        re.compile(
            rb"\b(?:np|numpy)\.random\.seed\s*\(|default_rng\s*\(\s*[^)\s]|RandomState\s*\(\s*[^)\s]"
        ),
        "numpy.random.seed(seed)",
    ),
    "random": (
        re.compile(
            rb"^\s*(?:import[ \t]+"
            + _OTHER_MODULES
            + rb"random\b(?!\.)|from[ \t]+random[ \t]+import)",
            re.MULTILINE,
        ),
        re.compile(
            rb"(?<![\w.])random\.seed\s*\(|\bRandom\s*\(\s*[^)\s]|^\s*seed\s*\(", re.MULTILINE
        ),
        "random.seed(seed)",
    ),
}


def unseeded_generators(sources: Iterable[bytes]) -> dict[str, str]:
    r"""The packages whose random generator is used and never seeded, with the call that seeds it.

    >>> unseeded_generators([b"import random", b"import torch; torch.manual_seed(0)"])
    {'random': 'random.seed(seed)'}
    >>> unseeded_generators([b"import os, random as r, torch; torch.manual_seed(0)"])
    {'random': 'random.seed(seed)'}
    >>> unseeded_generators([b"import random\nnp.random.rand(3)\nnp.random.seed(0)"])
    {'random': 'random.seed(seed)'}
    >>> unseeded_generators([b"import random\nrandom.seed(0)\nnp.random.rand(3)"])
    {'numpy': 'numpy.random.seed(seed)'}
    """
    text = b"\n".join(sources)
    if _SEEDS_ALL.search(text):
        return {}
    return {
        package: call
        for package, (use, seed, call) in _USES.items()
        if use.search(text) and not seed.search(text)
    }
