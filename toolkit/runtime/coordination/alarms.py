"""Alerts of the monitor: bands lost, sudden drops, silence, the swarm's rates.

Operations of one instant are judged together: what an earlier one of them raised is
taken back before the later one is judged.
"""

from array import array
from heapq import heappop

from toolkit.runtime.coordination.alerts import (
    Alert,
    AlertKind,
    Priority,
    band_lost,
)
from toolkit.runtime.coordination.counts import BITS, MASK, unpack
from toolkit.runtime.coordination.settings import BANDS, band_of
from toolkit.runtime.coordination.state import CALLS, NEVER, NO_WAIT, AgentRecord
from toolkit.runtime.coordination.swarm_state import (
    CONFLICTS_LAST,
    DUPLICATES_LAST,
    FOREVER,
    MICRO,
    SLOT,
    SwarmState,
)

__all__ = ["Alarms"]


class Alarms(SwarmState):
    """A swarm that is watched: raises each alert once and clears it with hysteresis."""

    __slots__ = ()

    def _tie(
        self, me: AgentRecord, unit: int, waited_s: float | None, now: float
    ) -> int:
        """Put a second operation of one instant in its place in the ring.

        Returns
        -------
        int
            Count of the operation that left.
        """
        window, rings = self._window, me.rings
        held = min(me.operations - 1, window)
        entries = [
            (rings[i], me.counts[i], rings[window + i])
            for i in ((me.pos - held + n) % window for n in range(held))
        ]
        entries.append((now, unit, NO_WAIT if waited_s is None else waited_s))
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
        times = [e[0] for e in entries] + [NEVER] * free
        waits = [e[2] for e in entries] + [NO_WAIT] * free
        me.counts = [e[1] for e in entries] + [0] * free
        rings[: 2 * window] = array("d", times + waits)
        me.ordered_waits = array("d", sorted(w for w in waits if w == w))
        me.pos = len(entries) % window
        self._rewind(me)
        return left

    def _rewind(self, me: AgentRecord) -> None:
        """Judge the instant again: its operations count together."""
        me.fall_count = me.fall_count_before
        me.fall_mean = me.fall_mean_before
        me.fall = me.fall_before
        me.drop_level = me.drop_level_before
        me.band = me.band_before
        me.top_band = me.top_band_before
        me.low_since = me.low_since_before
        for kind in (AlertKind.SUDDEN_DROP, AlertKind.EFFICIENCY_DROP):
            if (lasted := me.alerts_before.get(kind)) is None:
                me.end(kind)
            else:
                me.begin(lasted)
        self._set_bounds(me)

    def _raise(self, me: AgentRecord | None, alert: Alert, rank: int = 0) -> None:
        """Keep an alert and tell it, once an instant."""
        if me is None:
            self._alerts[alert.kind] = alert
        else:
            me.begin(alert)
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
            if not me.low_since:
                me.low_since = me.operations
            if me.operations - me.low_since < self.settings.drop_lasts:
                return
            me.low_since = 0
            me.band = reached
            self._raise(me, band_lost(me.name, now / MICRO, score, reached), reached)
        else:
            rise = score - self.settings.hysteresis
            while me.band < len(BANDS) - 1 and rise >= BANDS[me.band + 1][0]:
                me.band += 1
            if me.band >= me.top_band:
                me.top_band = me.band
                me.end(AlertKind.EFFICIENCY_DROP)
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
        me.end(AlertKind.SUDDEN_DROP)

    def _lasting_now(self) -> int:
        """Tell which swarm-wide alerts hold, given those before this instant."""
        packed = self._packed
        repeats, conflicts = self._limits[self._lasting_before]
        evidence = self.settings.rate_evidence
        lasting = 0
        if is_above(packed >> 8 * BITS, packed & MASK, repeats, evidence):
            lasting = DUPLICATES_LAST
        writes = packed >> 5 * BITS & MASK
        if is_above(packed >> 7 * BITS & MASK, writes, conflicts, evidence):
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
        while self._slots and self._slots[0] * SLOT < now:
            self._begun = slot = heappop(self._slots)
            for me in self._later.pop(slot):
                if me.due // SLOT == slot and self._agents.get(me.name) is me:
                    self._schedule(me, self._coming(me))
        self._begun = now // SLOT
        due = self._due
        while due and due[0][0] < now:
            planned, _, me = heappop(due)
            if planned == me.due and self._agents.get(me.name) is me:
                self._visit(me, now)
        self._next_due = due[0][0] if due else FOREVER
        if self._slots:
            self._next_due = min(self._next_due, self._slots[0] * SLOT)
        lasting = self._lasting_now()
        if lasting != self._lasting:
            self._judge_swarm(lasting, now)

    def _visit(self, me: AgentRecord, now: float) -> None:
        """Do what is due for an agent, if it still is, and plan to come again."""
        coming = self._coming(me)
        if coming < now:
            if now > me.last_at + self._forgotten_after:
                self._forget(me)
                return
            self._age(me, now)
            if not me.silent and me.gap_total > 0.0 and not me.waits:
                allowed = self._allowed_silence(me)
                if now - me.ended_at > allowed:
                    self._fell_silent(me, now, allowed)
            coming = max(self._coming(me), now)
        self._schedule(me, coming)

    def _coming(self, me: AgentRecord) -> float:
        """Tell when something will be due for an agent that does nothing more."""
        coming = me.last_at + self._forgotten_after
        held = me.operations if me.operations < self._window else self._window
        if me.aged < held:
            oldest = me.rings[(me.pos - held + me.aged) % self._window]
            if oldest + self._horizon < coming:
                coming = oldest + self._horizon
        if not me.silent and me.gap_total > 0.0 and not me.waits:
            silent_at = me.ended_at + self._allowed_silence(me)
            if silent_at < coming:
                coming = silent_at
        return coming

    def _allowed_silence(self, me: AgentRecord) -> float:
        """Microseconds of silence that an agent's own pace or its work explains."""
        pace = me.gap_total / me.gap_weight
        usual = self._usual.allowance_s(me.operation) * MICRO
        allowed = self._idle_gaps * (pace if pace > usual else usual)
        if me.operation == CALLS:
            return max(allowed, self.settings.silence_calls_s * MICRO)
        return allowed

    def _fell_silent(self, me: AgentRecord, now: float, allowed: float) -> None:
        me.silent = True
        self._idle[me.name] = None
        alert = Alert(
            kind=AlertKind.AGENT_SILENT,
            priority=Priority.HIGH,
            agent=me.name,
            at_s=now / MICRO,
            value=(now - me.ended_at) / MICRO,
            threshold=allowed / MICRO,
        )
        self._raise(me, alert)

    def _answered(self, me: AgentRecord) -> None:
        me.silent = False
        del self._idle[me.name]
        me.end(AlertKind.AGENT_SILENT)


def is_above(count: int, total: int, limit: float, evidence: float) -> bool:
    """Whether a share is above a limit beyond doubt: its lower Wilson bound is.

    Parameters
    ----------
    count, total : int
    limit : float
        0 to 1.
    evidence : float
        Standard normal quantile of the bound; 0 compares the share itself.

    Examples
    --------
    >>> (
    ...     is_above(2, 10, 0.1, 0.0),
    ...     is_above(2, 10, 0.1, 1.96),
    ...     is_above(20, 100, 0.1, 1.96),
    ... )
    (True, False, True)
    """
    # The bound is above the limit where the score test rejects it.
    beyond = count - limit * total
    return beyond > 0 and beyond * beyond > (
        evidence * evidence * total * limit * (1 - limit)
    )


def _of_swarm(kind: AlertKind, rate: float, limit: float, now: float) -> Alert:
    return Alert(
        kind=kind,
        priority=Priority.CRITICAL,
        agent=None,
        at_s=now / MICRO,
        value=rate,
        threshold=limit,
    )


def _canonical(entry: tuple[float, int, float]) -> tuple[float, int, float]:
    at, unit, waited_s = entry
    return at, unit, waited_s if waited_s == waited_s else -1.0
