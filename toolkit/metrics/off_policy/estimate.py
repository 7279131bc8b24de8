"""From contributions to a value with its interval, and to a paired comparison.

Of a hundred sessions a few decide: those in which exploration took what the evaluated
policy would take, under weights of 10 to 50. Degrees of freedom count those, as far as
it is they that make an estimate vary, and not all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import UsageError
from toolkit.metrics.bootstrap import (
    BootstrapInterval,
    DifferenceOfRatios,
    LogRatioOfRatios,
    Method,
    RatioOfTotals,
    Statistic,
    cluster_bootstrap,
    effective_degrees,
    group_totals,
)
from toolkit.metrics.off_policy.base import OffPolicyEstimator
from toolkit.metrics.off_policy.direct import Direct
from toolkit.metrics.off_policy.doubly_robust import DoublyRobust
from toolkit.metrics.off_policy.inverse_propensity import (
    InversePropensity,
    SelfNormalised,
)
from toolkit.metrics.off_policy.logged import FloatArray, LoggedDecisions
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

_View = tuple[LoggedDecisions, LoggedDecisions | None]
"""A log as one policy sees it, and what was got for the cost where that is asked for."""


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
        estimator,
        [(log, per)],
        RatioOfTotals(),
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

    Raises
    ------
    UsageError
        The two do not share their decisions, or only one `per` is given.
    """
    if not np.array_equal(log.clusters, reference.clusters):
        raise UsageError("the two policies must see the same decisions")
    if (per is None) != (reference_per is None):
        raise UsageError("give both `per` and `reference_per`, or none")
    return _bounded(
        estimator,
        [(log, per), (reference, reference_per)],
        DifferenceOfRatios() if per is None else LogRatioOfRatios(),
        rng=rng,
        sampling=sampling,
    )


def _bounded(
    estimator: OffPolicyEstimator,
    views: Sequence[_View],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    sampling: Sampling,
) -> BootstrapInterval:
    clusters = views[0][0].clusters
    totals, sizes = group_totals(_columns(estimator, views), clusters)
    return cluster_bootstrap(
        totals,
        statistic,
        rng=rng,
        level=sampling.level,
        replicates=sampling.replicates,
        method=sampling.method,
        rows=int(sizes.sum()),
        degrees=_degrees(estimator, views, totals, statistic),
    )


def _columns(estimator: OffPolicyEstimator, views: Sequence[_View]) -> list[FloatArray]:
    columns = []
    for log, per in views:
        costs = estimator.contributions(log)
        bottom = (
            costs.denominator if per is None else estimator.contributions(per).numerator
        )
        columns += [costs.numerator, bottom]
    return columns


def _degrees(
    estimator: OffPolicyEstimator,
    views: Sequence[_View],
    totals: FloatArray,
    statistic: Statistic,
) -> float:
    """Count degrees of freedom by what each cluster is expected to add to the variance.

    What an estimator would say had nothing matched varies alike in all clusters. The
    rest, the weighted errors, are nearly one error within a session, so that its
    variance is as the square of the weights' sum.
    """
    clusters = views[0][0].clusters
    unmatched = [(_unmatched(log), per and _unmatched(per)) for log, per in views]
    model, _ = group_totals(_columns(estimator, unmatched), clusters)
    weights = views[0][0].weights - (views[1][0].weights if len(views) > 1 else 0.0)
    squares = group_totals([weights], clusters)[0][:, 0] ** 2
    sums = totals.sum(axis=0)
    statistic.value(sums)  # refuses sums that have no slope
    slope = statistic.gradient(sums)
    alike, weighted = (float((part @ slope).var()) for part in (model, totals - model))
    usual = float(squares.mean())
    return effective_degrees(alike + weighted * (squares / usual if usual else squares))


def _unmatched(log: LoggedDecisions) -> LoggedDecisions:
    return replace(log, target=np.zeros_like(log.target))
