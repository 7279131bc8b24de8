"""The coordination monitor: one pass over the events, all state kept up to date.

An event is judged by what strictly precedes it. What it changes for the others is held
back until time moves on, and an agent's operations of one instant are kept in an order
of their own; so the order in which events of one instant arrive is irrelevant.

Longer than our files are: `track` is the hot path, and a call costs as much as a
counter's update.
"""

import datetime as dt
import math
from bisect import bisect_left, insort
from collections.abc import Iterable

from toolkit.errors import UsageError
from toolkit.notifier import Notifier
from toolkit.policies.rules import EfficiencyScore
from toolkit.records import CoordinationEvent, Outcome, Turn
from toolkit.runtime.coordination.alarms import Alarms
from toolkit.runtime.coordination.alerts import Alert
from toolkit.runtime.coordination.counts import (
    FLAGGED,
    IS_DUPLICATE,
    IS_HOOKED,
    IS_HOOKS_KNOWN,
    IS_KEYED,
    IS_READ,
    IS_STALE_READ,
    IS_STALE_WRITE,
    IS_WRITE,
    UNITS,
    Counts,
    unpack,
)
from toolkit.runtime.coordination.factors import (
    Factors,
    Tally,
    frequency_factor,
    latency_factor,
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
from toolkit.runtime.coordination.state import (
    ANSWER,
    CALLS,
    NEVER,
    NO_WAIT,
    AgentRecord,
)
from toolkit.runtime.coordination.swarm_state import (
    CACHE,
    EPOCH,
    FIXED,
    FOREVER,
    MICRO,
    OTHER_KIND,
    READ_KIND,
    STEP_BACK,
    WRITE_KIND,
)

__all__ = ["AgentWatch", "CoordinationMonitor"]


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


class CoordinationMonitor(Alarms):
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
    >>> from toolkit.notifier import SilentNotifier
    >>> monitor = CoordinationMonitor(notifier=SilentNotifier())
    >>> for second in range(3):
    ...     watch = monitor.track("a", "edit", "k", 10.0 + second, action="write")
    >>> report = watch.report()
    >>> report.agent_efficiency.score
    1.0
    >>> report.agent_efficiency.absent
    ('coordination_latency', 'hook_compliance')
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        notifier: Notifier,
        settings: MonitorSettings | None = None,
        score: EfficiencyScore | None = None,
    ) -> None:
        super().__init__(notifier=notifier, settings=settings, score=score)

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
            duration_s=event.duration_s,
            ended=event.outcome is not Outcome.UNKNOWN,
        )

    def observe_turn(self, turn: Turn) -> None:
        """Track one reply of an agent's model: whether it has work in hand after it.

        A reply without a call ends the turn: the agent waits for a person, or has done
        what it was started for. One with calls goes on as soon as they have ended.

        Parameters
        ----------
        turn : Turn
        """
        agent = turn.agent_id or "main"
        if turn.session_id is not None:
            agent = f"{turn.session_id}/{agent}"
        self.advance(turn.at)
        me = self._agents.get(agent)
        if me is None or turn.calls is None:
            return
        now = microseconds(turn.at)
        self._note_gap(me, now)
        me.operation = CALLS if turn.calls else ANSWER
        me.ended_at = max(me.ended_at, now)
        self.waits(agent, waits=turn.calls == 0)

    def _note_gap(self, me: AgentRecord, now: float) -> None:
        """Count the gap after an agent's last work for work of that type."""
        seen = self._gaps_seen
        seen[me.operation] = seen.get(me.operation, 0) + 1
        if now - me.ended_at > self._floor and me.operations:
            self._usual.learn_long(me.operation, (now - me.ended_at) / MICRO)

    def waits(self, agent: str, *, waits: bool = True) -> None:
        """Set whether an agent waits: for a person, a child, a background job.

        One that waits is not silent, however long it lasts; its next operation ends
        the wait.

        Parameters
        ----------
        agent : str
        waits : bool
        """
        me = self._agents.get(agent)
        if me is None:
            return
        me.waits = waits
        if me.silent:
            self._answered(me)
        if not waits:
            self._schedule(me, max(self._coming(me), self._now))

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
        duration_s: float | None = None,
        ended: bool = False,
    ) -> AgentWatch:
        """Track one operation of one agent and bring everything up to date.

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
        duration_s : float, optional
            How long it took, in seconds; known, it has ended.
        ended : bool
            Whether the operation has ended: then the agent has nothing in hand, and is
            not silent, until a reply of its model says that it goes on.

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
            if now == FOREVER:
                raise not_finite(at)
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

        code = 0
        if memory_key is not None:
            code = IS_KEYED
            key = self._keys.get(memory_key)
            if key is None:
                key = self._key(memory_key, now)
            newest = key.written_at
            oldest = now - self._horizon
            kind = OTHER_KIND
            if action == "write":
                code = IS_KEYED | IS_WRITE
                kind = WRITE_KIND
                if (
                    newest >= oldest
                    and key.writer is not me
                    and (
                        version_seen < key.version
                        if version_seen is not None and key.version is not None
                        else key.seen is None or me not in key.seen
                    )
                ):
                    code |= IS_STALE_WRITE
            elif action == "read":
                code = IS_KEYED | IS_READ
                kind = READ_KIND
                if (
                    newest >= oldest
                    and version_seen is not None
                    and key.version is not None
                    and version_seen < key.version
                ):
                    code |= IS_STALE_READ
                    kind = OTHER_KIND  # it has not seen the newest write
            sole = key.sole
            if sole is not me:
                if newest > oldest:
                    oldest = newest
                if sole is not None:
                    then = key.alone.get(operation, NEVER)
                    if then >= oldest and then >= (
                        sole.rings[sole.pos] if sole.last_at != now else sole.evicted_at
                    ):
                        code |= IS_DUPLICATE
                elif key.done is not None and self._repeats(
                    key.done.get(operation), me, oldest, now
                ):
                    code |= IS_DUPLICATE
                if (
                    code & IS_DUPLICATE
                    and code & IS_WRITE
                    and newest >= now - self._horizon
                    and version_seen is not None
                    and key.version is not None
                    and version_seen >= key.version
                ):
                    code &= ~IS_DUPLICATE  # it goes on from the newest version
            self._pending.append((key, me, operation, kind, version))
        if has_pre_event is not None or has_post_event is not None:
            if has_pre_event and has_post_event:
                code |= IS_HOOKS_KNOWN | IS_HOOKED
            elif not (has_pre_event is None or has_post_event is None) or (
                has_pre_event is False or has_post_event is False
            ):
                code |= IS_HOOKS_KNOWN
        unit = UNITS[code]

        if waited_s is not None and waited_s.__class__ is not float:
            waited_s = seconds(waited_s)
        me.operations = operations = me.operations + 1
        window, rings = self._window, me.rings
        if now == me.last_at:
            left = self._tie(me, unit, waited_s, now)
            me.sums = self._sum(me.packed)
            me.gap_total *= self._decay
            me.gap_weight = me.gap_weight * self._decay + 1.0
        else:
            if operations > 1:
                me.gap_total = me.gap_total * self._decay + (now - me.last_at)
                me.gap_weight = me.gap_weight * self._decay + 1.0
            me.fall_count_before = me.fall_count
            me.fall_mean_before = me.fall_mean
            me.fall_before = me.fall
            me.drop_level_before = me.drop_level
            me.low_since_before = me.low_since
            me.band_before = me.band
            me.top_band_before = me.top_band
            me.alerts_before = me.alerts
            me.last_at = now
            pos = me.pos
            me.evicted_at = rings[pos]
            rings[pos] = now
            waited = rings[window + pos]
            if waited == waited:
                waits = me.ordered_waits
                del waits[bisect_left(waits, waited)]
                if waited_s is None:
                    rings[window + pos] = NO_WAIT
            if waited_s is not None:
                rings[window + pos] = waited_s
                if waited_s == waited_s:  # not a number is not known
                    insort(me.ordered_waits, waited_s)
            left = me.counts[pos]
            if left is not unit:
                me.counts[pos] = unit
                me.packed = packed = me.packed + unit - left
                me.sums = self._sums.get(packed) or self._sum(packed)
            if me.aged:
                self._rejuvenate(me, unit, left)
            elif left is not unit:
                self._packed += unit - left
            pos += 1
            me.pos = pos if pos < window else 0
            if rings[me.score_pos] >= 0.0:
                pos = me.score_pos + 1
                me.score_pos = pos = pos if pos < len(rings) else 2 * window
                rings[pos] = NEVER  # a place for this instant's score

        # The score: what the counts say is looked up, the other two are worked out.
        total, weight, present, _, _, _ = me.sums
        if operations > 1:
            if operations >= window:
                mean_gap = (now - rings[me.pos]) / (window - 1)
            else:
                mean_gap = (now - me.first_at) / (operations - 1)
            expected = me.gap_total / me.gap_weight
            if expected > 0.0:
                share = self._frequency_weight
                weight += share
                present += 1
                total += share if expected >= mean_gap else share * expected / mean_gap
                pace = expected if expected > self._floor else self._floor
                due = now + self._idle_gaps * pace
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
        seen = self._gaps_seen
        last = me.operation
        seen[last] = seen.get(last, 0) + 1
        if operations > 1 and now - me.ended_at > self._floor:
            self._usual.learn_long(last, (now - me.ended_at) / MICRO)
        me.operation = operation
        if duration_s is None:
            me.ended_at = now
            me.waits = ended or (action == "spawn" and not has_post_event)
        else:
            me.ended_at = now + duration_s * MICRO
            me.waits = True
        if present > 2:
            score = total / weight
            if score > 1.0:
                score = 1.0  # the last bit of a rounded sum
            me.score = score
            rings[me.score_pos] = score
            in_window = (operations if operations < window else window) - me.aged
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
            elif me.low_since:
                me.low_since = 0
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
        if now == FOREVER:
            raise not_finite(at)
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
            me.scores,
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

    def _repeats(
        self,
        done: dict[AgentRecord, float] | None,
        me: AgentRecord,
        oldest: float,
        now: float,
    ) -> bool:
        """Tell whether another agent's window holds this operation since `oldest`."""
        if done is None:
            return False
        outdated = repeated = False
        for other in reversed(done):
            if other is not me:
                then = done[other]
                if then < oldest:
                    break
                if then >= (
                    other.rings[other.pos] if other.last_at != now else other.evicted_at
                ):
                    repeated = True
                    break
                outdated = True
        if outdated:
            self._drop_outdated(done, now)
        return repeated

    def _factors(self, me: AgentRecord) -> Factors:
        _, _, _, memory, duplicates, hooks = me.sums
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

    def _sum(self, packed: int) -> Tally:
        if len(self._sums) >= CACHE:
            self._sums.clear()
        self._sums[packed] = sums = weighed(packed, self._score.weights)
        return sums

    def _admits(self, now: float) -> bool:
        """Decide whether an event from before the latest one is still of use."""
        if not math.isfinite(now):
            raise not_finite(now)
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
        if now == NEVER:
            raise not_finite(now)
        me = AgentRecord(name, now, AgentWatch(self, name), self.settings)
        self._agents[name] = me
        self._live += 1
        self._schedule(me, now + self._horizon)
        return me

    def _unscored(self, me: AgentRecord) -> None:
        """Let go of a score that too few factors are left for."""
        me.rings[me.score_pos] = NEVER
        if me.score is not None:
            me.score = None
            self._shares -= me.share
            self._share_weights -= me.share_weight
            self._scored -= me.share_weight > 0
            me.share = me.share_weight = 0


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


def not_finite(at: dt.datetime | float) -> UsageError:
    """Say that a time is no time."""
    return UsageError(f"`at` must be a finite number of seconds, got {at}")


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
