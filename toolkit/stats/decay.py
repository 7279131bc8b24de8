"""The decay of an exponentially weighted mean."""

from toolkit.errors import UsageError

__all__ = ["decay_of"]


def decay_of(half_life: float) -> float:
    """Turn a half-life in observations into the factor that each new one applies.

    Parameters
    ----------
    half_life : float
        Above 0.

    Returns
    -------
    float
        Above 0 and below 1.

    Raises
    ------
    UsageError
        The half-life is not positive.

    Examples
    --------
    >>> decay_of(1)
    0.5
    """
    if not half_life > 0:
        raise UsageError(f"`half_life` must be above 0 observations, got {half_life}")
    return float(0.5 ** (1.0 / half_life))
