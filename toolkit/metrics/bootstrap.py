"""Cluster bootstrap: intervals when rows of one group are not independent.

Rows of one session, job or application share what made them fast or slow, so groups are
resampled, never rows. Every statistic here is a smooth function of *totals over groups*
(a mean is the total of the values over the number of rows), so that thousands of
resamples are two matrix products.

Few groups need a correction. Three are here, and their combination:

* ``studentized``: the bootstrap distribution of the t ratio, which learns the skew;
* ``jackknife``: the leave-one-group-out standard error (CV3) with Student's t of
  groups - 1 degrees of freedom, which holds with uneven groups, or of fewer where the
  caller knows that few of the groups decide (`effective_degrees`);
* ``bca``: percentiles corrected for bias and acceleration and widened for few groups,
  for statistics that are bounded, where an interval must not leave their range;
* ``widest``: on each side the wider of the first two. Of means over 6, 20 and 100
  uneven groups, nominal 95 %, it held the truth in 94, 96 and 95 % with normal and 92,
  95 and 96 % with log-normal groups; the jackknife alone in 86, 92 and 94 % of the
  latter (1,000 simulated samples each).

References
----------
Efron, *Better bootstrap confidence intervals*, JASA 82 (1987). Davison and Hinkley,
*Bootstrap Methods and their Application* (1997), 2.4 and 5.2. MacKinnon, Nielsen and
Webb, *Cluster-robust inference: a guide to empirical practice*, Journal of
Econometrics 232 (2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics.student_t import student_t_quantile

__all__ = [
    "BootstrapInterval",
    "DifferenceOfRatios",
    "LogRatioOfRatios",
    "RatioOfTotals",
    "TotalsFunction",
    "cluster_bootstrap",
    "effective_degrees",
    "group_bootstrap",
    "group_totals",
    "paired_group_bootstrap",
]

Method = Literal["auto", "widest", "studentized", "jackknife", "bca"]

WIDEST_FROM_GROUPS = 6
"""`auto` is `widest` from here on; of fewer groups a bootstrap knows too few resamples."""
REPLICATES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapInterval:
    """An estimate with its interval.

    Attributes
    ----------
    estimate, low, high : float
        In the unit of the statistic; `low` and `high` bound the central `level`.
    standard_error : float
        Cluster-robust, same unit.
    level : float
        Nominal coverage, 0..1.
    groups, rows : int
        How many groups were resampled, and how many rows they hold.
    method : str
        `widest`, `studentized`, `jackknife` or `bca`.
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    level: float
    groups: int
    rows: int
    method: str

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


class TotalsFunction(Protocol):
    """A smooth function of the totals of some columns."""

    def value(self, totals: Floats) -> Floats:
        """Evaluate at totals of shape (..., columns); shape (...).

        Parameters
        ----------
        totals : array of shape (..., columns)
            Sums over rows, of one column each.

        Returns
        -------
        array of shape (...)
        """
        ...

    def gradient(self, totals: Floats) -> Floats:
        """Differentiate by the totals; shape (..., columns).

        Parameters
        ----------
        totals : array of shape (..., columns)

        Returns
        -------
        array of shape (..., columns)
        """
        ...


@dataclass(frozen=True, slots=True)
class RatioOfTotals:
    """First total over second: a mean, a weighted mean, seconds per success.

    Examples
    --------
    >>> float(RatioOfTotals().value(np.array([6.0, 3.0])))
    2.0
    """

    def value(self, totals: Floats) -> Floats:
        """Evaluate at totals of shape (..., 2)."""
        return np.asarray(totals[..., 0] / totals[..., 1], dtype=np.float64)

    def gradient(self, totals: Floats) -> Floats:
        """Differentiate by both totals."""
        top, bottom = totals[..., 0], totals[..., 1]
        return np.stack([1 / bottom, -top / bottom**2], axis=-1)


@dataclass(frozen=True, slots=True)
class DifferenceOfRatios:
    """First ratio minus second, of four totals: paired, since groups are shared.

    Examples
    --------
    >>> float(DifferenceOfRatios().value(np.array([6.0, 3.0, 4.0, 4.0])))
    1.0
    """

    def value(self, totals: Floats) -> Floats:
        """Evaluate at totals of shape (..., 4)."""
        ratio = RatioOfTotals()
        return ratio.value(totals[..., :2]) - ratio.value(totals[..., 2:])

    def gradient(self, totals: Floats) -> Floats:
        """Differentiate by the four totals."""
        ratio = RatioOfTotals()
        first, second = ratio.gradient(totals[..., :2]), ratio.gradient(totals[..., 2:])
        return np.concatenate([first, -second], axis=-1)


