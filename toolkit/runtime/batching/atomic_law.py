"""What batches that are undone by a failure say of sizes that were not tried."""

import numpy as np

from toolkit.policies import Floats

__all__ = ["AtomicLaw"]

LEAST_VOID = 10.0
"""Undone batches below which nothing is predicted."""

MOST_PARTIAL = 0.1
"""Share of the failed batches that may have kept something."""

EVERY = 10
"""Batches between two fits."""

STEPS, LEAST_RATE = 30, 1e-4


class AtomicLaw:
    """Predicts the cost of each size where one failure undoes the whole batch.

    A batch of n operations then succeeds with probability ``exp(-rate * n)``, so that
    the batches of one size tell the share of successes of every other. The rate is the
    maximum of its likelihood, found by Newton's method; the duration is a line over the
    sizes by least squares. Batches of which a failure leaves something are no such
    batches, and nothing is predicted.

    Parameters
    ----------
    sizes : array of int
        On offer, ascending.
    memory : float
        Batches after which one weighs half.

    Examples
    --------
    >>> law = AtomicLaw(np.array([2, 4, 8]), memory=200.0)
    >>> for number in range(100):  # of batches of 8 a sixth succeeds
    ...     law.add(2, spent=4.0, done=8 * (number % 6 == 0), size=8)
    >>> int(np.argmin(law.curve()))
    1
    """

    def __init__(self, sizes: Floats, *, memory: float) -> None:
        self._sizes = np.asarray(sizes, dtype=np.float64)
        self._keep = 0.5 ** (1 / memory)
        self._whole = np.zeros(len(sizes))
        self._void = np.zeros(len(sizes))
        self._spent = np.zeros(len(sizes))
        self._partial = 0.0
        self._rate = 0.1
        self._batches = 0
        self._curve: Floats | None = None

    def add(self, place: int, *, spent: float, done: float, size: int) -> None:
        """Add a batch of the size at a place."""
        self._whole *= self._keep
        self._void *= self._keep
        self._spent *= self._keep
        self._partial *= self._keep
        self._partial += 0 < done < size
        self._whole[place] += done >= size
        self._void[place] += done < size
        self._spent[place] += spent
        self._batches += 1
        if self._batches % EVERY == 0:
            self._curve = self._fitted()

    def curve(self) -> Floats | None:
        """Predict the log cost of each size; `None` where the law does not hold."""
        return self._curve

    def _fitted(self) -> Floats | None:
        void = self._void.sum()
        if void < LEAST_VOID or self._partial > MOST_PARTIAL * void:
            return None
        self._rate = self._likeliest(self._rate)
        seconds = np.maximum(self._seconds(), 1e-9)
        return np.asarray(
            np.log(seconds) - np.log(self._sizes) + self._rate * self._sizes
        )

    def _likeliest(self, rate: float) -> float:
        """Maximise the likelihood: the log of a success is linear in the rate."""
        sizes = self._sizes
        for _ in range(STEPS):
            success = np.exp(-rate * sizes)
            odds = success / (1 - success)
            slope = self._void @ (sizes * odds) - self._whole @ sizes
            bend = self._void @ (sizes**2 * odds / (1 - success))
            step = slope / bend
            rate = max(rate + step, rate / 4, LEAST_RATE)
            if abs(step) < LEAST_RATE:
                break
        return float(rate)

    def _seconds(self) -> Floats:
        """Fit the duration of a batch as a line over the sizes that were tried."""
        weights = self._whole + self._void
        tried = weights > 0
        weights, sizes = weights[tried], self._sizes[tried]
        means = self._spent[tried] / weights
        middle = np.average(sizes, weights=weights)
        level = np.average(means, weights=weights)
        spread = weights @ (sizes - middle) ** 2
        slope = weights @ ((sizes - middle) * (means - level)) / spread if spread else 0
        return np.asarray(level + max(float(slope), 0.0) * (self._sizes - middle))
