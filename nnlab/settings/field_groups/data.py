"""Fields of RunConfig for the data set, its splits and preprocessing."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.settings.option import MAX_SEED, Option

_PANEL = "Data"


@dataclass(frozen=True, kw_only=True)
class DataFields:
    """Fields of a run's configuration for the data set, its splits and preprocessing."""

    data: Annotated[str, Option("data set", _PANEL, catalogue="data")] = "digits"
    samples: Annotated[
        int | None,
        Option("size of a generated data set", _PANEL, default_from="data", unit="examples"),
        Ge(10),
        Le(10_000_000),
    ] = None
    data_noise: Annotated[
        float | None,
        Option("noise level of a generated data set", _PANEL, default_from="data"),
        Ge(0),
        Le(100),
    ] = None
    data_seed: Annotated[
        int | None,
        Option(
            "random seed of a generated data set", _PANEL, default_from="data", no_effect_value=0
        ),
        Ge(0),
        Le(MAX_SEED),
    ] = None
    classes: Annotated[
        str | None,
        Option("use only these classes: 0-4, 0+3+7, or names joined by +", _PANEL),
    ] = None
    rotate: Annotated[
        int,
        Option(
            "rotate all images of the data set counterclockwise by this angle: 90, 180 or 270",
            _PANEL,
            unit="degrees",
            no_effect_value=0,
        ),
        Ge(0),
        Le(270),
    ] = 0
    train_size: Annotated[
        int | None,
        Option("size of the subset of the training split that is used", _PANEL, unit="examples"),
        Ge(2),
    ] = None
    label_noise: Annotated[
        float,
        Option(
            "fraction of the training labels that are replaced by wrong ones",
            _PANEL,
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = 0.0
    inputs: Annotated[str, Option("preprocessing of the inputs", _PANEL, catalogue="inputs")] = (
        "standardise"
    )
    val_fraction: Annotated[
        float, Option("fraction of the data held out for validation", _PANEL), Gt(0), Le(0.5)
    ] = 0.15
    test_fraction: Annotated[
        float | None,
        Option(
            "fraction of the data held out for the final test; 0.15 if the data set has no test"
            " split",
            _PANEL,
        ),
        Gt(0),
        Le(0.5),
    ] = None
    split_seed: Annotated[
        int,
        Option(
            "random seed of the split; the same for all seeds of a trial", _PANEL, no_effect_value=0
        ),
        Ge(0),
        Le(MAX_SEED),
    ] = 0
    stratify_by: Annotated[
        str | None,
        Option(
            "columns of a table, joined by +: each split gets the same share of every combination"
            " of their values and of the target",
            _PANEL,
        ),
    ] = None
    split_by: Annotated[
        str | None,
        Option(
            "column of a table: rows with the same value are in the same split; it is no feature",
            _PANEL,
        ),
    ] = None
    split_by_time: Annotated[
        str | None,
        Option(
            "column of a table with times: the latest rows are the test split, those before them"
            " the validation split; it is no feature",
            _PANEL,
        ),
    ] = None
    split_file: Annotated[
        str | None,
        Option(
            "file with one line per row of the data: train, val, test, or none for unused", _PANEL
        ),
    ] = None
    folds: Annotated[
        int | None,
        Option(
            "number of folds of a cross-validation: the run with seed s is validated on fold"
            " s mod FOLDS; sets --seeds to the number of folds unless given",
            _PANEL,
        ),
        Ge(2),
        Le(100),
    ] = None
    sampling: Annotated[
        str,
        Option(
            "training examples of an epoch: each once (uniform), or drawn with replacement so that"
            " all classes are equally frequent (balanced)",
            _PANEL,
            one_of=("uniform", "balanced"),
            no_effect_value="uniform",
        ),
    ] = "uniform"
    task: Annotated[
        str | None,
        Option(
            "what is learned from the targets, by default as their shapes and values suggest; or"
            " your own task",
            _PANEL,
            catalogue="task",
        ),
    ] = None
    target_separator: Annotated[
        str | None,
        Option(
            "the texts of a table's target column are tags with this character between them"
            " (multilabel)",
            _PANEL,
            one_of=("semicolon", "comma", "pipe", "slash", "plus", "space"),
        ),
    ] = None
    drop_columns: Annotated[
        str | None,
        Option(
            "columns of a table that are no features: id,name; a semicolon separates trials",
            _PANEL,
            commas=True,
        ),
    ] = None
    only_columns: Annotated[
        str | None,
        Option(
            "the only columns of a table that are features: a,b; a semicolon separates trials",
            _PANEL,
            commas=True,
        ),
    ] = None
    missing: Annotated[
        str | None,
        Option(
            "missing values of a table: an error, drop their rows, the median of the training"
            " split, or a category of their own (numbers: the median and an indicator)",
            _PANEL,
            one_of=("error", "drop", "median", "category"),
            default_from="data",
            no_effect_value="error",
        ),
    ] = None
    max_categories: Annotated[
        int | None,
        Option(
            "largest number of different texts in a categorical column",
            _PANEL,
            default_from="data",
            no_effect_value=50,
        ),
        Ge(2),
        Le(10_000),
    ] = None
    many_categories: Annotated[
        str | None,
        Option(
            "columns with more texts than --max-categories: an error, hash their texts to as many"
            " features, learn a vector for each text (embed), or drop the columns",
            _PANEL,
            one_of=("error", "hash", "embed", "drop"),
            default_from="data",
            no_effect_value="error",
        ),
    ] = None
    categories: Annotated[
        str | None,
        Option(
            "columns with at most --max-categories texts: a feature per text (one-hot), or learn a"
            " vector for each text (embed)",
            _PANEL,
            one_of=("one-hot", "embed"),
            default_from="data",
            no_effect_value="one-hot",
        ),
    ] = None
    embedding_size: Annotated[
        int | None,
        Option(
            "length of the vectors of embedded categories; by default 1.6 n^0.56, at most 600,"
            " for a column with n categories",
            _PANEL,
        ),
        Ge(1),
        Le(4096),
    ] = None
    dates: Annotated[
        str | None,
        Option(
            "columns with dates: an error, days since 1970 (number), year, month, day, weekday and"
            " hour (parts), or drop the columns",
            _PANEL,
            one_of=("error", "number", "parts", "drop"),
            default_from="data",
            no_effect_value="error",
        ),
    ] = None
    booleans: Annotated[
        str | None,
        Option(
            "columns of yes/no, true/false or t/f: two features like other texts, or one of 0 and"
            " 1 (number)",
            _PANEL,
            one_of=("one-hot", "number"),
            default_from="data",
            no_effect_value="one-hot",
        ),
    ] = None
    csv_sep: Annotated[
        str | None,
        Option(
            "separator of a CSV file; detected by default",
            _PANEL,
            one_of=("comma", "semicolon", "tab", "pipe", "space"),
        ),
    ] = None
    csv_encoding: Annotated[
        str | None,
        Option(
            "encoding of a CSV file; detected by default",
            _PANEL,
            one_of=("utf-8", "utf-16", "latin-1", "cp1252"),
        ),
    ] = None
    csv_decimal: Annotated[
        str | None,
        Option(
            "decimal mark of a CSV file; detected by default", _PANEL, one_of=("point", "comma")
        ),
    ] = None
    csv_thousands: Annotated[
        str | None,
        Option(
            "mark between groups of three digits in a CSV file; detected by default",
            _PANEL,
            one_of=("none", "comma", "point", "space", "apostrophe"),
        ),
    ] = None
    csv_header: Annotated[
        str | None,
        Option(
            "whether the first line of a CSV file names the columns; detected by default",
            _PANEL,
            one_of=("yes", "no"),
        ),
    ] = None
    stream: Annotated[
        bool,
        Option(
            "read the data batch by batch instead of holding it in memory; automatic for data that"
            " can only be read this way",
            _PANEL,
            flag=True,
            no_effect_value=False,
        ),
    ] = False
    loader_workers: Annotated[
        int,
        Option(
            "processes that read streamed data; results do not depend on it",
            _PANEL,
            no_effect_value=0,
        ),
        Ge(0),
        Le(256),
    ] = 0
    task_version: Annotated[str | None, "SHA-256 of a user task's file; None without one"] = None
    task_directions: Annotated[
        str | None, "metrics of a user task with a known direction, such as bleu:max,wer:min"
    ] = None
    split_version: Annotated[str | None, "SHA-256 of the split file; None without one"] = None
    data_version: Annotated[str | None, "SHA-256 of a data file; None for a built-in set"] = None
