"""Which numbers in the output of a script are metrics, by the words before them."""

import re

from nnlab.metric_names import normalize_name, split_of, usual_name
from nnlab.objective import direction_of

# Quantities that are metrics although no direction is known, in any line.
_KNOWN = frozenset(
    {
        "lr",
        "learning_rate",
        "grad_norm",
        "gradnorm",
        "score",
        "entropy",
        "kl",
        "elbo",
        "fitness",
        "ep_rew_mean",
    }
)
# Words that say over what a value was averaged.
_FILLERS = frozenset({"average", "avg", "mean", "running", "current", "set", "epoch", "the", "is"})
# A name with one of these words repeats earlier values, or is no measurement of the training.
_NEVER_METRICS = frozenset(
    {
        *("best", "highest", "lowest", "improved", "improve", "previous", "target", "patience"),
        *("from", "to", "than", "saving", "saved", "version", "http", "https", "localhost", "port"),
        *("runtime", "eta", "pid", "namespace", "took"),
    }
)
# A name with one of these words is a time, a size or a setting, unless the whole name is known.
_NO_METRICS = frozenset(
    {
        *("time", "elapsed", "duration", "second", "seconds", "sec", "secs", "ms", "speed"),
        *("date", "hour", "hours", "minute", "minutes", "remaining", "throughput", "v", "num", "n"),
        *("rank", "world", "device", "gpu", "gpus", "cpu", "cuda", "line", "memory", "mem", "vram"),
        *("size", "bytes", "seed", "params", "args", "parameters", "param", "workers", "epochs"),
        *("steps", "iterations", "count", "total", "fps", "flops", "mfu", "examples", "images"),
        *("samples", "tokens", "classes", "class", "batches", "files", "length", "len", "dim"),
        *("warmup", "dropout", "depth", "width", "layers", "layer", "momentum", "threshold"),
        *("limit", "max", "min", "exit", "code", "data", "index", "idx", "id", "progress", "per"),
        *("worker", "process", "host", "fold"),
    }
)  # fmt: skip
_FILE = re.compile(
    r"\.(?:py|pyc|log|txt|json|ya?ml|pth?|ckpt|h5|csv|sh|cfg|toml|bin|safetensors)\b|://|\\|^[/~.]"
)
_MAX_WORDS = 3
_MAX_LENGTH = 100


class LineMetricNames:
    """Decides whether words name a metric, and gives it its usual name.

    Args:
        extra: names that are metrics in any case, such as that of the objective.
    """

    def __init__(self, extra: tuple[str, ...] = ()) -> None:
        self._extra = {usual_name(name) for name in extra} | {normalize_name(n) for n in extra}

    def name_of(self, label: str, split: str | None) -> str | None:
        """The name of the metric that a label means; None if it names no quantity of training.

        Args:
            label: the words before a number.
            split: the split that was named before in the line, for labels without one.
        """
        words = label.strip(" '\"`*#>").split()
        while words and not words[0][0].isalpha():
            del words[0]
        if not words or len(label) > _MAX_LENGTH or any(_FILE.search(word) for word in words):
            return None
        if len(words) > _MAX_WORDS:
            words = _quantity_in_phrase(words)
        while len(words) > 1 and words[0].lower() in _FILLERS:
            words = words[1:]
        text = "_".join(words).lower().strip("._-:")
        if not text or not text[0].isalpha():
            return None
        own_split = split_of(text)
        name = usual_name(text)
        if own_split is None and split is not None and name != "lr":
            name = usual_name(f"{split}/{text}")
        if name in self._extra or normalize_name(text) in self._extra:
            return name
        parts = set(re.split(r"[_/.\s-]+", text))
        if parts & _NEVER_METRICS or (parts & _NO_METRICS and not _is_known(text)):
            return None
        return None if own_split is not None and name == own_split else name

    def is_known(self, name: str) -> bool:
        """Whether a line with this name certainly has metrics."""
        return self.is_known_quantity(name) or split_of(name) is not None

    def is_known_quantity(self, name: str) -> bool:
        """Whether the name is usual for a metric, apart from its split."""
        return name in self._extra or _is_known(name)


def split_in(text: str) -> str | None:
    """The last split that a text names as a word, not as part of a path."""
    words = (word for word in text.split() if not _FILE.search(word))
    splits = (split_of(part) for word in words for part in re.findall(r"[A-Za-z]+", word))
    return next(iter([split for split in splits if split is not None][::-1]), None)


def _is_known(name: str) -> bool:
    quantity = usual_name(name).rpartition("/")[2]
    if quantity in _KNOWN or quantity.endswith(("_score", "_reward")):
        return True
    return direction_of(name) is not None or direction_of(quantity) is not None


def _quantity_in_phrase(words: list[str]) -> list[str]:
    """The known quantity of a sentence, after the split that it names; empty without one.

    `Accuracy of the network on the test images` is `test accuracy`.
    """
    if any(word.lower().strip(",.") in _NEVER_METRICS for word in words):
        return []
    quantity = next((word for word in words if direction_of(word.lower()) is not None), None)
    if quantity is None:
        return []
    split = split_in(" ".join(words))
    return [quantity] if split is None else [split, quantity]
