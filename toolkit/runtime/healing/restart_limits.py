"""Restart intensity: how many restarts a cause and the whole swarm may see."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["RestartBudget", "RestartLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartLimits:
    """Limits on restarts, after the supervisors of Erlang/OTP.

    Attributes
    ----------
    window_s : float
        Time over which restarts are counted.
    swarm : int
        Restarts of any agents within the window.
    healthy : int
        Restarts within the window of agents that no check finds fault with.
    per_cause : int
        Restarts in one session; more than one only where the process ended again.
    """

    window_s: float = 3600.0
    swarm: int = 20
    healthy: int = 5
    per_cause: int = 2


class RestartBudget:
    """Counts restarts and says whether another is within the limits.

    Parameters
    ----------
    limits : RestartLimits

    Examples
    --------
    >>> budget = RestartBudget(RestartLimits(swarm=3, healthy=1))
    >>> budget.note(0.0, total=2, healthy=1)
    >>> budget.allows(10.0, total=1, healthy=0), budget.allows(10.0, total=1, healthy=1)
    (True, False)
    >>> budget.allows(3601.0, total=1, healthy=1)
    True
    """

    def __init__(self, limits: RestartLimits) -> None:
        self.limits = limits
        self._restarts: deque[tuple[float, int, int]] = deque()

    def restore(self, restarts: Iterable[tuple[float, int, int]]) -> None:
        """Take over the restarts that an earlier engine carried out."""
        self._restarts = deque(sorted({*self._restarts, *restarts}))

    def note(self, now_s: float, *, total: int, healthy: int) -> None:
        """Count restarts that were carried out."""
        self._restarts.append((now_s, total, healthy))

    def allows(self, now_s: float, *, total: int, healthy: int) -> bool:
        """Whether so many more restarts stay within the limits."""
        while self._restarts and now_s - self._restarts[0][0] > self.limits.window_s:
            self._restarts.popleft()
        done = sum(count for _, count, _ in self._restarts)
        spared = sum(count for _, _, count in self._restarts)
        return (
            done + total <= self.limits.swarm
            and spared + healthy <= self.limits.healthy
        )
