"""Splits by group, by time, by several columns, from a file, and folds."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnlab.engine.batched.grouping import can_batch
from nnlab.engine.data import facts_of
from nnlab.engine.data.group_split import fold_by_group, parse_times, split_by_group, split_by_time
from nnlab.engine.data.split import TEST, TRAIN, VAL
from nnlab.engine.data.split_dataset import SplitDataset, read_and_split
from nnlab.engine.epoch_order import draw_order
from nnlab.engine.loop import build_session, train
from nnlab.engine.versions import file_versions
from nnlab.errors import ConfigError, DataError
from nnlab.settings import RunConfig, resolve

ROWS = 120


@pytest.fixture(autouse=True)
def table(folder: Path) -> None:
    lines = ["user,day,colour,size,kind"]
    for row in range(ROWS):
        colour = "red" if row % 3 else "blue"
        kind = "ab"[row % 10 > 6]
        lines.append(f"u{row % 12},2024-01-{1 + row // 5:02d},{colour},{row % 7}.5,{kind}")
    (folder / "t.csv").write_text("\n".join(lines) + "\n")


def make_config(**settings: object) -> RunConfig:
    small = {"data": "csv:t.csv#kind", "width": 4, "depth": 1, "epochs": 2, "device": "cpu"}
    config = RunConfig(**(small | settings))  # type: ignore[arg-type]
    return resolve(config, facts_of(config), versions=file_versions(config))


def split_of(**settings: object) -> SplitDataset:
    # The column of days is no feature in any of these tests.
    if "split_by_time" not in settings:
        text = Path("t.csv").read_text().splitlines()
        Path("t.csv").write_text("\n".join(",".join([*r.split(",")[:1], *r.split(",")[2:]])
                                           for r in text) + "\n")  # fmt: skip
    return read_and_split(make_config(**settings))


@given(
    st.lists(st.integers(0, 9), min_size=30, max_size=200).filter(lambda g: len(set(g)) > 3),
    st.integers(0, 3),
)
def test_a_group_is_never_divided_and_no_split_is_empty(groups: list[int], seed: int) -> None:
    names = np.array(groups).astype(str)
    split = split_by_group(names, val=0.2, test=0.2, seed=seed)
    assert {TRAIN, VAL, TEST} == set(split.tolist())
    assert all(len(set(split[names == name])) == 1 for name in np.unique(names))


def test_equal_groups_give_the_exact_shares() -> None:
    groups = np.repeat(np.arange(20), 5).astype(str)
    split = split_by_group(groups, val=0.2, test=0.1, seed=3)
    assert Counter(split.tolist()) == {TRAIN: 70, VAL: 20, TEST: 10}


def test_too_few_groups_are_an_error() -> None:
    with pytest.raises(DataError, match="there are 2 groups, but 3 splits"):
        split_by_group(np.array(["a", "b", "a"]), val=0.2, test=0.2, seed=0)


@given(st.lists(st.integers(0, 30), min_size=20, max_size=200).filter(lambda t: len(set(t)) > 3))
def test_a_later_split_is_later_and_equal_times_are_not_divided(times: list[int]) -> None:
    array = np.array(times, np.float64)
    split = split_by_time(array, val=0.2, test=0.2)
    assert array[split == TRAIN].max() < array[split == VAL].min()
    assert array[split == VAL].max() < array[split == TEST].min()


def test_distinct_times_give_the_exact_shares() -> None:
    split = split_by_time(np.arange(100.0)[::-1].copy(), val=0.2, test=0.1)
    assert Counter(split.tolist()) == {TRAIN: 70, VAL: 20, TEST: 10}
    assert (split[:10] == TEST).all()


def test_times_are_numbers_or_iso_dates() -> None:
    assert parse_times(["3", "1.5"], "t").tolist() == [3.0, 1.5]
    first, second, third = parse_times(
        ["2024-03-05", "2024-03-05 00:00:10", "2024-03-05T02:00:00+02:00"], "t"
    )
    assert (second - first, third - first) == (10.0, 0.0)
    with pytest.raises(DataError, match=r"'05\.03\.2024' in row 2 is neither a number nor an ISO"):
        parse_times(["2024-03-05", "05.03.2024"], "t")


def test_users_of_a_table_are_in_one_split_and_no_feature() -> None:
    split = split_of(split_by="user")
    users = split.dataset.split_cells["user"]
    parts = [set(users[rows]) for rows in (split.rows.train, split.rows.val, split.rows.test)]
    assert sum(map(len, parts)) == 12
    assert set.union(*parts) == set(users)
    assert [column.name for column in split.dataset.columns] == ["colour", "size"]


def test_the_latest_days_of_a_table_are_the_test_split() -> None:
    text = Path("t.csv").read_text()
    split = split_of(split_by_time="day")
    assert Path("t.csv").read_text() == text
    days = split.dataset.split_cells["day"]
    assert max(days[split.rows.train]) < min(days[split.rows.val])
    assert max(days[split.rows.val]) < min(days[split.rows.test])
    assert "day" not in [column.name for column in split.dataset.columns]


def test_several_columns_are_stratified() -> None:
    split = split_of(stratify_by="colour+user", val_fraction=0.2, test_fraction=0.2)
    colours = split.dataset.split_cells["colour"]
    for rows in (split.rows.val, split.rows.test):
        counts = Counter(zip(colours[rows], split.dataset.target_array[rows], strict=True))
        everywhere = Counter(zip(colours, split.dataset.target_array, strict=True))
        assert all(abs(counts[key] - 0.2 * everywhere[key]) <= 2 for key in everywhere)
    assert [column.name for column in split.dataset.columns] == ["user", "colour", "size"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"split_by": "usr"}, "--split-by usr: unknown column 'usr': did you mean 'user'"),
        ({"split_by": "kind"}, "--split-by kind: the column is the target"),
        ({"data": "iris", "split_by": "user"}, "--split-by user needs a table with named columns"),
    ],
)
def test_a_column_that_cannot_split_is_an_error(setting: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_of(**setting)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"split_by": "user", "stratify_by": "colour"}, "exclude each other"),
        ({"split_by_time": "day", "folds": 3}, "would train on rows later"),
        ({"folds": 3, "val_fraction": 0.3}, "--val-fraction has no effect with --folds"),
    ],
)
def test_options_that_exclude_each_other(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split_of(**setting)


@pytest.mark.parametrize("group", [None, "user"])
def test_folds_cover_all_rows_but_the_test_split(group: str | None) -> None:
    text = Path("t.csv").read_text()
    splits = []
    for seed in range(5):
        Path("t.csv").write_text(text)
        splits.append(split_of(folds=4, seed=seed, split_by=group))
    tests = {tuple(split.rows.test) for split in splits}
    assert len(tests) == 1
    assert {split.fingerprint for split in splits} == {splits[0].fingerprint}
    val = np.concatenate([split.rows.val for split in splits[:4]])
    assert sorted([*val, *splits[0].rows.test]) == list(range(ROWS))
    assert np.array_equal(splits[4].rows.val, splits[0].rows.val)
    if group is None:
        assert {len(split.rows.val) for split in splits} <= {25, 26}


def test_folds_of_groups_have_similar_sizes() -> None:
    groups = np.repeat(np.arange(9), [40, 30, 30, 10, 10, 10, 5, 5, 10]).astype(str)
    folds = fold_by_group(groups, folds=3, seed=1)
    assert max(Counter(folds.tolist()).values()) - min(Counter(folds.tolist()).values()) <= 10
    with pytest.raises(
        DataError, match="9 groups are left for training and validation, too few for --folds 10"
    ):
        fold_by_group(groups, folds=10, seed=1)


def test_runs_of_folds_are_not_batched() -> None:
    assert can_batch(make_config(data="iris"))
    assert not can_batch(make_config(data="iris", folds=3))


def test_folds_train_on_different_rows() -> None:
    sizes, values = set(), set()
    for seed in (0, 1):
        session = build_session(make_config(data="iris", folds=3, seed=seed))
        sizes.add((len(session.data.train), len(session.data.val), len(session.data.test)))
        values.add(session.data.val.examples.sum().item())
        assert list(train(session))
    assert sizes <= {(85, 43, 22), (85, 42, 23), (86, 42, 22), (84, 43, 23)}
    assert len(values) == 2


def test_a_file_assigns_every_row() -> None:
    words = ["train", "train", "val", "test", "none"] * 30
    Path("splits.txt").write_text("split\n" + "\n".join(words) + "\n")
    config = make_config(data="iris", split_file="splits.txt")
    assert config.split_version is not None
    rows = read_and_split(config).rows
    assert [len(part) for part in (rows.train, rows.val, rows.test)] == [60, 30, 30]
    assert rows.val.tolist() == list(range(2, 150, 5))
    Path("splits.txt").write_text("\n".join(reversed(words)) + "\n")
    with pytest.raises(DataError, match=r"splits\.txt has changed since this run was set up"):
        read_and_split(config)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"] * 10, "assigns 10 rows, the data has 150"),
        (["train", "vall", *["test"] * 148], "line 2: 'vall' is none of train, val, test, none"),
        (["train", *["test"] * 149], "assigns no row to the val split"),
    ],
)
def test_a_file_that_does_not_fit_is_an_error(words: list[str], message: str) -> None:
    Path("splits.txt").write_text("\n".join(words))
    with pytest.raises(DataError, match=message):
        read_and_split(make_config(data="iris", split_file="splits.txt"))
    with pytest.raises(DataError, match=r"no split file at none\.txt"):
        make_config(data="iris", split_file="none.txt")


def test_balanced_sampling_draws_classes_equally_often() -> None:
    targets = torch.tensor([0] * 9000 + [1] * 900 + [2] * 100)
    config = make_config(data="iris", sampling="balanced")
    order = draw_order(config, targets, epoch=1)
    shares = torch.bincount(targets[order]) / len(targets)
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.02)
    assert torch.equal(order, draw_order(config, targets, epoch=1))
    assert not torch.equal(order, draw_order(config, targets, epoch=2))
    assert not can_batch(config)
    uniform = draw_order(make_config(data="iris"), targets, epoch=1)
    assert torch.equal(uniform.sort().values, torch.arange(10_000))


def test_balanced_sampling_needs_classes() -> None:
    with pytest.raises(ConfigError, match="--sampling balanced needs classes"):
        make_config(data="diabetes", sampling="balanced")
