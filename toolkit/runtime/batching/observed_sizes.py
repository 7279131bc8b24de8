"""What was observed of one operation type: costs, sizes, and the adaptation they feed."""

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from toolkit.policies import Floats
from toolkit.policies.adaptation import (
    Adaptation,
    AdaptationSettings,
    MeasurementPrior,
)
from toolkit.runtime.batching.atomic_law import AtomicLaw

__all__ = ["ObservedSizes"]

TARGET_EFFICIENCY = 0.85
"""The specification's target, given where nothing was observed (definitions, 1)."""

BASELINE_BATCHES, BASELINE_AGE_S = 200, 3600.0
"""Window of the best cost known, in batches and in seconds."""

MOST_SIZES = 256
"""Sizes whose efficiency is kept."""

NEAR = 0.25
"""Sizes within a quarter of each other count as alike."""

SHORTEST_S, LONGEST_S = 1e-9, 1e9
"""Cycles outside are no measurement: less than a clock resolves, more than 30 years."""

Sizes = NDArray[np.int64]


class ObservedSizes:
    """State of one operation type; bounded, not thread-safe.

    Batches in contexts that a model predicts and batches in others are adapted to
    apart: what is compared is the error of a prediction there, and plain costs here.

    Parameters
    ----------
    sizes : array of int
        On offer, ascending.
    settings : AdaptationSettings
    prior : MeasurementPrior or None
        The bundle's, for contexts with a prediction.
    """

    def __init__(
        self,
        sizes: Sizes,
        settings: AdaptationSettings,
        prior: MeasurementPrior | None,
    ) -> None:
        self.sizes = sizes
        actions = sizes.astype(np.float64)
        self._plain = Adaptation(settings, actions)
        self._predicted = Adaptation(settings, actions, prior)
        self._law = AtomicLaw(actions, memory=settings.memory)
        self.curve: Floats | None = None
        """The curve that the latest recommendation was made on."""
        self.current: int | None = None
        self.version = 0
        self._costs: deque[tuple[float, float]] = deque(maxlen=BASELINE_BATCHES)
        self._seen: dict[int, tuple[float, int]] = {}
        """Mean efficiency and number of the batches of each size."""

    def predicted(self) -> Floats | None:
        """Predicted log cost of each size: the model's, or what own batches imply."""
        return self._law.curve() if self.curve is None else self.curve

    def adaptation(self, history: Floats | None) -> Adaptation:
        """Choose the adaptation of contexts with, or without, a prediction."""
        return self._plain if history is None else self._predicted

    def nearest(self, size: float) -> int:
        """Find the place of the offered size nearest to a size."""
        return int(np.argmin(np.abs(self.sizes - size)))

    def settle(self, size: int) -> None:
        """Note the size that is recommended now."""
        if size != self.current:
            self.version += self.current is not None
            self.current = size

    def observe(
        self,
        size: int,
        *,
        cycle_s: float | None,
        succeeded: int,
        at_s: float,
        history: Floats | None,
    ) -> None:
        """Learn from one batch; one whose cost is no number says nothing of it."""
        if cycle_s is None or not SHORTEST_S < cycle_s < LONGEST_S:
            return
        place = self.nearest(size)
        if abs(int(self.sizes[place]) - size) <= size * NEAR:
            done = min(succeeded, size)
            self.adaptation(history).observe(
                place,
                spent=cycle_s,
                done=done,
                operations=size,
                history=self._law.curve() if history is None else history,
            )
            self._law.add(place, spent=cycle_s, done=done, size=size)
        cost_s = cycle_s / succeeded if succeeded else 0.0
        if succeeded:
            self._costs.append((at_s, cost_s))
            best_s = self.best_cost_s(at_s) or cost_s
            if size in self._seen or len(self._seen) < MOST_SIZES:
                mean, count = self._seen.get(size, (0.0, 0))
                value = min(best_s / cost_s, 1.0)
                self._seen[size] = mean + (value - mean) / (count + 1), count + 1

    def best_cost_s(self, at_s: float) -> float | None:
        """Least cost in the window that has not expired; `None` where there is none."""
        oldest = at_s - BASELINE_AGE_S
        return min((cost for when, cost in self._costs if when >= oldest), default=None)

    def near(self, size: int) -> int:
        """Count the past batches of about this size."""
        return sum(count for _, count in self._alike(size))

    def efficiency(self, size: int) -> tuple[float, float, float] | None:
        """Mean efficiency of batches of about this size, with its bounds.

        Hoeffding's bound: a mean of n values within 0..1, at 95 %.
        """
        seen = self._alike(size)
        if not seen:
            return None
        total = sum(count for _, count in seen)
        mean = sum(value * count for value, count in seen) / total
        reach = math.sqrt(math.log(2 / 0.05) / (2 * total))
        return mean, max(mean - reach, 0.0), min(mean + reach, 1.0)

    def _alike(self, size: int) -> list[tuple[float, int]]:
        return [
            found
            for seen, found in self._seen.items()
            if abs(seen - size) <= size * NEAR
        ]
