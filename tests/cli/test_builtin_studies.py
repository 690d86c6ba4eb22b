"""Built-in studies, and user-defined studies with a claim, from creation to verdict."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.errors import UnknownName
from nnlab.records import Pilot
from nnlab.study import builtin
from nnlab.study.request import TrainRequest, merge_config_file
from nnlab.study.spec import build_study_spec

OWN = """
question = "Does training help?"
claim = "Two epochs beat one."
data = "iris"
width = 8
depth = 1
lr = [0.003, 0.01]
seeds = 5

[[arm]]
name = "short"
epochs = 1

[[arm]]
name = "long"
epochs = 12

[[decide]]
says = "long ends lower"
metric = "train/loss"
at = "last"
higher = "short"
lower = "long"
"""

# Of these the weights begun with must be trained first.
PRETRAINED = {"lecture/transfer"}


@pytest.mark.parametrize("name", sorted(set(builtin.builtin_study_names()) - PRETRAINED))
def test_every_built_in_study_can_be_set_up(name: str) -> None:
    spec = build_study_spec(
        merge_config_file(builtin.builtin_study_path(name), TrainRequest(settings={}, study=name))
    )
    assert spec.question.endswith("?")
    assert spec.claim.endswith(".")
    assert len(spec.seeds) >= 5
    assert spec.comparisons
    compared = {arm for comparison in spec.comparisons for arm in comparison.arms}
    assert compared <= {arm.name for arm in spec.arms}
    digests = {digest for arm in spec.arms for digest in arm.trials}
    assert digests == {trial.digest for trial in spec.trials}


def test_all_claims_of_the_notes_are_there() -> None:
    assert len(builtin.builtin_study_names()) >= 22
    with pytest.raises(UnknownName, match="did you mean 'lecture/relu'"):
        builtin.builtin_study_path("lecture/rellu")


def test_they_are_listed(nnlab: Nnlab, folder: Path) -> None:
    rows = nnlab("studies", "--builtin", "--format", "json").json
    assert [row["study"] for row in rows] == list(builtin.builtin_study_names())
    for row in rows:
        assert len(row["verdict_seeds"]) == row["seeds"] >= 5
        assert row["comparisons"] >= 1
        assert row["published_verdicts"] == list(
            dict.fromkeys(result["verdict"] for result in row["published"])
        )
        assert row["verdict"] in {None, "supported", "not supported", "cannot tell"}
    assert not list(folder.iterdir())


def test_a_built_in_study_is_set_up_by_name_and_may_be_called_otherwise(nnlab: Nnlab) -> None:
    answer = nnlab("init-study", "--from", "lecture/reduction", "--epochs", "1")
    assert "40 runs in study 'lecture/reduction': 40 new" in answer.out
    nnlab("init-study", "mine", "--from", "lecture/reduction", "--epochs", "1")
    assert [row["study"] for row in nnlab("studies", "--format", "json").json] == [
        "lecture/reduction",
        "mine",
    ]


def test_a_study_needs_a_name(nnlab: Nnlab) -> None:
    assert "needs a name" in nnlab("init-study", "--lr", "0.1", expect=2).err


def test_weights_that_are_not_trained_are_asked_for(nnlab: Nnlab) -> None:
    answer = nnlab("init-study", "--from", "lecture/transfer", expect=2)
    assert "nnlab train --study lecture/transfer" in answer.err


def test_a_claim_of_ones_own_from_file_to_verdict(nnlab: Nnlab, folder: Path) -> None:
    (folder / "own.toml").write_text(OWN)
    nnlab("init-study", "own", "--config", "own.toml")
    trained = nnlab("train", "--study", "own", "-q")
    assert "verdict: supported" in trained.out
    assert "verdict: supported" in nnlab("compare", "own").out
    nnlab("report", "own", "-o", "own.md")
    text = (folder / "own.md").read_text()
    for phrase in ("Two epochs beat one.", "**Verdict: supported** with 5 seeds", "the best of 2"):
        assert phrase in text
    for picture in ("own-verdict.png", "own-curves.png"):
        assert picture in text
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    db = store.open_database("runs.db", write=False)
    study = store.find_study(db, "own")
    db.close()
    assert [(arm.name, len(arm.trials)) for arm in study.arms] == [("short", 2), ("long", 2)]
    nnlab("init-study", "own", "--config", "own.toml")


def test_another_claim_under_the_same_name_is_refused(nnlab: Nnlab, folder: Path) -> None:
    (folder / "own.toml").write_text(OWN)
    nnlab("init-study", "own", "--config", "own.toml")
    other = OWN.replace("Two epochs", "Twelve epochs").replace('higher = "short"', 'higher="long"')
    (folder / "own.toml").write_text(other.replace('lower = "long"', 'lower = "short"'))
    answer = nnlab("init-study", "own", "--config", "own.toml", expect=2)
    assert "claim: Two epochs beat one. -> Twelve epochs beat one." in answer.err
    assert "decided by" in answer.err


def test_before_all_runs_are_there_nothing_is_decided(nnlab: Nnlab, folder: Path) -> None:
    (folder / "own.toml").write_text(OWN)
    nnlab("init-study", "own", "--config", "own.toml")
    nnlab("report", "own", "-o", "own.md")
    assert "20 runs have no result yet, so there is no verdict" in (folder / "own.md").read_text()


KNOWN_BEFORE = """expected = 0.2
expected_from = "the pilot"
pilot_sd = 0.1

