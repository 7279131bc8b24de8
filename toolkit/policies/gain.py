"""How far the predicted difference of two actions is off, in groups not seen."""

import numpy as np

from toolkit.policies.base import Floats

__all__ = ["Gain"]


class Gain:
    """How a learned action's cost compares with the rule's, with its uncertainty.

    The difference of two predicted log costs in one context has its own distribution:
    errors that the two actions share cancel. `residual_quantiles` are those of
    *(observed - predicted) difference* between two actions of one unseen group, from
    cross-fitting, standardised by nothing: they are in log cost.

    Parameters
    ----------
    probabilities : array of shape (n,)
        Ascending, in 0..1.
    residual_quantiles : array of shape (n,)
        Quantiles of the residual difference at those probabilities.

    Examples
    --------
    >>> gain = Gain(np.array([0.05, 0.5, 0.95]), np.array([-0.2, 0.0, 0.2]))
    >>> round(gain.upper(-0.5, level=0.95), 3)
    -0.3
    """

    def __init__(self, probabilities: Floats, residual_quantiles: Floats) -> None:
        self.probabilities = probabilities
        self.residual_quantiles = residual_quantiles

    def upper(self, difference: float, *, level: float) -> float:
        """Bound learned - rule from above, in log cost, at a one-sided level.

        Parameters
        ----------
        difference : float
            Predicted log cost of the learned answer minus that of the rule's.
        level : float
            0 to 1: the share of held-out gains that stay below the bound.

        Returns
        -------
        float
            Below 0, the learned answer is cheaper at that level.
        """
        return difference + float(
            np.interp(level, self.probabilities, self.residual_quantiles)
        )
