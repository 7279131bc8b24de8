"""History as a prior that yields to a few measurements of the problem at hand.

The log cost of one problem is a curve over its actions. Each *component* of the prior
is a Gaussian process with its own mean, the curve that history predicts or no curve at
all, and its own amplitude of doubt. Measurements reweigh the components by their
likelihood: a history that is wrong here loses its weight within a run or two. The level
of the curve is unknown to every component, so one run alone changes no mind. Where runs
without history did better in replays on the groups that taught, they are chosen and
answered by expected improvement alone.

What to measure next is the action whose measurement is expected to lower the cost of
the final answer most (the knowledge gradient). One run alone teaches nothing but a level,
so the first run is chosen together with the second: the pair of actions whose
difference is worth most, the cheaper of them first.

References
----------
Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), 2.2 and 2.7.
Frazier, Powell and Dayanik, *The knowledge-gradient policy for correlated normal
beliefs*, INFORMS Journal on Computing 21 (2009).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from toolkit.errors import UsageError
from toolkit.policies import Floats
from toolkit.policies.adaptation.expected_improvement import next_improving
from toolkit.policies.adaptation.measurement_prior import MeasurementPrior

__all__ = ["Belief", "spend"]

LEVEL_VARIANCE = 900.0
"""Prior variance of a problem's log level: wide enough to be no information."""
JITTER = 1e-6
NODES = np.array([-1.5, -0.5, 0.5, 1.5])
"""Standardised outcomes that the look-ahead imagines for one measurement."""
NODE_WEIGHTS = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()
SHORTLIST = 25
"""Actions that the look-ahead examines, those of largest expected improvement."""
PAIRED = 14
"""Actions of which the first two runs are chosen, those that may be cheapest."""
NEGLIGIBLE = 1e-3
"""Components below this weight take no part in the look-ahead."""


