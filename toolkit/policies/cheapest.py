"""The cheapest of the actions that history supports."""

import math

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.policies.base import CostCurve

__all__ = ["cheapest_supported"]


def cheapest_supported(curve: CostCurve, minimum_support: float) -> tuple[int, int]:
    """Find the cheapest action among those with enough past rows.

    Parameters
    ----------
    curve : CostCurve
    minimum_support : float

    Returns
    -------
    index, supported : int
        Of the action, the first of equals; and how many actions have the support.

    Raises
    ------
    NotEnoughDataError
        No action has it.
    """
    supported = curve.support >= minimum_support
    count = int(supported.sum())
    if not count:
        raise NotEnoughDataError(
            "a recommendation here",
            got=int(curve.support.max()),
            needed=math.ceil(minimum_support),
            unit="past rows near any action",
        )
    if count == len(supported):
        return int(curve.log_cost.argmin()), count
    return int(np.where(supported, curve.log_cost, np.inf).argmin()), count
