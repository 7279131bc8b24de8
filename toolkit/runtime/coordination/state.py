"""What the monitor remembers of an agent and of a memory key.

Plain slots without behaviour of their own: the monitor's one hot loop reads and writes
them, and a method call an event would cost more than the work. Times are microseconds
since 1970 as floats, exact for any timestamp, so that differences are too.
"""

from collections import deque
from typing import TYPE_CHECKING

from toolkit.runtime.coordination.alerts import Alert, AlertKind
from toolkit.runtime.coordination.settings import MonitorSettings

if TYPE_CHECKING:
    from toolkit.runtime.coordination.monitor import AgentWatch

__all__ = ["AgentRecord", "KeyRecord"]

NEVER = float("-inf")


class AgentRecord:
    """One agent's rings, counters and lasting alerts.

    The rings are written at `pos`, which therefore is the oldest operation once they
    are full; free places hold the time `NEVER` and a count of 0.
    """

    __slots__ = (
        "aged",
        "alerts",
        "alerts_before",
        "band",
        "band_high",
        "band_low",
        "before",
        "changed",
        "counts",
        "drop_level",
        "due",
        "evicted_at",
        "fall",
        "fall_count",
        "fall_mean",
        "first_at",
        "gap_total",
        "gap_weight",
        "last_at",
        "name",
        "operations",
        "ordered_waits",
        "packed",
        "pos",
        "rank",
        "score",
        "scores",
        "share",
        "share_weight",
        "silent",
        "times",
        "top_band",
        "waits",
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
        self.pos = 0
        self.times = [NEVER] * window
        self.counts = [0] * window
        self.waits: list[float | None] = [None] * window
        self.ordered_waits: list[float] = []
        self.packed = 0
        self.aged = 0
        """How many of the oldest operations in the ring are older than the horizon."""
        self.evicted_at = NEVER
        """Time of the operation that the first one of this instant displaced."""
        self.gap_total = 0.0
        self.gap_weight = 0.0
        self.score: float | None = None
        self.scores: deque[float] = deque(maxlen=settings.trend_scores)
        self.share = 0
        """What it adds to the swarm's sum of scores, in fixed point."""
        self.share_weight = 0
        self.fall_count = 0
        self.fall_mean = 0.0
        self.fall = 0.0
        self.drop_level: float | None = None
        self.band = -1
        """Band held, after hysteresis; -1 before the first score."""
        self.top_band = -1
        """Band held when the lasting `efficiency_drop` began."""
        self.band_low = 0.0
        self.band_high = 0.0
        self.before: tuple[int, float, float, float | None, int, int] = (
            0, 0.0, 0.0, None, -1, -1,
        )  # fmt: skip
        """Detector and bands before this instant: operations of one instant are judged together."""
        self.silent = False
        self.due = NEVER
        self.rank: tuple[float, str] | None = None
        self.changed = False
        self.alerts: dict[AlertKind, Alert] = {}
        self.alerts_before: dict[AlertKind, Alert] = {}


class KeyRecord:
    """Who wrote a key last, who has seen that, and who did what to it lately."""

    __slots__ = ("done", "limit", "seen", "version", "writer", "written_at")

    def __init__(self) -> None:
        self.written_at = NEVER
        self.writer: AgentRecord | None = None
        """`None` while several wrote at one instant, or nobody has."""
        self.version: int | None = None
        self.seen: set[AgentRecord] | None = None
        """Agents that accessed the key since the newest write; `None` without one."""
        self.done: dict[str, dict[AgentRecord, float]] = {}
        """Of each operation its agents with their last time, latest last."""
        self.limit = 16
