"""Instants of the monitor: microseconds since 1970 as floats.

Exact for any timestamp, so that differences are too.
"""

import datetime as dt

from toolkit.errors import UsageError

__all__ = ["FOREVER", "MICRO", "NEVER", "microseconds", "not_finite", "seconds"]

MICRO = 1e6
NEVER, FOREVER = float("-inf"), float("inf")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def microseconds(at: dt.datetime | float) -> float:
    """Turn a time into microseconds since 1970, exactly.

    Parameters
    ----------
    at : datetime or float
        Aware time, or POSIX seconds.

    Returns
    -------
    float

    Raises
    ------
    UsageError
        A time without a zone.

    Examples
    --------
    >>> microseconds(dt.datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=dt.UTC))
    1000005.0
    """
    if not isinstance(at, dt.datetime):
        return at * MICRO
    if at.tzinfo is None:
        raise UsageError(f"`at` must be aware, got {at}; give tzinfo=UTC")
    since = at - EPOCH
    return float((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def not_finite(at: dt.datetime | float) -> UsageError:
    """Say that a time is no time."""
    return UsageError(f"`at` must be a finite number of seconds, got {at}")


def seconds(waited_s: float) -> float:
    """Turn a whole number of seconds, however large, into a float.

    Examples
    --------
    >>> seconds(3), seconds(10**400)
    (3.0, inf)
    """
    try:
        return float(waited_s)
    except OverflowError:
        return FOREVER