@dataclass(frozen=True, slots=True)
class LogRatioOfRatios:
    """Logarithm of first ratio over second: relative gain where costs are ratios.

    Examples
    --------
    >>> float(LogRatioOfRatios().value(np.array([6.0, 3.0, 4.0, 4.0])))
    0.6931
    """

    def value(self, totals: Floats) -> Floats:
        """Evaluate at totals of shape (..., 4).

        Raises
        ------
        NotEnoughDataError
            A total is not above 0, as happens where few huge weights decide.
        """
        positive = (totals > 0).all(axis=-1)
        if not positive.all():
            raise NotEnoughDataError(
                "a ratio of costs",
                got=int(np.sum(positive)),
                needed=positive.size,
                unit="resamples whose totals are above 0",
            )
        logs = np.log(totals)
        return np.asarray(logs @ np.array([1.0, -1.0, -1.0, 1.0]), dtype=np.float64)

    def gradient(self, totals: Floats) -> Floats:
        """Differentiate by the four totals."""
        return np.array([1.0, -1.0, -1.0, 1.0]) / totals


def group_totals(
    columns: Sequence[ArrayLike], groups: ArrayLike
) -> tuple[Floats, NDArray[np.int64]]:
    """Sum columns within groups.

    Parameters
    ----------
    columns : sequence of array-like of shape (rows,)
        All finite.
    groups : array-like of shape (rows,)
        Label of each row.

    Returns
    -------
    totals : ndarray of shape (groups, columns)
    sizes : ndarray of shape (groups,)
        Rows in each group.

    Raises
    ------
    UsageError
        Lengths differ, there is no row, or a value is not finite.

    Examples
    --------
    >>> totals, sizes = group_totals([[1, 2, 4]], ["a", "a", "b"])
    >>> totals.tolist(), sizes.tolist()
    ([[3.0], [4.0]], [2, 1])
    """
    labels = np.asarray(groups)
    table = [np.asarray(column, dtype=np.float64) for column in columns]
    if labels.ndim != 1 or not labels.size:
        raise UsageError(f"`groups` must be a non-empty list (got {labels.shape})")
    for column in table:
        if column.shape != labels.shape:
            raise UsageError(
                f"values and groups differ in shape: {column.shape} and {labels.shape}"
            )
        if not np.isfinite(column).all():
            raise UsageError("values must be finite; leave out rows that are not known")
    _, codes = np.unique(labels, return_inverse=True)
    sums = [np.bincount(codes, weights=column) for column in table]
    return np.stack(sums, axis=1), np.bincount(codes).astype(np.int64)


def cluster_bootstrap(
    totals: Floats,
    statistic: TotalsFunction,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    replicates: int = REPLICATES,
    method: Method = "auto",
    rows: int | None = None,
    degrees: float | None = None,
) -> BootstrapInterval:
    """Bound a smooth function of totals over groups.

    Parameters
    ----------
    totals : ndarray of shape (groups, columns)
        One row for each independent group.
    statistic : TotalsFunction
        Function of the column sums.
    rng : numpy.random.Generator
        Draws the resamples; the jackknife draws none.
    level : float
        Central coverage, inside 0..1.
    replicates : int
        Resamples, at least 200.
    method : {'auto', 'widest', 'studentized', 'jackknife', 'bca'}
        See the module; `auto` goes by the number of groups.
    rows : int, optional
        Rows behind the totals, carried into the answer; the groups if not given.
    degrees : float, optional
        Degrees of freedom, at least 1, of the jackknife's t; groups - 1 if not given.

    Returns
    -------
    BootstrapInterval

    Raises
    ------
    NotEnoughDataError
        Fewer than two groups: the spread between groups cannot be known.
    UsageError
        `level` or `replicates` is outside its range.
    """
    if not 0 < level < 1 or replicates < 200:
        raise UsageError(
            f"`level` must be inside 0..1 and `replicates` at least 200 "
            f"(got {level}, {replicates})"
        )
    groups = len(totals)
    if groups < 2:
        raise NotEnoughDataError(
            "an interval over groups", got=groups, needed=2, unit="groups"
        )
    chosen = _chosen(method, groups)
    estimate = float(statistic.value(totals.sum(axis=0)))
    bounds: list[tuple[float, float, float]] = []
    if chosen in ("jackknife", "widest"):
        bounds.append(_jackknife(totals, statistic, level, degrees or groups - 1))
    if chosen != "jackknife":
        weights = _resamples(groups, replicates, rng)
        bounded = _bca if chosen == "bca" else _studentized
        bounds.append(bounded(totals, statistic, weights, level))
    low = min(bound[0] for bound in bounds)
    high = max(bound[1] for bound in bounds)
    error = bounds[0][2]
    return BootstrapInterval(
        estimate=estimate,
        low=low,
        high=high,
        standard_error=error,
        level=level,
        groups=groups,
        rows=groups if rows is None else rows,
        method=chosen,
    )


