"""The interval of a share: counts in, bounds out, and never 0 or 1 for certain."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from toolkit.errors import NotEnoughDataError, UsageError

__all__ = ["ShareInterval", "wilson"]


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
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return ShareInterval(
        estimate=share,
        low=min(share, max(0.0, centre - half)),
        high=max(share, min(1.0, centre + half)),
    )
