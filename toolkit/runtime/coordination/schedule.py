"""When each agent is looked at next, though it does nothing."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.instants import FOREVER, NEVER

__all__ = ["Schedule"]

SLOT = 1e6
"""Microseconds of a slot: visits planned for one are put in order only as it begins,
since most agents have done something by then and are due later."""


class Schedule:
    """Visits of agents in order of time, at a constant cost of planning one.

    An agent has one visit that counts, `AgentRecord.due`; planning another replaces it.

    Attributes
    ----------
    next_due : float
        No visit is due before it.
    """

    __slots__ = ("_begun", "_due", "_later", "_ordinal", "_slots", "next_due")

    def __init__(self) -> None:
        self.next_due = FOREVER
        self._due: list[tuple[float, int, AgentRecord]] = []
        """Visits of the slots that have begun, a heap."""
        self._ordinal = 0
        self._later: dict[float, list[AgentRecord]] = {}
        """Agents to visit, by the number of a slot to come."""
        self._slots: list[float] = []
        """The slots of `_later`, a heap."""
        self._begun = NEVER
        """The latest slot that has begun."""

    def plan(self, me: AgentRecord, due: float) -> None:
        """Plan an agent's next visit."""
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
        if due < self.next_due:
            self.next_due = due

    def cancel(self, me: AgentRecord) -> None:
        """Plan no visit of an agent."""
        me.due = NEVER

    def due(
        self, now: float, coming: Callable[[AgentRecord], float]
    ) -> Iterator[AgentRecord]:
        """Give the agents whose visit is due; each must be planned again.

        Parameters
        ----------
        now : float
        coming : callable
            When something will be due for an agent that does nothing more.

        Yields
        ------
        AgentRecord
        """
        while self._slots and self._slots[0] * SLOT < now:
            self._begun = slot = heappop(self._slots)
            for me in self._later.pop(slot):
                if me.due // SLOT == slot:
                    self.plan(me, coming(me))
        self._begun = now // SLOT
        due = self._due
        while due and due[0][0] < now:
            planned, _, me = heappop(due)
            if planned == me.due:
                yield me
        self.next_due = due[0][0] if due else FOREVER
        if self._slots:
            self.next_due = min(self.next_due, self._slots[0] * SLOT)