def effective_degrees(shares: ArrayLike) -> float:
    """Count the degrees of freedom of a variance to which groups add unevenly.

    A sum of independent squares with expectations v is nearest to a scaled chi-square of
    (sum v)^2 / sum v^2 degrees; one is lost to the mean.

    Parameters
    ----------
    shares : array-like of shape (groups,)
        What each group is expected to add to the variance, from 0, up to a factor.

    Returns
    -------
    float
        From 1 to groups - 1 (at least 1).

    References
    ----------
    Satterthwaite, *An approximate distribution of estimates of variance components*,
    Biometrics Bulletin 2 (1946). Imbens and Kolesar, *Robust standard errors in small
    samples*, Review of Economics and Statistics 98 (2016). Carter, Schnepel and
    Steigerwald, *Asymptotic behavior of a t-test robust to cluster heterogeneity*,
    Review of Economics and Statistics 99 (2017).

    Examples
    --------
    >>> effective_degrees([1, 1, 1, 1, 1]), effective_degrees([9, 1, 0, 0, 0])
    (4.0, 1.0)
    """
    added = np.asarray(shares, dtype=np.float64)
    squares = float((added**2).sum())
    if not squares:
        return float(max(1, len(added) - 1))
    return max(1.0, float(added.sum()) ** 2 / squares - 1)


def group_bootstrap(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    replicates: int = REPLICATES,
    method: Method = "auto",
) -> BootstrapInterval:
    """Bound the mean over rows when whole groups were sampled.

    Parameters
    ----------
    values : array-like of shape (rows,)
        For instance log slowdowns, one for each problem.
    groups : array-like of shape (rows,)
        What was sampled as a whole.
    rng : numpy.random.Generator
    level, replicates, method
        As in `cluster_bootstrap`.

    Returns
    -------
    BootstrapInterval
        Of the mean over rows; `groups` counts the clusters.

    Examples
    --------
    >>> interval = group_bootstrap(
    ...     [0.1, 0.2, 0.4, 0.1], ["a", "a", "b", "c"], rng=np.random.default_rng(0)
    ... )
    >>> interval.estimate, interval.groups, interval.method
    (0.2, 3, 'jackknife')
    """
    column = np.asarray(values, dtype=np.float64)
    totals, sizes = group_totals([column, np.ones_like(column)], groups)
    return cluster_bootstrap(
        totals,
        RatioOfTotals(),
        rng=rng,
        level=level,
        replicates=replicates,
        method=method,
        rows=int(sizes.sum()),
    )


def paired_group_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    groups: ArrayLike,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    replicates: int = REPLICATES,
    method: Method = "auto",
) -> BootstrapInterval:
    """Bound mean(first - second) over the same rows: below zero, the first is cheaper.

    Parameters
    ----------
    first, second : array-like of shape (rows,)
        Two policies' log costs on the same problems, in the same order.
    groups : array-like of shape (rows,)
    rng : numpy.random.Generator
    level, replicates, method
        As in `cluster_bootstrap`.

    Returns
    -------
    BootstrapInterval
        Of the mean difference in log cost.

    Raises
    ------
    UsageError
        The two differ in length.

    Examples
    --------
    >>> interval = paired_group_bootstrap(
    ...     [1.0, 2.0, 3.0], [1.5, 2.4, 3.6], list("abc"), rng=np.random.default_rng(0)
    ... )
    >>> interval.estimate, interval.excludes_zero
    (-0.5, True)
    """
    left = np.asarray(first, dtype=np.float64)
    right = np.asarray(second, dtype=np.float64)
    if left.shape != right.shape:
        raise UsageError(f"pairs differ in shape: {left.shape} and {right.shape}")
    return group_bootstrap(
        left - right,
        groups,
        rng=rng,
        level=level,
        replicates=replicates,
        method=method,
    )


