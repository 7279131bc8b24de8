"""How far the predicted cost is off, by batch size: what is seen of one size tells of others.

The error of the predicted log cost is a Gaussian process over log2 of the size: a level
that all sizes share and that drifts, a tilt, smooth deviations that reach about one
doubling far, and a part that is each size's own. How large the deviations are is the
bundle's word at first, from cross-fitting, and the observations' once they are larger.

References
----------
Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), 2.2.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["ErrorCurve", "Floats", "Sizes"]

LEVEL_VARIANCE = 100.0
"""Prior variance of the level: wide enough to be no information."""

REACH = 1.0
"""Length scale of the smooth part, in doublings of the size."""

OWN = 0.15
"""Variance of a size's own part, as a share of the smooth part's."""

TILT = 1.0
"""Variance of the slope a doubling, as a share of the smooth part's."""

LEVEL_HALF_WAY = 40.0
"""Adjustments in which the level drifts by as much as the shape is off: costs drift."""

SHAPE_HALF_WAY = 400.0
"""Adjustments after which what was seen of a size says half as much of its shape."""

NOISE = 0.15
NOISE_BATCHES = 5.0
"""Standard deviation of one batch's log cost before any is seen, and how many batches
that guess is worth."""

SHAPE_SIZES = 2.0
"""Sizes that the bundle's word on the shape is worth against what is observed of it."""

FADE = 0.98
"""What the sums of the noise keep at each batch: about the last 50 count."""

Floats = npt.NDArray[np.float64]
Sizes = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Tried:
    """Sizes within about a quarter of each other, which share what is seen of them."""

    error: float = 0.0
    batches: int = 0
    seen: int = 0


