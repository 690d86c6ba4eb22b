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

MODEL_ARTIFACT_KIND = "model"

# Of files of weights.
_WEIGHT_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".safetensors"})

# As many bytes show whether a file is text.
_TEXT_PROBE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights and its SHA-256; the run that made it and its setting, if a run did."""

    path: Path
    sha256: str
    run_id: int | None = None
    setting: Setting | None = None

    def has_same_classes(self, data: str, classes: str | None) -> bool:
        """Whether the outputs mean the same for a data set and a choice of its classes.

        Of a file that was given nothing is known: its head is taken over where it fits.
        """
        known = self.setting
        return known is None or (known.get("data"), known.get("classes")) == (data, classes)


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """The weights to begin with, by seed; a single one serves every seed."""

    named: str
    weights_by_seed: Mapping[int, WeightsFile]

    @property
    def version(self) -> str:
        """What identifies all of the weights: SHA-256, 16 hex digits."""
        return _combined_hash(self.weights_by_seed)

    def matches_version(self, version: str | None) -> bool:
        """Whether a version is that of these weights, or was before more seeds were trained.

        The weights of every seed are then still the same. A single run is another matter: it
        serves every seed, until there are others.
        """
        by_age = sorted(self.weights_by_seed.items(), key=lambda item: item[1].run_id or 0)
        before = (dict(by_age[:count]) for count in range(2, len(by_age)))
        return version == self.version or any(version == _combined_hash(seeds) for seeds in before)

    def of(self, seed: int) -> WeightsFile:
        """The weights that a seed begins with.

        Raises:
            UsageError: several seeds were trained, and this is none of them.
        """
        if len(self.weights_by_seed) == 1:
            return next(iter(self.weights_by_seed.values()))
        if seed not in self.weights_by_seed:
            told = ", ".join(map(str, sorted(self.weights_by_seed)))
            raise UsageError(
                f"--from {self.named} has runs of seeds {told}, and none of seed {seed}",
                hint=f"train it with seed {seed} too, or name one run by its number",
            )
        return self.weights_by_seed[seed]


def _combined_hash(by_seed: Mapping[int, WeightsFile]) -> str:
    hashes = sorted((seed, weights.sha256) for seed, weights in by_seed.items())
    if len(hashes) == 1:
        return hashes[0][1][:16]
    return hashlib.sha256(repr(hashes).encode()).hexdigest()[:16]


def find_initial_weights(db: store.AnyDatabase | None, named: str) -> InitialWeights:
    """The weights that `--from` names; without a database only a file can be meant.

    Raises:
        UsageError: it is neither a run nor a file, or the run kept no weights.
        CheckpointError: the file cannot be read.
    """
    path = Path(named).expanduser()
    runs = _matching_runs(db, named)
    if runs and db is not None:
        return InitialWeights(named, _weights_by_seed(db, named, runs))
    if not path.is_file():
        raise UsageError(
            f"--from {named} is neither a run nor a file",
            hint="nnlab ls lists the runs; a file of weights is named by its path",
        )
    try:
        _raise_if_text_file(path)
        return InitialWeights(named, {0: WeightsFile(path, sha256_of(path))})
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def _raise_if_text_file(path: Path) -> None:
    """Raises UsageError for a file of text, such as a study's TOML file: it has no weights."""
    if path.suffix.lower() in _WEIGHT_SUFFIXES:
        return  # what is wrong with one of these is found when it is loaded
    with path.open("rb") as file:
        head = file.read(_TEXT_PROBE_BYTES)
    if path.suffix.lower() != ".toml" and (b"\0" in head or not head or not _is_text(head)):
        return
    takes = "--from takes a run, a file of weights or the name of a built-in study"
    if path.suffix.lower() == ".toml":
        takes = f"--config {shlex.quote(str(path))} reads a study from a TOML file; {takes}"
    raise UsageError(f"--from {path}: a file of text has no weights to begin with", hint=takes)


def _is_text(head: bytes) -> bool:
    # The last character may be cut.
    return any(_is_utf8(head[: len(head) - cut]) for cut in range(4))


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return True


def _matching_runs(db: store.AnyDatabase | None, named: str) -> tuple[Run, ...]:
    if db is None:
        return ()
    try:
        return store.find_runs(db, [named])
    except UnknownName:
        return ()


def _weights_by_seed(
    db: store.AnyDatabase, named: str, runs: tuple[Run, ...]
) -> Mapping[int, WeightsFile]:
    found: dict[int, WeightsFile] = {}
    for run in runs:
        if run.seed in found:
            told = ", ".join(str(one.id) for one in runs if one.seed == run.seed)
            raise UsageError(
                f"--from {named} is not one run: runs {told} have seed {run.seed}",
                hint="name one by its number",
            )
        found[run.seed] = _stored_weights(db, run)
    return found


def _stored_weights(db: store.AnyDatabase, run: Run) -> WeightsFile:
    for made in store.artifacts(db, run.id):
        if made.kind == MODEL_ARTIFACT_KIND:
            path = store.artifacts_folder(db, run.artifacts).local(made.path, made.sha256)
            return WeightsFile(path, made.sha256, run.id, run.trial.setting)
    raise UsageError(
        f"run {run.id} ({run.status}) kept no weights",
        hint="train it to its end, without --no-keep-models",
    )
