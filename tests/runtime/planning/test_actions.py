"""The three alerts of a plan are carried out, and what was captured is planned with."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from toolkit.clock import VirtualClock
from toolkit.notifier import MemoryNotifier
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Spool,
    Workflow,
)
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.planning import (
    PlanFollower,
    PredictiveWorkflowOptimizer,
    StandardPlanActions,
    TaskComplexity,
    WorkflowPrediction,
    open_planner,
    read_patterns,
)
from toolkit.runtime.planning.pattern import Pattern

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TASK = TaskComplexity(components=20, operations={"shell": 200})
KNOWN = Pattern(operation_type="shell", batches=20, mean_size=3, cost_s=2.0)


class Composition:
    """A planner that knows a pattern, its follower, and what the actions did."""

    def __init__(self, store: Path) -> None:
        clock = VirtualClock(NOW)
        self.planner = open_planner(clock=clock, patterns=[KNOWN])
        self.adopted: list[WorkflowPrediction] = []
        self.resets = 0
        self.notifier = MemoryNotifier()
        actions = StandardPlanActions(
            planner=self.planner,
            task=TASK,
            clock=clock,
            adopt=self.adopted.append,
            reset_swarm=self._reset,
            patterns=Spool(store / "patterns"),
        )
        self.follower = PlanFollower(
            self.planner.predict(TASK).monitoring,
            notifier=self.notifier,
            actions=actions,
        )
        self.loop = RuntimeLoop(
            clock=clock, notifier=self.notifier, follower=self.follower
        )
        self._number = 0

    def _reset(self) -> None:
        self.resets += 1

    def batch(self, size: int, cycle_s: float) -> None:
        self._number += 1
        self.loop.observe(
            Batch(
                record_id=f"b{self._number}",
                at=NOW + timedelta(seconds=self._number),
                source="test",
                provenance=Provenance.MEASURED,
                operation_type="shell",
                size=size,
                succeeded=size,
                cycle_s=cycle_s,
            )
        )

    def event(self, outcome: Outcome, action: str = "write") -> None:
        self._number += 1
        self.loop.observe(
            CoordinationEvent(
                record_id=f"e{self._number}",
                at=NOW + timedelta(seconds=self._number),
                source="test",
                provenance=Provenance.MEASURED,
                agent_id="a",
                operation="edit",
                action=action,
                outcome=outcome,
                waited_s=0.5,
                duration_s=2.0,
            )
        )


def test_a_pattern_is_the_predicted_cost_where_no_model_has_one(tmp_path: Path) -> None:
    plan = Composition(tmp_path).planner.predict(TASK).plan.batches[0]

    assert plan.cost_s is not None
    assert (plan.size, plan.cost_s.expected) == (3, 2.0)


def test_slow_batches_have_the_rest_planned_again_from_this_run(tmp_path: Path) -> None:
    run = Composition(tmp_path)
    for _ in range(2):
        run.batch(3, 12.0)

    assert len(run.adopted) == 1
    assert run.adopted[0].monitoring.batch_costs_s["shell"] > 2.0
    assert run.follower.plan is run.adopted[0].monitoring


def test_the_rest_is_what_is_not_done_yet(tmp_path: Path) -> None:
    run = Composition(tmp_path)
    for _ in range(6):
        with run.loop.task("worker"):
            run.event(Outcome.SUCCEEDED)
    for _ in range(2):
        run.batch(3, 12.0)

    assert run.adopted[0].monitoring.components == 14


def test_cheap_batches_are_captured_and_read_by_the_next_plan(tmp_path: Path) -> None:
    run = Composition(tmp_path)
    for _ in range(30):
        run.batch(8, 4.0)
    patterns = read_patterns(tmp_path)
    planner = open_planner(clock=VirtualClock(NOW), patterns=[KNOWN, *patterns])

    assert [pattern.operation_type for pattern in patterns] == ["shell"]
    assert patterns[0].cost_s == 0.5
    assert planner.predict(TASK).plan.batches[0].cost_s is not None


def test_patterns_of_two_sizes_move_the_planned_size(tmp_path: Path) -> None:
    cheap = Pattern(operation_type="shell", batches=30, mean_size=8, cost_s=0.5)
    planner = open_planner(clock=VirtualClock(NOW), patterns=[KNOWN, cheap])

    plan = planner.predict(TASK).plan.batches[0]

    assert plan.size == 8
    assert plan.reason.code == "own_patterns"


def test_a_breakdown_of_coordination_resets_the_swarm(tmp_path: Path) -> None:
    run = Composition(tmp_path)
    for _ in range(60):
        run.event(Outcome.SUCCEEDED)
    for _ in range(30):
        run.event(Outcome.FAILED)

    assert run.resets == 1
    assert "emergency_coordination_reset" in list(run.notifier.kept)[-1].message


def test_waits_spawns_and_consistency_reach_the_points(tmp_path: Path) -> None:
    run = Composition(tmp_path)
    for _ in range(9):
        run.event(Outcome.SUCCEEDED)
    run.event(Outcome.FAILED, action="spawn")
    points = run.follower.snapshot().points

    assert points["coordination_latency"] == 0.5  # type: ignore[index] # StrEnum
    assert points["agent_spawn_efficiency"] == 0.0  # type: ignore[index] # StrEnum


def runs(planner: PredictiveWorkflowOptimizer, agents: int, makespan_s: float) -> None:
    planner.observe(
        Workflow(
            record_id=f"w{agents}{makespan_s}",
            at=NOW,
            source="test",
            provenance=Provenance.MEASURED,
            agents=agents,
            components=10,
            makespan_s=makespan_s,
        )
    )


def test_own_runs_move_the_number_of_agents() -> None:
    planner = open_planner(clock=VirtualClock(NOW))
    task = TaskComplexity(components=10, parallelizable=0.8)
    before = planner.predict(task).plan.agents.recommended
    for number in range(20):
        runs(planner, before, 100.0 + number)
        runs(planner, before // 2, 20.0 + number / 10)
        planner.predict(task)

    after = planner.predict(task).plan.agents

    assert after.recommended == before // 2
    assert after.reason.code == "own_runs"
