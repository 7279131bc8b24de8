"""When a failed action may be tried again, and when a rung is left alone for a while."""

from collections import deque
from dataclasses import dataclass

import numpy as np

__all__ = ["AttemptLimit", "Backoff", "CircuitBreaker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double, with jitter (definitions, section 4).

    Attributes
    ----------
    first_s, most_s : float
        10 s doubling to 300 s.
    jitter : float
        Share by which a wait may be longer or shorter, so that healers that failed
        together do not try again together.

    Examples
    --------
    >>> backoff = Backoff(jitter=0.0)
    >>> [backoff.wait_s(n, np.random.default_rng(0)) for n in (1, 2, 3, 9)]
    [10.0, 20.0, 40.0, 300.0]
    """

    first_s: float = 10.0
    most_s: float = 300.0
    jitter: float = 0.2

    def wait_s(self, failures: int, random: np.random.Generator) -> float:
        """Seconds to wait after so many failures in a row, 1 or more.

        Parameters
        ----------
        failures : int
            In a row, at least 1.
        random : numpy.random.Generator
            Draws the jitter.

        Returns
        -------
        float
        """
        wait_s = min(self.most_s, self.first_s * 2.0 ** (failures - 1))
        return float(wait_s * random.uniform(1 - self.jitter, 1 + self.jitter))


class AttemptLimit:
    """At most so many attempts in a window for each agent.

    Examples
    --------
    >>> limit = AttemptLimit()
    >>> for second in (0.0, 1.0, 2.0):
    ...     limit.note("agent:a1", second)
    >>> limit.wait_s("agent:a1", 10.0), limit.wait_s("agent:a2", 10.0)
    (50.0, 0.0)
    """

    def __init__(self, *, most: int = 3, window_s: float = 60.0) -> None:
        self._most = most
        self._window_s = window_s
        self._at_s: dict[str, deque[float]] = {}

    def note(self, cause: str, now_s: float) -> None:
        """Note one attempt."""
        self._at_s.setdefault(cause, deque(maxlen=self._most)).append(now_s)

    def wait_s(self, cause: str, now_s: float) -> float:
        """Seconds until another attempt is allowed; 0 when it is."""
        at_s = self._at_s.get(cause)
        if at_s is None or len(at_s) < self._most:
            return 0.0
        return max(0.0, at_s[0] + self._window_s - now_s)


class CircuitBreaker:
    """Leaves a rung alone for a while when its action keeps failing, for any agent.

    Examples
    --------
    >>> breaker = CircuitBreaker()
    >>> for second in range(5):
    ...     breaker.failed("spawn_replacement", float(second))
    >>> breaker.allows("spawn_replacement", 5.0)
    False
    >>> breaker.allows("spawn_replacement", 304.0)  # one trial is let through
    True
    """

    def __init__(self, *, most_failures: int = 5, open_s: float = 300.0) -> None:
        self._most = most_failures
        self._open_s = open_s
        self._failures: dict[str, int] = {}
        self._opened_s: dict[str, float] = {}

    def allows(self, rung: str, now_s: float) -> bool:
        """Tell whether the rung may be tried.

        Parameters
        ----------
        rung : str
        now_s : float
            Seconds on the monotonic clock.

        Returns
        -------
        bool
        """
        opened_s = self._opened_s.get(rung)
        return opened_s is None or now_s - opened_s >= self._open_s

    def failed(self, rung: str, now_s: float) -> None:
        """Note that the rung's action failed.

        Parameters
        ----------
        rung : str
        now_s : float
            Seconds on the monotonic clock.
        """
        self._failures[rung] = self._failures.get(rung, 0) + 1
        if self._failures[rung] >= self._most:
            self._opened_s[rung] = now_s

    def acted(self, rung: str) -> None:
        """Note that the rung's action took effect: the breaker closes.

        Parameters
        ----------
        rung : str
        """
        self._failures.pop(rung, None)
        self._opened_s.pop(rung, None)