def _chosen(method: Method, groups: int) -> str:
    if method != "auto":
        return method
    return "jackknife" if groups < WIDEST_FROM_GROUPS else "widest"


def _resamples(groups: int, replicates: int, rng: np.random.Generator) -> Floats:
    """Draw how often each group is in each resample; shape (replicates, groups)."""
    drawn = rng.integers(groups, size=(replicates, groups))
    drawn += groups * np.arange(replicates)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=replicates * groups)
    return counts.reshape(replicates, groups).astype(np.float64)


def _jackknife(
    totals: Floats, statistic: TotalsFunction, level: float, degrees: float
) -> tuple[float, float, float]:
    groups = len(totals)
    sums = totals.sum(axis=0)
    estimate = float(statistic.value(sums))
    without = statistic.value(sums - totals)
    error = float(np.sqrt((groups - 1) / groups * ((without - estimate) ** 2).sum()))
    reach = student_t_quantile((1 + level) / 2, degrees) * error
    return estimate - reach, estimate + reach, error


def _studentized(
    totals: Floats, statistic: TotalsFunction, weights: Floats, level: float
) -> tuple[float, float, float]:
    sums = totals.sum(axis=0)
    estimate = float(statistic.value(sums))
    error = float(_linear_errors(totals, statistic, np.ones((1, len(totals))))[0])
    if error == 0:
        return estimate, estimate, 0.0
    errors = _linear_errors(totals, statistic, weights)
    moved = statistic.value(weights @ totals) - estimate
    # A resample without spread says nothing about the ratio's tail but that it is far.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(moved == 0, 0.0, moved / errors)
    tail = (1 - level) / 2
    below, above = np.quantile(ratios, [tail, 1 - tail], method="inverted_cdf")
    return estimate - float(above) * error, estimate - float(below) * error, error


def _linear_errors(
    totals: Floats, statistic: TotalsFunction, weights: Floats
) -> Floats:
    """Compute the cluster-robust standard error of each resample by linearisation."""
    groups, columns = totals.shape
    sums = weights @ totals
    products = (totals[:, :, None] * totals[:, None, :]).reshape(groups, -1)
    moments = (weights @ products).reshape(-1, columns, columns)
    spread = moments - sums[:, :, None] * sums[:, None, :] / groups
    slope = statistic.gradient(sums)
    variance = np.einsum("bi,bij,bj->b", slope, spread, slope)
    return np.asarray(
        np.sqrt(np.maximum(variance, 0) * groups / (groups - 1)), dtype=np.float64
    )


def _bca(
    totals: Floats, statistic: TotalsFunction, weights: Floats, level: float
) -> tuple[float, float, float]:
    sums = totals.sum(axis=0)
    estimate = float(statistic.value(sums))
    drawn = np.sort(statistic.value(weights @ totals))
    without = statistic.value(sums - totals)
    lean = without.mean() - without
    spread = float((lean**2).sum())
    error = float(np.sqrt((len(totals) - 1) / len(totals) * spread))
    if spread == 0:
        return estimate, estimate, 0.0
    acceleration = float((lean**3).sum()) / (6 * spread**1.5)
    below = (drawn < estimate).mean() + (drawn == estimate).mean() / 2
    edge = 1 / (2 * len(drawn))
    normal = NormalDist()
    bias = normal.inv_cdf(float(np.clip(below, edge, 1 - edge)))
    bounds = []
    for probability in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + _expanded(probability, len(totals))
        place = normal.cdf(bias + shifted / (1 - acceleration * shifted))
        bounds.append(float(np.quantile(drawn, place)))
    return bounds[0], bounds[1], error


def _expanded(probability: float, groups: int) -> float:
    """Widen a normal quantile for few groups: Hesterberg, The American Statistician 69 (2015)."""
    widening = float(np.sqrt(groups / (groups - 1)))
    return widening * student_t_quantile(probability, groups - 1)
