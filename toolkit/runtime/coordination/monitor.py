"""The coordination monitor: one pass over the events, all state kept up to date.

An event passes four parts in turn: what it is to the other agents (`SharedKeys`), the
windows that count it (`SwarmWindow`), the score of its agent (`Scoring`), and the alarms
(`SilenceAlarm`, `ScoreAlarms`, `RateAlarms`). It is judged by what strictly precedes it:
what it changes for the others is held back until time moves on, and an agent's
operations of one instant are kept in an order of their own; so the order in which events
of one instant arrive is irrelevant.
"""

import datetime as dt
import math
from collections.abc import Iterable

from toolkit.notifier import Notifier
from toolkit.policies.rules import EfficiencyScore
from toolkit.records import CoordinationEvent, Outcome, Turn
from toolkit.runtime.coordination.agent_record import AgentRecord, Standing
from toolkit.runtime.coordination.alert_book import AlertBook
from toolkit.runtime.coordination.alerts import Alert
from toolkit.runtime.coordination.counts import (
    FLAGGED,
    IS_HOOKED,
    IS_HOOKS_KNOWN,
    UNITS,
    Counts,
    unpack,
)
from toolkit.runtime.coordination.factors import Factors
from toolkit.runtime.coordination.families import Families
from toolkit.runtime.coordination.instants import (
    FOREVER,
    MICRO,
    NEVER,
    microseconds,
    not_finite,
    seconds,
)
from toolkit.runtime.coordination.names import agent_name
from toolkit.runtime.coordination.rate_alarms import RateAlarms
from toolkit.runtime.coordination.recommendations import recommended
from toolkit.runtime.coordination.report import (
    AgentEfficiency,
    CoordinationReport,
    OverallCoordination,
)
from toolkit.runtime.coordination.schedule import Schedule
from toolkit.runtime.coordination.score_alarms import ScoreAlarms
from toolkit.runtime.coordination.scoring import Scoring
from toolkit.runtime.coordination.settings import BANDS, MonitorSettings, band_of
from toolkit.runtime.coordination.shared_keys import SharedKeys
from toolkit.runtime.coordination.silence import SilenceAlarm
from toolkit.runtime.coordination.swarm_window import SwarmWindow
from toolkit.stats import decay_of

__all__ = ["AgentWatch", "CoordinationMonitor"]

STEP_BACK = 10
"""Events in a row from far before the latest that mean the clock was set back."""

