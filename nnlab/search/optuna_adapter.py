"""Conversion of domains to Optuna, which is imported only if one of its samplers is used."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nnlab.errors import UsageError
from nnlab.search.domain import Domain, Domains, ParamValues, round_in_domain
from nnlab.search.sampler_request import SamplerRequest
from nnlab.settings.ranges import Range

if TYPE_CHECKING:
    import optuna

_INSTALL_HINT = "pip install nnlab[optuna]"


def check_optuna(sampler: str) -> None:
    """Checks that the packages for a sampler are installed.

    Raises:
        UsageError: Optuna or the `cmaes` package is not installed.
    """
    try:  # optional dependencies, slow to import; so are the imports below
        import cmaes  # noqa: F401
        import optuna  # noqa: F401
    except ImportError:
        raise UsageError(f"--sampler {sampler} needs Optuna", hint=_INSTALL_HINT) from None


@contextmanager
def silence_optuna() -> Iterator[None]:
    """Suppresses Optuna's log messages and its warnings about experimental features."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def create_optuna_study(
    request: SamplerRequest, sampler: "optuna.samplers.BaseSampler"
) -> "optuna.Study":
    """An empty study in memory for a single request; the results are in nnlab's own database."""
    import optuna

    is_min = request.direction == "min"
    return optuna.create_study(sampler=sampler, direction="minimize" if is_min else "maximize")


def optuna_distributions(
    domains: Domains,
) -> Mapping[str, "optuna.distributions.BaseDistribution"]:
    """The domains as Optuna distributions, by name."""
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
    """The next trial of a study, and its values rounded by `round_in_domain`."""
    trial = study.ask(dict(optuna_distributions(domains)))
    return trial, {
        name: round_in_domain(domains[name], value) for name, value in trial.params.items()
    }
