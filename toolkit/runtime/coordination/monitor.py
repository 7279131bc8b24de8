"""The coordination monitor: one pass over the events, all state kept up to date.

An event is judged by what strictly precedes it. What it changes for the others is held
back until time moves on, and an agent's operations of one instant are kept in an order
of their own; so the order in which events of one instant arrive is irrelevant.

Longer than our files are: `track` is the hot path, and a call costs as much as a
counter's update.
"""

import datetime as dt
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace

from toolkit.baselines import EfficiencyScore
from toolkit.errors import UsageError
from toolkit.records.schema import CoordinationEvent
from toolkit.runtime.coordination.alerts import Alert, AlertKind, Priority, band_lost
from toolkit.runtime.coordination.counts import (
    BITS,
    DUPLICATE,
    FLAGGED,
    HOOKED,
    HOOKS_KNOWN,
    KEYED,
    MASK,
    OPERATION,
    READ,
    STALE_READ,
    STALE_WRITE,
    WRITE,
    Counts,
    unpack,
)
from toolkit.runtime.coordination.factors import (
    Factors,
    frequency_factor,
    latency_factor,
    tallied,
    weighed,
)
from toolkit.runtime.coordination.recommendations import (
    COORDINATION_REPAIR,
    EFFICIENCY_IMPROVEMENT,
    HOOK_COMPLIANCE,
    Recommendation,
)
from toolkit.runtime.coordination.report import (
    AgentEfficiency,
    CoordinationReport,
    OverallCoordination,
)
from toolkit.runtime.coordination.settings import BANDS, MonitorSettings, band_of
from toolkit.runtime.coordination.state import NEVER, AgentRecord, KeyRecord
from toolkit.runtime.notifier import Notifier
from toolkit.stats import decay_of

__all__ = ["AgentWatch", "CoordinationMonitor"]

MICRO = 1e6
FOREVER = float("inf")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FIXED = 1 << 40
"""Scores are summed as whole multiples of 2^-40: exact, and in any order the same."""
STEP_BACK = 10
"""Events in a row from far before the latest that mean the clock was set back."""
NOTHING: dict[AlertKind, Alert] = {}
"""No alerts, shared and never written."""
CACHE = 4096
"""Finished sums of factors kept, by window counts."""

DUPLICATES_LAST, CONFLICTS_LAST = 1, 2
"""Bits of the swarm-wide alerts."""

READ_KIND, WRITE_KIND, OTHER_KIND = 1, 2, 0

Pending = tuple[KeyRecord, AgentRecord, str, int, int | None]


class AgentWatch:
    """The light handle that `track` returns: an agent's name and where to ask.

    Parameters
    ----------
    monitor : CoordinationMonitor
    agent : str
    """

    __slots__ = ("agent", "monitor")

    def __init__(self, monitor: "CoordinationMonitor", agent: str) -> None:
        self.monitor = monitor
        self.agent = agent

    def report(self) -> CoordinationReport:
        """Report on the agent and the swarm as they are now."""
        return self.monitor.report(self.agent)


