"""Which agents were started by another one, and until when that one's call lasted."""

from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.instants import NEVER

__all__ = ["Families"]

SOON = 60e6
"""Microseconds in which the child of a call appears whose end is not known yet."""

Call = tuple[AgentRecord, float, float]
"""Who started a child, and when that call began and ended."""


class Families:
    """Children of each session.

    A record of a start does not name the child: any agent of the session that appeared
    while the call lasted may be it. Once all such calls have ended, it has ended too.

    Parameters
    ----------
    keep : float
        Age beyond which a call is forgotten, in microseconds.
    """

    __slots__ = ("_calls", "_keep", "_members")

    def __init__(self, *, keep: float) -> None:
        self._keep = keep
        self._calls: dict[str, list[Call]] = {}
        self._members: dict[str, dict[str, AgentRecord]] = {}

    def join(self, session: str, me: AgentRecord) -> None:
        """Add an agent that has appeared in a session."""
        self._members.setdefault(session, {})[me.name] = me
        for call in self._calls.get(session, ()):
            _relate(me, call)

    def started(
        self, session: str, parent: AgentRecord, began: float, ended: float | None
    ) -> None:
        """Note a call that starts a child and lasts as long as the child does.

        Parameters
        ----------
        session : str
        parent : AgentRecord
        began : float
        ended : float or None
            `None` while it lasts, as far as is known.
        """
        calls = self._calls.setdefault(session, [])
        calls[:] = [call for call in calls if call[1] >= began - self._keep]
        calls.append((parent, began, NEVER if ended is None else ended))
        for me in self._members.get(session, {}).values():
            _relate(me, calls[-1])

    def leave(self, me: AgentRecord) -> None:
        """Forget an agent, and with its session's last one the session."""
        session = me.name.rpartition("/")[0]
        members = self._members.get(session, {})
        if members.pop(me.name, None) is not None and not members:
            del self._members[session]
            self._calls.pop(session, None)


def _relate(me: AgentRecord, call: Call) -> None:
    parent, began, ended = call
    if me is not parent and began <= me.first_at <= max(ended, began + SOON):
        me.started = True
        me.started_until = max(me.started_until, ended)
