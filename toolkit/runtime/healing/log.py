"""Notifications and records of healing, as the definitions list them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from toolkit.clock import Clock
from toolkit.notifier import Level, Notification, Notifier
from toolkit.records import Outcome, Provenance, Record, Recovery, record_id
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
    """Receives records: a sink of `runtime.sinks`, or a whole `RuntimeLoop`."""

    def emit(self, record: Record, /) -> None:
        """Take one record."""
        ...


class HealingLog:
    """Notifies people and emits records; what fails here never stops healing.

    Parameters
    ----------
    notifier : Notifier
    records : RecordSink or None
    clock : Clock

    Attributes
    ----------
    errors : int
        Errors that were caught and reported.
    """

    def __init__(
        self, *, notifier: Notifier, records: RecordSink | None, clock: Clock
    ) -> None:
        self.errors = 0
        self._notifier = notifier
        self._take: Callable[[Record], object] | None = (
            None if records is None else records.emit
        )
        self._clock = clock

    def attach(self, take: Callable[[Record], object]) -> None:
        """Pass records to a taker, unless a sink was given."""
        if self._take is None:
            self._take = take

    def report(
        self, session: HealingSession, outcome: str, level: Level, *, detail: str = ""
    ) -> None:
        """Notify of one step of a session."""
        finding = session.finding
        first = session.tried[0].partition(":")[0] if session.tried else _rung(session)
        metadata = {
            "issue": str(finding.issue),
            "cause": finding.cause,
            "severity": finding.severity_name,
            "strategy": first,
            "rung": _rung(session),
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
        """Emit an attempt; the copy with its post-condition is the fuller one."""
        now_s = self._clock.monotonic_s()
        begun_s = now_s
        if session.phase is Phase.VERIFYING and session.acted_s is not None:
            begun_s = session.acted_s
        self._emit(
            self._recovery(
                session,
                key=session.action_key,
                lasted_s=now_s - begun_s,
                outcome=RECORD_OUTCOMES[outcome],
                post_condition=worked,
                learning=learning,
            )
        )

    def record_relapse(self, session: HealingSession, after_s: float) -> None:
        """Emit that what had worked did not last; the latest record of an issue counts.

        Parameters
        ----------
        session : HealingSession
        after_s : float
            Seconds for which it had lasted.
        """
        self._emit(
            self._recovery(
                session,
                key=f"{session.action_key}:relapse",
                lasted_s=0.0,
                outcome=Outcome.SUCCEEDED,
                post_condition=False,
                detect_s=after_s,
            )
        )

    def _recovery(
        self, session: HealingSession, *, key: str, lasted_s: float, **measured: Any
    ) -> Recovery:
        finding = session.finding
        return Recovery(
            record_id=record_id(SOURCE, key),
            at=self._clock.now() - timedelta(seconds=lasted_s),
            source=SOURCE,
            provenance=Provenance.MEASURED,
            issue=str(finding.issue),
            rung=session.rung,
            action=session.rung,
            severity=finding.severity_name,
            healing_id=session.session_id,
            agent_id=finding.slot,
            operation_type=finding.evidence.get("operation"),
            attempt=session.attempt,
            silent_s=finding.silent_s,
            duration_s=lasted_s,
            **measured,
        )

    def _emit(self, record: Record) -> None:
        if self._take is None:
            return
        try:
            self._take(record)
        except Exception as error:  # noqa: BLE001 - a sink that raises must not end healing
            self.broken("recording", error)

    def broken(self, what: str, error: Exception) -> None:
        """Report an error that was caught."""
        self.errors += 1
        self._notifier.notify(
            Notification(
                message=f"self-healing: {what} broke: {type(error).__name__}",
                level=Level.ERROR,
                metadata={"error": str(error)[:200]},
            )
        )


def _rung(session: HealingSession) -> str:
    return session.rung if session.rungs else "none"
