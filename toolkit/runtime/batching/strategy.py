"""How the size of one operation type moves with what its batches turn out to cost.

Two signals are kept apart. *Cost*, of batches in which something succeeded, corrects
the prediction: at all sizes, and more at sizes near the observed one, so that a model
that is wrong about large batches is corrected about large batches. *Loss*, the
share of operations that failed, timed out or were cancelled, moves a cap: a batch that
timed out is never "fast", whatever its clock says.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from toolkit.errors import UsageError
from toolkit.runtime.batching.error_curve import ErrorCurve, Floats, Sizes

__all__ = ["AdaptationSettings", "BatchStrategy"]

SURPRISE = math.log(1.5)
"""Error of log cost beyond which the model may be wrong about shape, not only level:
one size alone cannot tell, so the rule's size is tried once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationSettings:
    """How fast a strategy follows, and what keeps it from oscillating.

    Attributes
    ----------
    rate : float
        Share of an observed error that is taken over (specification, section 3: 0.1).
    every : int
        Operations between two adjustments (same: 5).
    spread : float
        Standard deviation of the error of predictions between sizes, in log cost,
        above 0; the bundle's own where there is one.
    hysteresis : float
        Relative gain, 0 to 1, that a change of size must promise.
    largest_step : float
        A size changes by at most this factor in one adjustment, above 1.
    loss_limit : float
        Share of lost operations, 0 to 1, above which the cap shrinks.
    shrink : float
        Factor of the cap then, 0 to 1 (specification, section 1: 0.7 under load).
    calm_operations : int
        Operations without a loss after which the cap grows by one.
    baseline_batches : int
        Window of the best cost known.
    baseline_age_s : float
        Seconds after which an observation no longer counts as the best known.
    """

    rate: float = 0.1
    every: int = 5
    spread: float = 0.3
    hysteresis: float = 0.05
    largest_step: float = 1.5
    loss_limit: float = 0.2
    shrink: float = 0.7
    calm_operations: int = 20
    baseline_batches: int = 200
    baseline_age_s: float = 3600.0

    def __post_init__(self) -> None:
        """Refuse settings that could not settle."""
        if not (0 < self.rate <= 1 and self.every >= 1 and self.largest_step > 1):
            raise UsageError(
                "`rate` must be in (0, 1], `every` at least 1 and `largest_step` above "
                f"1; got {self.rate}, {self.every}, {self.largest_step}"
            )
        if not 0 < self.spread < math.inf:
            raise UsageError(f"`spread` must be above 0, got {self.spread}")


