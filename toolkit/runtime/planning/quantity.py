"""Checks of the planner's inputs, with one sentence for all of them."""

import math

from toolkit.errors import UsageError

__all__ = ["require_quantity"]


def require_quantity(
    name: str, value: float | None, *, low: float = 0.0, high: float = math.inf
) -> None:
    """Refuse a number that is outside its range; what is not known passes.

    Parameters
    ----------
    name : str
        What the caller calls it.
    value : float or None
    low, high : float
        Bounds, both allowed.

    Raises
    ------
    UsageError
        Naming the number, what was got and the range.

    Examples
    --------
    >>> require_quantity("components", 3)
    >>> require_quantity("parallelizable", 1.5, high=1)
    Traceback (most recent call last):
    toolkit.errors.UsageError: `parallelizable` must be a finite number from 0 to 1; got 1.5
    """
    if value is None or (math.isfinite(value) and low <= value <= high):
        return
    upwards = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
    raise UsageError(f"`{name}` must be a finite number {upwards}; got {value}")
