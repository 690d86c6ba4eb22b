"""Readers of CSV files and JSON lines of no particular tool."""

import math
from pathlib import Path

import pytest
from log_readings import Reading, read_one, read_path, read_run

from nnlab.errors import DataError
from nnlab.exchange.json_lines import JsonLinesReader
from nnlab.exchange.plain_csv import PlainCsvReader


def _read_csv(tmp_path: Path, text: str | bytes) -> Reading:
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_one(PlainCsvReader(), path)


def _read_lines(tmp_path: Path, text: str | bytes) -> Reading:
    path = tmp_path / "log.jsonl"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_one(JsonLinesReader(), path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_separators_and_line_ends(separator: str, line_end: str, tmp_path: Path) -> None:
    rows = [["step", "loss", "val_acc"], ["10", "2.5", ""], ["20", "1e-3", "0.5"]]
    text = "".join(separator.join(row) + line_end for row in rows)
    reading = _read_csv(tmp_path, text)
    assert reading.curve("loss") == [(10, None, 2.5), (20, None, 0.001)]
    assert reading.curve("val_acc") == [(20, None, 0.5)]
    assert not reading.notes


def test_cells_of_all_kinds(tmp_path: Path) -> None:
    cells = ["1.5", "nan", "inf", "-inf", "50%", "None", "-", "n/a", "", " 2 ", "+3", "1_0", "low"]
    text = "epoch,loss\n" + "".join(f'{n},"{cell}"\n' for n, cell in enumerate(cells, 1))
    reading = _read_csv(tmp_path, text)
    values = [value for _, _, value in reading.curve("loss")]
    assert math.isnan(values.pop(1))
    assert values == [1.5, math.inf, -math.inf, 0.5, 2.0, 3.0]
    assert reading.notes == {"not-a-number": 2}


def test_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, '\ufeff"epoch","loss, train"\n"1","0,5"\n"2","0.25"\n')
    assert reading.curve("loss, train") == [(None, 2.0, 0.25)]


def test_epochs_that_begin_with_0(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, "epoch,loss\n0,3\n1,2\n")
    assert reading.curve("loss") == [(None, 1, 3.0), (None, 2, 2.0)]
    assert reading.notes == {"epochs-from-0": 1}
    fractional = _read_csv(tmp_path, "epoch,loss\n0.0,3\n0.5,2\n")
    assert fractional.curve("loss") == [(None, 0.0, 3.0), (None, 0.5, 2.0)]


def test_the_count_of_epochs_is_kept_when_a_file_grows(tmp_path: Path) -> None:
    first = _read_csv(tmp_path, "epoch,loss\n0,3\n")
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,2\n")
    second = read_run(PlainCsvReader(), first.run, first.position)
    assert second.curve("loss") == [(None, 2, 2.0)]


def test_rows_without_an_index_are_numbered(tmp_path: Path) -> None:
    assert _read_csv(tmp_path, "loss\n3\n2\n").curve("loss") == [(1, None, 3.0), (2, None, 2.0)]
    with_evaluation = _read_csv(tmp_path, "loss,val_loss\n3,4\n2,3\n")
    assert with_evaluation.curve("val_loss") == [(None, 1, 4.0), (None, 2, 3.0)]


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("1700000000", 1_700_000_000.0),
        ("1700000000.25", 1_700_000_000.25),
        ("1700000000250", 1_700_000_000.25),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14 22:13:20.5", 1_700_000_000.5),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000.0),
    ],
)
def test_times(cell: str, time: float, tmp_path: Path) -> None:
    [sample] = _read_csv(tmp_path, f"step,timestamp,loss\n1,{cell},2\n").samples
    assert sample.time == time


def test_a_column_time_may_be_a_duration(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, "epoch,time,loss\n1,12.5,2\n")
    assert reading.curve("time") == [(None, 1, 12.5)]


