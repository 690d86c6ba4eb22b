"""`nnlab data show` proposes the command that trains on a messy table, and the command works."""

import importlib.util
import shlex
from pathlib import Path

import pytest
from command_line_runner import Nnlab

MESSY = "id;name;when;size;colour;kind\n" + "".join(
    f"{i};n{i};{i % 28 + 1}.{i % 12 + 1}.2024;{'' if i == 7 else f'{i},25'};"
    f"{'' if i == 5 else 'red' if i % 3 else 'blue'};{'ab'[i % 2]}\n"
    for i in range(1, 81)
)
FAST = ("--epochs", "1", "--width", "4", "--depth", "1")


def proposed(out: str) -> list[str]:
    """The words of the last line."""
    return shlex.split(out.rstrip().splitlines()[-1])


def test_the_proposed_command_trains(nnlab: Nnlab, folder: Path) -> None:
    (folder / "messy.csv").write_text(MESSY)
    out = nnlab("data", "show", "messy.csv").out
    assert "has 4 problems" in out
    assert "separated by ';' (detected; --csv-sep); decimal comma" in out
    words = proposed(out)
    assert words == [
        "nnlab", "train", "--data", "csv:messy.csv#kind", "--drop-columns", "name,id",
        "--dates", "parts", "--missing", "category",
    ]  # fmt: skip
    answer = nnlab(*words[1:], *FAST)
    assert "csv:messy.csv#kind: separated by ';'" in answer.err


def test_options_of_the_user_are_kept(nnlab: Nnlab, folder: Path) -> None:
    (folder / "messy.csv").write_text(MESSY)
    words = proposed(nnlab("data", "show", "messy.csv", "--dates", "drop", "--missing", "drop").out)
    assert set(words[4:]) == {"--dates", "--missing", "drop", "--drop-columns", "name,id"}
    nnlab(*words[1:], *FAST)


def test_rows_in_order_of_time_are_split_by_time(nnlab: Nnlab, folder: Path) -> None:
    rows = "".join(
        f"2024-{i // 28 + 1:02}-{i % 28 + 1:02},{i * 7 % 50},{i * i % 101}.5\n" for i in range(90)
    )
    (folder / "series.csv").write_text("day,x,y\n" + rows)
    answer = nnlab("data", "show", "series.csv", "--format", "json").json
    assert "'2024-01-01' is a date or a time" in answer["problems"][0]
    commands = list(answer["commands"].values())
    assert "--split-by-time day" in commands[0]
    for command in commands:
        nnlab(*shlex.split(command)[1:], *FAST)


def test_other_data_have_no_command(nnlab: Nnlab) -> None:
    answer = nnlab("data", "show", "iris", "--format", "json").json
    assert answer["commands"] == {}


def test_a_table_that_no_option_repairs_is_an_error(nnlab: Nnlab, folder: Path) -> None:
    (folder / "t.csv").write_text("a,y\n1,same\n2,same\n")
    assert "has only one value" in nnlab("data", "show", "t.csv", expect=1).err


PACKAGED = {
    "palmerpenguins": ("data/penguins.csv#species", "data/penguins-raw.csv#Species"),
    "vega_datasets": (
        "_data/seattle-weather.csv#weather",
        "_data/stocks.csv#price",
        "_data/iowa-electricity.csv#net_generation",
        "_data/seattle-temps.csv#temp",
    ),
    "statsmodels": (
        "datasets/fair/fair.csv#affairs",
        "datasets/star98/star98.csv",
        "datasets/macrodata/macrodata.csv#infl",
        "datasets/grunfeld/grunfeld.csv#invest",
        "datasets/sunspots/sunspots.csv",
    ),
}


@pytest.mark.parametrize(
    ("package", "table"), [(name, table) for name, tables in PACKAGED.items() for table in tables]
)
def test_tables_of_packages_train_after_one_proposed_line(
    nnlab: Nnlab, folder: Path, package: str, table: str
) -> None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed")
    name, _, target = table.partition("#")
    path = Path(spec.submodule_search_locations[0]) / name
    words = proposed(nnlab("data", "show", f"csv:{path}{'#' + target if target else ''}").out)
    nnlab(*words[1:], *FAST, "--train-size", "20")
    assert {run["status"] for run in nnlab("ls", "--format", "json").json} == {"finished"}
