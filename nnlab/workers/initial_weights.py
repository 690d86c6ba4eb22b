"""The weights that a run begins with: those of a run before it, or of a file.

`--from 12` means a run by its number; `--from base` the runs of that name, so that each seed
begins with the run of its own seed where several were trained; any other word is a file.
"""

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.errors import CheckpointError, UnknownName, UsageError
from nnlab.io.files import sha256_of
from nnlab.records import Run, Setting

KIND = "model"

# Of files of weights.
_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".safetensors"})

# As many bytes show whether a file is text.
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights and its SHA-256; the run that made it and its setting, if a run did."""

    path: Path
    sha256: str
    run_id: int | None = None
    setting: Setting | None = None

    def same_classes(self, data: str, classes: str | None) -> bool:
        """Whether the outputs mean the same for a data set and a choice of its classes.

        Of a file that was given nothing is known: its head is taken over where it fits.
        """
        known = self.setting
        return known is None or (known.get("data"), known.get("classes")) == (data, classes)


@dataclass(frozen=True, slots=True)
class Parents:
    """The weights to begin with, by seed; a single one serves every seed."""

    named: str
    by_seed: Mapping[int, Weights]

    @property
    def version(self) -> str:
        """What identifies all of the weights: SHA-256, 16 hex digits."""
        return _version(self.by_seed)

    def had_version(self, version: str | None) -> bool:
        """Whether a version is that of these weights, or was before more seeds were trained.

        The weights of every seed are then still the same. A single run is another matter: it
        serves every seed, until there are others.
        """
        by_age = sorted(self.by_seed.items(), key=lambda item: item[1].run_id or 0)
        before = (dict(by_age[:count]) for count in range(2, len(by_age)))
        return version == self.version or any(version == _version(seeds) for seeds in before)

    def of(self, seed: int) -> Weights:
        """The weights that a seed begins with.

        Raises:
            UsageError: several seeds were trained, and this is none of them.
        """
        if len(self.by_seed) == 1:
            return next(iter(self.by_seed.values()))
        if seed not in self.by_seed:
            told = ", ".join(map(str, sorted(self.by_seed)))
            raise UsageError(
                f"--from {self.named} has runs of seeds {told}, and none of seed {seed}",
                hint=f"train it with seed {seed} too, or name one run by its number",
            )
        return self.by_seed[seed]


def _version(by_seed: Mapping[int, Weights]) -> str:
    hashes = sorted((seed, weights.sha256) for seed, weights in by_seed.items())
    if len(hashes) == 1:
        return hashes[0][1][:16]
    return hashlib.sha256(repr(hashes).encode()).hexdigest()[:16]


def find_parents(db: store.AnyDatabase | None, named: str) -> Parents:
    """The weights that `--from` names; without a database only a file can be meant.

    Raises:
        UsageError: it is neither a run nor a file, or the run kept no weights.
        CheckpointError: the file cannot be read.
    """
    path = Path(named).expanduser()
    runs = _runs(db, named)
    if runs and db is not None:
        return Parents(named, _by_seed(db, named, runs))
    if not path.is_file():
        raise UsageError(
            f"--from {named} is neither a run nor a file",
            hint="nnlab ls lists the runs; a file of weights is named by its path",
        )
    try:
        _check_is_no_text(path)
        return Parents(named, {0: Weights(path, sha256_of(path))})
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def _check_is_no_text(path: Path) -> None:
    """Raises UsageError for a file of text, such as a study's TOML file: it has no weights."""
    if path.suffix.lower() in _SUFFIXES:
        return  # what is wrong with one of these is found when it is loaded
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if path.suffix.lower() != ".toml" and (b"\0" in head or not head or not _is_text(head)):
        return
    takes = "--from takes a run, a file of weights or the name of a built-in study"
    if path.suffix.lower() == ".toml":
        takes = f"--config {shlex.quote(str(path))} reads a study from a TOML file; {takes}"
    raise UsageError(f"--from {path}: a file of text has no weights to begin with", hint=takes)


def _is_text(head: bytes) -> bool:
    # The last character may be cut.
    return any(_decodes(head[: len(head) - cut]) for cut in range(4))


def _decodes(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return True


def _runs(db: store.AnyDatabase | None, named: str) -> tuple[Run, ...]:
    if db is None:
        return ()
    try:
        return store.find_runs(db, [named])
    except UnknownName:
        return ()


def _by_seed(db: store.AnyDatabase, named: str, runs: tuple[Run, ...]) -> Mapping[int, Weights]:
    found: dict[int, Weights] = {}
    for run in runs:
        if run.seed in found:
            told = ", ".join(str(one.id) for one in runs if one.seed == run.seed)
            raise UsageError(
                f"--from {named} is not one run: runs {told} have seed {run.seed}",
                hint="name one by its number",
            )
        found[run.seed] = _weights(db, run)
    return found


def _weights(db: store.AnyDatabase, run: Run) -> Weights:
    for made in store.artifacts(db, run.id):
        if made.kind == KIND:
            path = store.files_of(db, run.artifacts).local(made.path, made.sha256)
            return Weights(path, made.sha256, run.id, run.trial.setting)
    raise UsageError(
        f"run {run.id} ({run.status}) kept no weights",
        hint="train it to its end, without --no-keep-models",
    )
