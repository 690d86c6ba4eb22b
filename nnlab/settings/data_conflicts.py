"""Conflicts between the choices of data, splits and class weights, as messages."""

from nnlab.catalogue import DENSE_TASKS, find_choice
from nnlab.errors import ConfigError
from nnlab.settings.class_selection import class_indices
from nnlab.settings.data_facts import DataFacts
from nnlab.settings.fields import RunConfig
from nnlab.settings.registry import setting_fields


def data_conflicts(specified: RunConfig, config: RunConfig, facts: DataFacts) -> list[str]:
    """The conflicts that concern the data set of a config.

    Args:
        specified: as the user specified it.
        config: the same with its defaults filled in.
        facts: properties of its data set.
    """
    problems = []
    if config.loss is not None and facts.task not in find_choice("loss", config.loss).tasks:
        problems.append(f"--loss {config.loss} does not fit {config.data}, a {facts.task} task")
    if facts.own_test and specified.test_fraction is not None:
        problems.append(
            f"--test-fraction has no effect with {config.data}: it has its own test split"
        )
    if facts.own_val and config.val_fraction != setting_fields()["val_fraction"].default:
        problems.append(
            f"--val-fraction has no effect with {config.data}: it has its own validation split"
        )
    if facts.has_own_batches and specified.batch_size not in (None, facts.batch_size):
        problems.append(
            f"--batch-size has no effect with {config.data}: its loader makes the batches"
        )
    problems += _split_conflicts(specified, config)
    if config.classes is not None and facts.classes:
        try:
            class_indices(config.classes, facts.classes)
        except ConfigError as error:
            problems += error.problems
    if config.rotate % 90:
        problems.append(f"--rotate {config.rotate} is not a multiple of 90 degrees")
    problems += _weight_conflicts(config, facts)
    if config.val_fraction + (config.test_fraction or 0.0) >= 0.9:
        problems.append(
            f"--val-fraction {config.val_fraction} and --test-fraction {config.test_fraction}"
            " leave less than a tenth of the data for training"
        )
    problems += _class_conflicts(config, facts)
    problems += _embedding_conflicts(config)
    if facts.has_tokens:
        problems += _token_conflicts(config)
    if (config.mixup or config.cutmix) and config.loss not in ("cross_entropy", "bce"):
        problems.append(
            f"--mixup and --cutmix mix targets, which --loss {config.loss} does not support;"
            " cross_entropy and bce do"
        )
    return problems


def _embedding_conflicts(config: RunConfig) -> list[str]:
    """Options that would change the indices of embedded categories, or have no effect."""
    flags = {"--categories": config.categories, "--many-categories": config.many_categories}
    flag = next((flag for flag, value in flags.items() if value == "embed"), None)
    if flag is None:
        if config.embedding_size is None:
            return []
        return ["--embedding-size has no effect: add --categories embed or --many-categories embed"]
    mixing = {
        "--mixup": bool(config.mixup),
        "--cutmix": bool(config.cutmix),
        "--augment noise": "noise" in (config.augment or "").split("+"),
    }
    return [
        f"{option} changes numbers, which the indices of embedded categories are not: leave out"
        f" {option} or {flag} embed"
        for option, is_chosen in mixing.items()
        if is_chosen
    ]


def _class_conflicts(config: RunConfig, facts: DataFacts) -> list[str]:
    """Options that need one class per example, or classes or tags, and the data has others."""
    if facts.task == "classification":
        return []
    fields = ["classes", "label_noise"]
    if facts.task != "multilabel":
        fields += ["mixup", "cutmix"]
    noun = "classes" if facts.task == "regression" else "one class per example"
    problems = [
        f"--{name.replace('_', '-')} needs {noun}; {config.data} is a {facts.task} task"
        for name in fields
        if getattr(config, name)
    ]
    if config.sampling == "balanced":
        kind = "has numbers" if facts.task == "regression" else f"is a {facts.task} task"
        problems.append(f"--sampling balanced needs {noun}; {config.data} {kind}")
    if config.class_weights is not None and facts.task == "language_modeling":
        problems.append(f"--class-weights needs classes; {config.data} is a language_modeling task")
    moving = set(config.augment.split("+")) - {"none", "noise", "erase"}
    if facts.task in DENSE_TASKS and moving:
        problems.append(
            f"--augment {'+'.join(sorted(moving))} moves pixels, but not the targets of"
            f" {config.data}, a {facts.task} task"
        )
    return problems


def _token_conflicts(config: RunConfig) -> list[str]:
    """Options that change numbers, which tokens are not."""
    problems = [
        f"--{name} needs numbers; the examples of {config.data} are tokens"
        for name in ("mixup", "cutmix")
        if getattr(config, name)
    ]
    if config.inputs != "none":
        problems.append(
            f"--inputs {config.inputs} has no effect on {config.data}: the examples are tokens"
        )
    if config.augment != "none":
        problems.append(
            f"--augment {config.augment} needs images or numbers; the examples of {config.data}"
            " are tokens"
        )
    return problems


def _weight_conflicts(config: RunConfig, facts: DataFacts) -> list[str]:
    """Wrong numbers of class weights, if the classes are known before the data is read."""
    if config.classes is not None or not facts.classes:
        return []
    return [
        f"{setting_fields()[name].flag} {text} has {text.count(',') + 1} weights,"
        f" {config.data} has {len(facts.classes)} classes"
        for name in ("class_weights", "pos_weight")
        if (text := getattr(config, name)) is not None
        and "," in text
        and text.count(",") + 1 != len(facts.classes)
    ]


def _split_conflicts(specified: RunConfig, config: RunConfig) -> list[str]:
    """Conflicts between the options that choose how the data is split."""
    chosen = {
        "--split-by": config.split_by,
        "--split-by-time": config.split_by_time,
        "--stratify-by": config.stratify_by,
        "--split-file": config.split_file,
    }
    problems = []
    flags = [flag for flag, value in chosen.items() if value is not None]
    if len(flags) > 1:
        problems.append(f"{' and '.join(flags)} exclude each other: use one of them")
    default_val = setting_fields()["val_fraction"].default
    if config.split_file is not None:
        if specified.test_fraction is not None or config.val_fraction != default_val:
            problems.append("--val-fraction and --test-fraction have no effect with --split-file")
        if config.folds is not None:
            problems.append("--folds and --split-file exclude each other: use one of them")
        if config.classes is not None:
            problems.append("--classes changes the rows that --split-file assigns: use one of them")
    elif config.folds is not None:
        if config.split_by_time is not None:
            problems.append("--folds would train on rows later than those of --split-by-time")
        if config.val_fraction != default_val:
            problems.append("--val-fraction has no effect with --folds: each fold is the share")
    return problems
