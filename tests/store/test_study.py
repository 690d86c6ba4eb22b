"""A study is created once, and its question does not change."""

import pytest
from store.store_fixtures import StoreHarness

from nnlab import store
from nnlab.errors import StudyExists, UnknownName
from nnlab.records import Arm, Comparison, Objective, Sampler, Scalar, Study

Space = dict[str, tuple[Scalar, ...]]

SPACE: Space = {"lr": (0.1, 0.01), "opt": ("sgd", "adam"), "dropout": (None, 0.5)}


def create(
    harness: StoreHarness,
    space: Space | None = SPACE,
    seeds: tuple[int, ...] = (0, 1),
    objective: str = "val/accuracy:max",
    question: str = "",
) -> Study:
    return store.create_study(
        harness.db,
        name="wide",
        question=question,
        objective=Objective.parse(objective),
        space=space,
        seeds=seeds,
    )


def test_a_study_comes_back_as_it_was_made(harness: StoreHarness) -> None:
    created = create(harness, question="Which?")
    assert created == store.find_study(harness.db, "wide")
    assert created.space == SPACE
    assert created.objective == Objective("val/accuracy", "max")
    assert created.seeds == (0, 1)
    assert created.created_at.tzinfo is not None


def test_the_same_again_is_the_same_study(harness: StoreHarness) -> None:
    created = create(harness, question="Which?")
    assert create(harness) == created
    assert create(harness, dict(reversed(SPACE.items())), (1, 0)) == created
    assert create(harness, question="Which one?").question == "Which one?"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": SPACE | {"lr": (0.1,)}}, "lr: 0.1, 0.01 -> 0.1"),
        ({"space": SPACE | {"depth": (1, 2)}}, "depth: (the default) -> 1, 2"),
        ({"space": SPACE | {"dropout": (0.5,)}}, "dropout: none, 0.5 -> 0.5"),
        ({"space": None}, "space: fixed -> any"),
        ({"seeds": (0, 1, 2)}, "seeds: 0, 1 -> 0, 1, 2"),
        ({"seeds": (5,)}, "seeds: 0, 1 -> 5"),
        ({"objective": "val/loss"}, "objective: val/accuracy:max -> val/loss:min"),
    ],
)
def test_another_question_under_the_name_says_what_differs(
    harness: StoreHarness, change: dict[str, object], message: str
) -> None:
    create(harness)
    with pytest.raises(StudyExists) as caught:
        create(harness, **change)  # type: ignore[arg-type]
    assert message in caught.value.message
    assert store.find_study(harness.db, "wide").space == SPACE


def test_some_of_its_seeds_are_the_same_question(harness: StoreHarness) -> None:
    created = create(harness)
    assert create(harness, seeds=(1,)) == created


def test_an_open_study_takes_any_run_and_no_question(harness: StoreHarness) -> None:
    created = create(harness, None, ())
    assert created.is_open
    again = store.create_study(
        harness.db, name="wide", question="", objective=None, space=None, seeds=()
    )
    assert again == created
    with pytest.raises(StudyExists, match="study 'wide' is open") as caught:
        create(harness)
    assert "nnlab train --study wide OPTIONS" in str(caught.value.hint)
    assert not claiming(harness).is_open


def test_a_study_is_extended_and_keeps_what_it_has(harness: StoreHarness) -> None:
    created = create(harness, {"lr": (0.1, 0.01), "batch_norm": (True,)})
    added: Space = {"lr": (0.01, 1.0), "batch_norm": (1,), "epochs": (5,)}
    extended = store.extend_study(harness.db, "wide", space=added, seeds=(1, 2))
    assert extended == store.find_study(harness.db, "wide")
    assert extended.space is not None
    assert extended.space["lr"] == (0.1, 0.01, 1.0)
    assert list(map(repr, extended.space["batch_norm"])) == ["True", "1"]
    assert extended.space["epochs"] == (5,)
    assert extended.seeds == (0, 1, 2)
    assert (extended.id, extended.objective) == (created.id, created.objective)
    sampler = Sampler("tpe", {"trials": 40})
    assert store.extend_study(harness.db, "wide", sampler=sampler).sampler == sampler
    assert store.extend_study(harness.db, "wide").sampler == sampler
    with pytest.raises(UnknownName, match="did you mean 'wide'"):
        store.extend_study(harness.db, "wid")


