"""Optuna, imported only where one of its samplers is used, and our domains in its words."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnlab.config.ranges import Range
from nnlab.errors import UsageError
from nnlab.search.domain import Domain, Domains, ParamValues, round_in_domain
from nnlab.search.sampler_request import SamplerRequest

if TYPE_CHECKING:
    import optuna

_INSTALL_HINT = "pip install nnlab[optuna]"


def check_optuna(sampler: str) -> None:
    """Says at once what is missing for a sampler.

    Raises:
        UsageError: Optuna or the `cmaes` package is not installed.
    """
    try:
        import cmaes  # noqa: F401
        import optuna  # noqa: F401
    except ImportError:
        raise UsageError(f"--sampler {sampler} needs Optuna", hint=_INSTALL_HINT) from None


@contextmanager
def silence_optuna() -> Iterator[None]:
    """Without Optuna's log lines and its warnings that a feature is new."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def create_optuna_study(
    question: SamplerRequest, sampler: "optuna.samplers.BaseSampler"
) -> "optuna.Study":
    """A study in memory, forgotten when the question is answered: what is known is in our store."""
    import optuna

    low = question.direction == "min"
    return optuna.create_study(sampler=sampler, direction="minimize" if low else "maximize")


def optuna_distributions(
    domains: Domains,
) -> Mapping[str, "optuna.distributions.BaseDistribution"]:
    """Optuna's words for domains."""
    return {name: _optuna_distribution(domain) for name, domain in domains.items()}


def _optuna_distribution(domain: Domain) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if not isinstance(domain, Range):
        return CategoricalDistribution(domain)
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def ask_trial(study: "optuna.Study", domains: Domains) -> tuple["optuna.trial.Trial", ParamValues]:
    """The next trial of a study, and its values as we write them."""
    trial = study.ask(dict(optuna_distributions(domains)))
    return trial, {
        name: round_in_domain(domains[name], value) for name, value in trial.params.items()
    }
