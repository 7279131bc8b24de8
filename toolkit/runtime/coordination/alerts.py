"""Alerts: raised once, never repeated while they last, cleared with hysteresis."""

from dataclasses import dataclass
from enum import StrEnum

from toolkit.notifier import Level, Notification
from toolkit.runtime.coordination.settings import BANDS, Band

__all__ = ["Alert", "AlertKind", "Priority", "band_lost"]


class AlertKind(StrEnum):
    """What an alert is about (definitions, section 2)."""

    EFFICIENCY_DROP = "efficiency_drop"
    DUPLICATE_WORK = "duplicate_work"
    CONFLICTING_WRITES = "conflicting_writes"
    AGENT_SILENT = "agent_silent"
    SUDDEN_DROP = "sudden_drop"


class Priority(StrEnum):
    """How much an alert or a recommendation matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


BAND_PRIORITY = {
    Band.GOOD: Priority.LOW,
    Band.ACCEPTABLE: Priority.MEDIUM,
    Band.POOR: Priority.HIGH,
    Band.CRITICAL: Priority.CRITICAL,
}
"""Priority by the band that a score fell to; nothing falls to excellent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that began and has not ended.

    Attributes
    ----------
    kind : AlertKind
    priority : Priority
    agent : str or None
        `None` concerns the whole swarm.
    at_s : float
        POSIX seconds of the event that raised it.
    value, threshold : float
        What was measured, and what it passed; scores and rates are 0 to 1, the
        silence of an agent is in seconds.
    band : Band or None
        The band reached, of an `efficiency_drop`.
    """

    kind: AlertKind
    priority: Priority
    agent: str | None
    at_s: float
    value: float
    threshold: float
    band: Band | None = None

    @property
    def message(self) -> str:
        """One line for people."""
        who = "the swarm" if self.agent is None else f"agent {self.agent}"
        return _SENTENCES[self.kind].format(
            who=who, value=self.value, threshold=self.threshold, band=self.band
        )

    def notification(self) -> Notification:
        """Write the alert for a notifier."""
        severe = self.priority is Priority.CRITICAL
        metadata = {
            "alert": self.kind.value,
            "priority": self.priority.value,
            "value": round(self.value, 6),
            "threshold": round(self.threshold, 6),
        }
        if self.agent is not None:
            metadata["agent"] = self.agent
        return Notification(
            message=self.message,
            level=Level.ERROR if severe else Level.WARNING,
            metadata=metadata,
        )


_SENTENCES = {
    AlertKind.EFFICIENCY_DROP: "{who} fell to {band}: score {value:.2f}, below {threshold:.2f}",
    AlertKind.DUPLICATE_WORK: "{who} repeats work: {value:.1%} of operations, above {threshold:.0%}",
    AlertKind.CONFLICTING_WRITES: "{who} overwrites unseen work: {value:.1%} of writes, above {threshold:.0%}",
    AlertKind.AGENT_SILENT: "{who} is silent for {value:.1f} s, expected within {threshold:.1f} s",
    AlertKind.SUDDEN_DROP: "{who} dropped suddenly: score {value:.2f}, was {threshold:.2f}",
}


def band_lost(agent: str, at_s: float, score: float, reached: int) -> Alert:
    """Build the alert of a score that fell to a lower band."""
    band = BANDS[reached][1]
    return Alert(
        kind=AlertKind.EFFICIENCY_DROP,
        priority=BAND_PRIORITY[band],
        agent=agent,
        at_s=at_s,
        value=score,
        threshold=BANDS[reached + 1][0],
        band=band,
    )