def test_numbers_of_another_kind_are_another_space(harness: StoreHarness) -> None:
    create(harness, {"batch_norm": (True,)})
    with pytest.raises(StudyExists, match="batch_norm: True -> 1"):
        create(harness, {"batch_norm": (1,)})


def test_an_unknown_study_lists_the_known_and_the_nearest(harness: StoreHarness) -> None:
    with pytest.raises(UnknownName, match="did you mean 'depth'"):
        store.find_study(harness.db, "dept")


def test_an_overview_counts_current_runs_as_they_stand(harness: StoreHarness) -> None:
    finished, waiting, _ = harness.queue(3)
    harness.train(finished, 0.5)
    store.enqueue(harness.db, harness.study, harness.plans(1), repeat=True)
    create(harness)
    depth, wide = store.study_overviews(harness.db)
    assert (depth.study.name, depth.trials, depth.runs) == ("depth", 3, 3)
    assert depth.by_status == {"queued": 3}
    assert depth.last_activity is not None
    assert (wide.trials, wide.runs, wide.by_status, wide.last_activity) == (0, 0, {}, None)
    assert waiting in store.missing_run_ids(harness.db, harness.study)


LOWER = Comparison("b ends lower", "val/loss", "last", "difference", ("a", "b"), 0.0, None)
ARMS = (Arm("a", ("digest-0",)), Arm("b", ("digest-1", "digest-2")))


def claiming(harness: StoreHarness, claim: str = "b wins.", arms: tuple[Arm, ...] = ARMS) -> Study:
    return store.create_study(
        harness.db,
        name="claiming",
        question="a or b?",
        objective=None,
        space=SPACE,
        seeds=(0, 1),
        claim=claim,
        arms=arms,
        comparisons=(LOWER,),
    )


def test_a_claim_comes_back_with_its_arms_and_what_decides_it(harness: StoreHarness) -> None:
    created = claiming(harness)
    assert (created.claim, created.arms, created.comparisons) == ("b wins.", ARMS, (LOWER,))
    assert claiming(harness) == created == store.find_study(harness.db, "claiming")
    assert (create(harness).claim, create(harness).arms, create(harness).comparisons) == (
        "",
        (),
        (),
    )


def test_another_claim_is_another_question(harness: StoreHarness) -> None:
    claiming(harness)
    with pytest.raises(StudyExists, match=r"claim: b wins\. -> a wins\."):
        claiming(harness, "a wins.")
    with pytest.raises(StudyExists, match=r"arm b: 2 trials .* -> none"):
        claiming(harness, arms=ARMS[:1])


def sampling(harness: StoreHarness, sampler: Sampler | None) -> Study:
    return store.create_study(
        harness.db,
        name="sampling",
        question="",
        objective=None,
        space=SPACE,
        seeds=(0,),
        sampler=sampler,
    )


def test_a_sampler_comes_back_and_another_one_is_another_question(harness: StoreHarness) -> None:
    created = sampling(harness, Sampler("random", {"trials": 20, "prior": None}))
    assert created.sampler == Sampler("random", {"trials": 20, "prior": None})
    assert sampling(harness, Sampler("random", {"prior": None, "trials": 20})) == created
    with pytest.raises(StudyExists, match=r"sampler: random \(prior=None, trials=20\) -> grid"):
        sampling(harness, None)
    with pytest.raises(StudyExists, match=r"-> tpe$"):
        sampling(harness, Sampler("tpe"))
