"""The monitor's constants, each with where it comes from."""

from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum

from toolkit.errors import UsageError

__all__ = ["BANDS", "Band", "MonitorSettings", "band_of"]


class Band(StrEnum):
    """How good a score is (specification, section 2)."""

    EXCELLENT = "excellent"
    GOOD = "good"
    ACCEPTABLE = "acceptable"
    POOR = "poor"
    CRITICAL = "critical"


BANDS: tuple[tuple[float, Band], ...] = (
    (0.0, Band.CRITICAL),
    (0.4, Band.POOR),
    (0.6, Band.ACCEPTABLE),
    (0.75, Band.GOOD),
    (0.9, Band.EXCELLENT),
)
"""Lowest score of each band, worst first (`efficiencyThresholds`)."""

FLOORS = tuple(floor for floor, _ in BANDS[1:])


def band_of(score: float) -> int:
    """Find the place in `BANDS` of a score, 0 to 1.

    Examples
    --------
    >>> BANDS[band_of(0.75)][1].value, BANDS[band_of(0.7499)][1].value
    ('good', 'acceptable')
    """
    return bisect_right(FLOORS, score)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """What the monitor looks at, and when it speaks up.

    Parameters
    ----------
    window : int
        Operations of an agent that its factors look at (specification, section 2).
    horizon_s : float
        Age beyond which no operation counts in a cross-agent question, in seconds.
    gap_half_life : float
        Half-life of the expected gap between an agent's operations, in operations.
    wait_budget_s : float
        Median wait at which the latency factor is one half, in seconds.
    idle_gaps : float
        Expected gaps without an operation that make an agent idle.
    silence_floor_s : float
        Least silence that raises `agent_silent`, in seconds, counted from the end of
        the last operation.
    silence_unknown_s : float
        The same for a type of work of which fewer than 20 gaps are known.
    silence_calls_s : float
        Least silence after a reply with calls: a harness lets a command run for ten
        minutes, and a reply does not say which tools it calls.
    drop_lasts : int
        Operations for which a lower band must be held before `efficiency_drop` is
        raised; by default two whole windows, so that one odd window is no drop.
    rate_evidence : float
        Standard normal quantile of the lower bound (Wilson) that a swarm-wide rate's
        share must have above its limit; 0 takes the share itself.
    overload : float
        Times the median agent's rate that make an agent overloaded.
    trend_scores : int
        Scores that the trend is drawn through.
    hysteresis : float
        How far a value must come back before its alert is cleared, 0 to 1.
    weak_factor : float
        A factor below it is a bottleneck.
    duplicate_rate, conflict_rate : float
        Swarm-wide rates above which `duplicate_work` and `conflicting_writes` are
        raised. The first is the specification's, the second ours, set alike.
    hook_floor : float
        Compliance below which the hooks are recommended (specification, section 2).
    drop_tolerance, drop_threshold, drop_minimum : float, float, int
        Page-Hinkley test for `sudden_drop`: fall a score that is not counted,
        accumulated fall that alarms, scores needed first. Ours.
    forget_s : float
        An agent without an operation for longer is forgotten; its next operation
        begins a new life. Ours.
    most_keys : int
        Keys remembered at most, twice over; the least recently used are forgotten
        first. Ours.
    """

    window: int = 10
    horizon_s: float = 300.0
    gap_half_life: float = 50.0
    wait_budget_s: float = 1.0
    idle_gaps: float = 3.0
    silence_floor_s: float = 60.0
    silence_unknown_s: float = 600.0
    silence_calls_s: float = 600.0
    drop_lasts: int = 20
    rate_evidence: float = 2.575829
    overload: float = 3.0
    trend_scores: int = 20
    hysteresis: float = 0.05
    weak_factor: float = 0.6
    duplicate_rate: float = 0.1
    conflict_rate: float = 0.1
    hook_floor: float = 0.8
    drop_tolerance: float = 0.05
    drop_threshold: float = 1.5
    drop_minimum: int = 20
    forget_s: float = 3600.0
    most_keys: int = 65_536

    def __post_init__(self) -> None:
        """Check that the windows and times can be worked with.

        Raises
        ------
        UsageError
            Naming what is too small.
        """
        for name, low in (("window", 2), ("trend_scores", 2), ("most_keys", 1)):
            if getattr(self, name) < low:
                raise UsageError(f"`{name}` must be {low} or more")
        if not 0 < self.horizon_s <= self.forget_s:
            raise UsageError(
                f"`horizon_s` must be above 0 and within `forget_s`, "
                f"got {self.horizon_s} and {self.forget_s}"
            )