class Belief:
    """What is believed of one problem's curve, given the runs so far.

    Parameters
    ----------
    prior : MeasurementPrior
    points : array of shape (n_actions, n_axes)
    history : array of shape (n_actions,)
        Predicted log cost; its level does not matter.
    """

    def __init__(
        self, prior: MeasurementPrior, points: Floats, history: Floats
    ) -> None:
        expected = prior.costs(history)
        self.history = expected - expected.mean()
        self._means = np.repeat(
            [self.history, np.zeros(len(points))], len(prior.scales), axis=0
        )
        self._covariances = prior.covariances(points)
        self._log_weights = np.log(np.asarray(prior.weights).ravel() + 1e-12)
        self._noise = prior.noise
        self._search = None if prior.history_counts else points
        self.measured: list[int] = []
        self.log_costs: list[float] = []

    def observe(self, index: int, log_cost: float) -> None:
        """Take in a measurement.

        Parameters
        ----------
        index : int
            Of the action that was run.
        log_cost : float
            Log of what it cost; the unit is free and stays the same.

        Raises
        ------
        UsageError
            Where the cost is not a finite number.
        """
        if not math.isfinite(log_cost):
            raise UsageError(f"a measured log cost must be finite, got {log_cost}")
        self.measured.append(index)
        self.log_costs.append(float(log_cost))

    def answer(self) -> int:
        """Take the action of least expected log cost; without noise, as measured.

        Returns
        -------
        int
            Index of the action.
        """
        if len(self.measured) <= 1:
            return int(np.argmin(self.history))
        if self._search is not None:
            return self.measured[int(np.argmin(self.log_costs))]
        weights, means, _ = self._posterior()
        return int(np.argmin(self._pinned(weights @ means)))

    def next(self) -> int | None:
        """Choose the action to measure next; `None` where all have been.

        Returns
        -------
        int or None
            Index of the action.
        """
        if len(set(self.measured)) == len(self.history):
            return None
        if self._search is not None:
            return next_improving(self._search, self.measured, self.log_costs)
        weights, means, covariances = self._posterior()
        heavy = weights > NEGLIGIBLE
        weights = weights[heavy] / weights[heavy].sum()
        means, covariances = means[heavy], covariances[heavy]
        if not self.measured:
            return _first_of_pair(weights, means, covariances)
        values = [
            (self._value(index, weights, means, covariances), index)
            for index in self._shortlist(weights, means, covariances)
        ]
        return min(values)[1]

    def weight_of_history(self) -> float:
        """Probability, 0 to 1, of the components that follow history.

        Returns
        -------
        float
            Near 0 where the runs contradict the history.
        """
        weights, _, _ = self._posterior()
        return float(weights[: len(weights) // 2].sum())

    def _pinned(self, expected: Floats) -> Floats:
        if self._noise > 0:
            return expected
        pinned = expected.copy()
        pinned[self.measured] = self.log_costs
        return pinned

    def _posterior(self) -> tuple[Floats, Floats, Floats]:
        """Weights (c,), means (c, n) and covariances (c, n, n) given the runs."""
        covariances = self._covariances + LEVEL_VARIANCE
        if not self.measured:
            weights = np.exp(self._log_weights)
            return weights / weights.sum(), self._means, covariances
        seen = self.measured
        across = covariances[:, :, seen]
        own = across[:, seen, :] + (JITTER + self._noise) * np.eye(len(seen))
        gain = np.linalg.solve(own, across.transpose(0, 2, 1)).transpose(0, 2, 1)
        error = np.asarray(self.log_costs) - self._means[:, seen]
        solved = np.linalg.solve(own, error[..., None])[..., 0]
        _, log_determinant = np.linalg.slogdet(own)
        fit = self._log_weights - 0.5 * ((solved * error).sum(1) + log_determinant)
        weights = np.exp(fit - fit.max())
        means = self._means + (gain @ error[..., None])[..., 0]
        reduced = covariances - gain @ across.transpose(0, 2, 1)
        return weights / weights.sum(), means, reduced

    def _shortlist(
        self, weights: Floats, means: Floats, covariances: Floats
    ) -> list[int]:
        spread = np.sqrt(np.maximum(np.diagonal(covariances, 0, 1, 2), 1e-9))
        z = (min(self.log_costs) - means) / spread
        improvement = weights @ (spread * (z * _normal_cdf(z) + _normal_pdf(z)))
        improvement[self.measured] = -np.inf
        order = np.argsort(-improvement, kind="stable")[:SHORTLIST]
        return [int(index) for index in order if np.isfinite(improvement[index])]

    def _value(
        self, index: int, weights: Floats, means: Floats, covariances: Floats
    ) -> float:
        """Expect the log cost of the answer after measuring one more action."""
        variance = np.maximum(covariances[:, index, index], 0.0) + JITTER + self._noise
        spread = np.sqrt(variance)
        outcomes = (means[:, index, None] + spread[:, None] * NODES).ravel()
        chance = (weights[:, None] * NODE_WEIGHTS).ravel()
        shift = outcomes[:, None] - means[None, :, index]
        posterior = _reweighed(weights, shift, variance)
        expected = posterior @ means
        expected += (posterior * shift / variance) @ covariances[:, :, index]
        if self._noise <= 0:
            expected[:, self.measured] = self.log_costs
            expected[:, index] = outcomes
        return float(chance @ expected.min(axis=1))


def _first_of_pair(weights: Floats, means: Floats, covariances: Floats) -> int:
    """Choose the first run with the second in mind."""
    expected = weights @ means
    if len(expected) == 1:
        return 0
    within = np.maximum(np.diagonal(covariances, 0, 1, 2) - LEVEL_VARIANCE, 0.0)
    spread = np.sqrt(weights @ (within + (means - expected) ** 2))
    places = np.sort(np.argsort(expected - spread, kind="stable")[:PAIRED])
    values = [
        (
            _value_of_difference(first, second, weights, means, covariances),
            first,
            second,
        )
        for at, first in enumerate(places.tolist())
        for second in places[at + 1 :].tolist()
    ]
    _, first, second = min(values)
    return int(first if expected[first] <= expected[second] else second)


def _value_of_difference(
    first: int, second: int, weights: Floats, means: Floats, covariances: Floats
) -> float:
    """Expect the log cost of the answer once two actions have been compared."""
    variance = covariances[:, first, first] + covariances[:, second, second]
    variance = np.maximum(variance - 2 * covariances[:, first, second], 0.0) + JITTER
    spread = np.sqrt(variance)
    centre = means[:, second] - means[:, first]
    outcomes = (centre[:, None] + spread[:, None] * NODES).ravel()
    chance = (weights[:, None] * NODE_WEIGHTS).ravel()
    shift = outcomes[:, None] - centre
    posterior = _reweighed(weights, shift, variance)
    gain = covariances[:, :, second] - covariances[:, :, first]
    expected = posterior @ means + (posterior * shift / variance) @ gain
    return float(chance @ expected.min(axis=1))


def _reweighed(weights: Floats, shift: Floats, variance: Floats) -> Floats:
    """Weigh the components again after each imagined outcome, shape (outcomes, c)."""
    fit = np.log(weights) - 0.5 * shift**2 / variance - 0.5 * np.log(variance)
    posterior = np.exp(fit - fit.max(axis=1, keepdims=True))
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))


def spend(
    belief: Belief, measure: Callable[[int], float], budgets: Sequence[int]
) -> list[int]:
    """Measure actions of the belief's own choosing; answer at each budget.

    Parameters
    ----------
    belief : Belief
        Changed by the measurements.
    measure : callable
        Log cost of the action with that index; called for chosen actions only.
    budgets : sequence of int
        Ascending numbers of runs.

    Returns
    -------
    list of int
        The answer at each budget; fewer runs where the actions run out.
    """
    answers: list[int] = []
    for budget in budgets:
        while len(belief.measured) < budget:
            index = belief.next()
            if index is None:
                break
            belief.observe(index, measure(index))
        answers.append(belief.answer())
    return answers


def _normal_pdf(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))


def _normal_cdf(z: Floats) -> Floats:
    erf = [math.erf(value) for value in (z / math.sqrt(2)).ravel().tolist()]
    return 0.5 * (1 + np.array(erf).reshape(z.shape))