class ErrorCurve:
    """Errors of predicted log cost at the sizes tried, and what to expect elsewhere.

    Bounded and not thread-safe. `observe` takes in, `settle` works out; the other
    methods read what was worked out last.

    Parameters
    ----------
    largest : int
        Sizes from 1 to this are asked about.
    rate : float
        Share of an observed error that is taken over, above 0 to 1.
    spread : float
        Standard deviation of the error between sizes that the bundle expects, in log
        cost, above 0.

    Examples
    --------
    >>> curve = ErrorCurve(largest=20, rate=0.1, spread=0.3)
    >>> for size, error in [(20, 0.5), (8, -0.4)]:
    ...     curve.observe(size, error, adjustment=1)
    >>> curve.settle(adjustment=1)
    >>> curve.expected(8) < curve.expected(10) < curve.expected(14) < curve.expected(20)
    True
    >>> curve.doubt(8), curve.doubt(1) > curve.doubt(10) > 0
    (0.0, True)
    """

    def __init__(self, *, largest: int, rate: float, spread: float) -> None:
        self.rate = rate
        self.spread = spread
        self._tried: dict[int, _Tried] = {}
        self._noise_sum = NOISE_BATCHES * NOISE**2
        self._noise_count = NOISE_BATCHES
        self._places = np.log2(np.arange(1, largest + 1))
        self._buckets = np.array([_bucket(size) for size in range(1, largest + 1)])
        self._expected = np.zeros(largest)
        self._doubts = np.zeros(largest)

    def expected(self, size: int) -> float:
        """Error of log cost to expect; 0 before anything was observed."""
        return float(self._expected[self._place(size)])

    def doubt(self, size: int) -> float:
        """Give the standard deviation of the error at a size never tried, else 0.

        Also 0 until two sizes were tried: one alone cannot tell a wrong shape from a
        wrong level. Since a size is tried once only for its doubt, trying ends.
        """
        return float(self._doubts[self._place(size)])

    def all_expected(self, sizes: Sizes) -> Floats:
        """Answer `expected` for many sizes."""
        return np.asarray(self._expected[self._places_of(sizes)])

    def all_doubts(self, sizes: Sizes) -> Floats:
        """Answer `doubt` for many sizes."""
        return np.asarray(self._doubts[self._places_of(sizes)])

    def observed(self, size: int) -> float | None:
        """Error seen at a size or near it; `None` where it was never tried."""
        tried = self._tried.get(_bucket(size))
        return None if tried is None else tried.error

    def observe(self, size: int, error: float, *, adjustment: int) -> None:
        """Take in the error of one batch.

        Parameters
        ----------
        size : int
            At least 1.
        error : float
            Observed log cost - predicted log cost.
        adjustment : int
            Number of the adjustment: the clock that costs drift by.
        """
        tried = self._tried.setdefault(_bucket(size), _Tried())
        tried.batches = count = min(tried.batches + 1, 1000)
        tried.seen = adjustment
        # A plain mean first, then an exponential one: early errors count in full.
        share = max(self.rate, 1 / count)
        off = error - tried.error
        tried.error += share * off
        if count > 1:
            self._noise_sum = FADE * self._noise_sum + off * off * (1 - share)
            self._noise_count = FADE * self._noise_count + 1

    def settle(self, *, adjustment: int) -> None:
        """Work out what to expect of every size, as of an adjustment."""
        if not self._tried:
            return
        buckets = np.array(list(self._tried))
        errors = np.array([tried.error for tried in self._tried.values()])
        counts = np.array([tried.batches for tried in self._tried.values()])
        seen = np.array([float(tried.seen) for tried in self._tried.values()])
        ages = adjustment - seen
        drift = self.spread**2 / LEVEL_HALF_WAY * (seen - seen.min())
        shape = self._shape_variance(errors, counts, ages)
        noise = self._noise_sum / self._noise_count / np.minimum(counts, 1 / self.rate)
        places = buckets / 3
        own = (
            LEVEL_VARIANCE
            + np.minimum.outer(drift, drift)
            + shape * _kernel(places, places)
            + np.diag(noise + shape * (OWN + ages / SHAPE_HALF_WAY))
        )
        same = self._buckets[:, None] == buckets
        across = (
            LEVEL_VARIANCE
            + drift
            + shape * (_kernel(self._places, places) + OWN * same)
        )
        gain = np.linalg.solve(own, across.T).T
        self._expected = gain @ errors
        if len(buckets) > 1:
            here = (
                LEVEL_VARIANCE + drift.max() + shape * (_variance(self._places) + OWN)
            )
            variance = here - (gain * across).sum(axis=1)
            untried = ~same.any(axis=1)
            self._doubts = untried * np.sqrt(np.maximum(variance, 0.0))

    def _shape_variance(self, errors: Floats, counts: Floats, ages: Floats) -> float:
        """Take the bundle's variance, or a larger one that the sizes tried call for."""
        expected = self.spread**2
        fresh = 0.5 ** (ages / LEVEL_HALF_WAY)
        level = np.average(errors, weights=fresh * np.minimum(counts, 1 / self.rate))
        observed = float(fresh @ (errors - level) ** 2)
        known = SHAPE_SIZES + len(errors) - 1
        return max(expected, (SHAPE_SIZES * expected + observed) / known)

    def _place(self, size: int) -> int:
        return min(size, len(self._expected)) - 1

    def _places_of(self, sizes: Sizes) -> Sizes:
        return np.minimum(sizes, len(self._expected)) - 1


def _kernel(left: Floats, right: Floats) -> Floats:
    distance = np.subtract.outer(left, right) / REACH
    tilt = np.multiply.outer(left - MIDDLE, right - MIDDLE)
    return np.asarray(np.exp(-0.5 * distance**2) + TILT * tilt)


def _variance(places: Floats) -> Floats:
    return np.asarray(1.0 + TILT * (places - MIDDLE) ** 2)


MIDDLE = 2.5
"""Where the tilt leaves the error alone, in log2 of the size: between 5 and 6."""


def _bucket(size: int) -> int:
    """Find the number that sizes within about a quarter of each other share.

    Examples
    --------
    >>> _bucket(9) == _bucket(10) == _bucket(11), _bucket(8) == _bucket(10)
    (True, False)
    """
    return round(3 * math.log2(size))
