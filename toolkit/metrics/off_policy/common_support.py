"""Whether a log can say anything about another policy at all."""

from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics import student_t_quantile
from toolkit.metrics.off_policy.logged import LoggedDecisions

__all__ = ["Overlap", "OverlapLimits", "check_overlap", "overlap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapLimits:
    """What a log must have before an estimate from it is shown.

    Attributes
    ----------
    matched : int
        Decisions in which the logging policy took what the evaluated one would take
        (and, in a comparison, the reference would not).
    clusters : int
        Clusters with such a decision.
    effective : float
        Effective sample size over clusters.
    supported : float
        Share, 0..1, of the evaluated policy's actions that the logging policy can take,
        which the mean weight estimates, must not be shown to lie below this.
    level : float
        One-sided level of that showing.
    """

    matched: int = 12
    clusters: int = 8
    effective: float = 8.0
    supported: float = 0.98
    level: float = 0.995


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How much of one policy another policy's log has seen.

    Attributes
    ----------
    decisions, clusters : int
        Size of the log.
    matched, matched_clusters : int
        Decisions, and clusters with a decision, that the evaluated policy could have
        taken and the reference, if there is one, takes with another probability.
    effective_sample_size : float
        (sum of weights)^2 / sum of squared weights: Kish (1965), 8.2.
    effective_clusters : float
        The same over sums of weights within clusters.
    mean_weight, mean_weight_high : float
        Its expectation is the share of the policy that the logging policy can take, so
        1 with full support; and its upper bound.
    largest_weight : float
    smallest_propensity : float
        Among matched decisions, 0..1; 1 where none matched.
    """

    decisions: int
    clusters: int
    matched: int
    matched_clusters: int
    effective_sample_size: float
    effective_clusters: float
    mean_weight: float
    mean_weight_high: float
    largest_weight: float
    smallest_propensity: float


def overlap(
    log: LoggedDecisions,
    *,
    reference: LoggedDecisions | None = None,
    limits: OverlapLimits | None = None,
) -> Overlap:
    """Measure the overlap of the logging and the evaluated policy.

    Parameters
    ----------
    log : LoggedDecisions
    reference : LoggedDecisions, optional
        The same decisions seen by the policy to compare with: where the two agree, the
        log says nothing about their difference, so only the rest counts as matched.
    limits : OverlapLimits, optional
        For the level of the mean weight's bound.

    Returns
    -------
    Overlap
        Matched decisions, effective sample size and the bound of the mean weight.

    Raises
    ------
    UsageError
        The reference is another log.

    Examples
    --------
    >>> log = LoggedDecisions(
    ...     costs=np.array([1.0, 3.0, 2.0]),
    ...     propensities=np.array([0.5, 0.5, 0.5]),
    ...     target=np.array([1.0, 0.0, 1.0]),
    ...     clusters=np.array(["s1", "s2", "s3"]),
    ... )
    >>> found = overlap(log)
    >>> found.matched, found.effective_sample_size
    (2, 2.0)
    """
    level = (limits or OverlapLimits()).level
    weights = log.weights
    matched = log.target > 0
    if reference is not None:
        if len(reference.target) != len(log.target):
            raise UsageError("the reference must see the same decisions")
        matched &= log.target != reference.target
    _, codes = np.unique(log.clusters, return_inverse=True)
    sums = np.asarray(np.bincount(codes, weights=weights), dtype=np.float64)
    sizes = np.bincount(codes).astype(np.float64)
    return Overlap(
        decisions=len(weights),
        clusters=len(sizes),
        matched=int(matched.sum()),
        matched_clusters=len(np.unique(codes[matched])),
        effective_sample_size=_effective(weights),
        effective_clusters=_effective(sums),
        mean_weight=float(weights.mean()),
        mean_weight_high=_mean_high(sums, sizes, level),
        largest_weight=float(weights.max()),
        smallest_propensity=float(
            log.propensities[matched].min() if matched.any() else 1.0
        ),
    )


def check_overlap(found: Overlap, limits: OverlapLimits, *, policy: str) -> None:
    """Refuse an estimate that the log cannot carry.

    Parameters
    ----------
    found : Overlap
    limits : OverlapLimits
    policy : str
        What the evaluated policy is called in the message.

    Raises
    ------
    NotEnoughDataError
        With the limit that is not met, and why.
    """
    question = f"an off-policy estimate of `{policy}`"
    if not found.matched:
        raise NotEnoughDataError(
            f"{question} (the logging policy never took its action; log with "
            "exploration on)",
            got=0,
            needed=limits.matched,
            unit="matching decisions",
        )
    for got, needed, unit in (
        (found.matched, limits.matched, "matching decisions"),
        (found.matched_clusters, limits.clusters, "clusters with a matching decision"),
        (found.effective_clusters, limits.effective, "effective clusters"),
    ):
        if got < needed:
            raise NotEnoughDataError(
                question, got=int(got), needed=int(needed), unit=unit
            )
    if found.mean_weight_high < limits.supported:
        raise NotEnoughDataError(
            f"{question} (some of its actions have no chance of being logged)",
            got=round(100 * found.mean_weight),
            needed=round(100 * limits.supported),
            unit="% of its actions with support",
        )


def _effective(weights: Floats) -> float:
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def _mean_high(sums: Floats, sizes: Floats, level: float) -> float:
    """Bound the mean weight from above by the clusters' spread."""
    clusters, rows = len(sizes), float(sizes.sum())
    mean = float(sums.sum()) / rows
    if clusters < 2:
        return float("inf")
    residuals = sums - mean * sizes
    error = np.sqrt(clusters / (clusters - 1) * float((residuals**2).sum())) / rows
    return mean + student_t_quantile(level, clusters - 1) * float(error)
