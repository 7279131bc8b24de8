"""Undoes the softening of costs that members learn: how bad a bad action is."""

import numpy as np

from toolkit.policies import Floats

__all__ = ["KNEE", "MOST_KNEES", "stretched", "unsoftened"]

KNEE = 0.5
"""Where the members' targets begin to soften."""
MOST_KNEES = 2.4
"""Softened costs so many knees beyond the knee are a factor of 245 over the best: a bad
action's cost is not extrapolated further."""


def stretched(log_cost: Floats) -> Floats:
    """Undo the softening, less the mean over the problem's actions.

    Parameters
    ----------
    log_cost : array of shape (n_actions,)
        Softened, of one problem.

    Returns
    -------
    array of shape (n_actions,)
        Of mean 0.
    """
    stretched = unsoftened(log_cost - log_cost.min(), KNEE)
    return np.asarray(stretched - stretched.mean())


def unsoftened(value: Floats, knee: float, most_knees: float = MOST_KNEES) -> Floats:
    """Undo the softening of costs beyond a knee, up to so many knees.

    Parameters
    ----------
    value : array
        Softened regrets in log cost, at least 0.
    knee : float
        Where softening began; below it nothing changes.
    most_knees : float
        Beyond so many knees over the knee a value is taken as that far.

    Returns
    -------
    array of the same shape

    Examples
    --------
    >>> unsoftened(np.array([0.2, 0.5, 1.0]), 0.5).round(2).tolist()
    [0.2, 0.5, 1.36]
    """
    beyond = knee * np.exp(np.minimum(value / knee - 1, most_knees))
    return np.where(value < knee, value, beyond)
