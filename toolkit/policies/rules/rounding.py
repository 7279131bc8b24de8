"""JavaScript's rounding, which the specification's figures depend on."""

import math

__all__ = ["round_half_up"]


def round_half_up(value: float) -> int:
    """Round as `Math.round` does: a half goes up (definitions, section 1).

    Examples
    --------
    >>> [round_half_up(v) for v in (2.5, 3.5, -2.5, 10.4)]
    [3, 4, -2, 10]
    >>> round(2.5)
    2
    """
    return math.floor(value + 0.5)
