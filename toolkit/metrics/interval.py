"""The interval of a share: counts in, bounds out, and never 0 or 1 for certain."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from toolkit.errors import NotEnoughDataError, UsageError

__all__ = ["ShareInterval", "clustered_wilson", "wilson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareInterval:
    """A share with its interval, all 0 to 1.

    Attributes
    ----------
    estimate : float
        Successes / trials.
    low, high : float
        Bounds that hold the true share with the confidence asked for.
    """

    estimate: float
    low: float
    high: float


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> ShareInterval:
    """Bound a share by Wilson's score interval.

    It keeps its coverage with few trials and with shares near 0 and 1, where the
    textbook interval collapses to a point.

    Parameters
    ----------
    successes, trials : int
        0 <= successes <= trials.
    confidence : float
        Above 0 and below 1.

    Returns
    -------
    ShareInterval
        Estimate and both bounds, each 0 to 1.

    Raises
    ------
    NotEnoughDataError
        Without trials there is no share.
    UsageError
        The counts or the confidence are out of range.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22.

    Examples
    --------
    >>> bounds = wilson(9, 10)
    >>> round(bounds.low, 4), bounds.estimate, round(bounds.high, 4)
    (0.5958, 0.9, 0.9821)
    """
    if not 0 <= successes <= trials:
        raise UsageError(
            f"`successes` must be within 0 to `trials`, got {successes} of {trials}"
        )
    if not 0 < confidence < 1:
        raise UsageError(f"`confidence` must be within 0 to 1, got {confidence}")
    if not trials:
        raise NotEnoughDataError("a share", got=0, needed=1, unit="trials")
    return _score_interval(successes / trials, float(trials), confidence)


def clustered_wilson(
    clusters: Sequence[tuple[int, int]], *, confidence: float = 0.95
) -> ShareInterval:
    """Bound a share of events that come in clusters, sessions for one.

    Events of one session resemble each other; taken as independent they make an
    interval several times too narrow. The variance is that of a ratio between clusters,
    and Wilson's interval is taken at the sample size that would have this variance.

    Parameters
    ----------
    clusters : sequence of (int, int)
        Successes and trials of each.
    confidence : float
        Above 0 and below 1.

    Returns
    -------
    ShareInterval
        With one cluster alone its trials count as one: nothing is known of others.

    Raises
    ------
    NotEnoughDataError
        Without trials there is no share.

    References
    ----------
    Rao and Scott (1992), "A simple method for the analysis of clustered binary data",
    Biometrics 48.

    Examples
    --------
    >>> alike = [(10, 10), (0, 10)] * 5
    >>> bounds = clustered_wilson(alike)
    >>> round(bounds.low, 2), bounds.estimate, round(bounds.high, 2)
    (0.23, 0.5, 0.77)
    """
    trials = sum(count for _, count in clusters)
    if not trials:
        raise NotEnoughDataError("a share", got=0, needed=1, unit="trials")
    known = [(successes, count) for successes, count in clusters if count]
    share = sum(successes for successes, _ in known) / trials
    many = len(known)
    if many == 1:
        return _score_interval(share, 1.0, confidence)
    spread = sum((successes - share * count) ** 2 for successes, count in known)
    variance = spread * many / (many - 1) / trials**2
    independent = share * (1 - share) / trials
    effect = variance / independent if independent > 0 else trials / many
    return _score_interval(share, trials / max(1.0, effect), confidence)


def _score_interval(share: float, trials: float, confidence: float) -> ShareInterval:
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return ShareInterval(
        estimate=share,
        low=min(share, max(0.0, centre - half)),
        high=max(share, min(1.0, centre + half)),
    )
