"""The settings of a run as keywords of `nnlab.train`, for type checkers and editors."""

from collections.abc import Sequence
from os import PathLike
from typing import TypedDict

# A value, several values (a grid), or the text of the command line: "sgd,adam", "1e-4..1e-1".
Texts = str | Sequence[str] | None
Numbers = float | str | Sequence[float | str] | None
WholeNumbers = int | str | Sequence[int | str] | None
Switches = bool | Sequence[bool] | None
Paths = str | PathLike[str] | Sequence[str | PathLike[str]] | None
RunNumbersOrPaths = int | Paths | Sequence[int]


class TrainSettings(TypedDict, total=False):
    """The fields of a setting without the seed; docs/commands.md and docs/choices.md describe them.

    None means the default. Arrays of NumPy are accepted where several values are.
    """

    data: Paths
    samples: WholeNumbers
    data_noise: Numbers
    data_seed: WholeNumbers
    classes: Texts
    rotate: WholeNumbers
    train_size: WholeNumbers
    label_noise: Numbers
    inputs: Texts
    val_fraction: Numbers
    test_fraction: Numbers
    split_seed: WholeNumbers
    stratify_by: Texts
    split_by: Texts
    split_by_time: Texts
    split_file: Paths
    folds: WholeNumbers
    sampling: Texts
    task: Texts
    target_separator: Texts
    drop_columns: Texts
    only_columns: Texts
    missing: Texts
    max_categories: WholeNumbers
    many_categories: Texts
    categories: Texts
    embedding_size: WholeNumbers
    dates: Texts
    booleans: Texts
    csv_sep: Texts
    csv_encoding: Texts
    csv_decimal: Texts
    csv_thousands: Texts
    csv_header: Texts
    stream: Switches
    loader_workers: WholeNumbers
    augment: Texts
    augment_shift: WholeNumbers
    augment_rotate: Numbers
    augment_scale: Numbers
    augment_erase: Numbers
    augment_brightness: Numbers
    augment_noise: Numbers
    mixup: Numbers
    cutmix: Numbers
    model: Paths
    width: WholeNumbers
    depth: WholeNumbers
    widths: Texts | WholeNumbers
    bottleneck: WholeNumbers
    widen: WholeNumbers
    heads: WholeNumbers
    patch: WholeNumbers
    activation: Texts
    slope: Numbers
    pieces: WholeNumbers
    init: Texts
    init_scale: Numbers
    init_gain: Numbers
    fan: Texts
    bias_init: Numbers
    norm: Texts
    norm_place: Texts
    norm_groups: WholeNumbers
    norm_momentum: Numbers
    norm_eps: Numbers
    dropout: Numbers
    channel_dropout: Numbers
    dropconnect: Numbers
    stochastic_depth: Numbers
    model_output: Texts | WholeNumbers
    start_from: RunNumbersOrPaths
    freeze: Texts
    unfreeze_at: WholeNumbers
    head_lr_factor: Numbers
    depth_lr_factor: Numbers
    loss: Texts
    reduction: Texts
    huber_delta: Numbers
    label_smoothing: Numbers
    class_weights: Texts
    pos_weight: Texts | Numbers
    l1: Numbers
    l2: Numbers
    opt: Texts
    lr: Numbers
    momentum: Numbers
    beta1: Numbers
    beta2: Numbers
    eps: Numbers
    weight_decay: Numbers
    memory: WholeNumbers
    inner_steps: WholeNumbers
    damping: Numbers
    clip: Numbers
    clip_value: Numbers
    average: Texts
    average_decay: Numbers
    average_from: Numbers
    batch_size: WholeNumbers
    decay: Texts
    decay_rate: Numbers
    decay_every: WholeNumbers
    decay_factor: Numbers
    decay_at: Texts | WholeNumbers
    decay_power: Numbers
    decay_patience: WholeNumbers
    decay_restarts: WholeNumbers
    decay_share: Numbers
    decay_floor: Numbers
    decay_per: Texts
    warmup: Numbers
    epochs: WholeNumbers
    steps: WholeNumbers
    eval_every: WholeNumbers
    max_time: Texts
    early_stop: WholeNumbers
    stop_on: Texts
    objective: Texts
    metrics: Texts
    exact_train: Switches
    probe: Texts
    device: Texts
    dtype: Texts
    compile: Switches
    channels_last: Switches
    threads: WholeNumbers
