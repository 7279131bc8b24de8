"""Cost totals of each action, from which a cost and its uncertainty are estimated."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import SchemaError
from toolkit.policies import Floats

__all__ = ["CostTotals"]

PRIOR_RUNS = 8.0
"""Runs that the assumed noise variance counts for."""
LEAST_NOISE, MOST_NOISE = 1e-4, 4.0
"""Bounds of the variance of a single run's log cost."""
PSEUDO_DONE = 1.0
"""Runs of mean yield added to every action at the pooled cost, so that an action
that has not succeeded yet has a finite cost."""
MOST_BIAS = 0.5
"""Bound of the correction of a ratio's logarithm, which holds to second order only."""
BARREN = 0.25
"""Achievement, faded, below which an action counts as one that achieved nothing."""
FIELDS = ("runs", "spent", "done", "spent_squared", "spent_done", "done_squared")


class CostTotals:
    r"""Exponentially weighted totals by action: spent, done, and their products.

    The cost of an action is a ratio of totals, :math:`\sum s_i / \sum d_i`, not the mean of
    the runs' own ratios: a run in which nothing succeeded has spent :math:`s_i` and no
    ratio. The variance of the ratio's logarithm is that of :math:`s_i - c d_i` over the
    squared total (the delta method), shrunk towards that pooled over the actions.

    Parameters
    ----------
    actions : int
        Number of actions.
    noise : float
        Variance of the log cost of a single run, before any has been seen.
    memory : float
        Runs after which an observation weighs half.

    Examples
    --------
    >>> totals = CostTotals(2, noise=0.1, memory=200)
    >>> totals.add(0, spent=8.0, done=4.0)
    >>> totals.add(1, spent=8.0, done=0.0)
    >>> bool(totals.log_costs()[1] > totals.log_costs()[0])
    True
    """

    def __init__(self, actions: int, *, noise: float, memory: float) -> None:
        self.assumed_noise = noise
        self.keep = 0.5 ** (1 / memory)
        self._sums = np.zeros((len(FIELDS), actions))

    @property
    def runs(self) -> Floats:
        """Effective number of runs of each action, shape (actions,)."""
        return np.asarray(self._sums[0])

    def add(self, index: int, *, spent: float, done: float) -> None:
        """Add a run."""
        self._sums *= self.keep
        self._sums[:, index] += (
            1.0,
            spent,
            done,
            spent * spent,
            spent * done,
            done * done,
        )

    def log_costs(self) -> Floats:
        """Estimate log cost by action, shape (actions,); NaN where never run.

        NaN everywhere while nothing has been done. The bias of a ratio's logarithm,
        which few successes make large, is corrected to second order.
        """
        runs, spent, done = self._sums[:3]
        total_done = float(done.sum())
        if total_done <= 0:
            return np.full(len(runs), np.nan)
        added = PSEUDO_DONE * total_done / float(runs.sum())
        pooled = float(spent.sum()) / total_done
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(spent + added * pooled) - np.log(done + added)
        return np.where(runs > 0, logs - self._bias(), np.nan)

    def variances(self) -> Floats:
        """Estimate the variance of each action's log cost, shape (actions,).

        An action's own repeats count beside the pooled noise: where failures cascade,
        large batches vary more than small ones. Infinite where never run.
        """
        runs = self._sums[0]
        own, pooled = self._own_noise(), self.noise()
        single = (runs * own + PRIOR_RUNS * pooled) / (runs + PRIOR_RUNS)
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(own > 0, single, pooled) / runs)

    def barren(self, runs: float) -> NDArray[np.bool_]:
        """Find the actions that were run so often without having achieved anything."""
        return np.asarray((self._sums[0] >= runs) & (self._sums[2] < BARREN))

    def noise(self) -> float:
        """Estimate the variance of the log cost of a single run, pooled."""
        runs = self._sums[0]
        tried = (runs > 0) & (self._sums[2] > 0)
        if not tried.any():
            return self.assumed_noise
        squares = float((runs * self._own_noise())[tried].sum())
        free = max(float(runs[tried].sum()) - int(tried.sum()), 0.0)
        pooled = (squares + PRIOR_RUNS * self.assumed_noise) / (free + PRIOR_RUNS)
        return float(np.clip(pooled, LEAST_NOISE, MOST_NOISE))

    def _own_noise(self) -> Floats:
        """Mean squared error of a run by action, over the squared mean spent."""
        runs, spent, done, squared, crossed, done_squared = self._sums
        with np.errstate(divide="ignore", invalid="ignore"):
            cost = spent / done
            errors = squared - 2 * cost * crossed + cost**2 * done_squared
            noise = np.maximum(errors, 0.0) * runs / spent**2
        return np.where((runs > 0) & (done > 0), noise, 0.0)

    def _bias(self) -> Floats:
        """Bias of the logarithm of each ratio of totals, bounded."""
        runs, spent, done, squared, _, done_squared = self._sums
        with np.errstate(divide="ignore", invalid="ignore"):
            of_done = np.maximum(done_squared - done**2 / runs, 0.0) / done**2
            of_spent = np.maximum(squared - spent**2 / runs, 0.0) / spent**2
        bias = np.clip((of_done - of_spent) / 2, -MOST_BIAS, MOST_BIAS)
        return np.where((runs > 0) & (done > 0), np.nan_to_num(bias), 0.0)

    def to_json(self) -> dict[str, list[float]]:
        """Write as JSON types."""
        return dict(zip(FIELDS, self._sums.tolist(), strict=True))

    def restore(self, value: Mapping[str, Any]) -> None:
        """Read what `to_json` wrote.

        Raises
        ------
        SchemaError
            Where something is missing, of another length or not finite.
        """
        try:
            sums = np.array([value[name] for name in FIELDS], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(
                "not cost totals", field="totals", got=str(error)
            ) from error
        if sums.shape != self._sums.shape or not np.isfinite(sums).all():
            raise SchemaError(
                "not cost totals of these actions", field="totals", got=sums.shape
            )
        self._sums = sums
