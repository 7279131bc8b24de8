"""What the monitor remembers of the whole swarm: agents, keys, windows, rates.

Everything here is bounded: rings, keys in two generations, agents until they have been
silent for an hour. The alarms and the monitor itself build on it.
"""

import datetime as dt
from bisect import bisect_left, bisect_right, insort
from heapq import heappush
from typing import TYPE_CHECKING

from toolkit.notifier import Notifier
from toolkit.policies.rules import EfficiencyScore
from toolkit.runtime.coordination.alerts import Alert, AlertKind
from toolkit.runtime.coordination.factors import Tally
from toolkit.runtime.coordination.settings import MonitorSettings
from toolkit.runtime.coordination.state import NEVER, AgentRecord, KeyRecord
from toolkit.runtime.coordination.usual_gaps import UsualGaps
from toolkit.stats import decay_of

if TYPE_CHECKING:
    pass

__all__ = ["SwarmState"]

MICRO = 1e6
FOREVER = float("inf")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FIXED = 1 << 40
"""Scores are summed as whole multiples of 2^-40: exact, and in any order the same."""
STEP_BACK = 10
"""Events in a row from far before the latest that mean the clock was set back."""
SLOT = 1e6
"""Microseconds of a slot: visits planned for one are put in order only as it begins,
since most agents have done something by then and are due later."""
CACHE = 4096
"""Finished sums of factors kept, by window counts."""

DUPLICATES_LAST, CONFLICTS_LAST = 1, 2
"""Bits of the swarm-wide alerts."""

READ_KIND, WRITE_KIND, OTHER_KIND = 1, 2, 0

Pending = tuple[KeyRecord, AgentRecord, str, int, int | None]