[[subclaim]]
says = "long is steep"
correlate = ["train/loss", "val/loss"]
arm = "long"
above = 0.0

[pilot]
seeds = "100..103"
notes = "More epochs."

[[published]]
result = "reports that training helps"
source = "A paper, table 1"
url = "https://example.org/paper"
verdict = "supported"
"""


def test_what_was_known_before_is_stored_and_may_be_corrected(nnlab: Nnlab, folder: Path) -> None:
    (folder / "own.toml").write_text(OWN)
    nnlab("init-study", "own", "--config", "own.toml")
    other = OWN + KNOWN_BEFORE
    (folder / "own.toml").write_text(other)
    answer = nnlab("init-study", "own", "--config", "own.toml", expect=2)
    assert "decided by: long ends lower -> long ends lower, long is steep" in answer.err
    nnlab("init-study", "new", "--config", "own.toml")
    (folder / "own.toml").write_text(other.replace("= 0.2", "= 0.3").replace("More", "Many"))
    nnlab("init-study", "new", "--config", "own.toml")
    db = store.open_database("runs.db", write=False)
    study = store.find_study(db, "new")
    db.close()
    assert [comparison.decides for comparison in study.comparisons] == [True, False]
    decide = study.comparisons[0]
    assert (decide.expected, decide.expected_from, decide.pilot_sd) == (0.3, "the pilot", 0.1)
    assert study.pilot == Pilot((100, 101, 102, 103), "Many epochs.")
    (published,) = study.published
    assert (published.verdict, published.url) == ("supported", "https://example.org/paper")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('higher = "short"', 'higher = "short"\nexpected = 1'), "expected_from belong together"),
        (("[[decide]]", "[[subclaim]]"), "there is no [[decide]]"),
        (("[[decide]]", "[decide]"), "decide is written as [[decide]] tables"),
        (("question", 'pilot = "0..7"\nquestion'), "pilot is written as a [pilot] table"),
        (('name = "short"', ""), "arm 1 needs a name of its own"),
        (('name = "long"', 'name = "short"'), "arm 2 needs a name of its own"),
        (("epochs = 12", "epohcs = 12"), "did you mean 'epochs'"),
        (("epochs = 12", "epochs = 0"), "arm long: --epochs"),
        (('lower = "long"', 'lower = "longer"'), "unknown arm 'longer'"),
        (("lr =", "claims ="), "did you mean 'claim'"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(
    nnlab: Nnlab, folder: Path, change: tuple[str, str], message: str
) -> None:
    (folder / "own.toml").write_text(OWN.replace(*change))
    answer = nnlab("init-study", "own", "--config", "own.toml", expect=2)
    assert message in " ".join(answer.err.split())
    assert not (folder / "runs.db").exists()


def test_each_seed_begins_with_the_weights_of_its_own(nnlab: Nnlab, folder: Path) -> None:
    (folder / "on.toml").write_text(
        'claim = "It helps."\ndata = "iris"\nwidth = 8\ndepth = 1\nepochs = 1\nseeds = 2\n'
        '[pretrain]\ndata = "iris"\nwidth = 8\ndepth = 1\nepochs = 2\n'
        '[[arm]]\nname = "scratch"\n[[arm]]\nname = "on"\nfrom = "pretrain"\n'
        '[[decide]]\nmetric = "train/loss"\nhigher = "scratch"\nlower = "on"\n'
    )
    answer = nnlab("train", "--study", "on", "--config", "on.toml", "-q")
    assert "verdict: cannot tell" in answer.out  # two seeds
    rows = {row["study"]: row for row in nnlab("studies", "--format", "json").json}
    assert (rows["on/pretrain"]["finished"], rows["on"]["finished"]) == (2, 4)