_WORKING, _CALLS, _WAITING = Standing


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
        Called with each alert at the event that raised it.
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

    __slots__ = (
        "_agents",
        "_behind",
        "_book",
        "_efficiency",
        "_families",
        "_forgotten_after",
        "_horizon",
        "_keys",
        "_late",
        "_now",
        "_rates",
        "_schedule",
        "_scores",
        "_scoring",
        "_silence",
        "_swarm",
        "settings",
    )

    def __init__(
        self,
        *,
        notifier: Notifier,
        settings: MonitorSettings | None = None,
        score: EfficiencyScore | None = None,
    ) -> None:
        self.settings = settings or MonitorSettings()
        self._horizon = self.settings.horizon_s * MICRO
        self._forgotten_after = self.settings.forget_s * MICRO
        self._efficiency = score or EfficiencyScore()
        self._late = 0
        self._behind = 0
        self._begin(notifier)

    def _begin(self, notifier: Notifier) -> None:
        """Make every part new: nothing is remembered."""
        settings = self.settings
        self._now = NEVER
        self._agents: dict[str, AgentRecord] = {}
        self._schedule = Schedule()
        self._book = AlertBook(notifier)
        self._keys = SharedKeys(horizon=self._horizon, most_keys=settings.most_keys)
        self._swarm = SwarmWindow(
            window=settings.window,
            horizon=self._horizon,
            decay=decay_of(settings.gap_half_life),
            schedule=self._schedule,
        )
        self._families = Families(keep=self._forgotten_after)
        self._scoring = Scoring(self._efficiency, wait_budget_s=settings.wait_budget_s)
        self._silence = SilenceAlarm(settings, self._book, self._schedule)
        self._scores = ScoreAlarms(settings, self._book)
        self._rates = RateAlarms(settings, self._book)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Every alert that lasts, the swarm's first."""
        agents = (alert for a in self._agents.values() for alert in a.alerts.values())
        return (*self._book.swarm.values(), *agents)

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
        return len(self._keys)

    def observe(self, event: CoordinationEvent) -> AgentWatch:
        """Track a record; agents of different sessions are different agents.

        Parameters
        ----------
        event : CoordinationEvent

        Returns
        -------
        AgentWatch
            What `track` gives of the agent.
        """
        session = event.session_id
        agent = agent_name(event.agent_id, session)
        known = agent in self._agents
        watch = self.track(
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
        me = self._agents.get(agent)
        if me is not None and session is not None:
            if not known:
                self._families.join(session, me)
            if event.action == "spawn":
                began, lasted_s = microseconds(event.at), event.duration_s
                if lasted_s is not None:
                    self._families.started(session, me, began, began + lasted_s * MICRO)
                elif event.outcome is Outcome.UNKNOWN:
                    self._families.started(session, me, began, None)
        return watch

    def observe_turn(self, turn: Turn) -> None:
        """Track one reply of an agent's model: whether it has work in hand after it.

        A reply without a call ends the turn: the agent waits for a person, or has done
        what it was started for. One with calls goes on as soon as they have ended.

        Parameters
        ----------
        turn : Turn
        """
        self.advance(turn.at)
        me = self._agents.get(agent_name(turn.agent_id, turn.session_id))
        if me is None or turn.calls is None:
            return
        self._silence.replied(me, microseconds(turn.at), calls=turn.calls)
        self._stand(me, _CALLS if turn.calls else _WAITING)

    def waits(self, agent: str, *, waits: bool = True) -> None:
        """Set whether an agent waits: for a person, a child, a background job.

        One that waits is not silent, however long it lasts; its next operation ends
        the wait.

        Parameters
        ----------
        agent : str
        waits : bool
        """
        if (me := self._agents.get(agent)) is not None:
            self._stand(me, _WAITING if waits else _WORKING)

    def _stand(self, me: AgentRecord, standing: Standing) -> None:
        me.standing = standing
        if me.silent:
            self._silence.answered(me)
        if standing is not _WAITING:
            self._schedule.plan(me, max(self._coming(me), self._now))

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
            monitor begins again.
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
            self._move_on(now)
        elif now != self._now:
            if not self._admits(now):
                known = self._agents.get(agent)
                return known.watch if known else AgentWatch(self, agent)
            now = self._now
        me = self._agents.get(agent)
        if me is None:
            me = self._admit(agent, now)
        if waited_s is not None and waited_s.__class__ is not float:
            waited_s = seconds(waited_s)

        # What it is to the others, and whether its hooks were seen.
        code = 0
        if memory_key is not None:
            code = self._keys.classify(
                me, operation, memory_key, now, action, version_seen, version
            )
        if has_pre_event is not None or has_post_event is not None:
            me.hooked = True
            if has_pre_event and has_post_event:
                code |= IS_HOOKS_KNOWN | IS_HOOKED
            elif has_pre_event is False or has_post_event is False:
                code |= IS_HOOKS_KNOWN

        # The windows that count it.
        again = now == me.last_at
        if again:
            self._scores.rewind(me)
        else:
            me.before = me.judged()
        unit = UNITS[code]
        left = self._swarm.add(me, unit, waited_s, now)

        # Its agent's score.
        score = self._scoring.score(me)
        self._swarm.weigh(me, score)

        # The alarms.
        standing, ended_at = _WAITING, now
        if duration_s is not None:
            ended_at = now + duration_s * MICRO
        elif not ended and (action != "spawn" or has_post_event):
            standing = _WORKING
        self._silence.heard(me, operation, now, ended_at, standing, again=again)
        if score is not None:
            self._scores.judge(me, score, now)
        if unit >= FLAGGED or left >= FLAGGED or self._rates.lasting:
            self._rates.judge(self._swarm.packed, now)
        return me.watch

    def advance(self, at: dt.datetime | float) -> None:
        """Let time pass without an event, so that silence is noticed.

        Parameters
        ----------
        at : datetime or float
            Aware time, or POSIX seconds; one before the latest event changes nothing.

        Raises
        ------
        UsageError
            `at` has no time zone or is not a finite number.
        """
        now = microseconds(at)
        if now == FOREVER:
            raise not_finite(at)
        if now > self._now > NEVER:
            self._move_on(now)

    def replay(self, events: Iterable[CoordinationEvent]) -> int:
        """Track records in the order given, and count them.

        Parameters
        ----------
        events : iterable of CoordinationEvent
            In the order of their times.

        Returns
        -------
        int
        """
        count = 0
        for event in events:
            self.observe(event)
            count += 1
        return count

    def report(self, agent: str) -> CoordinationReport:
        """Report on an agent, seen or not, and on the swarm, as they are now.

        Parameters
        ----------
        agent : str
            As `track` was given it.

        Returns
        -------
        CoordinationReport
        """
        me = self._agents.get(agent)
        efficiency = self.efficiency(agent)
        overall = self.overall()
        lasting = self._book.swarm.values()
        return CoordinationReport(
            efficiency,
            overall,
            recommended(
                efficiency.score,
                overall.duplicate_work_rate,
                efficiency.factors.hook_compliance,
                self.settings,
            ),
            (*me.alerts.values(), *lasting) if me else tuple(lasting),
        )

    def efficiency(self, agent: str) -> AgentEfficiency:
        """Report on one agent; one that has done nothing yet has no score.

        Parameters
        ----------
        agent : str

        Returns
        -------
        AgentEfficiency
            Its score is 0 to 1, or `None` with fewer than three factors.
        """
        me = self._agents.get(agent)
        if me is None:
            nothing = Factors(None, None, None, None, None)
            return AgentEfficiency(agent, 0, None, None, nothing, (), False, ())  # noqa: FBT003 - positional for speed
        factors = self._scoring.factors(me)
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
        """Report on the swarm.

        Returns
        -------
        OverallCoordination
        """
        swarm = self._swarm
        counts = unpack(swarm.packed)
        return OverallCoordination(
            swarm.mean_score(),
            swarm.live,
            swarm.scored,
            counts.operations,
            counts.duplicates / counts.operations if counts.operations else None,
            counts.stale_writes / counts.writes if counts.writes else None,
            counts.stale_reads / counts.reads if counts.reads else None,
            tuple(self._silence.idle),
            swarm.overloaded(self.settings.overload),
            self._late,
        )

    def counts(self) -> Counts:
        """Count the operations of the cross-agent window.

        Returns
        -------
        Counts
        """
        return unpack(self._swarm.packed)

    def agent_counts(self, agent: str) -> Counts:
        """Count the last operations of one agent; none of one not remembered.

        Parameters
        ----------
        agent : str

        Returns
        -------
        Counts
        """
        me = self._agents.get(agent)
        return unpack(me.packed if me else 0)

    # Time, and who is remembered.

    def _move_on(self, now: float) -> None:
        """End the instant: its operations count for the others, and time passes."""
        if now == FOREVER:
            raise not_finite(now)
        self._keys.commit(self._now)
        self._now = now
        self._behind = 0
        if now > self._schedule.next_due:
            self._wake(now)
        self._rates.begin_instant()
        self._book.begin_instant()

    def _wake(self, now: float) -> None:
        """Visit the agents whose time has come: ageing, silence, forgetting."""
        for me in self._schedule.due(now, self._coming):
            self._visit(me, now)
        self._rates.judge(self._swarm.packed, now)

    def _visit(self, me: AgentRecord, now: float) -> None:
        """Do what is due for an agent, if it still is, and plan to come again."""
        coming = self._coming(me)
        if coming < now:
            if now > me.last_at + self._forgotten_after:
                self._forget(me)
                return
            self._swarm.age(me, now)
            self._silence.check(me, now)
            coming = max(self._coming(me), now)
        self._schedule.plan(me, coming)

    def _coming(self, me: AgentRecord) -> float:
        """Find when something will be due for an agent that does nothing more."""
        return min(
            me.last_at + self._forgotten_after,
            self._swarm.ages_at(me),
            self._silence.begins_at(me),
        )

    def _forget(self, me: AgentRecord) -> None:
        self._swarm.age(me, FOREVER)
        self._silence.idle.pop(me.name, None)
        self._schedule.cancel(me)
        self._families.leave(me)
        del self._agents[me.name]

    def _admits(self, now: float) -> bool:
        """Decide whether an event from before the latest one is still of use."""
        if not math.isfinite(now):
            raise not_finite(now)
        self._late += 1
        if now >= self._now - self._horizon:
            return True
        self._behind += 1
        if self._behind < STEP_BACK:
            return False
        self._behind = 0
        self._begin(self._book.notifier)
        self._now = now
        return True

    def _admit(self, name: str, now: float) -> AgentRecord:
        """Remember a new agent."""
        if now == NEVER:
            raise not_finite(now)
        me = AgentRecord(name, now, AgentWatch(self, name), self.settings)
        self._agents[name] = me
        self._swarm.enter(me, now)
        return me
