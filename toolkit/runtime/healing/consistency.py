"""Checks of the shared memory: consistent entries, and results that can be found."""

from dataclasses import dataclass

from toolkit.runtime.healing.check import CheckPlan
from toolkit.runtime.healing.check_plans import MEMORY_CONSISTENCY, RESULT_INTEGRITY
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.swarm import ActivityKind, SwarmSnapshot

__all__ = ["MemoryConsistency", "ResultIntegrity"]


@dataclass(frozen=True, slots=True)
class MemoryConsistency:
    """Share of memory entries that are their newest committed version, unharmed."""

    plan: CheckPlan = MEMORY_CONSISTENCY

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Compare every entry with its committed versions."""
        entries = snapshot.entries
        if not entries:
            nothing = "no entry of the memory can be seen"
            return self.plan.result(snapshot, None, nothing)
        wrong = [entry for entry in entries if not entry.consistent]
        return self.plan.result(
            snapshot,
            1 - len(wrong) / len(entries),
            f"{len(entries) - len(wrong)} of {len(entries)} entries consistent",
            (
                self.plan.finding(
                    f"key:{entry.key}",
                    0.0,
                    {"slot": entry.writer} if entry.writer else {},
                )
                for entry in wrong
            ),
        )

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether the entry is consistent; one that is harmed again is refuted."""
        if snapshot.entries is None or snapshot.at_s <= acted_s:
            return None
        key = finding.cause.partition(":")[2]
        entry = next((e for e in snapshot.entries if e.key == key), None)
        return entry is not None and entry.consistent


@dataclass(frozen=True, slots=True)
class ResultIntegrity:
    """Share of agents of which every reported result can be found.

    An agent that says *finished* without a result hides a lost task behind a good
    number; so what was reported is compared with what is there.
    """

    plan: CheckPlan = RESULT_INTEGRITY

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Compare reported results with those that are there."""
        if snapshot.missing is None:
            return self.plan.result(snapshot, None, "results cannot be compared")
        by_slot: dict[str, list[str]] = {}
        for missing in snapshot.missing:
            by_slot.setdefault(missing.slot, []).append(missing.task_id)
        agents = len(snapshot.agents)
        return self.plan.result(
            snapshot,
            max(0.0, 1 - len(by_slot) / agents) if agents else None,
            f"{len(snapshot.missing)} reported results cannot be found",
            (
                self.plan.finding(
                    f"agent:{slot}",
                    0.0,
                    {"why": "hollow results", "tasks": ",".join(sorted(tasks))},
                )
                for slot, tasks in sorted(by_slot.items())
            ),
        )

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether nothing is missing and the agent has finished something since."""
        if snapshot.missing is None:
            return None
        slot = finding.slot
        if any(missing.slot == slot for missing in snapshot.missing):
            return None
        finished = any(
            act.slot == slot and act.kind is ActivityKind.FINISH
            for act in snapshot.since(acted_s)
        )
        agent = snapshot.agent(slot or "")
        if agent is None:
            return None
        idle = agent.operation_type is None and not snapshot.tasks
        return True if finished or idle else None
