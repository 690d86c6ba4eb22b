"""The part of a training script that trains, evaluates and selects the best epoch."""

from nnlab.exchange.training_script.code_text import Lines, block, number
from nnlab.exchange.training_script.facts import ScriptFacts
from nnlab.exchange.training_script.loss import second_metric
from nnlab.exchange.training_script.model import has_dropout
from nnlab.exchange.training_script.optimizer import needs_closure
from nnlab.exchange.training_script.schedule import after_epoch_lines, has_schedule
from nnlab.settings import RunConfig


def loop_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The lines that train all epochs, and then test the weights of the best one."""
    return [
        f"for epoch in range(1, {number(config.epochs + 1)}):",
        *_indented(_training_lines(config, facts)),
        *_indented(_evaluation_lines(config, facts)),
        *_indented(after_epoch_lines(config)),
        *_indented(_selection_lines(config)),
        "",
        *_test_lines(facts),
    ]


def _training_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    lines = ["model.train()  # with dropout, and batch norm with the statistics of the batch"]
    if has_dropout(config):
        lines.append("seed_masks(epoch)")
    lines += [
        'order = torch.randperm(len(x_train), generator=generator("order", epoch)).to(device)',
        "outputs = []",
    ]
    is_set_per_step = has_schedule(config) and config.decay_per == "step"
    if has_schedule(config) and not is_set_per_step:
        lines += _rate_lines("epoch - 1")
    batches, rate = _batches(config, facts), []
    if is_set_per_step:
        batches = f"step, rows in enumerate({batches})"
        rate = _rate_lines(f"epoch - 1 + step / {len(facts.batches)}")
    else:
        batches = f"rows in {batches}"
    step = _closure_step(config) if needs_closure(config) else _plain_step(config)
    return [*lines, f"for {batches}:", *_indented([*rate, *step])]


def _batches(config: RunConfig, facts: ScriptFacts) -> str:
    """Source of the batches of an epoch, as rows of the training split."""
    size = config.batch_size
    if not isinstance(size, int) or len(facts.batches) == 1:
        return "[order]"
    if size > 1 and facts.num_train % size == 1:
        # A last batch of one example joins the batch before it: batch norm needs two.
        return f"order.tensor_split(tuple(range({size}, len(order) - 1, {size})))"
    return f"order.split({number(size)})"


def _rate_lines(time: str) -> Lines:
    return block(f"""
        for group in optimizer.param_groups:
            group["lr"] = lr_at({time})
    """)


def _plain_step(config: RunConfig) -> Lines:
    lines = block("""
        optimizer.zero_grad()  # removes the gradients of the batch before
        output = model(x_train[rows])
        loss = loss_function(output, y_train[rows])
    """)
    if config.l1 or config.l2:
        lines.append("loss = loss + penalty()")
    lines.append("loss.backward()  # the gradient of the loss for each parameter, in its .grad")
    if config.clip > 0:
        lines.append(f"nn.utils.clip_grad_norm_(model.parameters(), {number(config.clip)})")
    if config.clip_value > 0:
        lines.append(f"nn.utils.clip_grad_value_(model.parameters(), {number(config.clip_value)})")
    return [
        *lines,
        "optimizer.step()  # changes the parameters by their gradients",
        "outputs.append(output.detach())",
    ]


def _closure_step(config: RunConfig) -> Lines:
    """The step of an optimizer that evaluates the loss of a batch several times."""
    lines = ["evaluations = []", "", "def closure():  # called several times by one step"]
    lines += ["    seed_masks(epoch)"] if has_dropout(config) else []
    lines += block(
        """
        optimizer.zero_grad()
        output = model(x_train[rows])
        evaluations.append(output.detach())
        loss = loss_function(output, y_train[rows])
        """,
        depth=1,
    )
    lines += ["    loss = loss + penalty()"] if config.l1 or config.l2 else []
    return [
        *lines,
        *("    loss.backward()", "    return loss.detach()", ""),
        "optimizer.step(closure)",
        "outputs.append(evaluations[0])",
    ]


def _evaluation_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    second = second_metric(facts)
    lines = block(f"""
        train_loss, train_{second} = metrics(torch.cat(outputs), y_train[order])
        model.eval()  # without dropout, and batch norm with its running statistics
        with torch.no_grad():
            val_loss, val_{second} = metrics(model(x_val), y_val)
    """)
    values = [
        f"epoch {{epoch}} train/loss {{train_loss:.7g}} train/{second} {{train_{second}:.7g}}",
        f" val/loss {{val_loss:.7g}} val/{second} {{val_{second}:.7g}}",
    ]
    if has_schedule(config):
        values.append(" lr {optimizer.param_groups[0]['lr']:.7g}")
    return [*lines, "print(", *(f'    f"{text}"' for text in values), ")"]


def _selection_lines(config: RunConfig) -> Lines:
    """The best epoch by the objective, of equal ones that with the lowest val/loss; early ends."""
    metric, _, direction = (config.objective or "").partition(":")
    name = metric.replace("/", "_")
    sign = "-" if direction == "min" else ""
    score = f"({sign}{name}, -val_loss)" if name != "val_loss" else "(-val_loss,)"
    lines = [f"score = {score}  # larger is better"]
    if config.early_stop:
        lines += ["if epoch == 1 or score[0] > best[0]:", "    improved = epoch"]
    lines += block("""
        if epoch == 1 or score >= best:
            best, best_epoch, best_weights = score, epoch, copy.deepcopy(model.state_dict())
    """)
    if config.early_stop:
        lines += [
            f"if epoch - improved >= {number(config.early_stop)}:  # early stopping",
            "    break",
        ]
    return [*lines, "if not math.isfinite(train_loss):  # diverged", "    break"]


def _test_lines(facts: ScriptFacts) -> Lines:
    second = second_metric(facts)
    values = f"test/loss {{test_loss:.7g}} test/{second} {{test_{second}:.7g}}"
    return block(f"""
        # The test split, once, with the weights of the best epoch.
        model.load_state_dict(best_weights)
        with torch.no_grad():
            test_loss, test_{second} = metrics(model(x_test), y_test)
        print(f"best epoch {{best_epoch}} {values}")
    """)


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" if line else "" for line in lines]
