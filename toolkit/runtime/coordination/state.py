"""What the monitor remembers of an agent and of a memory key.

Plain slots: the monitor's one hot loop reads and writes them, and a method call an
event would cost more than the work. An event of one agent among a thousand finds
little of what it needs in the processor's caches, so an agent is few objects and an
event replaces few of them: numbers of a window stand in one array, and what only
several agents at one key need is made when the second one comes. Times are
microseconds since 1970 as floats, exact for any timestamp, so that differences are too.
"""

from array import array
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolkit.runtime.coordination.alerts import Alert, AlertKind
from toolkit.runtime.coordination.factors import Tally
from toolkit.runtime.coordination.settings import MonitorSettings

if TYPE_CHECKING:
    from toolkit.runtime.coordination.monitor import AgentWatch

__all__ = ["AgentRecord", "KeyRecord"]

NEVER = float("-inf")
NO_WAIT = float("nan")
"""In the ring of waits: this operation's wait is not known."""
CALLS, ANSWER = "calls of a reply", "answer"
"""Types of work after a reply of the model: with calls under way, and without any."""
NO_ALERTS: Mapping[AlertKind, Alert] = MappingProxyType({})


class AgentRecord:
    """One agent's rings, counters and lasting alerts.

    `rings` holds the times of the window, then its waits, then the latest scores. The
    first two and `counts` are written at `pos`, which therefore is the oldest operation
    once they are full; free places hold the time `NEVER` and a count of 0. The latest
    score stands at `score_pos`; a place without one holds `NEVER`.
    """

    __slots__ = (
        "aged",
        "alerts",
        "alerts_before",
        "band",
        "band_before",
        "band_high",
        "band_low",
        "changed",
        "counts",
        "drop_level",
        "drop_level_before",
        "due",
        "ended_at",
        "evicted_at",
        "fall",
        "fall_before",
        "fall_count",
        "fall_count_before",
        "fall_mean",
        "fall_mean_before",
        "first_at",
        "gap_total",
        "gap_weight",
        "last_at",
        "low_since",
        "low_since_before",
        "name",
        "operation",
        "operations",
        "ordered_waits",
        "packed",
        "pos",
        "rank",
        "rings",
        "score",
        "score_pos",
        "share",
        "share_weight",
        "silent",
        "sums",
        "top_band",
        "top_band_before",
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
        self.ended_at = NEVER
        """When its last operation ended; silence counts from there."""
        self.operation = ""
        """The last one: silence is judged against it."""
        self.waits = False
        """Whether it waits for a person, a child or a job, or has nothing in hand."""
        self.low_since = 0
        """Operations when its score fell below its band; 0 while it holds it."""
        self.low_since_before = 0
        self.pos = 0
        self.score_pos = 2 * window
        self.rings = array(
            "d",
            [NEVER] * window + [NO_WAIT] * window + [NEVER] * settings.trend_scores,
        )
        self.counts = [0] * window
        self.ordered_waits = array("d")
        self.packed = 0
        self.sums: Tally = (0.0, 0.0, 0, None, None, None)
        """What the counts of `packed` add to the score."""
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
        self.band = -1
        """Band held, after hysteresis; -1 before the first score."""
        self.top_band = -1
        """Band held when the lasting `efficiency_drop` began."""
        self.band_low = 0.0
        self.band_high = 0.0
        self.fall_count_before = 0
        """Detector and bands before this instant: operations of one instant are judged together."""
        self.fall_mean_before = 0.0
        self.fall_before = 0.0
        self.drop_level_before: float | None = None
        self.band_before = -1
        self.top_band_before = -1
        self.silent = False
        self.due = NEVER
        self.rank: tuple[float, str] | None = None
        self.changed = False
        self.alerts: Mapping[AlertKind, Alert] = NO_ALERTS
        """Replaced when one begins or ends, so that the ones before an instant keep."""
        self.alerts_before: Mapping[AlertKind, Alert] = NO_ALERTS

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

    def begin(self, alert: Alert) -> None:
        """Keep an alert that lasts."""
        self.alerts = {**self.alerts, alert.kind: alert}

    def end(self, kind: AlertKind) -> None:
        """Let go of an alert, where it lasts."""
        if kind in self.alerts:
            kept = {k: alert for k, alert in self.alerts.items() if k is not kind}
            self.alerts = kept or NO_ALERTS


class KeyRecord:
    """Who wrote a key last, who has seen that, and who did what to it lately.

    While one agent alone does something with it, `sole` says who and `alone` what and
    when; with the second one all of it moves to `done`.
    """

    __slots__ = (
        "alone", "done", "limit", "seen", "sole", "version", "writer", "written_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self.written_at = NEVER
        self.writer: AgentRecord | None = None
        """`None` while several wrote at one instant, or nobody has."""
        self.version: int | None = None
        self.seen: set[AgentRecord] | None = None
        """Agents but the writer that accessed the key since the newest write."""
        self.sole: AgentRecord | None = None
        self.alone: dict[str, float] = {}
        """The only agent's operations with their last time."""
        self.done: dict[str, dict[AgentRecord, float]] | None = None
        """Of each operation its agents with their last time, latest last; `None` with
        fewer than two agents."""
        self.limit = 16
