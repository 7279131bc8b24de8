"""An alert of a followed workflow."""

from dataclasses import dataclass

from toolkit.notifier import Level, Notification
from toolkit.runtime.planning.monitoring import AlertRule, PlanAlertKind

__all__ = ["PlanAlert"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAlert:
    """A threshold that was reached, and what the plan asks for.

    Attributes
    ----------
    kind : PlanAlertKind
    action : str
    subject : str
        The monitoring point, with the operation type of a batch; or
        `coordination_efficiency`.
    observed, baseline : float
        In the subject's own unit.
    ratio : float
        Performance against the baseline: 1 is as predicted, above is better.
    threshold : float
    """

    kind: PlanAlertKind
    action: str
    subject: str
    observed: float
    baseline: float
    ratio: float
    threshold: float

    @property
    def message(self) -> str:
        """One line for people."""
        side = "above" if self.ratio > 1 else "below"
        return (
            f"{self.kind.value.replace('_', ' ')}: {self.subject} is "
            f"{abs(self.ratio - 1):.0%} {side} its baseline; {self.action}"
        )

    def notification(self, level: Level) -> Notification:
        """Write the alert for a notifier."""
        return Notification(
            message=self.message,
            level=level,
            metadata={
                "alert": self.kind.value,
                "action": self.action,
                "subject": self.subject,
                "ratio": round(self.ratio, 6),
                "threshold": self.threshold,
            },
        )

    @classmethod
    def of(
        cls, rule: AlertRule, subject: str, observed: float, baseline: float
    ) -> "PlanAlert":
        """Build the alert of a rule whose threshold was reached."""
        return cls(
            kind=rule.kind,
            action=rule.action,
            subject=subject,
            observed=observed,
            baseline=baseline,
            ratio=observed / baseline,
            threshold=rule.threshold,
        )
