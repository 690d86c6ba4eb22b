"""A study is made once and never becomes another question."""

import pytest
from store.store_fixtures import Lab

from nnlab import store
from nnlab.errors import StudyExists, UnknownName
from nnlab.records import Arm, Comparison, Objective, Sampler, Scalar, Study

Space = dict[str, tuple[Scalar, ...]]

SPACE: Space = {"lr": (0.1, 0.01), "opt": ("sgd", "adam"), "dropout": (None, 0.5)}


def create(
    lab: Lab,
    space: Space | None = SPACE,
    seeds: tuple[int, ...] = (0, 1),
    objective: str = "val/accuracy:max",
    question: str = "",
) -> Study:
    return store.create_study(
        lab.db,
        name="wide",
        question=question,
        objective=Objective.parse(objective),
        space=space,
        seeds=seeds,
    )


def test_a_study_comes_back_as_it_was_made(lab: Lab) -> None:
    made = create(lab, question="Which?")
    assert made == store.find_study(lab.db, "wide")
    assert made.space == SPACE
    assert made.objective == Objective("val/accuracy", "max")
    assert made.seeds == (0, 1)
    assert made.created_at.tzinfo is not None


def test_the_same_again_is_the_same_study(lab: Lab) -> None:
    made = create(lab, question="Which?")
    assert create(lab) == made
    assert create(lab, dict(reversed(SPACE.items())), (1, 0)) == made
    assert create(lab, question="Which one?").question == "Which one?"


@pytest.mark.parametrize(
    ("change", "told"),
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
    lab: Lab, change: dict[str, object], told: str
) -> None:
    create(lab)
    with pytest.raises(StudyExists) as caught:
        create(lab, **change)  # type: ignore[arg-type]
    assert told in caught.value.message
    assert store.find_study(lab.db, "wide").space == SPACE


def test_some_of_its_seeds_are_the_same_question(lab: Lab) -> None:
    made = create(lab)
    assert create(lab, seeds=(1,)) == made


def test_an_open_study_takes_any_run_and_no_question(lab: Lab) -> None:
    made = create(lab, None, ())
    assert made.is_open
    again = store.create_study(
        lab.db, name="wide", question="", objective=None, space=None, seeds=()
    )
    assert again == made
    with pytest.raises(StudyExists, match="study 'wide' is open") as caught:
        create(lab)
    assert "nnlab train --study wide OPTIONS" in str(caught.value.hint)
    assert not claiming(lab).is_open


def test_a_study_is_extended_and_keeps_what_it_has(lab: Lab) -> None:
    made = create(lab, {"lr": (0.1, 0.01), "batch_norm": (True,)})
    added: Space = {"lr": (0.01, 1.0), "batch_norm": (1,), "epochs": (5,)}
    extended = store.extend_study(lab.db, "wide", space=added, seeds=(1, 2))
    assert extended == store.find_study(lab.db, "wide")
    assert extended.space is not None
    assert extended.space["lr"] == (0.1, 0.01, 1.0)
    assert list(map(repr, extended.space["batch_norm"])) == ["True", "1"]
    assert extended.space["epochs"] == (5,)
    assert extended.seeds == (0, 1, 2)
    assert (extended.id, extended.objective) == (made.id, made.objective)
    sampler = Sampler("tpe", {"trials": 40})
    assert store.extend_study(lab.db, "wide", sampler=sampler).sampler == sampler
    assert store.extend_study(lab.db, "wide").sampler == sampler
    with pytest.raises(UnknownName, match="did you mean 'wide'"):
        store.extend_study(lab.db, "wid")


def test_numbers_of_another_kind_are_another_space(lab: Lab) -> None:
    create(lab, {"batch_norm": (True,)})
    with pytest.raises(StudyExists, match="batch_norm: True -> 1"):
        create(lab, {"batch_norm": (1,)})


def test_an_unknown_study_lists_the_known_and_the_nearest(lab: Lab) -> None:
    with pytest.raises(UnknownName, match="did you mean 'depth'"):
        store.find_study(lab.db, "dept")


def test_an_overview_counts_current_runs_as_they_stand(lab: Lab) -> None:
    finished, waiting, _ = lab.queue(3)
    lab.train(finished, 0.5)
    store.enqueue(lab.db, lab.study, lab.plans(1), repeat=True)
    create(lab)
    depth, wide = store.study_overviews(lab.db)
    assert (depth.study.name, depth.trials, depth.runs) == ("depth", 3, 3)
    assert depth.by_status == {"queued": 3}
    assert depth.last_activity is not None
    assert (wide.trials, wide.runs, wide.by_status, wide.last_activity) == (0, 0, {}, None)
    assert waiting in store.missing_run_ids(lab.db, lab.study)


LOWER = Comparison("b ends lower", "val/loss", "last", "difference", ("a", "b"), 0.0, None)
ARMS = (Arm("a", ("digest-0",)), Arm("b", ("digest-1", "digest-2")))


def claiming(lab: Lab, claim: str = "b wins.", arms: tuple[Arm, ...] = ARMS) -> Study:
    return store.create_study(
        lab.db,
        name="claiming",
        question="a or b?",
        objective=None,
        space=SPACE,
        seeds=(0, 1),
        claim=claim,
        arms=arms,
        comparisons=(LOWER,),
    )


def test_a_claim_comes_back_with_its_arms_and_what_decides_it(lab: Lab) -> None:
    made = claiming(lab)
    assert (made.claim, made.arms, made.comparisons) == ("b wins.", ARMS, (LOWER,))
    assert claiming(lab) == made == store.find_study(lab.db, "claiming")
    assert (create(lab).claim, create(lab).arms, create(lab).comparisons) == ("", (), ())


def test_another_claim_is_another_question(lab: Lab) -> None:
    claiming(lab)
    with pytest.raises(StudyExists, match=r"claim: b wins\. -> a wins\."):
        claiming(lab, "a wins.")
    with pytest.raises(StudyExists, match=r"arm b: 2 trials .* -> none"):
        claiming(lab, arms=ARMS[:1])


def sampling(lab: Lab, sampler: Sampler | None) -> Study:
    return store.create_study(
        lab.db,
        name="sampling",
        question="",
        objective=None,
        space=SPACE,
        seeds=(0,),
        sampler=sampler,
    )


def test_a_sampler_comes_back_and_another_one_is_another_question(lab: Lab) -> None:
    made = sampling(lab, Sampler("random", {"trials": 20, "prior": None}))
    assert made.sampler == Sampler("random", {"trials": 20, "prior": None})
    assert sampling(lab, Sampler("random", {"prior": None, "trials": 20})) == made
    with pytest.raises(StudyExists, match=r"sampler: random \(prior=None, trials=20\) -> grid"):
        sampling(lab, None)
    with pytest.raises(StudyExists, match=r"-> tpe$"):
        sampling(lab, Sampler("tpe"))
