"""The studies that the gallery of figures shows: ten small ones with all that results may contain.

They have divergence, one bad trial, 3 and 10 seeds, 12 and 60 trials, three factors, overfitting,
regression, and several data sets.
"""

import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from nnlab.cli.main import main

# Name of the study -> options of `nnlab init-study`.
STUDIES: Final[Mapping[str, str]] = {
    "grid10": "--data iris --opt sgd,adam --lr 0.001,0.03,30 --seeds 10 --epochs 12",
    "grid3": "--data iris --opt sgd,adam --lr 0.001,0.03,30 --seeds 3 --epochs 12 --probe full",
    "one-bad": "--data digits --opt adam --lr 0.0003,0.001,0.003,3 --seeds 5 --epochs 10",
    "two": "--data digits --opt sgd,adam --seeds 10 --epochs 10",
    "twelve": "--data digits --opt sgd,momentum,adam --lr 0.001,0.003,0.01,0.03 --seeds 3"
    " --epochs 8",
    "sixty": "--data iris --opt sgd,momentum,adam --lr 0.0001..1 --decay none,exp --sampler random"
    " --trials 60 --seeds 1 --epochs 6",
    "three-factors": "--data iris --opt sgd,adam --decay none,exp,step --l2 0,0.01 --seeds 5"
    " --epochs 10",
    "overfit": "--data digits --l2 0,0.001 --widths 256,256 --train-size 100 --seeds 5 --epochs 40"
    " --lr 0.003",
    "diabetes": "--data diabetes --opt sgd,adam --lr 0.001,0.01 --seeds 5 --epochs 15",
    "wine": "--data wine --opt sgd,momentum,adam --seeds 5 --epochs 10",
    "iris": "--data iris --opt sgd,momentum,adam --seeds 5 --epochs 10",
    "sizes": "--data digits --opt sgd,adam --train-size 100,200,400,800 --seeds 3 --epochs 6",
}
# Studies that are drawn together, for kinds that compare methods over data sets.
TOGETHER: Final = ("iris", "wine")
# Commands of the kinds that are not about a study.
OTHER_FIGURES: Final[Mapping[str, str]] = {
    "init": "init --depth 6 --width 32",
    "surface": "surface --on saddle,minima",
    "norm": "norm",
    "find-lr": "find-lr --data iris --steps 60 --seeds 2",
    "find-decay": "find-decay slow",
    "compose": "compose 'curves {study} --metric loss --top 3' 'time {study} --top 3'"
    " 'ranking {study}'",
}


def train_studies(db: str, names: Iterable[str], *extra: str) -> None:
    """Trains studies into a new or existing database, and a run without decay for `find-decay`.

    Args:
        db: path of the database.
        names: names in `STUDIES`.
        extra: options that replace those of the studies, such as `--seeds 2`.

    Raises:
        RuntimeError: a command failed.
    """
    for name in names:
        run("init-study", name, *shlex.split(STUDIES[name]), *extra, "--db", db)
        run("train", "--study", name, "-q", "--db", db)
    slow = ("--data", "iris", "--epochs", "12", "--lr", "0.001")
    run("train", *slow, "--name", "slow", "-q", "--db", db)


def run(*words: str) -> None:
    """Executes a command of nnlab in this process.

    Raises:
        RuntimeError: it failed.
    """
    if code := main(words):
        raise RuntimeError(f"nnlab {shlex.join(words)}: exit code {code}")
