"""Own runs correct what the ladder answers, in batching and in planning alike.

The log cost of one decision is a curve over its actions, believed as `MeasurementPrior`
says: a mixture of Gaussian processes about the predicted curve and about none, at several
scales of doubt. Observed totals of each action, with the noise that their own repeats
show, reweigh the mixture. The answer moves only where the curve says so by more than
the noise explains, and by one step at a time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Floats
from toolkit.policies.adaptation.measurement_prior import MeasurementPrior
from toolkit.policies.adaptation.totals import CostTotals

__all__ = ["Adaptation", "AdaptationSettings"]

LEVEL_VARIANCE = 100.0
"""Prior variance of the log level: wide enough to be no information."""
TO_LEAVE, TO_STAY = 0.5, 0.0
"""Standard errors by which an action must be cheaper than the base to be moved to, and to be
kept: what is no longer shown goes back to the base, which is measured again."""
BARREN_RUNS, STILL_BARREN_RUNS = 5.0, 1.0
"""Runs without any success after which the next smaller action is taken, and runs that
must still count for it to stay that way."""
FORGOTTEN_RUNS = 0.2
"""Faded runs below which an action counts as one that was never tried."""
EXPLORED_REACH = 2.0
"""Exploration draws from actions within this factor of the answer, and its neighbours."""
DRAWS = np.random.default_rng(20261129).standard_normal((128, 64))
"""Fixed normal draws: the chances of exploration are a function of what was observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationSettings:
    """How fast and how far answers follow observed costs.

    Attributes
    ----------
    every : int
        Operations between two looks at the costs, at least 1 (specification, section 3).
    hysteresis : float
        Least gain in log cost that is worth a move, at least 0.
    largest_step : float
        Largest factor between two successive answers along any axis, above 1.
    noise : float
        Variance of the log cost of a single run before any was seen, above 0.
    memory : float
        Runs after which an observation weighs half, above 0.
    """

    every: int = 5
    hysteresis: float = 0.05
    largest_step: float = 2.0
    noise: float = 0.1
    memory: float = 200.0

    def __post_init__(self) -> None:
        """Refuse what could not work."""
        if self.every < 1 or self.hysteresis < 0 or self.largest_step <= 1:
            raise UsageError(
                "every must be at least 1, hysteresis at least 0 and largest_step above "
                f"1; got {self.every}, {self.hysteresis}, {self.largest_step}"
            )
        if not (0 < self.noise < math.inf and 0 < self.memory < math.inf):
            raise UsageError(
                f"noise and memory must be above 0; got {self.noise}, {self.memory}"
            )


