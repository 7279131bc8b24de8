"""Alarms of the swarm's rates: duplicate work, conflicting writes."""

import math

from toolkit.runtime.coordination.alert_book import AlertBook
from toolkit.runtime.coordination.alerts import Alert, AlertKind, Priority
from toolkit.runtime.coordination.counts import BITS, MASK, unpack
from toolkit.runtime.coordination.instants import MICRO
from toolkit.runtime.coordination.settings import MonitorSettings

__all__ = ["RateAlarms", "is_above"]

DUPLICATES_LAST, CONFLICTS_LAST = 1, 2
"""Bits of the alerts."""
EXACT = 50
"""Events up to which a bound is the exact one."""


class RateAlarms:
    """Holds the swarm's two rates against their limits, with hysteresis.

    Parameters
    ----------
    settings : MonitorSettings
    book : AlertBook

    Attributes
    ----------
    lasting : int
        Bits of the alerts that last; 0 is none.
    """

    __slots__ = (
        "_before",
        "_book",
        "_conflict_rate",
        "_duplicate_rate",
        "_evidence",
        "_limits",
        "lasting",
    )

    def __init__(self, settings: MonitorSettings, book: AlertBook) -> None:
        self._book = book
        self._evidence = settings.rate_evidence
        self._duplicate_rate = settings.duplicate_rate
        self._conflict_rate = settings.conflict_rate
        back = settings.hysteresis
        self._limits = tuple(
            (
                settings.duplicate_rate - back * bool(lasting & DUPLICATES_LAST),
                settings.conflict_rate - back * bool(lasting & CONFLICTS_LAST),
            )
            for lasting in range(4)
        )
        """Limits of the two rates, by the alerts that last already."""
        self.lasting = 0
        self._before = 0

    def begin_instant(self) -> None:
        """Take the alerts that last now as those before the instant."""
        self._before = self.lasting

    def judge(self, packed: int, now: float) -> None:
        """Raise the alerts that begin and drop those that end.

        Parameters
        ----------
        packed : int
            Counts of the swarm.
        now : float
        """
        lasting = self._holding(packed)
        if lasting == self.lasting:
            return
        begun, self.lasting = lasting & ~self.lasting, lasting
        counts = unpack(packed)
        if not lasting & DUPLICATES_LAST:
            self._book.swarm.pop(AlertKind.DUPLICATE_WORK, None)
        if not lasting & CONFLICTS_LAST:
            self._book.swarm.pop(AlertKind.CONFLICTING_WRITES, None)
        if begun & DUPLICATES_LAST:
            rate = counts.duplicates / counts.operations
            limit = self._duplicate_rate
            self._book.open(None, _of_swarm(AlertKind.DUPLICATE_WORK, rate, limit, now))
        if begun & CONFLICTS_LAST:
            rate = counts.stale_writes / counts.writes
            limit = self._conflict_rate
            self._book.open(
                None, _of_swarm(AlertKind.CONFLICTING_WRITES, rate, limit, now)
            )

    def _holding(self, packed: int) -> int:
        """Find which alerts hold, given those before this instant."""
        repeats, conflicts = self._limits[self._before]
        evidence = self._evidence
        lasting = 0
        if is_above(packed >> 8 * BITS, packed & MASK, repeats, evidence):
            lasting = DUPLICATES_LAST
        writes = packed >> 5 * BITS & MASK
        if is_above(packed >> 7 * BITS & MASK, writes, conflicts, evidence):
            lasting |= CONFLICTS_LAST
        return lasting


def is_above(count: int, total: int, limit: float, evidence: float) -> bool:
    """Whether a share is above a limit beyond doubt: its lower bound is.

    The bound is Wilson's, and of at most 50 the exact binomial one (Clopper-Pearson).

    Parameters
    ----------
    count, total : int
    limit : float
        0 to 1.
    evidence : float
        Standard normal quantile of the bound; 0 compares the share itself.

    Returns
    -------
    bool

    Examples
    --------
    >>> (
    ...     is_above(2, 10, 0.1, 0.0),
    ...     is_above(2, 10, 0.1, 1.96),
    ...     is_above(5, 10, 0.1, 1.96),
    ...     is_above(20, 100, 0.1, 1.96),
    ... )
    (True, False, True, True)
    """
    beyond = count - limit * total
    if beyond <= 0 or evidence <= 0:
        return beyond > 0
    if total <= EXACT:
        # With few events the normal bound says yes to two of four.
        level = 0.5 * math.erfc(evidence / math.sqrt(2))
        return _binomial_tail(count, total, limit) <= level
    # The bound is above the limit where the score test rejects it.
    return beyond * beyond > evidence * evidence * total * limit * (1 - limit)


def _binomial_tail(count: int, total: int, share: float) -> float:
    """Probability of so many or more of a total."""
    return sum(
        math.comb(total, k) * share**k * (1 - share) ** (total - k)
        for k in range(count, total + 1)
    )


def _of_swarm(kind: AlertKind, rate: float, limit: float, now: float) -> Alert:
    return Alert(
        kind=kind,
        priority=Priority.CRITICAL,
        agent=None,
        at_s=now / MICRO,
        value=rate,
        threshold=limit,
    )
