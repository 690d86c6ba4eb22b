"""Requests for the runs of a `[pretrain]` table, whose weights the arms of a study start from."""

from nnlab.study.arms import pretrain_study_name
from nnlab.study.extension import Extension
from nnlab.study.request import TrainRequest
from nnlab.study.resolution import Specification, find_stored_study


def pretrain_request(request: TrainRequest) -> TrainRequest | None:
    """The request that trains the initial weights of a study; None where it needs none."""
    if request.pretrain is None or request.extend:
        return None
    name = pretrain_study_name(str(request.study))
    return TrainRequest(
        settings=request.pretrain,
        study=name,
        # Stored studies have this text: another one would be another study.
        question=f"weights that {request.study} begins with",
        name=name,
        seed=request.seed,
        seeds=request.seeds,
    )


def pretrain_extension_request(specification: Specification, db: str | None) -> TrainRequest | None:
    """The request that trains the initial weights of added seeds; None where none are needed."""
    if not isinstance(specification, Extension):
        return None
    if not specification.study.arms or not specification.seeds:
        return None
    name = pretrain_study_name(specification.study.name)
    if find_stored_study(db, name) is None:
        return None
    seeds = ",".join(map(str, specification.seeds))
    return TrainRequest(settings={}, study=name, name=name, seed=seeds, extend=True)