class Adaptation:
    """Posterior over the cost of a fixed set of actions, and the answer it supports.

    Pure: no clock, no randomness. Works without a bundle, from observed costs alone.

    Parameters
    ----------
    settings : AdaptationSettings
    actions : array of shape (n_actions,) or (n_actions, n_axes)
        Sizes, above 0.
    prior : MeasurementPrior or None
        How far a predicted curve is trusted; `MeasurementPrior.default` unless given.

    Raises
    ------
    UsageError
        Where an action is not above 0, or the prior has other axes.

    Examples
    --------
    >>> adaptation = Adaptation(AdaptationSettings(), np.array([1.0, 2.0, 4.0, 8.0]))
    >>> for _ in range(20):
    ...     adaptation.observe(3, spent=80.0, done=8, operations=8)
    ...     adaptation.observe(2, spent=4.0, done=4, operations=4)
    >>> adaptation.answer(base=3)
    2
    """

    def __init__(
        self,
        settings: AdaptationSettings,
        actions: Floats,
        prior: MeasurementPrior | None = None,
    ) -> None:
        sizes = np.asarray(actions, dtype=np.float64).reshape(len(actions), -1)
        if not (np.isfinite(sizes).all() and (sizes > 0).all()):
            raise UsageError(f"actions must be above 0, got {sizes.tolist()}")
        self.settings = settings
        self.prior = prior or MeasurementPrior.default(sizes.shape[1])
        if len(self.prior.spread) != sizes.shape[1]:
            raise UsageError(
                f"a prior over {len(self.prior.spread)} axes, actions with "
                f"{sizes.shape[1]}"
            )
        self._logs = np.log2(sizes)
        points = (self._logs - self._logs.mean(axis=0)) / np.asarray(self.prior.spread)
        self._covariances = self.prior.covariances(points)
        self._totals = CostTotals(
            len(sizes), noise=settings.noise, memory=settings.memory
        )
        self._history_sums = np.zeros(len(sizes))
        self._answer: int | None = None
        self._base: int | None = None
        self._operations = 0
        self._barren = np.zeros(len(sizes), dtype=np.bool_)

    @property
    def runs(self) -> float:
        """Effective number of runs observed."""
        return float(self._totals.runs.sum())

    @property
    def noise(self) -> float:
        """Variance of the log cost of a single run, as the runs show it."""
        return self._totals.noise()

    def observe(
        self,
        index: int,
        *,
        spent: float,
        done: float,
        operations: int = 1,
        history: Floats | None = None,
    ) -> None:
        """Add a run.

        Parameters
        ----------
        index : int
            The action that was taken.
        spent : float
            What the run cost, above 0 and finite.
        done : float
            What it achieved, at least 0: operations that succeeded, 1 for a whole plan.
        operations : int
            Operations of the run, which bring the next look closer.
        history : array of shape (n_actions,), optional
            Predicted log cost of each action in the context of that run.

        Raises
        ------
        UsageError
            For a run that is none of this.
        """
        if not (0 < spent < math.inf and 0 <= done < math.inf and operations >= 1):
            raise UsageError(
                "a run has spent above 0, done at least 0 and operations at least 1; "
                f"got {spent}, {done}, {operations}"
            )
        if not 0 <= index < len(self._logs):
            raise UsageError(f"action {index} of {len(self._logs)}")
        self._history_sums *= self._totals.keep
        if history is not None:
            expected = self.prior.costs(history)
            level = float(np.mean(expected))
            spent *= math.exp(-level)
            self._history_sums[index] += float(expected[index]) - level
        self._totals.add(index, spent=spent, done=done)
        self._operations += operations

    def curve(self, history: Floats | None = None) -> tuple[Floats, Floats]:
        """Expect log cost less an unknown level, and its deviation, by action.

        Parameters
        ----------
        history : array of shape (n_actions,), optional
            Predicted log cost of each action in the context at hand.

        Returns
        -------
        log_cost : array of shape (n_actions,)
            Expected, up to a constant.
        deviation : array of shape (n_actions,)
        """
        weights, means, covariances = self._posterior(history)
        mean = weights @ means
        variance = np.diagonal(covariances, 0, 1, 2) + (means - mean) ** 2
        return mean, np.sqrt(weights @ variance)

    def answer(self, base: int, history: Floats | None = None) -> int:
        """Choose the action to take where the ladder's answer is `base`.

        The answer follows the base until observed costs have moved it; from then on it
        moves only for a gain beyond the hysteresis and one standard error.

        Parameters
        ----------
        base : int
            The ladder's answer in this context.
        history : array of shape (n_actions,), optional
            Predicted log cost of each action in this context.

        Returns
        -------
        int
            Index of the action to take.
        """
        held = self._answer
        followed = held is None or held == self._base
        self._base = base
        current = base if followed or held is None else held
        if self._operations >= self.settings.every:
            self._operations = 0
            current = self._moved(current, base, history)
        self._answer = current
        return current

    def chances(
        self, base: int, history: Floats | None = None, *, share: float
    ) -> Floats:
        """Compute the probability of taking each action when exploring.

        A share of the answers is drawn in proportion to each action's probability of
        being the cheapest (Thompson sampling), among actions near the present answer.

        Parameters
        ----------
        base : int
            The ladder's answer.
        history : array of shape (n_actions,), optional
            Predicted log cost of each action in this context.
        share : float
            Of the answers that are drawn, 0 to 1.

        Returns
        -------
        array of shape (n_actions,)
            Sums to 1.

        References
        ----------
        Russo, Van Roy, Kazerouni, Osband and Wen, *A tutorial on Thompson sampling*,
        Foundations and Trends in Machine Learning 11 (2018).
        """
        taken = self.answer(base, history)
        near = self._near(taken, EXPLORED_REACH)
        places = np.flatnonzero(near & ~self._barren)
        chances = np.zeros(len(self._logs))
        if len(places):
            chances[places] = share * self._cheapest(places, taken, history)
        chances[taken] += 1 - chances.sum()
        return chances

    def _cheapest(
        self, places: NDArray[np.int64], taken: int, history: Floats | None
    ) -> Floats:
        """Probability of each of some actions to be the cheapest of them."""
        weights, means, covariances = self._posterior(history)
        mean = weights @ means
        apart = means - mean
        covariance = np.tensordot(weights, covariances, 1)
        covariance += (weights[:, None] * apart).T @ apart
        # Differences from the present answer: the level, which is not known, cancels.
        gaps = covariance - covariance[taken] - covariance[:, [taken]]
        gaps = (gaps + covariance[taken, taken])[np.ix_(places, places)]
        values, vectors = np.linalg.eigh(gaps)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn = mean[places] + DRAWS[:, : len(places)] @ root.T
        counts = np.bincount(drawn.argmin(axis=1), minlength=len(places))
        return np.asarray(counts / len(DRAWS))

    def to_json(self) -> dict[str, Any]:
        """Write the state as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        return {
            "totals": self._totals.to_json(),
            "history": self._history_sums.tolist(),
            "answer": self._answer,
            "base": self._base,
            "operations": self._operations,
        }

    def restore(self, value: Mapping[str, Any]) -> None:
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Raises
        ------
        SchemaError
            Where it is not a state of these actions.
        """
        try:
            history = np.array(value["history"], dtype=np.float64)
            places = [value["answer"], value["base"]]
            operations = int(value["operations"])
            self._totals.restore(value["totals"])
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(
                "not an adaptation", field="state", got=str(error)
            ) from error
        count = len(self._logs)
        fits = all(p is None or (type(p) is int and 0 <= p < count) for p in places)
        if history.shape != (count,) or not np.isfinite(history).all() or not fits:
            raise SchemaError("not an adaptation of these actions", field="state")
        self._history_sums = history
        self._answer, self._base = places
        self._operations = operations

    def _moved(self, current: int, base: int, history: Floats | None) -> int:
        """Step towards the cheapest action that is shown to be cheaper than the base."""
        self._barren = self._totals.barren(BARREN_RUNS) | (
            self._barren & self._totals.barren(STILL_BARREN_RUNS)
        )
        if self._barren[base]:
            return self._smaller(current, base)
        if (self._totals.runs >= FORGOTTEN_RUNS).sum() < 2:
            return base  # nothing to compare: the usual case, and the cheap one
        weights, means, covariances = self._posterior(history)
        gain, error = _gains(weights, means, covariances, base)
        least = self.settings.hysteresis
        shown = (gain > least) & (gain > TO_LEAVE * error)
        kept = max(least / 2, TO_STAY * float(error[current]))
        shown[current] |= gain[current] > kept
        shown &= ~self._barren & self._between_tried()
        shown[base] = True
        further, error = _gains(weights, means, covariances, current)
        better = shown & (further > least) & (further > TO_STAY * error)
        if not shown[current]:
            better = shown
        reached = self._near(current, self.settings.largest_step)
        if (better & reached).any():
            return int(np.argmax(np.where(better & reached, further, -np.inf)))
        if shown[current]:
            return current
        return self._towards(base, current, reached)

    def _smaller(self, current: int, base: int) -> int:
        """Step to the next action below a base that has never had a success.

        A cost that is infinite needs no comparison, and fewer operations at once have
        less to lose; what failed altogether is forgotten as every run is.
        """
        sizes = self._logs.sum(axis=1)
        if not self._barren[current] and sizes[current] < sizes[base]:
            return current
        below = np.flatnonzero((sizes < sizes[base]) & ~self._barren)
        return int(below[np.argmax(sizes[below])] if len(below) else np.argmin(sizes))

    def _between_tried(self) -> NDArray[np.bool_]:
        """Find the actions tried, and those between them: no answer is extrapolated."""
        tried = self._logs[self._totals.runs >= FORGOTTEN_RUNS]
        if not len(tried):
            return np.zeros(len(self._logs), dtype=np.bool_)
        low, high = tried.min(axis=0) - 1e-9, tried.max(axis=0) + 1e-9
        return np.asarray(((self._logs >= low) & (self._logs <= high)).all(axis=1))

    def _near(self, current: int, factor: float) -> NDArray[np.bool_]:
        """Find the actions within a factor along every axis, and the next on one axis."""
        near = self._steps(current) <= math.log2(factor) + 1e-9
        if self._logs.shape[1] == 1:
            rank = np.argsort(np.argsort(self._logs[:, 0], kind="stable"))
            near |= np.abs(rank - rank[current]) <= 1
        return np.asarray(near)

    def _steps(self, current: int) -> Floats:
        """Largest factor along any axis from an action to each, in log2."""
        return np.asarray(np.abs(self._logs - self._logs[current]).max(axis=1))

    def _towards(self, base: int, current: int, reached: NDArray[np.bool_]) -> int:
        """Find the reachable action nearest to the base; the base where none is nearer."""
        distance = np.where(reached, self._steps(base), np.inf)
        nearest = int(np.argmin(distance))
        return base if nearest == current else nearest

    def _posterior(self, history: Floats | None) -> tuple[Floats, Floats, Floats]:
        """Weights (c,), means (c, n) and covariances (c, n, n) given the runs."""
        count, scales = len(self._logs), len(self.prior.scales)
        curve = np.zeros(count) if history is None else self.prior.costs(history)
        curve = curve - np.mean(curve)
        means = np.repeat([curve, np.zeros(count)], scales, axis=0)
        log_weights = np.log(np.asarray(self.prior.weights).ravel() + 1e-12)
        costs = self._totals.log_costs()
        seen = np.flatnonzero(np.isfinite(costs))
        # The unknown level is common to all actions; differences do not see it.
        covariances = self._covariances + LEVEL_VARIANCE
        if not len(seen):
            weights = np.exp(log_weights - log_weights.max())
            return weights / weights.sum(), means, covariances
        runs = self._totals.runs[seen]
        predicted = self._history_sums[seen] / runs
        expected = np.repeat([predicted, np.zeros(len(seen))], scales, axis=0)
        across = covariances[:, :, seen]
        own = across[:, seen, :] + np.diag(self._totals.variances()[seen])
        error = costs[seen] - expected
        gain = np.linalg.solve(own, across.transpose(0, 2, 1)).transpose(0, 2, 1)
        solved = np.linalg.solve(own, error[..., None])[..., 0]
        _, log_determinant = np.linalg.slogdet(own)
        fit = log_weights - 0.5 * ((solved * error).sum(axis=1) + log_determinant)
        weights = np.exp(fit - fit.max())
        updated = means + (gain @ error[..., None])[..., 0]
        reduced = covariances - gain @ across.transpose(0, 2, 1)
        return weights / weights.sum(), updated, reduced


def _gains(
    weights: Floats, means: Floats, covariances: Floats, reference: int
) -> tuple[Floats, Floats]:
    """Expect how much cheaper each action is than one, with the standard error."""
    gaps = means[:, [reference]] - means
    gain = weights @ gaps
    variances = np.diagonal(covariances, 0, 1, 2)
    spread = variances + variances[:, [reference]] - 2 * covariances[:, reference]
    spread = weights @ (np.maximum(spread, 0.0) + (gaps - gain) ** 2)
    return gain, np.sqrt(spread)
