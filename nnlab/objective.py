"""Objectives of studies, and the directions and limits of metrics.

This module is separate from the other records because settings and catalogues need only these
types, and must import fast.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float | bool | None
Setting = Mapping[str, Scalar]
Direction = Literal["min", "max"]

# Metrics `eval/DATA@VERSION/...` of other data than a run's own, stored by `nnlab evaluate`.
EVALUATION_PREFIX = "eval/"
# Metrics `pair/...` of two runs with neighbouring seeds, stored with the run of the first seed.
PAIR_PREFIX = "pair/"
PAIR_METRICS = ("pair/barrier", "pair/barrier_aligned", "pair/distance", "pair/distance_aligned")

# Quantiles of a layer's weights or gradients, such as `probe/weight_quantile_25/2` (percentage and
# layer). They are many, and are read as histograms instead of as separate curves.
_LAYER_QUANTILE = re.compile(r"probe/(?:start_)?(?:weight|grad)_quantile_\d+/\d+")

# Directions of well-known quantities: those of nnlab, and those that imported curves and user
# metrics usually have. No other name says whether lower or higher values are better.
_HIGHER_IS_BETTER = frozenset(
    {"accuracy", "acc", "balanced_accuracy", "top1", "top3", "top5", "precision", "recall"}
    | {"sensitivity", "specificity", "tpr", "tnr", "f1", "fbeta", "auroc", "auc", "roc_auc"}
    | {"auprc", "pr_auc", "average_precision", "ap", "map", "mcc", "kappa", "jaccard", "iou"}
    | {
        "miou",
        "mean_iou",
        "exact_match",
        "dice",
        "r2",
        "explained_variance",
        "pearson",
        "spearman",
        "kendall",
    }
    | {"bleu", "sacrebleu", "rouge", "rouge1", "rouge2", "rougel", "rougelsum", "meteor", "chrf"}
    | {"em", "pass", "acc1", "acc5", "top_1", "top_5", "prec", "mean_token_accuracy"}
    | {"map50", "map50_95", "ap50", "ap75", "pck", "pq", "clip_score", "elbo", "log_likelihood"}
    | {"ndcg", "mrr", "hit_rate", "psnr", "ssim", "concordance", "c_index", "silhouette"}
    | {"inception_score", "reward", "return", "win_rate", "success_rate", "success"}
    | {"ep_rew", "episode_return", "episode_reward"}
)
_LOWER_IS_BETTER = frozenset(
    {"loss", "nll", "bce", "cross_entropy", "log_loss", "logloss", "perplexity", "ppl", "bpc"}
    | {"error", "error_rate", "err", "mse", "rmse", "mae", "mape", "smape", "msle", "rmsle"}
    | {"max_error", "brier", "ece", "calibration_error", "fpr", "fnr", "eer", "wer", "cer", "ter"}
    | {"fid", "kid", "lpips", "grad_norm", "joules", "crps", "mase", "nrmse", "epe", "mpjpe"}
    | {"bpd", "bpb", "bits_per_dim", "bits_per_byte", "bits_per_char", "edit_distance"}
    | {"hausdorff", "chamfer", "chamfer_distance", "mlogloss"}
)
# Costs of nnlab's own: time/epoch, energy/joules, cost/state_bytes.
_COST_PREFIXES = ("time/", "energy/", "cost/")
# Words that may precede or follow the name of a quantity without changing its direction.
_SPLIT_WORDS = ("train", "training", "val", "valid", "validation", "dev", "test", "eval")
_AVERAGE_WORDS = ("exact", "score", "macro", "micro", "weighted", "mean", "avg", "epoch", "step")
# Ends of names such as `dice_loss`, `word_error_rate` and `ep_reward`.
_LAST_WORDS = (
    *("_loss", "_error", "_error_rate", "_accuracy", "_acc", "_auc", "_iou", "_dice", "_f1"),
    "_reward",
)

_LAST_PARENTHESES = re.compile(r"\([^()]*\)$")

# The smallest and the largest value that a metric can have.
Limits = tuple[float, float]
UNLIMITED: Limits = (-math.inf, math.inf)
# Fractions from 0 to 1, and quantities that are never negative, such as all losses of the
# catalogue. A user-defined loss with negative values is recognised by its values.
_FRACTION_METRICS = frozenset(
    {"accuracy", "error_rate", "precision", "recall", "f1", "auc", "auroc"}
    | {"top5", "top5_accuracy", "dead", "zeros", "saturated"}
    | {"balanced_accuracy", "f1_micro", "f1_weighted", "specificity", "average_precision"}
    | {"top3", "calibration_error", "exact_match", "mean_iou"}
)
_CORRELATION_METRICS = frozenset({"mcc", "kappa", "pearson", "spearman"})
_NONNEGATIVE_METRICS = frozenset(
    {"loss", "mse", "rmse", "mae", "perplexity", "lr", "grad_norm", "epoch", "joules"}
    | {"activation_sd", "update_ratio", "gradient_noise", "brier", "mape", "max_error"}
)


# Squares of smaller values are finite, and so are the sums and products of statistics.
_OVERFLOW_LIMIT = 1e100


def mark_overflow(value: float) -> float:
    """The value; infinite if its magnitude exceeds 1e100, such as a loss that grew without bound.

    >>> mark_overflow(2.0), mark_overflow(-1e308)
    (2.0, -inf)
    """
    return math.copysign(math.inf, value) if abs(value) > _OVERFLOW_LIMIT else value


def format_exact(number: float) -> str:
    """The shortest usual text of a number that parses to exactly that number.

    It is used for settings, commands and files.

    >>> format_exact(0.1), format_exact(10.0), format_exact(2 / 3), format_exact(20240101)
    ('0.1', '10', '0.6666666666666666', '20240101')
    """
    if isinstance(number, int):
        return str(number)
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def direction_of(metric: str) -> Direction | None:
    """The direction in which a metric improves, derived from its name; None if it is unknown.

    >>> direction_of("val/loss"), direction_of("val/accuracy"), direction_of("val_f1_macro")
    ('min', 'max', 'max')
    >>> direction_of("time/epoch"), direction_of("val/gini"), direction_of("probe/dead/2")
    ('min', None, None)
    >>> direction_of("Loss/train"), direction_of("metrics/mAP50(B)"), direction_of("eval_rougeL")
    ('min', 'max', 'max')
    """
    if metric.startswith(_COST_PREFIXES):
        return "min"
    parts = metric.split("/")
    while len(parts) > 1 and parts[-1].lower() in _SPLIT_WORDS:
        del parts[-1]  # Loss/train
    # The class of an average, such as B for boxes in mAP50(B), says nothing about the direction.
    quantity = _LAST_PARENTHESES.sub("", parts[-1]).partition("@")[0].lower().replace("-", "_")
    words = quantity.replace(" ", "_").replace(".", "_").split("_")
    if words[0] == "neg":  # scikit-learn's neg_mean_squared_error
        return None
    while len(words) > 1 and words[0] in _SPLIT_WORDS:
        del words[0]
    while len(words) > 1 and words[-1] in _SPLIT_WORDS:
        del words[-1]
    if (direction := _direction_by_name("_".join(words))) is not None:
        return direction
    while len(words) > 1 and words[-1] in _AVERAGE_WORDS:
        del words[-1]
    while len(words) > 1 and words[0] in _AVERAGE_WORDS:
        del words[0]
    quantity = "_".join(words)
    end = next((word for word in _LAST_WORDS if quantity.endswith(word)), quantity)
    return _direction_by_name(quantity) or _direction_by_name(end.removeprefix("_"))


def _direction_by_name(quantity: str) -> Direction | None:
    if quantity in _HIGHER_IS_BETTER:
        return "max"
    return "min" if quantity in _LOWER_IS_BETTER else None


def is_layer_quantile(metric: str) -> bool:
    """Whether a metric is a quantile of the weights or gradients of a layer.

    >>> is_layer_quantile("probe/grad_quantile_95/2"), is_layer_quantile("probe/grad_norm/2")
    (True, False)
    """
    return _LAYER_QUANTILE.fullmatch(metric) is not None


def split_direction(text: str) -> tuple[str, Direction | None]:
    """The text before `:min` or `:max` at the end, and that direction; None without one.

    >>> split_direction("val/gini:max"), split_direction("model.py:gini")
    (('val/gini', 'max'), ('model.py:gini', None))
    """
    name, _, direction = text.rpartition(":")
    if name and direction == "min":
        return name, "min"
    return (name, "max") if name and direction == "max" else (text, None)


def unknown_direction_message(metric: str) -> str:
    """The message about a metric that cannot be ranked because its direction is unknown."""
    return (
        f"it is not known whether lower or higher values of {metric} are better:"
        f" {metric}:min or {metric}:max says so"
    )


def wrong_direction_message(metric: str, direction: str) -> str:
    """The message about a text after a metric that is no direction, or a second direction."""
    if not metric:
        return f"there is no metric before ':{direction}'"
    if direction in ("min", "max"):
        return f"there are two directions: use {metric}:min or {metric}:max"
    return f"'{direction}' is neither min nor max: use {metric}:min or {metric}:max"


def limits_of(metric: str) -> Limits:
    """The smallest and largest value that a metric can have; infinite if there is no limit.

    An unknown metric has no limits.

    >>> limits_of("val/accuracy"), limits_of("train/loss"), limits_of("val/r2")
    ((0.0, 1.0), (0.0, inf), (-inf, 1.0))
    """
    parts = metric.split("/")
    # In `probe/dead/2` the last part is the number of a layer.
    quantity = parts[-2] if parts[-1].isdigit() and len(parts) > 1 else parts[-1]
    quantity = quantity.removesuffix("_exact")
    if quantity in _FRACTION_METRICS:
        return 0.0, 1.0
    if quantity in ("r2", "explained_variance"):
        return -math.inf, 1.0
    if quantity in _CORRELATION_METRICS:
        return -1.0, 1.0
    return (0.0, math.inf) if quantity in _NONNEGATIVE_METRICS else UNLIMITED


@dataclass(frozen=True, slots=True)
class Objective:
    """The objective of a study: a metric such as `val/accuracy` and a direction.

    >>> Objective.parse("val/loss")
    Objective(metric='val/loss', direction='min')
    >>> str(Objective.parse("val/accuracy:max"))
    'val/accuracy:max'
    """

    metric: str
    direction: Direction

    @classmethod
    def parse(cls, text: str, directions: Mapping[str, Direction] | None = None) -> "Objective":
        """The objective of a text `metric` or `metric:min|max`.

        Args:
            text: as the user specified it, or as a study stores it.
            directions: the directions of metrics that users have defined, by their full names.

        Raises:
            ValueError: the text has another form, or the direction of the metric is unknown.
        """
        metric, _, direction = text.partition(":")
        if not metric:
            raise ValueError(f"no metric in {text!r}")
        match direction:
            case "":
                default = (directions or {}).get(metric) or direction_of(metric)
                if default is None:
                    raise ValueError(unknown_direction_message(metric))
                return cls(metric, default)
            case "min":
                return cls(metric, "min")
            case "max":
                return cls(metric, "max")
            case _:
                raise ValueError(wrong_direction_message(metric, direction))

    def __str__(self) -> str:
        return f"{self.metric}:{self.direction}"

    def is_better(self, candidate: float, incumbent: float) -> bool:
        """Whether `candidate` is strictly better; a number is better than NaN, NaN never is."""
        if math.isnan(candidate):
            return False
        if math.isnan(incumbent):
            return True
        return candidate < incumbent if self.direction == "min" else candidate > incumbent
