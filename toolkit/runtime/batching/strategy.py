"""How the size of one operation type moves with what its batches turn out to cost.

Two signals are kept apart. *Cost*, of batches in which something succeeded, corrects
the prediction: one factor for all sizes and one for sizes near the observed one, so that
a model that is wrong about large batches is corrected about large batches. *Loss*, the
share of operations that failed, timed out or were cancelled, moves a cap: a batch that
timed out is never "fast", whatever its clock says.
"""

import math
from collections import deque
from dataclasses import dataclass

from toolkit.errors import UsageError

__all__ = ["AdaptationSettings", "BatchStrategy"]

PRIOR_BATCHES = 0.25
"""Batches that the model's own word at a size is worth."""

HALF_LIFE = 40.0
"""Adjustments after which what was seen of a size counts half: costs drift."""

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
        self._errors: dict[int, float] = {}
        self._weights: dict[int, int] = {}
        self._seen: dict[int, int] = {}
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
        """Observed error of log cost at a size: its own, as far as it was tried."""
        level = self._level()
        bucket = _bucket(size)
        own = self._errors.get(bucket, level)
        return level + self._trust(bucket) * (own - level)

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
        if cost_s is not None and cost_s > 0:
            self._costs.append((at_s, cost_s))
            if expected_s is not None and expected_s > 0:
                self._pending.append((size, math.log(cost_s / expected_s)))
        if self._since >= self.settings.every:
            self._adjust()

    def _adjust(self) -> None:
        self._adjustments += 1
        if self._pending:
            for size, error in self._pending:
                self._learn(_bucket(size), error)
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

    def _learn(self, bucket: int, error: float) -> None:
        count = min(self._weights.get(bucket, 0) + 1, 1000)
        # A plain mean first, then an exponential one: early errors count in full.
        share = max(self.settings.rate, 1 / count)
        before = self._errors.get(bucket, error)
        self._errors[bucket] = before + share * (error - before)
        self._weights[bucket] = count
        self._seen[bucket] = self._adjustments

    def _trust(self, bucket: int) -> float:
        """How far a size's own error counts, 0 to 1: less with few batches, and age."""
        tried = self._weights.get(bucket, 0)
        if not tried:
            return 0.0
        age = self._adjustments - self._seen[bucket]
        return float(tried / (tried + PRIOR_BATCHES) * 0.5 ** (age / HALF_LIFE))

    def _level(self) -> float:
        """Error that all sizes share: the mean over tried sizes, by trust."""
        weights = {bucket: self._trust(bucket) for bucket in self._errors}
        total = sum(weights.values())
        if not total:
            return 0.0
        return sum(w * self._errors[b] for b, w in weights.items()) / total

    def _is_surprised(self, rule_size: int) -> bool:
        error = self._errors.get(_bucket(self.current)) if self.current else None
        return (
            error is not None
            and abs(error) > SURPRISE
            and _bucket(rule_size) not in self._errors
        )

    def _step(self, current: int, target: int) -> int:
        reach = max(1, math.floor(current * (self.settings.largest_step - 1)))
        return current + min(max(target - current, -reach), reach)


def _bucket(size: int) -> int:
    """Sizes within about a quarter of each other share what is observed of them."""
    return round(3 * math.log2(size))