def test_steps_that_repeat_go_back_or_are_negative(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, "step,loss\n-1,5\n3,4\n3,3\n1,2\n1.5,1\n1e30,0\n")
    assert [step for step, _, _ in reading.curve("loss")] == [-1, 3, 3, 1, None, None]
    assert reading.notes == {"invalid-step": 2}


def test_a_last_line_without_line_end_is_read_and_noted(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, "step,loss\n1,5\n2,0.12")
    assert reading.curve("loss") == [(1, None, 5.0), (2, None, 0.12)]
    assert reading.notes == {"unterminated": 1}
    with (tmp_path / "log.csv").open("a") as file:
        file.write("34\n")
    again = read_run(PlainCsvReader(), reading.run, reading.position)
    assert again.restarts == 1
    assert again.curve("loss")[-1] == (2, None, 0.1234)


def test_rows_of_wrong_length(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, "step,loss,acc\n1,5\n2,4,3,9\n\n3,2,1\n")
    assert reading.curve("loss") == [(1, None, 5.0), (2, None, 4.0), (3, None, 2.0)]
    assert reading.notes == {"short-row": 1, "long-row": 1}


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, "step,loss,loss\n1,5,6\n")
    assert reading.curve("loss") == [(1, None, 5.0)]
    assert reading.notes == {"duplicate-columns": 1}


