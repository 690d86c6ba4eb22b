"""The part of a training script that loads, splits and standardises the data."""

from collections.abc import Mapping

from nnlab.exchange.training_script.code_text import Lines, block, number, numbers
from nnlab.exchange.training_script.facts import ScriptFacts
from nnlab.settings import RunConfig

# The call that loads each data set.
LOADERS: Mapping[str, str] = {
    "digits": "load_digits(return_X_y=True)",
    "iris": "load_iris(return_X_y=True)",
    "wine": "load_wine(return_X_y=True)",
    "breast-cancer": "load_breast_cancer(return_X_y=True)",
    "diabetes": "load_diabetes(return_X_y=True, scaled=False)",
}


def data_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The lines that define `x_train`, `y_train` and the same of val and test."""
    return [
        *_load_lines(config, facts),
        "",
        *_split_lines(config, facts),
        *_train_size_lines(config),
        *_label_noise_lines(config, facts),
        "",
        *_input_lines(config, facts),
        *_tensor_lines(facts),
    ]


def loader_name(config: RunConfig) -> str:
    """The function of sklearn.datasets that loads the data set."""
    return LOADERS[config.data].partition("(")[0]


def _load_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    lines = [f"x, y = {LOADERS[config.data]}"]
    if facts.classes is not None:
        lines += [
            f"kept = np.isin(y, {numbers(facts.classes)})",
            f"x, y = x[kept], np.searchsorted({numbers(facts.classes)}, y[kept])",
        ]
    if facts.is_image:
        # Of digits: a square of pixels has the same shape after its rotation.
        lines.append(f"x = x.reshape(-1, {', '.join(map(number, facts.in_shape))})")
    if config.rotate:
        lines += [
            f"# The images, rotated by {config.rotate} degrees counterclockwise.",
            f"x = np.rot90(x, {config.rotate // 90}, (2, 3)).copy()",
        ]
    return lines


def _split_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The stratified split of `nnlab.engine.data.split`."""
    if facts.task == "regression":
        stratum, strata = "decile", "strata(y)"
        lines = block("""
            def strata(targets):
                return np.searchsorted(np.quantile(targets, np.linspace(0, 1, 11)[1:-1]), targets)
        """)
        lines = ["", *lines, "", ""]
    else:
        stratum, strata, lines = "class", "y", []
    lines += block(f"""
        # The split: rows in random order, sorted by {stratum}, of which each split takes evenly
        # spaced ones, so that it has its share of every {stratum}.
        rows = np.random.default_rng({number(config.split_seed)}).permutation(len(y))
        rows = rows[np.argsort({strata}[rows], kind="stable")]


        def take(rows, share):
            count = round(share * len(y))
            chosen = ((np.arange(count) + 0.5) * len(rows) / count).astype(int)
            return np.sort(rows[chosen]), np.delete(rows, chosen)


        test, rows = take(rows, {number(config.test_fraction)})
        val, rows = take(rows, {number(config.val_fraction)})
        train = np.sort(rows)
    """)
    return lines


def _train_size_lines(config: RunConfig) -> Lines:
    """The stratified subset of `nnlab.engine.data.corruption`, with its random seed."""
    if config.train_size is None:
        return []
    from nnlab.engine.seeds import derive_seed

    seed = derive_seed(config.split_seed, "train_size")
    strata = "strata(y[train])" if config.data == "diabetes" else "y[train]"
    lines = block(f"""
        # A subset of the training split with the same shares: the i-th of n examples of a class
        # has rank (i + 0.5) / n, and the lowest ranks stay.
        rng = np.random.default_rng({seed})
        shuffled = rng.permutation(len(train))
        labels, rank = {strata}[shuffled], np.empty(len(train))
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            rank[members] = (np.arange(len(members)) + 0.5) / len(members)
        chosen = np.lexsort((rng.random(len(train)), rank))[:{number(config.train_size)}]
        train = np.sort(train[shuffled[chosen]])
    """)
    return ["", *lines]


def _label_noise_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    """The wrong labels of `nnlab.engine.data.corruption`, with their random seed."""
    if not config.label_noise:
        return []
    from nnlab.engine.seeds import derive_seed

    seed = derive_seed(config.split_seed, "label_noise")
    classes = facts.num_outputs
    lines = block(f"""
        # Wrong labels: a share of the training examples gets another class.
        rng = np.random.default_rng({seed})
        rank, shift = rng.random(len(y)), rng.integers(1, {classes}, len(y))
        wrong = train[np.argsort(rank[train], kind="stable")]
        wrong = wrong[: round({number(config.label_noise)} * len(train))]
        y[wrong] = (y[wrong] + shift[wrong]) % {classes}
    """)
    return ["", *lines]


def _input_lines(config: RunConfig, facts: ScriptFacts) -> Lines:
    axes = "(0, 2, 3)" if facts.is_image else "0"
    unit = "channel" if facts.is_image else "feature"
    statistics = f"({axes}, keepdims=True)" if facts.is_image else f"({axes})"
    match config.inputs:
        case "standardise":
            return [
                f"# Inputs with mean 0 and variance 1 per {unit}, measured on the training split.",
                f"x = (x - x[train].mean{statistics}) / x[train].std{statistics}",
            ]
        case "centre":
            return [
                f"# Inputs with mean 0 per {unit}, measured on the training split.",
                f"x = x - x[train].mean{statistics}",
            ]
        case "minmax":
            return [
                f"# Inputs between 0 and 1 per {unit}, measured on the training split.",
                f"low, high = x[train].min{statistics}, x[train].max{statistics}",
                "x = (x - low) / (high - low)",
            ]
    return ["# The inputs stay as they are; centred and scaled ones usually train faster."]


def _tensor_lines(facts: ScriptFacts) -> Lines:
    lines = []
    if facts.task == "regression":
        lines += [
            "# Targets with mean 0 and variance 1; `y_scale` converts errors back to their unit.",
            "y_mean, y_scale = y[train].mean(), y[train].std()",
            "y = torch.tensor((y - y_mean) / y_scale, dtype=dtype, device=device)[:, None]",
        ]
    else:
        lines.append("y = torch.tensor(y, device=device)  # classes are whole numbers (int64)")
    return [
        *lines,
        "x = torch.tensor(x, dtype=dtype, device=device)",
        "x_train, x_val, x_test = x[train], x[val], x[test]",
        "y_train, y_val, y_test = y[train], y[val], y[test]",
    ]
