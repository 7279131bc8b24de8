"""What healing tells: notifications as the definitions list them, and records."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from toolkit.clock import Clock
from toolkit.notifier import Level, Notification, Notifier
from toolkit.records import Outcome, Provenance, Recovery, record_id
from toolkit.runtime.healing.effectors import EffectOutcome
from toolkit.runtime.healing.session import HealingSession, Phase

__all__ = ["HealingLog", "RecordSink"]

SOURCE = "toolkit.healing"

RECORD_OUTCOMES = {
    EffectOutcome.ACTED: Outcome.SUCCEEDED,
    EffectOutcome.FAILED: Outcome.FAILED,
    EffectOutcome.INAPPLICABLE: Outcome.CANCELLED,
}


class RecordSink(Protocol):
    """Where recoveries are written, a record spool for one."""

    def append(self, row: Mapping[str, object]) -> None:
        """Append one row."""
        ...


class HealingLog:
    """Tells people and writes records; it stops healing never.

    Parameters
    ----------
    notifier : Notifier
    records : RecordSink or None
    clock : Clock

    Attributes
    ----------
    errors : int
        Breakages told.
    """

    def __init__(
        self, *, notifier: Notifier, records: RecordSink | None, clock: Clock
    ) -> None:
        self.errors = 0
        self._notifier = notifier
        self._records = records
        self._clock = clock

    def tell(
        self, session: HealingSession, outcome: str, level: Level, *, detail: str = ""
    ) -> None:
        """Tell one step of a session."""
        finding = session.finding
        first = session.tried[0].partition(":")[0] if session.tried else session.rung
        metadata = {
            "issue": finding.issue.value,
            "cause": finding.cause,
            "severity": finding.severity_name,
            "strategy": first,
            "rung": session.rung,
            "outcome": outcome,
            "tried": list(session.tried),
        }
        if detail:
            metadata["detail"] = detail
        self._notifier.notify(
            Notification(
                message=f"self-healing {outcome}: {finding.issue} ({finding.cause})",
                level=level,
                metadata=metadata,
            )
        )

    def record(
        self,
        session: HealingSession,
        outcome: EffectOutcome,
        *,
        worked: bool | None = None,
        learning: str | None = None,
    ) -> None:
        """Write an attempt; the copy with its post-condition is the fuller one."""
        if self._records is None:
            return
        finding, now_s = session.finding, self._clock.monotonic_s()
        begun_s = now_s
        if session.phase is Phase.VERIFYING and session.acted_s is not None:
            begun_s = session.acted_s
        record = Recovery(
            record_id=record_id(SOURCE, session.action_key),
            at=self._clock.now() - timedelta(seconds=now_s - begun_s),
            source=SOURCE,
            provenance=Provenance.MEASURED,
            issue=finding.issue.value,
            rung=session.rung,
            action=session.rung,
            severity=finding.severity_name,
            healing_id=session.session_id,
            agent_id=finding.slot,
            operation_type=finding.evidence.get("operation"),
            attempt=session.attempt,
            silent_s=finding.silent_s,
            duration_s=now_s - begun_s,
            outcome=RECORD_OUTCOMES[outcome],
            post_condition=worked,
            learning=learning,
        )
        try:
            self._records.append(record.to_json())
        except OSError as error:
            self.broken("recording", error)

    def broken(self, what: str, error: Exception) -> None:
        """Tell what broke and was caught."""
        self.errors += 1
        self._notifier.notify(
            Notification(
                message=f"self-healing: {what} broke: {type(error).__name__}",
                level=Level.ERROR,
                metadata={"error": str(error)[:200]},
            )
        )
