"""Student's t distribution with the standard library alone.

The light side carries no scipy, and small samples of groups need the quantiles of t
rather than those of the normal distribution.
"""

import math
from functools import lru_cache
from statistics import NormalDist

from toolkit.errors import UsageError

__all__ = ["student_t_cdf", "student_t_quantile"]

TINY = 1e-300
PRECISION = 1e-14
FRACTION_STEPS = 500
"""Far more than the continued fraction needs; reached only by a programming error."""
STEPS = 200
SETTLED = 1e-9
"""Step of the quantile, relative, after which the next would be its square."""
NORMAL_FROM = 1e7
"""Degrees of freedom from which t and the normal agree to 1e-7."""


def student_t_cdf(value: float, degrees: float) -> float:
    """Probability that a t variable is at most `value`.

    Parameters
    ----------
    value : float
        Any real number.
    degrees : float
        Degrees of freedom, above 0; need not be whole.

    Returns
    -------
    float
        In 0..1.

    Raises
    ------
    UsageError
        `degrees` is not above 0.

    References
    ----------
    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.1, by the
    regularised incomplete beta function.

    Examples
    --------
    >>> student_t_cdf(2.2281388519, 10)
    0.975
    """
    if not degrees > 0:
        raise UsageError(f"`degrees` must be above 0 (got {degrees}); give groups - 1")
    if degrees >= NORMAL_FROM:
        return NormalDist().cdf(value)
    square = value * value
    if square < degrees:
        # Near the middle 1 - x would lose the digits of a small value.
        middle = _incomplete_beta(0.5, degrees / 2, square / (degrees + square)) / 2
        return 0.5 + (middle if value > 0 else -middle)
    tail = _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + square)) / 2
    return 1 - tail if value > 0 else tail


@lru_cache(maxsize=1024)  # an interval in a simulation asks for the same ones again
def student_t_quantile(probability: float, degrees: float) -> float:
    """Value below which a t variable falls with the given probability.

    Parameters
    ----------
    probability : float
        Strictly between 0 and 1.
    degrees : float
        Degrees of freedom, above 0; need not be whole.

    Returns
    -------
    float
        By Newton's method on the distribution function, which is exact to 1e-8.

    Raises
    ------
    UsageError
        An argument is outside its range.

    Examples
    --------
    >>> student_t_quantile(0.975, 5)
    2.570582
    >>> student_t_quantile(0.05, 1e9)
    -1.644854
    """
    if not 0 < probability < 1:
        raise UsageError(f"`probability` must be inside 0..1 (got {probability})")
    if probability < 0.5:
        return -student_t_quantile(1 - probability, degrees)
    low, high = 0.0, 1.0
    while student_t_cdf(high, degrees) < probability:
        low, high = high, high * 2
    value = (low + high) / 2
    for _ in range(STEPS):
        excess = student_t_cdf(value, degrees) - probability
        low, high = (low, value) if excess > 0 else (value, high)
        step = value - excess / _density(value, degrees)
        # Newton where it stays inside the bracket, else halve the bracket.
        following = step if low < step < high else (low + high) / 2
        settled = abs(following - value) <= SETTLED * max(value, 1.0)
        value = following
        if settled:
            break
    return value


def _density(value: float, degrees: float) -> float:
    if degrees >= NORMAL_FROM:
        return NormalDist().pdf(value)
    log_scale = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)
    log_shape = -(degrees + 1) / 2 * math.log1p(value * value / degrees)
    return math.exp(log_scale + log_shape) / math.sqrt(degrees * math.pi)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    if x <= 0 or x >= 1:
        return float(x >= 1)
    # The fraction converges quickly only on this side of the mean; the other follows
    # from I_x(a, b) = 1 - I_(1-x)(b, a).
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    log_front = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    return math.exp(log_front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Evaluate 26.5.8 of Abramowitz and Stegun by the modified method of Lentz."""
    numerator, denominator = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = denominator
    for m in range(1, FRACTION_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        factor = 1.0
        for term in (even, odd):
            denominator = 1 / _away(1 + term * denominator)
            numerator = _away(1 + term / numerator)
            factor = numerator * denominator
            value *= factor
        if abs(factor - 1) < PRECISION:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > TINY else TINY
