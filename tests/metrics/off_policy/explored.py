"""A small world with two actions whose policies' values are known."""

import numpy as np

from toolkit.metrics.off_policy import LoggedDecisions

TRUE_COSTS = np.array([[1.0, 0.4], [2.0, 2.6]])
"""Cost of each action in each of two equally frequent contexts."""
TAKES_SECOND = np.array([0.2, 0.1])
"""Probability with which the logging policy takes the second action."""


def explored_log(
    rng: np.random.Generator,
    *,
    rows: int = 600,
    target: int = 1,
    model_error: float = 0.0,
) -> LoggedDecisions:
    """Log decisions, seen by the policy that always takes one action."""
    contexts = rng.integers(2, size=rows)
    second = rng.uniform(size=rows) < TAKES_SECOND[contexts]
    taken = second.astype(int)
    chance = np.where(second, TAKES_SECOND[contexts], 1 - TAKES_SECOND[contexts])
    model = TRUE_COSTS + model_error * np.array([[1.0, -1.0], [-2.0, 0.5]])
    return LoggedDecisions(
        costs=TRUE_COSTS[contexts, taken] + rng.normal(0, 0.1, size=rows),
        propensities=chance,
        target=(taken == target).astype(float),
        clusters=np.arange(rows) // 6,
        predicted=model[contexts, taken],
        predicted_target=model[contexts, target],
    )


def true_value(target: int) -> float:
    """Tell what always taking one action costs on average."""
    return float(TRUE_COSTS[:, target].mean())