class CoordinationMonitor:
    """Watches every agent's efficiency and what they do to each other.

    Every event costs the same however many came before and however many agents there
    are; memory is bounded by the agents and keys of the last hour and five minutes.
    Not thread-safe: feed it from one thread.

    Parameters
    ----------
    notifier : Notifier
        Told of each alert at the event that raised it.
    settings : MonitorSettings
    score : EfficiencyScore
        The weights of the five factors.

    Examples
    --------
    >>> from toolkit.runtime.notifier import SilentNotifier
    >>> monitor = CoordinationMonitor(notifier=SilentNotifier())
    >>> for second in range(3):
    ...     watch = monitor.track("a", "edit", "k", 10.0 + second, action="write")
    >>> report = watch.report()
    >>> report.agent_efficiency.score
    1.0
    >>> report.agent_efficiency.absent
    ('coordination_latency', 'hook_compliance')
    """

    __slots__ = (
        "_agents",
        "_alerts",
        "_behind",
        "_budget",
        "_changed",
        "_decay",
        "_due",
        "_forgotten_after",
        "_frequency_weight",
        "_horizon",
        "_hysteresis",
        "_idle",
        "_idle_gaps",
        "_keys",
        "_lasting",
        "_lasting_before",
        "_late",
        "_latency_weight",
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
        "_sums",
        "_threshold",
        "_told",
        "_tolerance",
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
        self._ordinal = 0
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
        self._sums: dict[int, tuple[float, float, int]] = {}

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Every alert that lasts, the swarm's first."""
        agents = (alert for a in self._agents.values() for alert in a.alerts.values())
        return (*self._alerts.values(), *agents)

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents that are remembered."""
        return tuple(self._agents)

    @property
    def latest_s(self) -> float | None:
        """POSIX seconds of the latest event; `None` before the first."""
        return self._now / MICRO if self._now > NEVER else None

    @property
    def keys_remembered(self) -> int:
        """How many memory keys take up memory now."""
        return len(self._keys) + len(self._older_keys)

    def observe(self, event: CoordinationEvent) -> AgentWatch:
        """Track a record; agents of different sessions are different agents."""
        agent = event.agent_id
        if event.session_id is not None:
            agent = f"{event.session_id}/{agent}"
        return self.track(
            agent,
            event.operation,
            event.memory_key,
            event.at,
            action=event.action,
            waited_s=event.waited_s,
            version_seen=event.version_seen,
            version=event.version,
            has_pre_event=event.has_pre_event,
            has_post_event=event.has_post_event,
        )

    # One function of this length, and on purpose: each part runs for every event, and
    # a dozen calls would double the cost that the issue bounds.
    def track(
        self,
        agent: str,
        operation: str,
        memory_key: str | None,
        at: dt.datetime | float,
        *,
        action: str | None = None,
        waited_s: float | None = None,
        version_seen: int | None = None,
        version: int | None = None,
        has_pre_event: bool | None = None,
        has_post_event: bool | None = None,
    ) -> AgentWatch:
        """Take in one operation of one agent and bring everything up to date.

        Parameters
        ----------
        agent : str
            Identity of the agent.
        operation : str
            What it did; with the key it says what counts as the same work.
        memory_key : str or None
            What it did it to.
        at : datetime or float
            Aware time, or POSIX seconds. An event from before the latest one is taken
            as of the latest, and counted as late; one from before the horizon is
            counted only, unless ten in a row say that the clock was set back: then the
            monitor starts anew.
        action : str, optional
            `read` or `write` are accesses to the key; anything else is not.
        waited_s : float, optional
            Time spent waiting for another agent, a lock or a person, in seconds.
        version_seen, version : int, optional
            Version of the key that a read returned or that a write's author had seen;
            version of the key after the event.
        has_pre_event, has_post_event : bool, optional
            Whether the operation's hook events were seen.

        Returns
        -------
        AgentWatch
            Ask it for the report.

        Raises
        ------
        UsageError
            `at` has no time zone or is not a finite number.
        """
        now = at * MICRO if at.__class__ is float else microseconds(at)
        if now > self._now:
            if self._pending:
                self._commit()
            self._now = now
            if now > self._next_due:
                self._wake(now)
            self._lasting_before = self._lasting
            if self._told:
                self._told.clear()
        elif now != self._now:
            if not self._admits(now):
                known = self._agents.get(agent)
                return known.watch if known else AgentWatch(self, agent)
            now = self._now
        me = self._agents.get(agent)
        if me is None:
            me = self._admit(agent, now)

        unit = OPERATION
        if memory_key is not None:
            unit = OPERATION + KEYED
            key = self._keys.get(memory_key)
            if key is None:
                key = self._key(memory_key, now)
            newest = key.written_at
            oldest = now - self._horizon
            kind = OTHER_KIND
            if action == "write":
                unit = OPERATION + KEYED + WRITE
                kind = WRITE_KIND
                if (
                    newest >= oldest
                    and key.writer is not me
                    and (
                        version_seen < key.version
                        if version_seen is not None and key.version is not None
                        else me not in key.seen  # type: ignore[operator] # set while there is a newest write
                    )
                ):
                    unit += STALE_WRITE
            elif action == "read":
                unit = OPERATION + KEYED + READ
                kind = READ_KIND
                if (
                    newest >= oldest
                    and version_seen is not None
                    and key.version is not None
                    and version_seen < key.version
                ):
                    unit += STALE_READ
                    kind = OTHER_KIND  # it has not seen the newest write
            done = key.done.get(operation)
            if done is not None:
                outdated = False
                if newest > oldest:
                    oldest = newest
                for other in reversed(done):
                    if other is not me:
                        then = done[other]
                        if then < oldest:
                            break
                        if then >= (
                            other.times[other.pos]
                            if other.last_at != now
                            else other.evicted_at
                        ):
                            unit += DUPLICATE
                            break
                        outdated = True
                if outdated:
                    self._drop_outdated(done, now)
            self._pending.append((key, me, operation, kind, version))
        if has_pre_event is not None or has_post_event is not None:
            if has_pre_event and has_post_event:
                unit += HOOKS_KNOWN + HOOKED
            elif not (has_pre_event is None or has_post_event is None) or (
                has_pre_event is False or has_post_event is False
            ):
                unit += HOOKS_KNOWN

        if waited_s is not None and waited_s.__class__ is not float:
            waited_s = seconds(waited_s)
        me.operations = operations = me.operations + 1
        if now == me.last_at:
            left = self._tie(me, unit, waited_s, now)
            me.gap_total *= self._decay
            me.gap_weight = me.gap_weight * self._decay + 1.0
        else:
            if operations > 1:
                me.gap_total = me.gap_total * self._decay + (now - me.last_at)
                me.gap_weight = me.gap_weight * self._decay + 1.0
            me.before = (
                me.fall_count,
                me.fall_mean,
                me.fall,
                me.drop_level,
                me.band,
                me.top_band,
            )
            me.alerts_before = dict(me.alerts) if me.alerts else NOTHING
            me.last_at = now
            pos = me.pos
            left = me.counts[pos]
            me.counts[pos] = unit
            me.evicted_at = me.times[pos]
            me.times[pos] = now
            waited = me.waits[pos]
            if waited is not waited_s:
                if waited is not None:
                    waits = me.ordered_waits
                    del waits[bisect_left(waits, waited)]
                me.waits[pos] = waited_s
                if waited_s is not None:
                    insort(me.ordered_waits, waited_s)
            pos += 1
            me.pos = pos if pos < self._window else 0
            me.packed += unit - left
            if me.aged:
                self._rejuvenate(me, unit, left)
            else:
                self._packed += unit - left
            scores = me.scores
            if not scores or scores[-1] >= 0.0:
                scores.append(NEVER)  # a place for this instant's score

        # The score: what the counts say is looked up, the other two are worked out.
        packed = me.packed
        sums = self._sums.get(packed)
        if sums is None:
            sums = self._sum(packed)
        total, weight, present = sums
        if operations > 1:
            if operations >= self._window:
                mean_gap = (now - me.times[me.pos]) / (self._window - 1)
            else:
                mean_gap = (now - me.first_at) / (operations - 1)
            expected = me.gap_total / me.gap_weight
            if expected > 0.0:
                share = self._frequency_weight
                weight += share
                present += 1
                total += share if expected >= mean_gap else share * expected / mean_gap
                due = now + self._idle_gaps * expected
                if due < me.due:
                    # Half way there, so that a falling expectation seldom comes back.
                    self._schedule(me, now + (due - now) * 0.5)
        waits = me.ordered_waits
        if waits:
            middle = len(waits) >> 1
            median = (
                waits[middle]
                if len(waits) & 1
                else 0.5 * waits[middle] + 0.5 * waits[middle - 1]
            )
            share = self._latency_weight
            budget = self._budget
            weight += share
            present += 1
            total += share * (budget / (budget + median))
        if not me.changed:
            me.changed = True
            self._changed.append(me)
        if me.silent:
            self._answered(me)
        if present > 2:
            score = total / weight
            if score > 1.0:
                score = 1.0  # the last bit of a rounded sum
            me.score = score
            me.scores[-1] = score
            in_window = (
                operations if operations < self._window else self._window
            ) - me.aged
            fixed = int(score * FIXED) * in_window
            self._shares += fixed - me.share
            if in_window != me.share_weight:
                self._share_weights += in_window - me.share_weight
                if not me.share_weight:
                    self._scored += 1
            me.share = fixed
            me.share_weight = in_window
            if me.drop_level is None:
                me.fall_count = count = me.fall_count + 1
                me.fall_mean = mean = me.fall_mean + (score - me.fall_mean) / count
                fall = me.fall + mean - score - self._tolerance
                me.fall = fall = fall if fall > 0.0 else 0.0
                if fall > self._threshold and count >= self._minimum:
                    self._dropped(me, score, now)
            elif score >= me.drop_level - self._hysteresis:
                self._recovered(me)
            if not me.band_low <= score < me.band_high:
                self._reband(me, score, now)
        else:
            self._unscored(me)
        if unit >= FLAGGED or left >= FLAGGED or self._lasting:
            lasting = self._lasting_now()
            if lasting != self._lasting:
                self._judge_swarm(lasting, now)
        return me.watch

    def advance(self, at: dt.datetime | float) -> None:
        """Let time pass without an event, so that silence is noticed.

        Parameters
        ----------
        at : datetime or float
            Aware time, or POSIX seconds; one before the latest event changes nothing.
        """
        now = microseconds(at)
        if now > self._now > NEVER:
            self._commit()
            self._now = now
            if now > self._next_due:
                self._wake(now)
            self._lasting_before = self._lasting
            self._told.clear()

    def replay(self, events: Iterable[CoordinationEvent]) -> int:
        """Track records in the order given, and count them."""
        count = 0
        for event in events:
            self.observe(event)
            count += 1
        return count

    def report(self, agent: str) -> CoordinationReport:
        """Report on an agent, seen or not, and on the swarm, as they are now."""
        me = self._agents.get(agent)
        efficiency = self.efficiency(agent)
        overall = self.overall()
        return CoordinationReport(
            efficiency,
            overall,
            self._advice(efficiency, overall),
            (*me.alerts.values(), *self._alerts.values())
            if me
            else tuple(self._alerts.values()),
        )

    def efficiency(self, agent: str) -> AgentEfficiency:
        """Report on one agent; one that has done nothing yet has no score."""
        me = self._agents.get(agent)
        if me is None:
            nothing = Factors(None, None, None, None, None)
            return AgentEfficiency(agent, 0, None, None, nothing, (), False, ())  # noqa: FBT003 - positional for speed
        factors = self._factors(me)
        return AgentEfficiency(
            agent,
            me.operations,
            me.score,
            None if me.score is None else BANDS[band_of(me.score)][1],
            factors,
            tuple(s for s in me.scores if s >= 0.0),
            me.drop_level is not None,
            factors.below(self.settings.weak_factor),
        )

    def overall(self) -> OverallCoordination:
        """Report on the swarm."""
        counts = unpack(self._packed)
        self._rank_changed()
        return OverallCoordination(
            self._shares / FIXED / self._share_weights if self._share_weights else None,
            self._live,
            self._scored,
            counts.operations,
            counts.duplicates / counts.operations if counts.operations else None,
            counts.stale_writes / counts.writes if counts.writes else None,
            counts.stale_reads / counts.reads if counts.reads else None,
            tuple(self._idle),
            self._overloaded(),
            self._late,
        )

    def counts(self) -> Counts:
        """Count the operations of the cross-agent window."""
        return unpack(self._packed)

    def agent_counts(self, agent: str) -> Counts:
        """Count the last operations of one agent; none of one not remembered."""
        me = self._agents.get(agent)
        return unpack(me.packed if me else 0)

    # What follows runs seldom, or when somebody asks.

    def _drop_outdated(self, done: dict[AgentRecord, float], now: float) -> None:
        """Drop operations that their agents' windows no longer hold."""
        for other, then in list(done.items()):
            instant = other.last_at == now
            if then < (other.evicted_at if instant else other.times[other.pos]):
                del done[other]

    def _factors(self, me: AgentRecord) -> Factors:
        memory, duplicates, hooks = tallied(me.packed)
        frequency = latency = None
        if me.operations > 1:
            expected = me.gap_total / me.gap_weight
            frequency = frequency_factor(expected, self._mean_gap(me))
        waits = me.ordered_waits
        if waits:
            middle = len(waits) >> 1
            median = (
                waits[middle]
                if len(waits) & 1
                else 0.5 * waits[middle] + 0.5 * waits[middle - 1]
            )
            latency = latency_factor(self.settings.wait_budget_s, median)
        return Factors(frequency, memory, latency, duplicates, hooks)

    def _mean_gap(self, me: AgentRecord) -> float:
        kept = min(me.operations, self._window)
        first = me.times[me.pos] if kept == self._window else me.first_at
        return (me.last_at - first) / (kept - 1)

    def _advice(
        self, agent: AgentEfficiency, overall: OverallCoordination
    ) -> tuple[Recommendation, ...]:
        score, hooks = agent.score, agent.factors.hook_compliance
        repeats = overall.duplicate_work_rate
        advice: list[Recommendation] = []
        if score is not None and score < _ACCEPTABLE:
            advice.append(EFFICIENCY_IMPROVEMENT)
        if repeats is not None and repeats > self.settings.duplicate_rate:
            advice.append(COORDINATION_REPAIR)
        if hooks is not None and hooks < self.settings.hook_floor:
            advice.append(HOOK_COMPLIANCE)
        return tuple(advice)

    def _sum(self, packed: int) -> tuple[float, float, int]:
        if len(self._sums) >= CACHE:
            self._sums.clear()
        self._sums[packed] = sums = weighed(packed, self._score.weights)
        return sums

    def _admits(self, now: float) -> bool:
        """Decide whether an event from before the latest one is still of use."""
        if now != now:
            raise UsageError("`at` must be a finite number of seconds, got nan")
        self._late += 1
        if now >= self._now - self._horizon:
            return True
        self._behind = 1 if self._behind < 0 else self._behind + 1
        if self._behind < STEP_BACK:
            return False
        self._behind = 0
        self._forget_everything()
        self._now = now
        return True

    def _admit(self, name: str, now: float) -> AgentRecord:
        me = AgentRecord(name, now, AgentWatch(self, name), self.settings)
        self._agents[name] = me
        self._live += 1
        self._schedule(me, now + self._horizon)
        return me

    def _schedule(self, me: AgentRecord, due: float) -> None:
        me.due = due
        self._ordinal += 1
        heappush(self._due, (due, self._ordinal, me))
        self._next_due = self._due[0][0]

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
                    key.seen = {who}
                    key.done.clear()  # nothing done before a write is done again after
                else:
                    self._write_together(key, who, version)
            elif kind == READ_KIND and key.seen is not None:
                if now - key.written_at > self._horizon:
                    key.seen = None
                else:
                    key.seen.add(who)
            done = key.done.get(operation)
            if done is None:
                key.done[operation] = {who: now}
                if len(key.done) > key.limit:
                    self._prune(key, now)
            else:
                done.pop(who, None)
                done[who] = now
                if len(done) > key.limit:
                    self._prune(key, now)
        pending.clear()

    def _write_together(
        self, key: KeyRecord, who: AgentRecord, version: int | None
    ) -> None:
        if key.writer is not who:
            key.writer = None
        if version is not None and (key.version is None or version > key.version):
            key.version = version
        if key.seen is not None:
            key.seen.add(who)

    def _prune(self, key: KeyRecord, now: float) -> None:
        """Drop what is older than the horizon; rare enough to be free."""
        oldest = now - self._horizon
        key.done = {
            operation: kept
            for operation, done in key.done.items()
            if (kept := {a: t for a, t in done.items() if t >= oldest})
        }
        largest = max(map(len, key.done.values()), default=0)
        key.limit = 2 * max(8, len(key.done), largest)

    def _tie(
        self, me: AgentRecord, unit: int, waited_s: float | None, now: float
    ) -> int:
        """Put a second operation of one instant in its place in the ring.

        Returns
        -------
        int
            Count of the operation that left.
        """
        window = self._window
        held = min(me.operations - 1, window)
        entries = [
            (me.times[i], me.counts[i], me.waits[i])
            for i in ((me.pos - held + n) % window for n in range(held))
        ]
        entries.append((now, unit, waited_s))
        entries.sort(key=_canonical)
        left = 0
        if held == window:
            left = entries.pop(0)[1]
        if me.aged:
            self._rejuvenate(me, unit, left)
        else:
            self._packed += unit - left
        me.packed += unit - left
        free = window - len(entries)
        me.times = [e[0] for e in entries] + [NEVER] * free
        me.counts = [e[1] for e in entries] + [0] * free
        me.waits = [e[2] for e in entries] + [None] * free
        me.ordered_waits = sorted(w for w in me.waits if w is not None)
        me.pos = len(entries) % window
        self._rewind(me)
        return left

    def _rejuvenate(self, me: AgentRecord, unit: int, left: int) -> None:
        """Count an operation of an agent whose window reaches past the horizon."""
        self._packed += unit
        if me.aged == min(me.operations - 1, self._window):
            self._live += 1
        me.aged -= left > 0

    def _rewind(self, me: AgentRecord) -> None:
        """Judge the instant again: its operations count together."""
        (
            me.fall_count,
            me.fall_mean,
            me.fall,
            me.drop_level,
            me.band,
            me.top_band,
        ) = me.before
        for kind in (AlertKind.SUDDEN_DROP, AlertKind.EFFICIENCY_DROP):
            if (lasted := me.alerts_before.get(kind)) is None:
                me.alerts.pop(kind, None)
            else:
                me.alerts[kind] = lasted
        self._set_bounds(me)

    def _unscored(self, me: AgentRecord) -> None:
        """Let go of a score that too few factors are left for."""
        me.scores[-1] = NEVER
        if me.score is not None:
            me.score = None
            self._shares -= me.share
            self._share_weights -= me.share_weight
            self._scored -= me.share_weight > 0
            me.share = me.share_weight = 0

    def _raise(self, me: AgentRecord | None, alert: Alert, rank: int = 0) -> None:
        """Keep an alert and tell it, once an instant."""
        lasting = self._alerts if me is None else me.alerts
        lasting[alert.kind] = alert
        told = (alert.kind, alert.agent, rank)
        if told not in self._told:
            self._told.add(told)
            self._notifier.notify(alert.notification())

    def _reband(self, me: AgentRecord, score: float, now: float) -> None:
        """Follow a score through the bands; falling is at once, rising needs more."""
        reached = band_of(score)
        if me.band < 0:
            me.band = me.top_band = reached
        elif reached < me.band:
            me.band = reached
            self._raise(me, band_lost(me.name, now / MICRO, score, reached), reached)
        else:
            rise = score - self.settings.hysteresis
            while me.band < len(BANDS) - 1 and rise >= BANDS[me.band + 1][0]:
                me.band += 1
            if me.band >= me.top_band:
                me.top_band = me.band
                me.alerts.pop(AlertKind.EFFICIENCY_DROP, None)
        self._set_bounds(me)

    def _set_bounds(self, me: AgentRecord) -> None:
        if me.band < 0:
            me.band_low = me.band_high = 0.0
            return
        top = me.band == len(BANDS) - 1
        me.band_low = BANDS[me.band][0]
        me.band_high = (
            FOREVER if top else BANDS[me.band + 1][0] + self.settings.hysteresis
        )

    def _dropped(self, me: AgentRecord, score: float, now: float) -> None:
        me.drop_level = me.fall_mean
        alert = Alert(
            kind=AlertKind.SUDDEN_DROP,
            priority=Priority.HIGH,
            agent=me.name,
            at_s=now / MICRO,
            value=score,
            threshold=me.fall_mean,
        )
        self._raise(me, alert)

    def _recovered(self, me: AgentRecord) -> None:
        """Watch for the next drop from the level that is reached now."""
        me.drop_level = None
        me.fall_count = 0
        me.fall_mean = me.fall = 0.0
        me.alerts.pop(AlertKind.SUDDEN_DROP, None)

    def _lasting_now(self) -> int:
        """Tell which swarm-wide alerts hold, given those before this instant."""
        packed = self._packed
        repeats, conflicts = self._limits[self._lasting_before]
        lasting = 0
        if packed >> 8 * BITS > repeats * (packed & MASK):
            lasting = DUPLICATES_LAST
        if (packed >> 7 * BITS & MASK) > conflicts * (packed >> 5 * BITS & MASK):
            lasting |= CONFLICTS_LAST
        return lasting

    def _judge_swarm(self, lasting: int, now: float) -> None:
        """Raise the swarm-wide alerts that begin and drop those that end."""
        counts = unpack(self._packed)
        begun = lasting & ~self._lasting
        self._lasting = lasting
        if not lasting & DUPLICATES_LAST:
            self._alerts.pop(AlertKind.DUPLICATE_WORK, None)
        if not lasting & CONFLICTS_LAST:
            self._alerts.pop(AlertKind.CONFLICTING_WRITES, None)
        if begun & DUPLICATES_LAST:
            rate = counts.duplicates / counts.operations
            limit = self.settings.duplicate_rate
            self._raise(None, _of_swarm(AlertKind.DUPLICATE_WORK, rate, limit, now))
        if begun & CONFLICTS_LAST:
            rate = counts.stale_writes / counts.writes
            limit = self.settings.conflict_rate
            self._raise(None, _of_swarm(AlertKind.CONFLICTING_WRITES, rate, limit, now))

    def _wake(self, now: float) -> None:
        """Visit the agents whose time has come: ageing, silence, oblivion."""
        due = self._due
        while due and due[0][0] < now:
            planned, ordinal, me = due[0]
            if planned == me.due and self._agents.get(me.name) is me:
                me.due = coming = self._visit(me, now)
                if coming < FOREVER:
                    heapreplace(due, (coming, ordinal, me))
                    continue
            heappop(due)
        self._next_due = due[0][0] if due else FOREVER
        lasting = self._lasting_now()
        if lasting != self._lasting:
            self._judge_swarm(lasting, now)

    def _visit(self, me: AgentRecord, now: float) -> float:
        """Do what is due for an agent, and tell when to come again."""
        last = me.last_at
        coming = last + self._forgotten_after
        if now > coming:
            self._forget(me)
            return FOREVER
        held = me.operations if me.operations < self._window else self._window
        if me.aged < held:
            if me.times[(me.pos - held + me.aged) % self._window] < now - self._horizon:
                self._age(me, now)
            if me.aged < held:
                oldest = me.times[(me.pos - held + me.aged) % self._window]
                coming = min(coming, oldest + self._horizon)
        if not me.silent and me.gap_total > 0.0:
            patience = self._idle_gaps * me.gap_total / me.gap_weight
            if now - last > patience:
                self._fell_silent(me, now, patience)
            elif last + patience < coming:
                coming = last + patience
        return coming

    def _age(self, me: AgentRecord, now: float) -> None:
        """Take operations older than the horizon out of the cross-agent window."""
        window = self._window
        held = min(me.operations, window)
        oldest = now - self._horizon
        was_live = me.aged < held
        while me.aged < held:
            place = (me.pos - held + me.aged) % window
            if me.times[place] >= oldest:
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

    def _unrank(self, me: AgentRecord) -> None:
        if me.rank is not None:
            del self._rates[bisect_left(self._rates, me.rank)]
            me.rank = None

    def _fell_silent(self, me: AgentRecord, now: float, patience: float) -> None:
        me.silent = True
        self._idle[me.name] = None
        alert = Alert(
            kind=AlertKind.AGENT_SILENT,
            priority=Priority.HIGH,
            agent=me.name,
            at_s=now / MICRO,
            value=(now - me.last_at) / MICRO,
            threshold=patience / MICRO,
        )
        self._raise(me, alert)

    def _answered(self, me: AgentRecord) -> None:
        me.silent = False
        del self._idle[me.name]
        me.alerts.pop(AlertKind.AGENT_SILENT, None)

    def _forget(self, me: AgentRecord) -> None:
        self._age(me, FOREVER)
        self._idle.pop(me.name, None)
        del self._agents[me.name]

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


_ACCEPTABLE = BANDS[2][0]


def microseconds(at: dt.datetime | float) -> float:
    """Turn a time into microseconds since 1970, exactly.

    Raises
    ------
    UsageError
        A time without a zone.

    Examples
    --------
    >>> microseconds(dt.datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=dt.UTC))
    1000005.0
    """
    if not isinstance(at, dt.datetime):
        return at * MICRO
    if at.tzinfo is None:
        raise UsageError(f"`at` must be aware, got {at}; give tzinfo=UTC")
    since = at - EPOCH
    return float((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def seconds(waited_s: float) -> float:
    """Turn a whole number of seconds, however large, into a float.

    Examples
    --------
    >>> seconds(3), seconds(10**400)
    (3.0, inf)
    """
    try:
        return float(waited_s)
    except OverflowError:
        return FOREVER


def _of_swarm(kind: AlertKind, rate: float, limit: float, now: float) -> Alert:
    return Alert(
        kind=kind,
        priority=Priority.CRITICAL,
        agent=None,
        at_s=now / MICRO,
        value=rate,
        threshold=limit,
    )


def _writes_first(entry: Pending) -> bool:
    return entry[3] != WRITE_KIND


def _canonical(entry: tuple[float, int, float | None]) -> tuple[float, int, float]:
    at, unit, waited_s = entry
    return at, unit, -1.0 if waited_s is None else waited_s