def test_tables_that_are_no_logs_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "iris.csv").write_text("sepal_length,species\n5.1,setosa\n")
    (tmp_path / "names.csv").write_text("step,loss\none,two\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "binary.csv").write_bytes(b"step,loss\n\0\0")
    assert not list(PlainCsvReader().find(tmp_path))


def test_a_header_with_a_million_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("step," + ",".join(f"m{n}" for n in range(10**6)) + "\n1\n")
    run = next(iter(PlainCsvReader().find(tmp_path)), None)
    assert run is None
    (tmp_path / "log.csv").write_text("step,loss\n1,2\n")
    [run] = PlainCsvReader().find(tmp_path)
    path.replace(run.paths[0])
    with pytest.raises(DataError, match="1,000,001 columns; at most 20,000 are read"):
        read_run(PlainCsvReader(), run)


def test_an_unbalanced_quote_ends_the_reading(tmp_path: Path) -> None:
    text = 'step,loss\n1,5\n2,"4\n' + "3,3\n" * 50_000
    reading = _read_csv(tmp_path, text)
    assert reading.curve("loss") == [(1, None, 5.0)]
    assert reading.notes == {"damaged": 1}


def test_names_are_bounded_and_have_no_control_characters(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, f"step,{'a' * 5000}1,{'a' * 5000}2,lo\x1b[2Jss\n1,2,3,4\n")
    names = {sample.metric for sample in reading.samples}
    assert "lo\ufffd[2Jss" in names
    assert sorted(map(len, names)) == [8, 500, 500]
    assert reading.notes == {"long-name": 2, "control-characters": 1}


def test_invalid_utf_8_is_replaced(tmp_path: Path) -> None:
    reading = _read_csv(tmp_path, b"step,lo\xffss,loss\n1,2,3\n")
    assert {sample.metric for sample in reading.samples} == {"lo\ufffdss", "loss"}
    assert reading.notes == {"invalid-utf-8": 1}


def test_nested_numbers_have_dotted_names(tmp_path: Path) -> None:
    reading = _read_lines(
        tmp_path,
        '{"step": 1, "train": {"loss": 2.5, "opt": {"lr": 0.1}}, "best": true}\n'
        '{"step": 2, "train": {"loss": "NaN"}, "note": "x", "ids": [1]}\n',
    )
    assert [(s.metric, s.step) for s in reading.samples] == [
        ("train.loss", 1), ("train.opt.lr", 1), ("best", 1), ("train.loss", 2),
    ]  # fmt: skip
    assert reading.notes == {"not-a-number": 1, "not-imported": 1}


@pytest.mark.parametrize(
    "key", ["step", "global_step", "_step", "iteration", "iter", "trainer/global_step", "Step"]
)
def test_usual_names_of_the_step(key: str, tmp_path: Path) -> None:
    reading = _read_lines(tmp_path, f'{{"{key}": 7, "loss": 1, "epoch": 2}}\n')
    assert reading.curve("loss") == [(7, 2.0, 1.0)]


def test_the_configuration_in_the_first_line(tmp_path: Path) -> None:
    reading = _read_lines(tmp_path, '{"args": {"lr": 0.1, "seed": 5}}\n{"step": 1, "loss": 2}\n')
    assert (reading.details.config, reading.details.seed) == ({"lr": 0.1, "seed": 5}, 5)
    assert reading.curve("loss") == [(1, None, 2.0)]


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    reading = _read_lines(
        tmp_path,
        '{"step": 1, "loss": 2}\n[1, 2]\n\n{"step": 2, "loss": 1}\n{"a\n{"step": 3, "loss": 1}\n',
    )
    assert [step for step, _, _ in reading.curve("loss")] == [1, 2, 3]
    assert reading.notes == {"damaged": 2}


def test_a_line_that_is_being_written_is_read_later(tmp_path: Path) -> None:
    first = _read_lines(tmp_path, '{"step": 1, "loss": 2}\n{"step": 2, "lo')
    assert first.notes == {"truncated": 1}
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('ss": 1}\n{"step": 3, "loss": 0}')
    second = read_run(JsonLinesReader(), first.run, first.position)
    assert [step for step, _, _ in second.curve("loss")] == [2, 3]
    assert (second.restarts, second.notes) == (0, {})


@pytest.mark.parametrize(
    "line",
    [
        '{"loss": ' + "[" * 100_000 + "}",
        '{"loss": ' + '{"a": ' * 100_000 + "1" + "}" * 100_000 + "}",
        '{"loss": ' + '{"a": ' * 900 + "1" + "}" * 900 + "}",
        '{"' + "k" * 100_000 + '": {"a": {"b": 1}}, "loss": "1"}',
        '{"step": ' + "9" * 5000 + ', "loss": null}',
        '{"loss": "\\ud800", "\\ud800": null}',
    ],
)
def test_hostile_lines_are_left_out(line: str, tmp_path: Path) -> None:
    reading = _read_lines(tmp_path, f'{{"step": 1, "loss": 2}}\n{line}\n{{"step": 2, "loss": 1}}\n')
    assert [(step, value) for step, _, value in reading.curve("loss")] == [(1, 2.0), (2, 1.0)]
    assert reading.notes


def test_a_large_integer_is_infinite_as_a_float(tmp_path: Path) -> None:
    reading = _read_lines(tmp_path, f'{{"step": 1, "loss": {"9" * 350}}}\n')
    assert reading.curve("loss") == [(1, None, math.inf)]


def test_of_equal_keys_the_last_is_read(tmp_path: Path) -> None:
    reading = _read_lines(tmp_path, '{"step": 1, "loss": 1, "loss": 2}\n')
    assert reading.curve("loss") == [(1, None, 2.0)]
    assert reading.notes == {"duplicate-keys": 1}


def test_a_log_with_endless_names_is_bounded(tmp_path: Path) -> None:
    text = "".join(f'{{"step": {n}, "m{n}": 1}}\n' for n in range(21_000))
    reading = _read_lines(tmp_path, text)
    assert len(reading.samples) == 20_000
    assert reading.notes == {"too-many-metrics": 1000}


def test_a_json_document_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"lr": 0.1}')
    (tmp_path / "notes.txt").write_text("loss 0.1\n")
    assert not read_path(JsonLinesReader(), tmp_path)


def test_a_file_that_is_named_itself_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "losses").write_text("step,loss\n1,2\n")
    (tmp_path / "log.out").write_text('{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n')
    assert len(read_one(PlainCsvReader(), tmp_path / "losses").samples) == 1
    assert len(read_one(JsonLinesReader(), tmp_path / "log.out").samples) == 2
    assert not read_path(PlainCsvReader(), tmp_path)
    assert not read_path(JsonLinesReader(), tmp_path)