class BatchStrategy:
    """State of one operation type; bounded, not thread-safe.

    Parameters
    ----------
    settings : AdaptationSettings
    smallest, largest : int
        Bounds of every size.

    Examples
    --------
    >>> strategy = BatchStrategy(AdaptationSettings(), smallest=1, largest=20)
    >>> for _ in range(3):
    ...     strategy.observe(size=10, lost=10, cost_s=None, expected_s=1.0, at_s=0.0)
    >>> strategy.cap < 10
    True
    """

    def __init__(
        self, settings: AdaptationSettings, *, smallest: int, largest: int
    ) -> None:
        self.settings = settings
        self.smallest = smallest
        self.largest = largest
        self.cap = float(largest)
        self.version = 0
        self.moved_by = "start"
        self.current: int | None = None
        self.errors = ErrorCurve(
            largest=largest, rate=settings.rate, spread=settings.spread
        )
        """What the predictions of the sizes were off by."""
        self._adjustments = 0
        self._since = 0
        self._lost = 0
        self._largest_seen = 0
        self._calm = 0
        self._pending: list[tuple[int, float]] = []
        self._costs: deque[tuple[float, float]] = deque(
            maxlen=settings.baseline_batches
        )

    def correction(self, size: int) -> float:
        """Error of log cost to expect at a size, from those at the sizes tried."""
        return self.errors.expected(size)

    def corrections(self, sizes: Sizes) -> Floats:
        """Answer `correction` for many sizes."""
        return self.errors.all_expected(sizes)

    def doubts(self, sizes: Sizes) -> Floats:
        """Tell how much cheaper in log cost sizes never tried may well be."""
        return np.where(sizes > self.cap, 0.0, self.errors.all_doubts(sizes))

    def best_cost_s(self, at_s: float) -> float | None:
        """Least cost in the window that has not expired; `None` where there is none."""
        oldest = at_s - self.settings.baseline_age_s
        fresh = [cost for when, cost in self._costs if when >= oldest]
        return min(fresh, default=None)

    def settle(self, wanted: int, *, gain: float, rule_size: int | None = None) -> int:
        """Turn a wanted size into the size to use now.

        Parameters
        ----------
        wanted : int
        gain : float
            Share of the cost, 0 to 1, that the wanted size saves over the current one.
        rule_size : int, optional
            Tried once where the prediction was far off: another size tells whether
            everything costs more, or the model is wrong about this one.
        """
        ceiling = max(self.smallest, math.floor(self.cap))
        target = min(max(wanted, self.smallest), self.largest, ceiling)
        if rule_size is not None and self._is_surprised(rule_size):
            self.current = min(max(rule_size, self.smallest), self.largest, ceiling)
            self.moved_by = "probe"
            self.version += 1
            return self.current
        if self.current is None:
            self.current = target
        elif target != self.current and (
            self.current > ceiling or gain > self.settings.hysteresis
        ):
            self.current = min(self._step(self.current, target), ceiling)
            if self.errors.doubt(self.current):
                self.moved_by = "probe"
            self.version += 1
        return self.current

    def observe(
        self,
        *,
        size: int,
        lost: int,
        cost_s: float | None,
        expected_s: float | None,
        at_s: float,
    ) -> None:
        """Take in one batch.

        Parameters
        ----------
        size : int
            Operations in it, at least 1.
        lost : int
            Operations that failed, timed out or were cancelled.
        cost_s : float or None
            Seconds per successful operation; `None` where nothing succeeded.
        expected_s : float or None
            What was predicted for this size, uncorrected.
        at_s : float
            When, on a clock that does not run backwards.
        """
        self._since += size
        self._lost += lost
        self._largest_seen = max(self._largest_seen, size)
        self._calm = 0 if lost else self._calm + size
        if cost_s is not None and 0 < cost_s < math.inf:
            self._costs.append((at_s, cost_s))
            if expected_s is not None and 0 < expected_s < math.inf:
                self._pending.append((size, math.log(cost_s) - math.log(expected_s)))
        if self._since >= self.settings.every:
            self._adjust()

    def _adjust(self) -> None:
        self._adjustments += 1
        for size, error in self._pending:
            self.errors.observe(size, error, adjustment=self._adjustments)
        self.errors.settle(adjustment=self._adjustments)
        if self._lost / self._since > self.settings.loss_limit:
            seen = min(self.cap, float(self._largest_seen))
            self.cap = max(float(self.smallest), seen * self.settings.shrink)
            self.moved_by = "losses"
            self.version += 1
        elif self._calm >= self.settings.calm_operations and self.cap < self.largest:
            self.cap = min(float(self.largest), self.cap + 1)
            self.moved_by = "calm"
            self.version += 1
            self._calm = 0
        elif self._pending:
            self.moved_by = "costs"
        self._since = self._lost = self._largest_seen = 0
        self._pending.clear()

    def _is_surprised(self, rule_size: int) -> bool:
        error = self.errors.observed(self.current) if self.current else None
        return (
            error is not None
            and abs(error) > SURPRISE
            and self.errors.observed(rule_size) is None
        )

    def _step(self, current: int, target: int) -> int:
        factor = self.settings.largest_step
        up = max(1, math.floor(current * (factor - 1)))
        down = max(1, math.floor(current * (1 - 1 / factor)))
        return current + min(max(target - current, -down), up)
