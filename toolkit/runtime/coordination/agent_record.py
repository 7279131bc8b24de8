"""What the monitor remembers of one agent.

Plain slots: the monitor's parts read and write them at every event. An event of one
agent among a thousand finds little of what it needs in the processor's caches, so an
agent is few objects and an event replaces few of them: numbers of a window stand in one
array.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolkit.runtime.coordination.alerts import Alert, AlertKind
from toolkit.runtime.coordination.instants import NEVER
from toolkit.runtime.coordination.settings import MonitorSettings

if TYPE_CHECKING:
    from toolkit.runtime.coordination.monitor import AgentWatch

__all__ = ["AgentRecord", "Standing"]

NO_WAIT = float("nan")
"""In the ring of waits: this operation's wait is not known."""
NO_ALERTS: Mapping[AlertKind, Alert] = MappingProxyType({})

Judged = tuple[
    int, float, float, float | None, int, int, int, Mapping[AlertKind, Alert]
]
"""What an instant's operations are judged from, together."""


class Standing(Enum):
    """Whether an agent has work in hand, as far as its records show."""

    WORKING = "an operation of which no end is known"
    CALLS = "calls of its model's reply"
    WAITING = "nothing in hand: it waits for a person, a child or a job"


class AgentRecord:
    """One agent's rings, counters and lasting alerts.

    `rings` holds the times of the window, then its waits, then the latest scores. The
    first two and `counts` are written at `pos`, which therefore is the oldest operation
    once they are full; free places hold the time `NEVER` and a count of 0. The latest
    score stands at `score_pos`; a place without one holds `NEVER`.

    Parameters
    ----------
    name : str
    at : float
        Instant of its first event.
    watch : AgentWatch
        What `track` returns for it.
    settings : MonitorSettings
    """

    __slots__ = (
        "aged",
        "alerts",
        "band",
        "band_high",
        "band_low",
        "before",
        "changed",
        "counts",
        "drop_level",
        "due",
        "ended_at",
        "evicted_at",
        "fall",
        "fall_count",
        "fall_mean",
        "first_at",
        "gap_total",
        "gap_weight",
        "hooked",
        "last_at",
        "low_since",
        "name",
        "operation",
        "operations",
        "ordered_waits",
        "packed",
        "paused_at",
        "pos",
        "rank",
        "rings",
        "score",
        "score_pos",
        "share",
        "share_weight",
        "silent",
        "standing",
        "started",
        "started_until",
        "top_band",
        "watch",
    )

    def __init__(
        self, name: str, at: float, watch: "AgentWatch", settings: MonitorSettings
    ) -> None:
        window = settings.window
        self.name = name
        self.watch = watch
        self.operations = 0
        self.first_at = at
        self.last_at = NEVER
        self.ended_at = NEVER
        """When its last operation ended; silence counts from there."""
        self.operation = ""
        """The last one: silence is judged against it."""
        self.standing = Standing.WORKING
        self.started = False
        """Whether the call of another agent that started it is known."""
        self.started_until = NEVER
        """When that call ended; `NEVER` while that is not known."""
        self.hooked = False
        """Whether hook events of it have been seen, which show its permissions."""
        self.paused_at = -window
        """Number of the operation before which it paused, or did what is not counted."""
        self.pos = 0
        self.score_pos = 2 * window
        self.rings = array(
            "d",
            [NEVER] * window + [NO_WAIT] * window + [NEVER] * settings.trend_scores,
        )
        self.counts = [0] * window
        self.ordered_waits = array("d")
        self.packed = 0
        """Sum of `counts`."""
        self.aged = 0
        """How many of the oldest operations in the ring are older than the horizon."""
        self.evicted_at = NEVER
        """Time of the operation that the first one of this instant displaced."""
        self.gap_total = 0.0
        self.gap_weight = 0.0
        self.score: float | None = None
        self.share = 0
        """What it adds to the swarm's sum of scores, in fixed point."""
        self.share_weight = 0
        self.fall_count = 0
        self.fall_mean = 0.0
        self.fall = 0.0
        self.drop_level: float | None = None
        """Mean score that it dropped from, while that alert lasts."""
        self.band = -1
        """Band held, after hysteresis; -1 before the first score."""
        self.top_band = -1
        """Band held when the lasting `efficiency_drop` began."""
        self.band_low = 0.0
        self.band_high = 0.0
        self.low_since = 0
        """Operations when its score fell below its band; 0 while it holds it."""
        self.silent = False
        self.due = NEVER
        """When it is visited next; `NEVER` once it is forgotten."""
        self.rank: tuple[float, str] | None = None
        self.changed = False
        self.alerts: Mapping[AlertKind, Alert] = NO_ALERTS
        """Replaced when one begins or ends, so that the ones before an instant keep."""
        self.before: Judged = self.judged()
        """Detector and bands before this instant."""

    @property
    def times(self) -> "array[float]":
        """Times of the window, in the order of the ring."""
        return self.rings[: len(self.counts)]

    @property
    def scores(self) -> tuple[float, ...]:
        """The latest scores, oldest first."""
        start = 2 * len(self.counts)
        after = self.score_pos - start + 1
        scores = self.rings[start:].tolist()
        scores = scores[after:] + scores[:after]
        if NEVER in scores:
            scores = [score for score in scores if score >= 0.0]
        return tuple(scores)

    def judged(self) -> Judged:
        """Copy what `ScoreAlarms` changes."""
        return (
            self.fall_count,
            self.fall_mean,
            self.fall,
            self.drop_level,
            self.band,
            self.top_band,
            self.low_since,
            self.alerts,
        )

    def push(self, unit: int, waited_s: float | None, now: float) -> int:
        """Put the first operation of an instant into the window.

        Parameters
        ----------
        unit : int
            What it counts as (`counts.UNITS`).
        waited_s : float or None
        now : float

        Returns
        -------
        int
            Unit of the operation that left; 0 where a place was free.
        """
        rings, pos, window = self.rings, self.pos, len(self.counts)
        self.last_at = now
        self.evicted_at = rings[pos]
        rings[pos] = now
        waited = rings[window + pos]
        if waited == waited:
            waits = self.ordered_waits
            del waits[bisect_left(waits, waited)]
            if waited_s is None:
                rings[window + pos] = NO_WAIT
        if waited_s is not None:
            rings[window + pos] = waited_s
            if waited_s == waited_s:  # not a number is not known
                insort(self.ordered_waits, waited_s)
        left = self.counts[pos]
        if left is not unit:
            self.counts[pos] = unit
            self.packed += unit - left
        pos += 1
        self.pos = pos if pos < window else 0
        if rings[self.score_pos] >= 0.0:
            pos = self.score_pos + 1
            self.score_pos = pos = pos if pos < len(rings) else 2 * window
            rings[pos] = NEVER  # a place for this instant's score
        return left

    def insert(self, unit: int, waited_s: float | None, now: float) -> int:
        """Put a further operation of an instant in its place in the window.

        Operations of one instant stand in an order of their own, so that the order in
        which they arrive is irrelevant. Parameters and result are those of `push`;
        `operations` counts it already.
        """
        window, rings = len(self.counts), self.rings
        held = min(self.operations - 1, window)
        entries = [
            (rings[i], self.counts[i], rings[window + i])
            for i in ((self.pos - held + n) % window for n in range(held))
        ]
        entries.append((now, unit, NO_WAIT if waited_s is None else waited_s))
        entries.sort(key=_canonical)
        left = entries.pop(0)[1] if held == window else 0
        self.packed += unit - left
        free = window - len(entries)
        times = [e[0] for e in entries] + [NEVER] * free
        waits = [e[2] for e in entries] + [NO_WAIT] * free
        self.counts = [e[1] for e in entries] + [0] * free
        rings[: 2 * window] = array("d", times + waits)
        self.ordered_waits = array("d", sorted(w for w in waits if w == w))
        self.pos = len(entries) % window
        return left

    def mean_gap(self) -> float:
        """Mean gap over the window, in microseconds; needs two operations."""
        window = len(self.counts)
        if self.operations >= window:
            return (self.last_at - self.rings[self.pos]) / (window - 1)
        return (self.last_at - self.first_at) / (self.operations - 1)

    def median_wait_s(self) -> float | None:
        """Median of the window's known waits, in seconds."""
        waits = self.ordered_waits
        if not waits:
            return None
        middle = len(waits) >> 1
        if len(waits) & 1:
            return waits[middle]
        return 0.5 * waits[middle] + 0.5 * waits[middle - 1]

    def begin(self, alert: Alert) -> None:
        """Keep an alert that lasts."""
        self.alerts = {**self.alerts, alert.kind: alert}

    def end(self, kind: AlertKind) -> None:
        """Let go of an alert, where it lasts."""
        if kind in self.alerts:
            kept = {k: alert for k, alert in self.alerts.items() if k is not kind}
            self.alerts = kept or NO_ALERTS


def _canonical(entry: tuple[float, int, float]) -> tuple[float, int, float]:
    at, unit, waited_s = entry
    return at, unit, waited_s if waited_s == waited_s else -1.0
