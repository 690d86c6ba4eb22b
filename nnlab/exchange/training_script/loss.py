"""The parts of a training script that make the loss, its penalty and the reported metrics."""

from collections.abc import Callable, Mapping

from nnlab.exchange.training_script.code_text import Lines, block, call, number
from nnlab.exchange.training_script.facts import ScriptFacts
from nnlab.settings import BALANCED, RunConfig

# What the losses of a batch become, and what the old argument meant, by reduction.
_REDUCTIONS: Mapping[str, str] = {
    "mean": """
        # The loss: one number per example; reduction="mean" averages them over the batch, "sum"
        # adds them up. The old argument size_average meant the same: size_average=True is "mean",
        # size_average=False is "sum".
    """,
    "sum": """
        # The loss: one number per example; reduction="sum" adds them up over the batch, "mean"
        # averages them. The old argument size_average meant the same: size_average=False is "sum",
        # size_average=True is "mean". A sum makes gradients larger by the batch size.
    """,
}


def loss_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The lines that define `loss_function(output, target)`, the training loss of a batch."""
    lines = block(_REDUCTIONS[config.reduction])
    lines += _class_weight_lines(config, facts)
    lines += TRAINING_LOSSES[config.loss or ""](config)
    return [*lines, *_penalty_lines(config)]


def metric_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The lines that define `metrics(output, target)`, the reported loss and a second metric."""
    loss = EVALUATION_LOSSES[config.loss or ""](config)
    if facts.task == "regression":
        second = "functional.mse_loss(output, target).sqrt().item() * y_scale"
        return block(f"""
            def metrics(output, target):  # the mean loss, and the root mean squared error
                loss = {loss}
                return loss.item(), {second}
        """)
    second = "(output.argmax(1) == target).double().mean().item()"
    return block(f"""
        def metrics(output, target):  # the mean loss, and the accuracy
            loss = {loss}
            return loss.item(), {second}
    """)


def second_metric(facts: ScriptFacts) -> str:
    """The name of the second metric of `metrics`."""
    return "rmse" if facts.task == "regression" else "accuracy"


def _reduction(config: RunConfig) -> str:
    return f'reduction="{"sum" if config.reduction == "sum" else "mean"}"'


def _class_weight_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The weights of the classes, as `nnlab.engine.class_weights`."""
    if config.class_weights is None:
        return []
    if config.class_weights != BALANCED:
        weights = ", ".join(number(float(part)) for part in config.class_weights.split(","))
        return [f"class_weights = torch.tensor([{weights}], dtype=dtype, device=device)"]
    return block(f"""
        counts = torch.bincount(y_train, minlength={number(facts.num_outputs)}).double()
        class_weights = len(y_train) / ((counts > 0).sum() * counts.clamp(min=1))
        class_weights = class_weights.to(dtype)
    """)


def _weight(config: RunConfig) -> str:
    return "" if config.class_weights is None else "weight=class_weights"


def _cross_entropy(config: RunConfig) -> Lines:
    smoothing = config.label_smoothing
    smoothed = f"label_smoothing={number(smoothing)}" if smoothing else ""
    arguments = (_weight(config), _reduction(config), smoothed)
    return [f"loss_function = {call('nn.CrossEntropyLoss', *arguments)}"]


def _nll(config: RunConfig) -> Lines:
    nll_loss = call(
        "functional.nll_loss",
        "output.log_softmax(1)",
        "target",
        _weight(config),
        _reduction(config),
    )
    return block(f"""
        def loss_function(output, target):
            return {nll_loss}
    """)


def _bce(config: RunConfig) -> Lines:
    divided = " / len(output)" if config.reduction == "mean" else ""
    return block(f"""
        def loss_function(output, target):  # each class against the rest, summed over the classes
            one_hot = functional.one_hot(target, output.shape[1]).to(output.dtype)
            total = functional.binary_cross_entropy_with_logits(output, one_hot, reduction="sum")
            return total{divided}
    """)


def _torch_loss(module: str) -> Callable[[RunConfig], Lines]:
    return lambda config: [f"loss_function = nn.{module}({_reduction(config)})"]


def _huber(config: RunConfig) -> Lines:
    delta = number(1.0 if config.huber_delta is None else config.huber_delta)
    return [f"loss_function = nn.HuberLoss({_reduction(config)}, delta={delta})"]


# The lines that define `loss_function`, by loss.
TRAINING_LOSSES: Mapping[str, Callable[[RunConfig], Lines]] = {
    "cross_entropy": _cross_entropy,
    "nll": _nll,
    "bce": _bce,
    "mse": _torch_loss("MSELoss"),
    "l1": _torch_loss("L1Loss"),
    "huber": _huber,
}


def _mean_bce(config: RunConfig) -> str:
    mean = "" if config.reduction == "mean" else " / len(output)"
    return f"loss_function(output, target){mean}"


def _expression(text: str) -> Callable[[RunConfig], str]:
    return lambda _: text


def _mean_huber(config: RunConfig) -> str:
    delta = number(1.0 if config.huber_delta is None else config.huber_delta)
    return f"functional.huber_loss(output, target, delta={delta})"


# The reported loss: the mean over the examples without smoothing, so that settings are comparable.
EVALUATION_LOSSES: Mapping[str, Callable[[RunConfig], str]] = {
    "cross_entropy": _expression("functional.cross_entropy(output, target)"),
    "nll": _expression("functional.cross_entropy(output, target)"),
    "bce": _mean_bce,
    "mse": _expression("functional.mse_loss(output, target)"),
    "l1": _expression("functional.l1_loss(output, target)"),
    "huber": _mean_huber,
}


def _penalty_lines(config: RunConfig) -> Lines:
    if not (config.l1 or config.l2):
        return []
    terms = []
    if config.l1:
        terms.append(f"{number(config.l1)} * sum(w.abs().sum() for w in penalised)")
    if config.l2:
        terms.append(f"{number(config.l2)} / 2 * sum(w.square().sum() for w in penalised)")
    lines = block(f"""
        # The penalty of the weights, added to the loss of each batch; biases have none.
        penalised = [p for p in model.parameters() if p.ndim >= 2]


        def penalty():
            return {" + ".join(terms)}
    """)
    return ["", *lines, ""]
