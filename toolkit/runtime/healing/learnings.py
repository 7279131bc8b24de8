"""Success rates of rungs, by issue and length of the delay."""

import math
from collections.abc import Sequence

from toolkit.runtime.healing.issues import LadderStep

__all__ = ["Learnings", "wilson_bounds"]

Z_95 = 1.959964
LEAST_TRIALS = 8
"""Fewer trials than this reorder nothing, whatever their bounds say."""

NAMES = {
    ("coordination_reminder", "short"): "gentle_nudge_effective_for_short_delays",
    ("reassign_task", "medium"): "task_reassignment_for_medium_delays",
    ("spawn_replacement", "long"): "agent_replacement_for_long_delays",
}
"""The specification's own learnings, each with the rung and delay it speaks of."""


def wilson_bounds(worked: int, tried: int, *, z: float = Z_95) -> tuple[float, float]:
    """Bound a success rate (Wilson, 1927, JASA 22).

    Parameters
    ----------
    worked, tried : int
    z : float
        Standard normal quantile of the confidence.

    Returns
    -------
    tuple of float
        Lower and upper bound; (0, 1), everything possible, when nothing was tried.

    Examples
    --------
    >>> [round(bound, 3) for bound in wilson_bounds(8, 10)]
    [0.49, 0.943]
    >>> wilson_bounds(0, 0)
    (0.0, 1.0)
    """
    if not tried:
        return 0.0, 1.0
    rate = worked / tried
    centre = rate + z * z / (2 * tried)
    spread = z * math.sqrt(rate * (1 - rate) / tried + z * z / (4 * tried * tried))
    scale = 1 + z * z / tried
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


class Learnings:
    """Counts of rungs tried and rungs that worked, by issue and length of the delay.

    Examples
    --------
    >>> learned = Learnings()
    >>> for _ in range(10):
    ...     learned.note("stuck_agent", "coordination_reminder", "short", True)
    >>> learned.sentence("stuck_agent", "coordination_reminder", "short")
    'gentle_nudge_effective_for_short_delays'
    """

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, str], tuple[int, int]] = {}

    def note(self, issue: str, rung: str, delay: str, worked: bool) -> None:  # noqa: FBT001 - it is what is noted
        """Note one measured post-condition."""
        key = (str(issue), rung, delay)
        won, tried = self.counts.get(key, (0, 0))
        self.counts[key] = (won + worked, tried + 1)

    def retract(self, issue: str, rung: str, delay: str) -> None:
        """Count a success as a failure: its cause came back within the window."""
        key = (str(issue), rung, delay)
        won, tried = self.counts.get(key, (0, 0))
        self.counts[key] = (max(0, won - 1), max(tried, 1))

    def sentence(self, issue: str, rung: str, delay: str) -> str | None:
        """Say what was learned, once its lower bound is at least one half."""
        low, _ = wilson_bounds(*self.counts.get((str(issue), rung, delay), (0, 0)))
        if low < 0.5:
            return None
        return NAMES.get((rung, delay), f"{rung}_effective_for_{delay}_delays")

    def order(
        self, issue: str, rungs: Sequence[LadderStep], delay: str
    ) -> tuple[LadderStep, ...]:
        """Put a rung before a gentler one where the evidence leaves no doubt.

        A rung overtakes the one before it when its lower confidence bound lies above
        the other's upper one (more than the definitions ask: a harsher rung must not
        overtake by luck), both having been tried at least `LEAST_TRIALS` times.
        """
        ordered = list(rungs)
        for _ in rungs:
            for i in range(len(ordered) - 1):
                if self._beats(issue, ordered[i + 1], ordered[i], delay):
                    ordered[i], ordered[i + 1] = ordered[i + 1], ordered[i]
        return tuple(ordered)

    def _beats(
        self, issue: str, later: LadderStep, earlier: LadderStep, delay: str
    ) -> bool:
        ours = self.counts.get((str(issue), later.name, delay), (0, 0))
        theirs = self.counts.get((str(issue), earlier.name, delay), (0, 0))
        if min(ours[1], theirs[1]) < LEAST_TRIALS:
            return False
        return wilson_bounds(*ours)[0] > wilson_bounds(*theirs)[1]