class SwarmState:
    """The swarm as the events so far left it.

    Parameters
    ----------
    notifier : Notifier
    settings : MonitorSettings
    score : EfficiencyScore
    """

    __slots__ = (
        "_agents",
        "_alerts",
        "_begun",
        "_behind",
        "_budget",
        "_changed",
        "_decay",
        "_due",
        "_floor",
        "_forgotten_after",
        "_frequency_weight",
        "_gaps_seen",
        "_horizon",
        "_hysteresis",
        "_idle",
        "_idle_gaps",
        "_keys",
        "_lasting",
        "_lasting_before",
        "_late",
        "_latency_weight",
        "_later",
        "_limits",
        "_live",
        "_minimum",
        "_next_due",
        "_notifier",
        "_now",
        "_older_keys",
        "_ordinal",
        "_packed",
        "_pending",
        "_rates",
        "_rotate_at",
        "_score",
        "_scored",
        "_share_weights",
        "_shares",
        "_slots",
        "_sums",
        "_threshold",
        "_told",
        "_tolerance",
        "_usual",
        "_window",
        "settings",
    )

    def __init__(
        self,
        *,
        notifier: Notifier,
        settings: MonitorSettings | None = None,
        score: EfficiencyScore | None = None,
    ) -> None:
        self.settings = settings = settings or MonitorSettings()
        self._notifier = notifier
        self._score = score or EfficiencyScore()
        self._window = settings.window
        self._horizon = settings.horizon_s * MICRO
        self._decay = decay_of(settings.gap_half_life)
        self._forgotten_after = settings.forget_s * MICRO
        self._idle_gaps = settings.idle_gaps
        self._floor = settings.silence_floor_s * MICRO
        self._budget = settings.wait_budget_s
        self._hysteresis = settings.hysteresis
        self._tolerance = settings.drop_tolerance
        self._threshold = settings.drop_threshold
        self._minimum = settings.drop_minimum
        self._frequency_weight = self._score.weights.operation_frequency
        self._latency_weight = self._score.weights.coordination_latency
        back = settings.hysteresis
        rates = (settings.duplicate_rate, settings.conflict_rate)
        self._limits = tuple(
            (
                rates[0] - back * bool(lasting & DUPLICATES_LAST),
                rates[1] - back * bool(lasting & CONFLICTS_LAST),
            )
            for lasting in range(4)
        )
        """Limits of the swarm-wide rates, by the alerts that last already."""
        self._late = 0
        self._behind = 0
        self._forget_everything()

    def _forget_everything(self) -> None:
        self._agents: dict[str, AgentRecord] = {}
        self._keys: dict[str, KeyRecord] = {}
        self._older_keys: dict[str, KeyRecord] = {}
        self._now = NEVER
        self._rotate_at = NEVER
        self._next_due = FOREVER
        self._due: list[tuple[float, int, AgentRecord]] = []
        """Visits of the slots that have begun, a heap."""
        self._ordinal = 0
        self._later: dict[float, list[AgentRecord]] = {}
        """Agents to visit, by the number of a slot to come."""
        self._slots: list[float] = []
        """The slots of `_later`, a heap."""
        self._begun = NEVER
        """The latest slot that has begun."""
        self._pending: list[Pending] = []
        self._packed = 0
        self._live = 0
        self._shares = 0
        self._share_weights = 0
        self._scored = 0
        self._alerts: dict[AlertKind, Alert] = {}
        self._lasting = 0
        self._lasting_before = 0
        self._told: set[tuple[AlertKind, str | None, int]] = set()
        self._idle: dict[str, None] = {}
        self._changed: list[AgentRecord] = []
        self._rates: list[tuple[float, str]] = []
        self._sums: dict[int, Tally] = {}
        self._usual = UsualGaps(
            floor_s=self.settings.silence_floor_s,
            unknown_s=self.settings.silence_unknown_s,
        )
        self._gaps_seen = self._usual.counts

    def _schedule(self, me: AgentRecord, due: float) -> None:
        """Plan the next visit."""
        me.due = due
        slot = due // SLOT
        if slot <= self._begun:
            self._ordinal += 1
            heappush(self._due, (due, self._ordinal, me))
        else:
            due = slot * SLOT
            if slot in self._later:
                self._later[slot].append(me)
            else:
                self._later[slot] = [me]
                heappush(self._slots, slot)
        if due < self._next_due:
            self._next_due = due

    def _key(self, name: str, now: float) -> KeyRecord:
        """Find a key among those used less lately, or begin one."""
        if now > self._rotate_at or len(self._keys) >= self.settings.most_keys:
            self._older_keys = self._keys
            self._keys = {}
            self._rotate_at = now + self._horizon
        key = self._older_keys.pop(name, None) or KeyRecord()
        self._keys[name] = key
        return key

    def _commit(self) -> None:
        """Let the operations of the instant that is over count for the others."""
        now, pending = self._now, self._pending
        if len(pending) > 1:
            pending.sort(key=_writes_first)
        for key, who, operation, kind, version in pending:
            if kind == WRITE_KIND:
                if key.written_at != now:
                    key.written_at = now
                    key.writer = who
                    key.version = version
                    key.seen = None
                    if key.sole is not who:
                        # Nothing done before a write is done again after it.
                        key.sole = who
                        key.alone = {}
                        key.done = None
                else:
                    self._write_together(key, who, version)
            elif kind == READ_KIND and key.writer is not who:
                self._note_seen(key, who, now)
            if key.sole is who:
                key.alone[operation] = now
                if len(key.alone) > key.limit:
                    self._prune(key, now)
            else:
                self._note_done(key, who, operation, now)
        pending.clear()

    def _note_seen(self, key: KeyRecord, who: AgentRecord, now: float) -> None:
        """Remember that somebody but its author has read the newest write."""
        if now - key.written_at > self._horizon:
            key.seen = None
        elif key.seen is None:
            key.seen = {who}
        else:
            key.seen.add(who)

    def _note_done(
        self, key: KeyRecord, who: AgentRecord, operation: str, now: float
    ) -> None:
        """Remember what an agent did where it is not alone, or is the first."""
        if key.done is None:
            if key.sole is None:
                key.sole = who
                key.alone[operation] = now
                return
            key.done = {name: {key.sole: then} for name, then in key.alone.items()}
            key.sole = None
            key.alone = {}
        done = key.done.get(operation)
        if done is None:
            key.done[operation] = {who: now}
            largest = len(key.done)
        else:
            done.pop(who, None)
            done[who] = now
            largest = len(done)
        if largest > key.limit:
            self._prune(key, now)

    def _write_together(
        self, key: KeyRecord, who: AgentRecord, version: int | None
    ) -> None:
        if key.writer is not who:
            writers = {who} if key.writer is None else {who, key.writer}
            key.seen = writers if key.seen is None else key.seen | writers
            key.writer = None
        if version is not None and (key.version is None or version > key.version):
            key.version = version

    def _prune(self, key: KeyRecord, now: float) -> None:
        """Drop what is older than the horizon; rare enough to be free."""
        oldest = now - self._horizon
        key.alone = {name: then for name, then in key.alone.items() if then >= oldest}
        largest = len(key.alone)
        if key.done is not None:
            key.done = {
                operation: kept
                for operation, done in key.done.items()
                if (kept := {a: t for a, t in done.items() if t >= oldest})
            }
            largest = max(len(key.done), *map(len, key.done.values()))
        key.limit = 2 * max(8, largest)

    def _drop_outdated(self, done: dict[AgentRecord, float], now: float) -> None:
        """Drop operations that their agents' windows no longer hold."""
        for other, then in list(done.items()):
            instant = other.last_at == now
            if then < (other.evicted_at if instant else other.rings[other.pos]):
                del done[other]

    def _rejuvenate(self, me: AgentRecord, unit: int, left: int) -> None:
        """Count an operation of an agent whose window reaches past the horizon."""
        self._packed += unit
        if me.aged == min(me.operations - 1, self._window):
            self._live += 1
        me.aged -= left > 0
        # Its next visit was planned for a ring with nothing left to age.
        coming = me.last_at + self._horizon
        if me.due > coming:
            self._schedule(me, coming)

    def _age(self, me: AgentRecord, now: float) -> None:
        """Take operations older than the horizon out of the cross-agent window."""
        window = self._window
        held = min(me.operations, window)
        oldest = now - self._horizon
        was_live = me.aged < held
        while me.aged < held:
            place = (me.pos - held + me.aged) % window
            if me.rings[place] >= oldest:
                break
            self._packed -= me.counts[place]
            me.aged += 1
        if me.score is not None:
            weight = held - me.aged
            share = int(me.score * FIXED) * weight
            self._shares += share - me.share
            self._share_weights += weight - me.share_weight
            self._scored -= me.share_weight > 0 and not weight
            me.share, me.share_weight = share, weight
        if was_live and me.aged == held:
            self._live -= 1
            self._unrank(me)

    def _forget(self, me: AgentRecord) -> None:
        self._age(me, FOREVER)
        self._idle.pop(me.name, None)
        del self._agents[me.name]

    def _mean_gap(self, me: AgentRecord) -> float:
        kept = min(me.operations, self._window)
        first = me.rings[me.pos] if kept == self._window else me.first_at
        return (me.last_at - first) / (kept - 1)

    def _rank_changed(self) -> None:
        """Bring the order of the agents' rates up to date."""
        changed, rates = self._changed, self._rates
        for me in changed:
            me.changed = False
            if me.rank is not None:
                del rates[bisect_left(rates, me.rank)]
                me.rank = None
            if me.operations > 1 and me.aged < min(me.operations, self._window):
                mean_gap = self._mean_gap(me)
                rate = 1.0 / mean_gap if mean_gap > 0.0 else FOREVER
                me.rank = (rate, me.name)
                insort(rates, me.rank)
        changed.clear()

    def _unrank(self, me: AgentRecord) -> None:
        if me.rank is not None:
            del self._rates[bisect_left(self._rates, me.rank)]
            me.rank = None

    def _overloaded(self) -> tuple[str, ...]:
        rates = self._rates
        if not rates:
            return ()
        middle = len(rates) >> 1
        median = rates[middle][0]
        if not len(rates) & 1:
            median = 0.5 * median + 0.5 * rates[middle - 1][0]
        start = bisect_right(rates, (self.settings.overload * median, chr(0x10FFFF)))
        return tuple(name for _, name in rates[start:])


def _writes_first(entry: Pending) -> bool:
    return entry[3] != WRITE_KIND
