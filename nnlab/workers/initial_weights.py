"""Initial weights (`--from`): those of an earlier run, or of a file; used by study and the workers.

`--from 12` is a run ID. `--from base` is the runs of that name: if several seeds were trained, each
seed starts from the run of the same seed. Anything else is the path of a file.
"""

import hashlib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.errors import CheckpointError, UnknownName, UsageError
from nnlab.io.files import sha256_of
from nnlab.records import Run, Setting
from nnlab.settings import RunConfig

if TYPE_CHECKING:
    from nnlab.engine.run_session import AnySession

MODEL_ARTIFACT_KIND = "model"

# File names with these suffixes are not checked for being text.
_WEIGHT_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".safetensors"})

# How many bytes are read to decide whether a file is text.
_TEXT_PROBE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of weights and its SHA-256; the ID and setting of the run that saved it, if any."""

    path: Path
    sha256: str
    run_id: int | None = None
    setting: Setting | None = None

    def has_same_data(self, config: RunConfig) -> bool:
        """Whether the weights were trained on the same classes of the same data, equally rotated.

        True for a file that no run saved: its last layer is loaded if the shape fits.
        """
        if self.setting is None:
            return True
        rotate = self.setting.get("rotate", 0)  # runs that are older than the field lack it
        own = (self.setting.get("data"), self.setting.get("classes"), rotate)
        return own == (config.data, config.classes, config.rotate)


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """Initial weights by seed; if there is only one file, every seed uses it."""

    reference: str
    weights_by_seed: Mapping[int, WeightsFile]

    @property
    def version(self) -> str:
        """The identity of all the weights together: SHA-256, 16 hex digits."""
        return _combined_hash(self.weights_by_seed)

    def matches_version(self, version: str | None) -> bool:
        """Whether a version identifies these weights, possibly before more seeds were trained.

        In that case the weights of each earlier seed are unchanged. The version of a single run
        does not match once there are several: it was used for every seed.
        """
        by_age = sorted(self.weights_by_seed.items(), key=lambda item: item[1].run_id or 0)
        earlier = (dict(by_age[:count]) for count in range(2, len(by_age)))
        return version == self.version or any(version == _combined_hash(seeds) for seeds in earlier)

    def for_seed(self, seed: int) -> WeightsFile:
        """The initial weights of a seed.

        Raises:
            UsageError: several seeds were trained, but not this one.
        """
        if len(self.weights_by_seed) == 1:
            return next(iter(self.weights_by_seed.values()))
        if seed not in self.weights_by_seed:
            seeds = ", ".join(map(str, sorted(self.weights_by_seed)))
            raise UsageError(
                f"--from {self.reference} has runs of seeds {seeds}, and none of seed {seed}",
                hint=f"train it with seed {seed} too, or select one run by its number",
            )
        return self.weights_by_seed[seed]


def _combined_hash(by_seed: Mapping[int, WeightsFile]) -> str:
    hashes = sorted((seed, weights.sha256) for seed, weights in by_seed.items())
    if len(hashes) == 1:
        return hashes[0][1][:16]
    return hashlib.sha256(repr(hashes).encode()).hexdigest()[:16]


def load_initial_weights(
    db: store.AnyDatabase, session: "AnySession", run: Run, note: Callable[[str], None]
) -> int | None:
    """Loads the weights of `--from` into a session; returns the ID of the run that saved them.

    Returns None if the run starts from scratch or from a file. `note` is called with a summary of
    the weights that were loaded.

    Raises:
        UsageError: there are no such weights, or they have changed since the run was queued.
        CheckpointError: they cannot be read, or none of them fits the model.
    """
    config = session.config
    if not config.start_from:
        return None
    initial_weights = find_initial_weights(db, config.start_from)
    if not initial_weights.matches_version(config.start_version):
        raise UsageError(
            f"--from {config.start_from} has changed since this run was set up",
            hint="run the same `nnlab train` line again: the new weights make a new trial",
        )
    weights = initial_weights.for_seed(run.known_seed)
    summary = session.load_initial_weights(weights.path, new_head=not weights.has_same_data(config))
    source = weights.path.name if weights.run_id is None else f"run {weights.run_id}"
    note(f"from {source}: {summary}")
    return weights.run_id


def find_initial_weights(db: store.AnyDatabase | None, reference: str) -> InitialWeights:
    """The weights of a `--from` value; without a database it can only be a file.

    Raises:
        UsageError: it is neither a run nor a file, or the run saved no weights.
        CheckpointError: the file cannot be read.
    """
    path = Path(reference).expanduser()
    runs = _matching_runs(db, reference)
    if runs and db is not None:
        return InitialWeights(reference, _weights_by_seed(db, reference, runs))
    if not path.is_file():
        raise UsageError(
            f"--from {reference} is neither a run nor a file",
            hint="nnlab ls lists the runs; for a file of weights give its path",
        )
    try:
        _raise_if_text_file(path)
        return InitialWeights(reference, {0: WeightsFile(path, sha256_of(path))})
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None


def _raise_if_text_file(path: Path) -> None:
    """Raises UsageError for a text file, such as a study's TOML file, because it has no weights."""
    if path.suffix.lower() in _WEIGHT_SUFFIXES:
        return  # an invalid file of this kind is reported when it is loaded
    with path.open("rb") as file:
        head = file.read(_TEXT_PROBE_BYTES)
    if path.suffix.lower() != ".toml" and (b"\0" in head or not head or not _is_text(head)):
        return
    hint = "--from takes a run, a file of weights or the name of a built-in study"
    if path.suffix.lower() == ".toml":
        hint = f"--config {shlex.quote(str(path))} reads a study from a TOML file; {hint}"
    raise UsageError(f"--from {path}: a text file does not contain weights", hint=hint)


def _is_text(head: bytes) -> bool:
    # The last character may be incomplete.
    return any(_is_utf8(head[: len(head) - cut]) for cut in range(4))


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError:
        return False
    return True


def _matching_runs(db: store.AnyDatabase | None, reference: str) -> tuple[Run, ...]:
    if db is None:
        return ()
    try:
        return store.find_runs(db, [reference])
    except UnknownName:
        return ()


def _weights_by_seed(
    db: store.AnyDatabase, reference: str, runs: tuple[Run, ...]
) -> Mapping[int, WeightsFile]:
    weights_by_seed: dict[int, WeightsFile] = {}
    for run in runs:
        store.check_trained_by_nnlab(run, "load its weights")
        if run.seed in weights_by_seed:
            run_ids = ", ".join(str(other.id) for other in runs if other.seed == run.seed)
            raise UsageError(
                f"--from {reference} is ambiguous: runs {run_ids} have seed {run.seed}",
                hint="select one by its number",
            )
        weights_by_seed[run.known_seed] = _stored_weights(db, run)
    return weights_by_seed


def _stored_weights(db: store.AnyDatabase, run: Run) -> WeightsFile:
    for artifact in store.artifacts(db, run.id):
        if artifact.kind == MODEL_ARTIFACT_KIND:
            folder = store.artifacts_folder(db, run.artifacts)
            path = folder.local(artifact.path, artifact.sha256)
            return WeightsFile(path, artifact.sha256, run.id, run.trial.setting)
    raise UsageError(
        f"run {run.id} ({run.status}) kept no weights",
        hint="train it to its end, without --no-keep-models",
    )
