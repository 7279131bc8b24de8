"""Admission of findings: a new session, one under way, a relapse, or a person."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from toolkit.notifier import Level
from toolkit.records import record_id
from toolkit.runtime.healing.check_result import Finding
from toolkit.runtime.healing.issues import IssueKind
from toolkit.runtime.healing.journal import Journal
from toolkit.runtime.healing.ladder import delay_of, rungs_after_relapse, rungs_for
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.log import HealingLog
from toolkit.runtime.healing.plan import HealingPlan
from toolkit.runtime.healing.session import HealingSession, Phase
from toolkit.runtime.healing.swarm import SwarmSnapshot

__all__ = ["Admission", "Sessions"]


@dataclass(slots=True)
class Sessions:
    """Sessions of one engine: those under way by cause, and the latest closed ones."""

    under_way: dict[str, HealingSession] = field(default_factory=dict)
    closed: deque[HealingSession] = field(default_factory=deque)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("opened", "merged", "deferred", "actions", "relapsed"), 0
        )
    )
    ended: dict[Phase, int] = field(default_factory=lambda: dict.fromkeys(Phase, 0))


class Admission:
    """Decides what becomes of a finding.

    Parameters
    ----------
    plan : HealingPlan
    sessions : Sessions
    journal : Journal
    learnings : Learnings
    log : HealingLog
    """

    def __init__(
        self,
        plan: HealingPlan,
        sessions: Sessions,
        journal: Journal,
        learnings: Learnings,
        log: HealingLog,
    ) -> None:
        self._plan = plan
        self._sessions = sessions
        self._journal = journal
        self._learnings = learnings
        self._log = log

    def admit_all(self, findings: Iterable[Finding], snapshot: SwarmSnapshot) -> None:
        """Admit the findings of one check.

        Victims of a task are counted first, so that a poisoned task is set aside before
        another agent is started. Agents that end together have one cause from outside,
        and blame no task.
        """
        found = list(findings)
        lost = [f for f in found if f.slot is not None and f.task_id is not None]
        blamed = [f for f in lost if self._blames_task(f)]
        together = len(blamed) > 1 and 2 * len(blamed) >= len(snapshot.agents)
        for finding in () if together else blamed:
            self._note_victim(finding, snapshot)
        for finding in found:
            self.admit(finding, snapshot)

    def admit(
        self, finding: Finding, snapshot: SwarmSnapshot, *, preventive: bool = False
    ) -> None:
        """Admit one finding."""
        now_s, cause = snapshot.at_s, finding.cause
        session = self._sessions.under_way.get(cause)
        if session is not None:
            session.merged += 1
            self._sessions.counts["merged"] += 1
        elif cause == "swarm" and self._is_explained(finding, now_s):
            self._sessions.counts["merged"] += 1
        elif not self._journal.is_handed_over(
            cause, now_s=now_s, again_after_s=self._plan.recurrence_s
        ):
            self._lease_and_open(finding, now_s, preventive=preventive)

    def clear(self, issue: str, found: set[str], now_s: float) -> None:
        """Mark causes that a person has as well once their check finds them no more."""
        for cause in self._journal.handed_over(issue) - found:
            self._journal.got_well(cause, now_s=now_s)

    def _lease_and_open(
        self, finding: Finding, now_s: float, *, preventive: bool
    ) -> None:
        until_s = now_s + self._plan.lease_s
        if not self._journal.lease(finding.cause, now_s=now_s, until_s=until_s):
            self._sessions.counts["deferred"] += 1
            return
        last = self._journal.last_session(finding.cause)
        if last is not None and not preventive and self._is_relapse(last, now_s):
            self._reopen(last, finding, now_s)
        else:
            self._open(finding, now_s, preventive=preventive)

    def _blames_task(self, finding: Finding) -> bool:
        if finding.cause in self._sessions.under_way:
            return False
        return finding.issue == IssueKind.STUCK_AGENT or (
            finding.evidence.get("why") == "deadlock"
        )

    def _note_victim(self, finding: Finding, snapshot: SwarmSnapshot) -> None:
        task = str(finding.task_id)
        # By slot: an agent that ends again and again may get one task each time.
        self._journal.note_victim(task, str(finding.slot), now_s=snapshot.at_s)
        victims = self._journal.victims(task)
        if len(victims) < self._plan.quarantine_victims:
            return
        self.admit(
            Finding(
                issue=IssueKind.POISONED_TASK,
                cause=f"task:{task}",
                value=0.0,
                threshold=1.0,
                check=finding.check,
                evidence={"victims": ",".join(victims)},
            ),
            snapshot,
        )

    def _is_explained(self, finding: Finding, now_s: float) -> bool:
        """Whether a session of a single cause explains what the whole swarm shows."""
        if any(s.cause != "swarm" for s in self._sessions.under_way.values()):
            return True
        last = self._sessions.closed[-1] if self._sessions.closed else None
        return (
            last is not None
            and last.cause != finding.cause
            and last.closed_s is not None
            and now_s - last.closed_s < self._plan.relapse_s
        )

    def _is_relapse(self, last: HealingSession, now_s: float) -> bool:
        return (
            last.phase is Phase.SUCCESS
            and last.closed_s is not None
            and now_s - last.closed_s <= self._plan.relapse_s
        )

    def _reopen(self, session: HealingSession, finding: Finding, now_s: float) -> None:
        """Continue a session whose cause came back: what "worked" is a failure."""
        worked = str(session.worked)
        delay = delay_of(session.finding, self._plan)
        self._learnings.retract(session.finding.issue, worked, delay)
        session.measured[-1:] = [(worked, False)]
        after_s = now_s - (session.closed_s or now_s)
        session.tried[-1:] = [f"{worked}: held, came back after {after_s:.0f} s"]
        self._log.record_relapse(session, after_s)
        self._sessions.counts["relapsed"] += 1
        self._sessions.ended[Phase.SUCCESS] -= 1
        rungs = rungs_after_relapse(
            finding, self._plan, ahead=session.rungs[1:], restarts=session.restarts
        )
        session.finding = finding
        session.relapses += 1
        session.worked = session.closed_s = session.held_s = None
        session.attempt, session.due_s = 1, now_s
        session.phase = Phase.ACTING if rungs else Phase.HANDED_OVER
        session.rungs = rungs or session.rungs[:1]
        self._start(session, "relapsed", Level.ERROR)

    def _open(self, finding: Finding, now_s: float, *, preventive: bool) -> None:
        rungs = rungs_for(finding, self._plan, self._learnings, preventive=preventive)
        earlier = self._earlier(finding.cause, now_s)
        session = HealingSession(
            session_id=record_id(self._journal.owner, finding.cause, repr(now_s)),
            finding=finding,
            opened_s=now_s,
            rungs=rungs,
            due_s=now_s,
            preventive=preventive,
        )
        if len(earlier) >= self._plan.most_recurrences:
            session.tried = [step for each in earlier for step in each.tried]
            session.tried.append(f"the cause recurred {len(earlier)} times")
            session.phase = Phase.HANDED_OVER
            session.restarts = sum(each.restarts for each in earlier)
            self._withdraw(earlier, now_s)
        elif not rungs:
            session.phase = Phase.HANDED_OVER
        self._sessions.counts["opened"] += 1
        self._start(session, "started", Level.WARNING)

    def withdraw(self, cause: str, now_s: float) -> None:
        """Take back the lately claimed successes of a cause that a person has now."""
        self._withdraw(self._earlier(cause, now_s), now_s)

    def _withdraw(self, earlier: Iterable[HealingSession], now_s: float) -> None:
        """Count successes of a recurring cause as failures."""
        for session in earlier:
            if session.phase is not Phase.SUCCESS:
                continue
            delay = delay_of(session.finding, self._plan)
            self._learnings.retract(session.finding.issue, str(session.worked), delay)
            session.measured[-1:] = [(str(session.worked), False)]
            session.phase = Phase.RECURRED
            self._sessions.ended[Phase.SUCCESS] -= 1
            self._journal.save(session)
            self._log.record_relapse(session, now_s - (session.closed_s or now_s))

    def _earlier(self, cause: str, now_s: float) -> list[HealingSession]:
        """List the treatments of a cause within the window, preventive ones as well."""
        since_s = now_s - self._plan.recurrence_s
        return [
            session
            for session in self._journal.sessions_of(cause, since_s=since_s)
            if session.phase is not Phase.ABANDONED
        ]

    def _start(self, session: HealingSession, outcome: str, level: Level) -> None:
        self._sessions.under_way[session.cause] = session
        self._journal.save(session)
        self._log.report(session, outcome, level)
