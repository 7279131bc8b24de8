"""From contributions to a value with its interval, and to a paired comparison.

Of a hundred sessions a few decide: those in which exploration took what the evaluated
policy would take, under weights of 10 to 50. Degrees of freedom count those, not all.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Floats
from toolkit.errors import UsageError
from toolkit.metrics import (
    BootstrapInterval,
    RatioOfTotals,
    cluster_bootstrap,
    group_totals,
)
from toolkit.metrics.bootstrap import (
    DifferenceOfRatios,
    LogRatioOfRatios,
    Method,
    effective_degrees,
)
from toolkit.metrics.off_policy.base import OffPolicyEstimator
from toolkit.metrics.off_policy.direct import Direct
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.inverse_propensity import (
    InversePropensity,
    SelfNormalised,
)
from toolkit.metrics.off_policy.logged import LoggedDecisions
from toolkit.metrics.off_policy.switch import Switch

__all__ = ["ESTIMATORS", "Sampling", "compare_policies", "estimate_policy"]

ESTIMATORS: tuple[OffPolicyEstimator, ...] = (
    InversePropensity(),
    SelfNormalised(),
    Direct(),
    DoublyRobust(),
    Switch(),
)
"""All of them, in the order of reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How intervals are drawn.

    Attributes
    ----------
    level : float
        Central coverage, 0..1.
    replicates : int
        Resamples of clusters.
    method : str
        As in `cluster_bootstrap`.
    """

    level: float = 0.95
    replicates: int = 2000
    method: Method = "auto"


def estimate_policy(
    estimator: OffPolicyEstimator,
    log: LoggedDecisions,
    *,
    rng: np.random.Generator,
    sampling: Sampling,
    per: LoggedDecisions | None = None,
) -> BootstrapInterval:
    """Estimate the mean cost of the evaluated policy, bounded by clusters.

    Parameters
    ----------
    estimator : OffPolicyEstimator
    log : LoggedDecisions
        Check its overlap first: this function does not refuse.
    rng : numpy.random.Generator
    sampling : Sampling
    per : LoggedDecisions, optional
        The same decisions with what was got for the cost, such as operations that
        succeeded: the value is then a ratio of expectations, seconds per success.

    Returns
    -------
    BootstrapInterval
        In the costs' unit, or that unit for each thing got.

    Examples
    --------
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0, 2.0]),
    ...     propensities=np.array([0.5, 0.5, 0.5]),
    ...     target=np.array([1.0, 0.0, 1.0]),
    ...     clusters=np.array(["s1", "s2", "s3"]),
    ... )
    >>> rng = np.random.default_rng(0)
    >>> estimate_policy(SelfNormalised(), log, rng=rng, sampling=Sampling()).estimate
    1.5
    """
    return _bounded(
        _columns(estimator, log, per),
        log,
        RatioOfTotals(),
        log.weights,
        rng=rng,
        sampling=sampling,
    )


def compare_policies(
    estimator: OffPolicyEstimator,
    log: LoggedDecisions,
    reference: LoggedDecisions,
    *,
    rng: np.random.Generator,
    sampling: Sampling,
    per: LoggedDecisions | None = None,
    reference_per: LoggedDecisions | None = None,
) -> BootstrapInterval:
    """Bound the difference of two policies from one log: below zero, the first is cheaper.

    Both estimates use the same decisions, so what they share cancels.

    Parameters
    ----------
    estimator : OffPolicyEstimator
    log, reference : LoggedDecisions
        The same decisions seen by the two policies.
    rng : numpy.random.Generator
    sampling : Sampling
    per, reference_per : LoggedDecisions, optional
        As in `estimate_policy`, both or none; the difference is then one of logarithms.

    Returns
    -------
    BootstrapInterval
        In the costs' unit; of log ratios where `per` is given.

    Raises
    ------
    UsageError
        The two do not share their decisions, or only one `per` is given.
    """
    if not np.array_equal(log.clusters, reference.clusters):
        raise UsageError("the two policies must see the same decisions")
    if (per is None) != (reference_per is None):
        raise UsageError("give both `per` and `reference_per`, or none")
    columns = [
        *_columns(estimator, log, per),
        *_columns(estimator, reference, reference_per),
    ]
    statistic = DifferenceOfRatios() if per is None else LogRatioOfRatios()
    weights = log.weights - reference.weights
    return _bounded(columns, log, statistic, weights, rng=rng, sampling=sampling)


def _columns(
    estimator: OffPolicyEstimator, log: LoggedDecisions, per: LoggedDecisions | None
) -> list[Floats]:
    costs = estimator.contributions(log)
    if per is None:
        return [costs.numerator, costs.denominator]
    return [costs.numerator, estimator.contributions(per).numerator]


def _bounded(
    columns: list[Floats],
    log: LoggedDecisions,
    statistic: RatioOfTotals | DifferenceOfRatios | LogRatioOfRatios,
    weights: Floats,
    *,
    rng: np.random.Generator,
    sampling: Sampling,
) -> BootstrapInterval:
    totals, sizes = group_totals([*columns, weights], log.clusters)
    # Errors within a session are nearly the same, so its variance is as its weight's
    # square.
    return cluster_bootstrap(
        totals[:, :-1],
        statistic,
        rng=rng,
        level=sampling.level,
        replicates=sampling.replicates,
        method=sampling.method,
        rows=int(sizes.sum()),
        degrees=effective_degrees(totals[:, -1] ** 2),
    )
