"""Silence: an agent with work in hand that does nothing for longer than is usual."""

from toolkit.runtime.coordination.agent_record import AgentRecord, Standing
from toolkit.runtime.coordination.alert_book import AlertBook
from toolkit.runtime.coordination.alerts import Alert, AlertKind, Priority
from toolkit.runtime.coordination.instants import FOREVER, MICRO
from toolkit.runtime.coordination.schedule import Schedule
from toolkit.runtime.coordination.settings import MonitorSettings
from toolkit.runtime.coordination.usual_gaps import UsualGaps

__all__ = ["SilenceAlarm"]

CALLS, ANSWER = "calls of a reply", "answer"
"""Types of work after a reply of the model: with calls under way, and without any."""


class SilenceAlarm:
    """Learns what gaps are usual after each type of operation, and judges by them.

    Parameters
    ----------
    settings : MonitorSettings
    book : AlertBook
    schedule : Schedule
        Where an agent is planned to be looked at earlier.
    """

    __slots__ = (
        "_book",
        "_calls",
        "_floor",
        "_idle_gaps",
        "_schedule",
        "_usual",
        "idle",
    )

    def __init__(
        self, settings: MonitorSettings, book: AlertBook, schedule: Schedule
    ) -> None:
        self._book = book
        self._schedule = schedule
        self._floor = settings.silence_floor_s * MICRO
        self._calls = settings.silence_calls_s * MICRO
        self._idle_gaps = settings.idle_gaps
        self._usual = UsualGaps(
            floor_s=settings.silence_floor_s, unknown_s=settings.silence_unknown_s
        )
        self.idle: dict[str, None] = {}
        """Silent agents, in the order in which they fell silent."""

    def heard(
        self,
        me: AgentRecord,
        operation: str,
        now: float,
        ended_at: float,
        standing: Standing,
        *,
        again: bool = False,
    ) -> None:
        """Count an operation as a sign of life, and its gap as one of its type's.

        Of operations of one instant that which ends last counts, whatever the order in
        which they come, and work in hand is in hand.

        Parameters
        ----------
        me : AgentRecord
        operation : str
            Its type; the next silence is judged against it.
        now, ended_at : float
            When it began, and when it ended as far as is known.
        standing : Standing
            What the agent has in hand after it.
        again : bool
            Whether it is a further operation of one instant.
        """
        if me.gap_total > 0.0:
            pace = me.gap_total / me.gap_weight
            allowed = self._idle_gaps * (pace if pace > self._floor else self._floor)
            if now + allowed < me.due:
                # Half way there, so that a falling expectation rarely comes back.
                self._schedule.plan(me, now + allowed * 0.5)
        if me.silent:
            self.answered(me)
        if not again:
            if me.standing is Standing.WAITING and now - me.ended_at > self._floor:
                me.paused_at = me.operations
            self._count_gap(me, now)
        elif (ended_at, operation) < (me.ended_at, me.operation):
            operation, ended_at = me.operation, me.ended_at
        me.operation = operation
        me.ended_at = ended_at
        if not again or standing is Standing.WORKING:
            me.standing = standing

    def replied(self, me: AgentRecord, now: float, *, calls: int) -> None:
        """Count a reply of an agent's model as a sign of life.

        One long after the last operation shows that the time between went into other
        work than what is counted: no fall of the pace.
        """
        if now - me.last_at > self._floor:
            me.paused_at = me.operations + 1
        self._count_gap(me, now)
        me.operation = CALLS if calls else ANSWER
        me.ended_at = max(me.ended_at, now)

    def answered(self, me: AgentRecord) -> None:
        """End an agent's silence."""
        me.silent = False
        del self.idle[me.name]
        me.end(AlertKind.AGENT_SILENT)

    def check(self, me: AgentRecord, now: float) -> None:
        """Raise the alert of an agent that has fallen silent."""
        if self.begins_at(me) < now:
            allowed = self._allowed(me)
            me.silent = True
            self.idle[me.name] = None
            alert = Alert(
                kind=AlertKind.AGENT_SILENT,
                priority=Priority.HIGH,
                agent=me.name,
                at_s=now / MICRO,
                value=(now - me.ended_at) / MICRO,
                threshold=allowed / MICRO,
            )
            self._book.open(me, alert)

    def begins_at(self, me: AgentRecord) -> float:
        """Instant after which an agent that does nothing more is silent.

        Never where it is already, has nothing in hand, or has no pace yet; nor after
        the end of the call that started it, unless it outlived that. Calls of a reply
        are in hand only where their end would be seen: a lead may be asked for a
        permission and a child in the background may be done, which hooks show alone.
        """
        if me.silent or me.standing is Standing.WAITING or not me.gap_total > 0.0:
            return FOREVER
        if me.standing is Standing.CALLS and not (me.started or me.hooked):
            return FOREVER
        begins = me.ended_at + self._allowed(me)
        return FOREVER if me.ended_at <= me.started_until < begins else begins

    def _allowed(self, me: AgentRecord) -> float:
        """Microseconds of silence that an agent's own pace or its work explains."""
        pace = me.gap_total / me.gap_weight
        usual = self._usual.allowance_s(me.operation) * MICRO
        allowed = self._idle_gaps * (pace if pace > usual else usual)
        if me.standing is Standing.CALLS:
            return max(allowed, self._calls)
        return allowed

    def _count_gap(self, me: AgentRecord, now: float) -> None:
        """Count the gap after an agent's last work for work of that type."""
        seen, last = self._usual.counts, me.operation
        seen[last] = seen.get(last, 0) + 1
        if now - me.ended_at > self._floor and me.ended_at > -FOREVER:
            self._usual.learn_long(last, (now - me.ended_at) / MICRO)
