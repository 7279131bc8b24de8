"""Treating a check before it fails, where its trend says that it will."""

import math
from collections import deque
from dataclasses import dataclass

__all__ = [
    "Forecast",
    "Prevention",
    "PreventionCount",
    "PreventionPlan",
    "crossing_probability",
]

KEPT_RESULTS = 12
LEAST_RESULTS = 5
LEAST_LEVELS = 3
"""A share of few agents moves in steps: one step is an event, no trend."""
LEAST_SLOPE_ERRORS = 2.0
"""A slope nearer to zero than twice its standard error is no trend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreventionPlan:
    """Preventive maintenance as the specification has it (section 4).

    Attributes
    ----------
    enabled : bool
    interval_s : float
        Time between two forecasts, and how far ahead they look.
    probability : float
        Least probability of crossing the threshold that is acted on.
    """

    enabled: bool = True
    interval_s: float = 60.0
    probability: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a check is expected to say at its next interval.

    Attributes
    ----------
    value : float
    probability : float
        That it will be below the threshold.
    """

    value: float
    probability: float


@dataclass(slots=True)
class PreventionCount:
    """How the alarms of prevention turned out, settled one interval later.

    Attributes
    ----------
    alarms, prevented, missed, false_alarms : int
        `prevented`: the check moved away from its threshold; `missed`: it crossed all
        the same; `false_alarms`: it neither crossed nor was anything done about it.
    """

    alarms: int = 0
    prevented: int = 0
    missed: int = 0
    false_alarms: int = 0


def crossing_probability(
    points: list[tuple[float, float]], at_s: float, threshold: float
) -> Forecast | None:
    """Forecast a value by its least-squares line, and how likely it is too low.

    Parameters
    ----------
    points : list of (seconds, value)
    at_s : float
        When.
    threshold : float

    Returns
    -------
    Forecast or None
        `None` where there are fewer than five points, or no trend: a value that only
        stepped from one level to another has none.

    Notes
    -----
    The prediction error of simple linear regression, taken as normal (Draper and
    Smith, 1998, "Applied Regression Analysis", section 1.4).

    Examples
    --------
    >>> falling = [(30.0 * i, 1.0 - 0.13 * i + 0.001 * (i % 2)) for i in range(6)]
    >>> crossing_probability(falling, 210.0, 0.15).probability > 0.9
    True
    >>> stepped = [(30.0 * i, 1.0 if i < 5 else 0.5) for i in range(8)]
    >>> crossing_probability(stepped, 300.0, 0.5) is None
    True
    """
    n = len(points)
    if n < LEAST_RESULTS or len({value for _, value in points}) < LEAST_LEVELS:
        return None
    mean_t = sum(t for t, _ in points) / n
    mean_v = sum(v for _, v in points) / n
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (v - mean_v) for t, v in points) / spread
    rest = sum((v - mean_v - slope * (t - mean_t)) ** 2 for t, v in points)
    variance = max(rest / (n - 2), 1e-12)
    if abs(slope) < LEAST_SLOPE_ERRORS * math.sqrt(variance / spread):
        return None
    value = mean_v + slope * (at_s - mean_t)
    error = math.sqrt(variance * (1 + 1 / n + (at_s - mean_t) ** 2 / spread))
    below = 0.5 * (1 + math.erf((threshold - value) / (error * math.sqrt(2))))
    return Forecast(value=value, probability=below)


class Prevention:
    """Follows the trend of every check, at a separate interval.

    Parameters
    ----------
    plan : PreventionPlan

    Attributes
    ----------
    count : PreventionCount
    """

    def __init__(self, plan: PreventionPlan) -> None:
        self.plan = plan
        self.count = PreventionCount()
        self._points: dict[str, deque[tuple[float, float]]] = {}
        self._open: dict[str, tuple[float, float, bool]] = {}

    def note(self, check: str, at_s: float, value: float, threshold: float) -> None:
        """Add the value of a check, and settle an alarm whose time has come."""
        self._settle(check, at_s, value, threshold)
        self._points.setdefault(check, deque(maxlen=KEPT_RESULTS)).append((at_s, value))

    def forecast(self, check: str, at_s: float, threshold: float) -> Forecast | None:
        """Forecast a check one interval ahead.

        Returns
        -------
        Forecast or None
            Only one whose probability is high enough, while the value is still good.
        """
        points = self._points.get(check)
        if not points or points[-1][1] < threshold or check in self._open:
            return None
        ahead_s = at_s + self.plan.interval_s
        forecast = crossing_probability(list(points), ahead_s, threshold)
        if forecast is None or forecast.probability < self.plan.probability:
            return None
        self.count.alarms += 1
        self._open[check] = (ahead_s, points[-1][1], False)
        return forecast

    def treated(self, check: str) -> None:
        """Mark an alarm as acted on; the trend of its check starts again."""
        if check in self._open:
            until_s, value, _ = self._open[check]
            self._open[check] = (until_s, value, True)
            self._points[check].clear()

    def _settle(self, check: str, at_s: float, value: float, threshold: float) -> None:
        if check not in self._open or at_s < self._open[check][0]:
            return
        _, before, acted = self._open.pop(check)
        if value < threshold:
            self.count.missed += 1
        elif acted and value > before:
            self.count.prevented += 1
        else:
            self.count.false_alarms += 1
