"""The alerts that last, and the notifier that hears each of them once."""

from toolkit.notifier import Notifier
from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.alerts import Alert, AlertKind

__all__ = ["AlertBook"]


class AlertBook:
    """Keeps an alert where it belongs, and notifies of it once an instant.

    Parameters
    ----------
    notifier : Notifier

    Attributes
    ----------
    swarm : dict
        Lasting alerts of the whole swarm; those of an agent stand in its record.
    """

    __slots__ = ("_notified", "notifier", "swarm")

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.swarm: dict[AlertKind, Alert] = {}
        self._notified: set[tuple[AlertKind, str | None, int]] = set()

    def begin_instant(self) -> None:
        """Let every alert be notified of again."""
        if self._notified:
            self._notified.clear()

    def open(self, me: AgentRecord | None, alert: Alert, rank: int = 0) -> None:
        """Keep an alert that begins, and notify of it.

        Parameters
        ----------
        me : AgentRecord or None
            `None` for the swarm.
        alert : Alert
        rank : int
            What tells two alerts of one kind, agent and instant apart.
        """
        if me is None:
            self.swarm[alert.kind] = alert
        else:
            me.begin(alert)
        entry = (alert.kind, alert.agent, rank)
        if entry not in self._notified:
            self._notified.add(entry)
            self.notifier.notify(alert.notification())
