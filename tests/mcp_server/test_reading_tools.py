"""The tools that read: the numbers of the commands, in a bounded text, and nothing written."""

import hashlib
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_calls import call_tool, text_of

import nnlab
from nnlab.mcp_server.compact_json import MAX_CHARACTERS
from nnlab.mcp_server.server import create_server

READING = {"studies", "runs", "compare", "curves", "diagnose", "explain"}


def answer(path: Path, tool: str, arguments: dict[str, Any] | None = None) -> Any:
    result = call_tool(path, tool, arguments)
    assert not result.is_error, text_of(result)
    assert len(text_of(result)) <= MAX_CHARACTERS
    return json.loads(text_of(result))


@pytest.mark.parametrize("allow_run", [False, True])
def test_only_a_server_that_may_run_offers_to_train(database: Path, allow_run: bool) -> None:
    async def ask() -> dict[str, bool]:
        async with Client(create_server(str(database), allow_run=allow_run)) as client:
            tools = (await client.list_tools()).tools
            assert sum(len(tool.model_dump_json()) for tool in tools) < 10_000
            return {tool.name: bool(tool.annotations.read_only_hint) for tool in tools}  # type: ignore[union-attr]

    changing = {"train", "gate", "stop"} if allow_run else set()
    assert anyio.run(ask) == {name: name in READING for name in READING | changing}


def test_studies_and_runs_are_those_of_the_database(database: Path) -> None:
    assert answer(database, "studies") == {
        "rows": [
            {
                "study": "rates",
                "question": "which rate?",
                "objective": "val/accuracy:max",
                "trials": 2,
                "seeds": [0, 1, 2, 3],
                "runs": 8,
                "finished": 8,
            }
        ],
        "total": 1,
    }
    rows = answer(database, "runs", {"study": "rates"})["rows"]
    assert [row["run"] for row in rows] == list(range(8, 0, -1))
    assert answer(database, "runs", {"status": "failed"}) == {}


def test_the_ranking_is_that_of_compare(database: Path) -> None:
    ranking = answer(database, "compare", {"names": ["rates"], "by": "val/loss"})
    with nnlab.open(database) as results:
        expected = list(results.compare("rates", by="val/loss"))
    assert [row["setting"] for row in ranking["rows"]] == [{"lr": 0.03}, {"lr": 0.0001}]
    for row, record in zip(ranking["rows"], expected, strict=True):
        assert row["mean"] == pytest.approx(record.value.mean, rel=1e-5)
    comparison = expected[1].comparison
    assert comparison is not None
    behind = ranking["rows"][1]["behind_best"]
    assert behind["differs"] == comparison.is_significant
    assert behind["difference"] == pytest.approx(comparison.mean, rel=1e-5)


def test_curves_are_complete_if_short_and_keep_extremes_if_long(database: Path) -> None:
    curves = answer(database, "curves", {"run": "1"})["curves"]
    with nnlab.open(database) as results:
        history = results.history(1)
    epochs, values = zip(*curves["val/loss"], strict=True)
    assert epochs == history["val/loss"].epochs
    assert values == pytest.approx(history["val/loss"].values, rel=1e-5)
    assert not any(name.startswith(("probe/", "data/", "time/")) for name in curves)
    thin = answer(database, "curves", {"run": "1", "metrics": ["val/loss"], "points": 4})
    found = [value for _, value in thin["curves"]["val/loss"]]
    assert min(found) == pytest.approx(min(history["val/loss"].values), rel=1e-5)
    assert len(found) <= 4


def test_findings_and_their_explanation(database: Path) -> None:
    rows = answer(database, "diagnose", {"names": ["1"]})["rows"]
    with nnlab.open(database) as results:
        expected = [finding.code for finding in results.findings(1)]
    assert [finding["code"] for finding in rows[0]["findings"]] == expected
    text = text_of(call_tool(database, "explain", {"code": "nn101"}))
    assert text.startswith("NN101 overfitting\n\nOverfitting: ")
    assert len(answer(database, "explain")["rows"]) > 20


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("compare", {"names": ["rate"]}, "did you mean 'rates'"),
        ("curves", {"run": "99"}, "unknown run '99'"),
        ("curves", {"run": "1", "metrics": ["val/los"]}, "did you mean 'val/loss'"),
        ("explain", {"code": "NN999"}, "unknown finding 'NN999'"),
        ("compare", {"top": 1000}, "less than or equal to 50"),
        ("runs", {"offset": 2**70}, "less than or equal to"),
        ("compare", {"at": "middle"}, "must be best, last or an epoch"),
    ],
)
def test_errors_say_what_is_wrong(
    database: Path, tool: str, arguments: dict[str, Any], message: str
) -> None:
    result = call_tool(database, tool, arguments)
    assert result.is_error
    assert message in text_of(result)


def test_an_error_is_short_and_has_no_control_characters(database: Path) -> None:
    result = call_tool(database, "compare", {"names": ["\x1b[31m\x9b" + "x" * 10_000]})
    assert result.is_error
    assert "unknown study or run '\\x1b[31m\\x9bxxx" in text_of(result)
    assert text_of(result).isprintable()
    assert len(text_of(result)) < 2_100


def test_an_older_database_is_not_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    assets = Path(__file__).parents[1] / "store" / "assets"
    path.write_bytes((assets / "revision-0003.db").read_bytes())
    before = path.read_bytes()
    result = call_tool(path, "studies")
    assert result.is_error
    assert "was written by an earlier nnlab" in text_of(result)
    assert f"nnlab db upgrade --db {path} upgrades it" in text_of(result)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_and_a_missing_database_is_not_created(
    database: Path, tmp_path: Path
) -> None:
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    for tool in sorted(READING - {"curves"}):
        answer_text = text_of(call_tool(database, tool))
        assert answer_text
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    missing = tmp_path / "none.db"
    result = call_tool(missing, "studies")
    assert result.is_error
    assert "none.db" in text_of(result)
    assert not missing.exists()
