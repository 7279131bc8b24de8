"""The last operations of every agent, counted for each and for the swarm.

Counts are kept in integers and scores in fixed point, so that sums neither drift nor
depend on the order in which events of one instant arrive.
"""

from bisect import bisect_left, bisect_right, insort

from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.instants import FOREVER
from toolkit.runtime.coordination.schedule import Schedule

__all__ = ["SwarmWindow"]

FIXED = 1 << 40
"""Scores are summed as whole multiples of 2^-40: exact, and in any order the same."""


class SwarmWindow:
    """Operations inside their agents' windows and the horizon.

    Parameters
    ----------
    window : int
        Operations of an agent.
    horizon : float
        Age beyond which none counts for the swarm, in microseconds.
    decay : float
        Weight of an expected gap's past at each operation, 0 to 1.
    schedule : Schedule
        Where the next ageing of an agent is planned.

    Attributes
    ----------
    packed : int
        Counts of the swarm (`counts.unpack`).
    live, scored : int
        Agents with an operation inside the horizon, and those with a score.
    """

    __slots__ = (
        "_changed",
        "_decay",
        "_horizon",
        "_rates",
        "_schedule",
        "_share_weights",
        "_shares",
        "_window",
        "live",
        "packed",
        "scored",
    )

    def __init__(
        self, *, window: int, horizon: float, decay: float, schedule: Schedule
    ) -> None:
        self._window = window
        self._horizon = horizon
        self._decay = decay
        self._schedule = schedule
        self.packed = 0
        self.live = 0
        self.scored = 0
        self._shares = 0
        self._share_weights = 0
        self._changed: list[AgentRecord] = []
        self._rates: list[tuple[float, str]] = []

    def enter(self, me: AgentRecord, now: float) -> None:
        """Count a new agent as live."""
        self.live += 1
        self._schedule.plan(me, now + self._horizon)

    def add(
        self, me: AgentRecord, unit: int, waited_s: float | None, now: float
    ) -> int:
        """Put an operation into its agent's window and count it.

        Parameters
        ----------
        me : AgentRecord
        unit : int
            What it counts as (`counts.UNITS`).
        waited_s : float or None
        now : float

        Returns
        -------
        int
            Unit of the operation that left the window; 0 where none did.
        """
        me.operations = operations = me.operations + 1
        if now == me.last_at:
            gap = 0.0
            left = me.insert(unit, waited_s, now)
        else:
            gap = now - me.last_at
            left = me.push(unit, waited_s, now)
        if operations > 1:
            me.gap_total = me.gap_total * self._decay + gap
            me.gap_weight = me.gap_weight * self._decay + 1.0
        if me.aged:
            self._rejuvenate(me, unit, left)
        elif left is not unit:
            self.packed += unit - left
        if not me.changed:
            me.changed = True
            self._changed.append(me)
        return left

    def weigh(self, me: AgentRecord, score: float | None) -> None:
        """Set an agent's score, weighed by its operations inside the horizon."""
        me.score = score
        if score is None:
            me.rings[me.score_pos] = -FOREVER
            fixed = in_window = 0
        else:
            me.rings[me.score_pos] = score
            operations, window = me.operations, self._window
            in_window = (operations if operations < window else window) - me.aged
            fixed = int(score * FIXED) * in_window
        self._shares += fixed - me.share
        me.share = fixed
        if in_window != me.share_weight:
            self.scored += (in_window > 0) - (me.share_weight > 0)
            self._share_weights += in_window - me.share_weight
            me.share_weight = in_window

    def mean_score(self) -> float | None:
        """Mean of the live agents' scores, weighted by their operations."""
        if not self._share_weights:
            return None
        return self._shares / FIXED / self._share_weights

    def age(self, me: AgentRecord, now: float) -> None:
        """Take operations older than the horizon out of the swarm's counts."""
        window = self._window
        held = min(me.operations, window)
        oldest = now - self._horizon
        was_live = me.aged < held
        while me.aged < held:
            place = (me.pos - held + me.aged) % window
            if me.rings[place] >= oldest:
                break
            self.packed -= me.counts[place]
            me.aged += 1
        if me.score is not None:
            weight = held - me.aged
            share = int(me.score * FIXED) * weight
            self._shares += share - me.share
            self._share_weights += weight - me.share_weight
            self.scored -= me.share_weight > 0 and not weight
            me.share, me.share_weight = share, weight
        if was_live and me.aged == held:
            self.live -= 1
            self._unrank(me)

    def ages_at(self, me: AgentRecord) -> float:
        """Instant after which an agent's oldest counted operation has aged."""
        held = me.operations if me.operations < self._window else self._window
        if me.aged >= held:
            return FOREVER
        return me.rings[(me.pos - held + me.aged) % self._window] + self._horizon

    def overloaded(self, times: float) -> tuple[str, ...]:
        """Name the agents whose rate is above so many times the median agent's."""
        self._rank_changed()
        rates = self._rates
        if not rates:
            return ()
        middle = len(rates) >> 1
        median = rates[middle][0]
        if not len(rates) & 1:
            median = 0.5 * median + 0.5 * rates[middle - 1][0]
        start = bisect_right(rates, (times * median, chr(0x10FFFF)))
        return tuple(name for _, name in rates[start:])

    def _rejuvenate(self, me: AgentRecord, unit: int, left: int) -> None:
        """Count an operation of an agent whose window reaches past the horizon."""
        self.packed += unit
        if me.aged == min(me.operations - 1, self._window):
            self.live += 1
        me.aged -= left > 0
        # Its next visit was planned for a ring with nothing left to age.
        coming = me.last_at + self._horizon
        if me.due > coming:
            self._schedule.plan(me, coming)

    def _rank_changed(self) -> None:
        """Bring the order of the agents' rates up to date."""
        changed, rates = self._changed, self._rates
        for me in changed:
            me.changed = False
            if me.rank is not None:
                del rates[bisect_left(rates, me.rank)]
                me.rank = None
            if me.operations > 1 and me.aged < min(me.operations, self._window):
                mean_gap = me.mean_gap()
                me.rank = (1.0 / mean_gap if mean_gap > 0.0 else FOREVER, me.name)
                insort(rates, me.rank)
        changed.clear()

    def _unrank(self, me: AgentRecord) -> None:
        if me.rank is not None:
            del self._rates[bisect_left(self._rates, me.rank)]
            me.rank = None
