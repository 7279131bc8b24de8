"""Exploration with logged propensities: what makes the next evaluation honest."""

from dataclasses import replace

import numpy as np

from toolkit.errors import UsageError
from toolkit.policies.base import (
    CostModel,
    Decision,
    Floats,
    Policy,
    Problem,
    Reason,
)

__all__ = ["Exploring"]


class Exploring:
    """Take another supported action now and then, and say with what chance.

    Off by default: with `epsilon` 0 every answer is the inner policy's own. Otherwise,
    with probability epsilon, an action is drawn uniformly from those that history
    supports, the inner policy's own included; every decision carries the probability
    with which its action was taken.

    Parameters
    ----------
    policy : Policy
        Decides otherwise. Its own decisions must be deterministic.
    model : CostModel
        Tells the support of each action.
    rng : numpy.random.Generator
    epsilon : float
        In 0..1.
    minimum_support : float
        Past rows an action needs to be tried.

    Raises
    ------
    UsageError
        `epsilon` is outside 0..1, or the inner policy draws by itself.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        model: CostModel,
        rng: np.random.Generator,
        epsilon: float = 0.0,
        minimum_support: float = 5.0,
    ) -> None:
        if not 0 <= epsilon <= 1:
            raise UsageError(f"`epsilon` must be in 0..1 (got {epsilon})")
        self.policy = policy
        self.model = model
        self.rng = rng
        self.epsilon = epsilon
        self.minimum_support = minimum_support

    @property
    def name(self) -> str:
        """What results and records call this policy."""
        return f"{self.policy.name}+explore" if self.epsilon else self.policy.name

    def decide(self, problem: Problem) -> Decision:
        """Take an action, with its propensity."""
        chosen = self.policy.decide(problem)
        if not self.epsilon:
            return chosen
        if chosen.propensity != 1:
            raise UsageError(
                f"`{self.policy.name}` draws by itself (propensity "
                f"{chosen.propensity:g}); explore around a deterministic policy"
            )
        chances = self._chances(problem, chosen.index)
        index = int(self.rng.choice(len(chances), p=chances))
        propensity = float(chances[index])
        if index == chosen.index:
            return replace(chosen, propensity=propensity, policy=self.name)
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(map(float, problem.actions[index])),
            support=float(self.model.predict(problem).support[index]),
            baseline=chosen.baseline,
            reason=Reason(
                code="explored",
                facts={"epsilon": self.epsilon, "instead_of": chosen.label},
            ),
            policy=self.name,
            version=chosen.version,
            propensity=propensity,
        )

    def _chances(self, problem: Problem, chosen: int) -> Floats:
        """Compute the probability of each action."""
        supported = self.model.predict(problem).support >= self.minimum_support
        supported[chosen] = True
        chances = self.epsilon * supported / supported.sum()
        chances[chosen] += 1 - self.epsilon
        return np.asarray(chances, dtype=np.float64)
