"""Initial weights (`--from`): a run, the runs of a name by seed, or a file."""

from pathlib import Path

import pytest
import torch
from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.errors import UsageError
from nnlab.io.files import sha256_of
from nnlab.records import Artifact, Status
from nnlab.settings import RunConfig
from nnlab.workers.initial_weights import WeightsFile, find_initial_weights


@pytest.fixture
def harness(tmp_path: Path) -> StoreHarness:
    db = store.open_database(str(tmp_path / "runs.db"), write=True, create=True)
    study = store.create_study(db, name="s", question="", objective=None, space=None, seeds=())
    return StoreHarness(db, study, db)


def trained(
    harness: StoreHarness, seeds: tuple[int, ...], name: str | None, trials: int = 1
) -> list[int]:
    """Runs that have ended and kept their weights."""
    plans = harness.plans(trials, seeds, name=name)
    run_ids = store.enqueue(harness.db, harness.study, plans).run_ids
    for run_id in run_ids:
        path = harness.db.address.artifacts / str(run_id) / "model.pt"
        path.parent.mkdir(parents=True)
        torch.save({"weight": torch.full((1,), float(run_id))}, path)
        artifact = Artifact(run_id, "model", f"{run_id}/model.pt", sha256_of(path), 1)
        harness.writer([run_id]).finish(
            Status.FINISHED,
            selected_epoch=1,
            reason=None,
            wall_seconds=1.0,
            device_seconds=1.0,
            artifacts=[artifact],
        )
    return list(run_ids)


def test_a_number_means_a_run_and_serves_every_seed(harness: StoreHarness) -> None:
    (run_id,) = trained(harness, (0,), None)
    parents = find_initial_weights(harness.db, str(run_id))
    assert parents.for_seed(0) == parents.for_seed(7)
    assert parents.for_seed(0).run_id == run_id
    assert parents.version == sha256_of(parents.for_seed(0).path)[:16]


def test_a_name_means_for_each_seed_the_run_of_that_seed(harness: StoreHarness) -> None:
    first, second = trained(harness, (0, 1), "base")
    parents = find_initial_weights(harness.db, "base")
    assert (parents.for_seed(0).run_id, parents.for_seed(1).run_id) == (first, second)
    with pytest.raises(UsageError, match=r"runs of seeds 0, 1, and none of seed 2"):
        parents.for_seed(2)


def test_the_version_changes_with_any_of_the_weights(harness: StoreHarness) -> None:
    trained(harness, (0, 1), "base")
    before = find_initial_weights(harness.db, "base").version
    trained(harness, (2,), "base")
    assert find_initial_weights(harness.db, "base").version != before


def test_more_seeds_keep_the_versions_of_those_before(harness: StoreHarness) -> None:
    trained(harness, (1, 2), "base")
    before = find_initial_weights(harness.db, "base").version
    trained(harness, (0,), "base")
    after = find_initial_weights(harness.db, "base")
    assert after.matches_version(before)
    assert after.matches_version(after.version)
    assert not after.matches_version("0" * 16)


def test_a_second_run_changes_what_a_single_one_gave_to_every_seed(harness: StoreHarness) -> None:
    trained(harness, (0,), "alone")
    single = find_initial_weights(harness.db, "alone").version
    trained(harness, (1,), "alone")
    assert not find_initial_weights(harness.db, "alone").matches_version(single)


def test_two_runs_of_one_seed_are_told_apart_by_their_numbers(harness: StoreHarness) -> None:
    first, second = trained(harness, (0,), "base", trials=2)
    with pytest.raises(UsageError, match=f"runs {first}, {second} have seed 0"):
        find_initial_weights(harness.db, "base")


def test_any_other_word_is_a_file(harness: StoreHarness, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"some weights")
    assert find_initial_weights(harness.db, str(path)).for_seed(3).path == path
    assert find_initial_weights(None, str(path)).version == sha256_of(path)[:16]


def test_what_is_neither_is_said_so(harness: StoreHarness) -> None:
    with pytest.raises(UsageError, match="--from nowhere is neither a run nor a file"):
        find_initial_weights(harness.db, "nowhere")


def test_a_run_without_weights_is_said_so(harness: StoreHarness) -> None:
    (run_id,) = harness.queue()
    with pytest.raises(UsageError, match=rf"run {run_id} \(queued\) kept no weights"):
        find_initial_weights(harness.db, str(run_id))


@pytest.mark.parametrize(
    ("setting", "config", "expected"),
    [
        ({"data": "digits"}, RunConfig(), True),  # stored before the option existed
        ({"data": "digits"}, RunConfig(rotate=90), False),
        ({"data": "digits", "rotate": 90}, RunConfig(rotate=90), True),
        ({"data": "digits", "rotate": 90}, RunConfig(), False),
        ({"data": "digits", "rotate": 0}, RunConfig(classes="0-4"), False),
        ({"data": "iris", "rotate": 0}, RunConfig(), False),
        (None, RunConfig(rotate=90), True),
    ],
)
def test_rotated_data_are_other_data(
    setting: dict[str, str | int] | None, config: RunConfig, expected: bool
) -> None:
    assert WeightsFile(Path("model.pt"), "0", 1, setting).has_same_data(config) is expected
