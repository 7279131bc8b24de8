"""Feed a statistic a list."""

from collections.abc import Iterable
from typing import TypeVar

from toolkit.stats.base import Statistic

S = TypeVar("S", bound=Statistic)


def fed(statistic: S, xs: Iterable[float]) -> S:
    """Take in every number and hand the statistic back."""
    for x in xs:
        statistic.update(x)
    return statistic
