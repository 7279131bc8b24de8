from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from tests.bundle_factory import small_bundle
from tests.runtime.healing.swarms import HandmadeSwarm
from toolkit.clock import VirtualClock
from toolkit.errors import UsageError
from toolkit.notifier import Level, MemoryNotifier, Notification
from toolkit.records import Batch, CoordinationEvent, Provenance, Record
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.healing import HealingEngine, Journal
from toolkit.runtime.healing.effectors import DryRunEffector
from toolkit.runtime.loop import HEALING_RETRY_S
from toolkit.runtime.planning import PlanFollower, TaskComplexity, open_planner
from toolkit.runtime.sinks import MemorySink, PrometheusSink, QueuedSink

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CLOCK = VirtualClock(NOW)
TASK = {"components": 10.0, "parallelizable": 0.8}


class Organ:
    """Keeps what it is given; raises while it is broken."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.seen: list[Record] = []

    def observe(self, record: Record, /) -> None:
        if self.broken:
            raise RuntimeError("secret text of the failure")
        self.seen.append(record)

    observe_record = observe
    emit = observe

    def close(self) -> None:
        if self.broken:
            raise OSError("disk is full")


class Healer:
    def __init__(self, clock: VirtualClock, *, broken_turns: int = 0) -> None:
        self.clock = clock
        self.broken_turns = broken_turns
        self.turns_s: list[float] = []

    async def turn(self) -> float:
        self.turns_s.append(self.clock.monotonic_s())
        if len(self.turns_s) <= self.broken_turns:
            raise RuntimeError("broken")
        return 10.0


class BrokenNotifier:
    def notify(self, notification: Notification, /) -> None:
        raise ConnectionError("nobody there")


def batch() -> Batch:
    return Batch(
        record_id="b",
        at=NOW,
        source="test",
        provenance=Provenance.SIMULATED,
        operation_type="shell",
        size=5,
        succeeded=5,
        cycle_s=2.0,
    )


def event() -> CoordinationEvent:
    return CoordinationEvent(
        record_id="e",
        at=NOW,
        source="test",
        provenance=Provenance.SIMULATED,
        agent_id="a",
        operation="edit",
        action="write",
    )


def loop(told: Any = None, **organs: Any) -> RuntimeLoop:
    return RuntimeLoop(clock=CLOCK, notifier=told or MemoryNotifier(), **organs)


def test_each_organ_gets_the_records_it_is_for() -> None:
    batching, coordination, follower, sink = Organ(), Organ(), Organ(), Organ()
    running = loop(
        batching=batching, coordination=coordination, follower=follower, sinks=[sink]
    )
    for record in (batch(), event()):
        running.observe(record)

    assert batching.seen == [batch()]
    assert coordination.seen == [event()]
    assert follower.seen == sink.seen == [batch(), event()]


@pytest.mark.parametrize("broken", ["batching", "coordination", "follower", "sink"])
def test_an_organ_that_raises_stops_no_other(broken: str) -> None:
    organs = {
        name: Organ(broken=name == broken)
        for name in ("batching", "coordination", "follower", "sink")
    }
    sink = organs.pop("sink")
    running = loop(sinks=[sink, Organ()], **organs)
    for record in (batch(), event()):
        running.observe(record)
    well = [o for o in (*organs.values(), sink) if not o.broken]

    assert all(organ.seen for organ in well)
    assert sum(running.statistics().failures.values()) >= 1


def test_a_failure_is_recorded_by_type_and_never_by_text() -> None:
    running = loop(batching=Organ(broken=True))
    running.observe(batch())
    failure = running.statistics().latest_failures[0]

    assert (failure.organ, failure.error) == ("batching", "RuntimeError")
    assert "secret" not in str(running.statistics())


def test_a_broken_organ_is_told_once_and_again_after_it_worked() -> None:
    told, organ = MemoryNotifier(), Organ(broken=True)
    running = loop(told, batching=organ)
    for broken in (True, True, False, True):
        organ.broken = broken
        running.observe(batch())

    assert [note.level for note in told.kept] == [Level.ERROR] * 2
    assert running.statistics().failures == {"batching": 3}


def test_a_notifier_that_raises_stops_nothing_and_is_counted() -> None:
    sink = Organ()
    running = loop(BrokenNotifier(), batching=Organ(broken=True), sinks=[sink])
    running.observe(batch())

    assert sink.seen == [batch()]
    assert running.statistics().failures == {"batching": 1, "notifier": 1}


def test_an_advisor_answers() -> None:
    running = loop(advisors=[LadderAdvisor("agent_count", bundle=None, clock=CLOCK)])

    assert running.advise("agent_count", TASK).label == "8"


def test_an_advisor_that_raises_leaves_the_rule_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("model")

    advisor = LadderAdvisor("agent_count", bundle=None, clock=CLOCK)
    monkeypatch.setattr(advisor, "decide", broken)
    decision = loop(advisors=[advisor]).advise("agent_count", TASK)

    assert (decision.label, decision.reason.code) == ("8", "model_failed")


def test_a_decision_without_an_advisor_is_refused() -> None:
    with pytest.raises(UsageError, match="agent_count"):
        loop().advise("agent_count", TASK)


def test_two_advisors_of_one_decision_are_refused() -> None:
    advisor = LadderAdvisor("agent_count", bundle=None, clock=CLOCK)

    with pytest.raises(UsageError, match="one advisor"):
        loop(advisors=[advisor, advisor])


def test_healing_goes_on_after_a_turn_that_raised() -> None:
    clock = VirtualClock(NOW)
    healer = Healer(clock, broken_turns=1)
    running = RuntimeLoop(clock=clock, notifier=MemoryNotifier(), healing=healer)

    async def heal() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(running.run)
            await clock.advance(40.0)
            group.cancel_scope.cancel()

    anyio.run(heal)

    assert healer.turns_s == [0.0, *(HEALING_RETRY_S + 10.0 * i for i in range(3))]
    assert running.statistics().failures == {"healing": 1}


def test_without_a_healing_organ_running_ends_at_once() -> None:
    running = loop()
    anyio.run(running.run)

    assert running.statistics().healing_turns == 0


def test_closing_closes_every_sink_whatever_the_others_do() -> None:
    kept = MemorySink()
    running = loop(sinks=[Organ(broken=True), kept])
    running.close()
    running.close()

    assert running.statistics().failures == {"sink 0 Organ": 1}


def test_a_closed_loop_refuses_records() -> None:
    running = loop()
    running.close()

    with pytest.raises(UsageError, match="closed"):
        running.observe(batch())


def test_the_real_monitor_and_follower_run_side_by_side() -> None:
    told = MemoryNotifier()
    monitor = CoordinationMonitor(notifier=told)
    task = TaskComplexity(components=10)
    plan = open_planner(clock=CLOCK).predict(task).monitoring
    follower = PlanFollower(plan, notifier=told)
    running = loop(told, coordination=monitor, follower=follower)
    for record in (batch(), event()):
        running.observe(record)

    assert monitor.agents == ("a",)
    assert follower.snapshot().unplanned_batches == 1
    assert running.statistics().records == {"batch": 1, "coordination": 1}
    assert running.statistics().failures == {}


def test_what_ran_in_the_optimizer_reaches_the_sinks_and_the_others_once() -> None:
    sink, clock = MemorySink(), VirtualClock(NOW)
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )
    follower = Organ()
    running = loop(batching=optimizer, follower=follower, sinks=[sink])
    with optimizer.batch("shell") as ran:
        ran.run([lambda: clock.move(1.0)])
    running.observe(batch())
    optimizer.observe(batch())

    assert [record.record_id for record in sink.kept] == [
        ran.record.record_id if ran.record else None,
        "b",
    ]
    assert list(sink.kept) == follower.seen
    assert optimizer.statistics().observed_batches == 2


def test_a_finished_task_is_a_record_and_a_failed_one_too() -> None:
    sink = MemorySink()
    running = loop(sinks=[sink])
    with running.task("a"):
        pass
    with pytest.raises(KeyError), running.task("b"):
        raise KeyError

    outcomes = [getattr(record, "outcome", None) for record in sink.kept]
    assert outcomes == ["succeeded", "failed"]


def test_runs_reach_the_planner() -> None:
    planner = Organ()
    running = loop(planner=planner)
    with running.task():
        pass

    assert [record.kind for record in planner.seen] == ["workflow"]


def test_recoveries_of_the_engine_reach_the_sinks_of_the_loop(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    swarm = HandmadeSwarm(clock)
    journal = Journal(tmp_path / "healing.sqlite", owner="one")
    engine = HealingEngine(
        swarm=swarm,
        effector=DryRunEffector(),
        journal=journal,
        clock=clock,
        notifier=MemoryNotifier(),
        seed=1,
    )
    kept = MemorySink()
    RuntimeLoop(clock=clock, notifier=MemoryNotifier(), healing=engine, sinks=[kept])
    swarm.harmed = {"k1"}

    anyio.run(engine.turn)
    journal.close()

    assert [record.kind for record in kept.kept] == ["recovery"]


def test_a_sink_behind_a_queue_shows_what_the_loop_knows(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    expired = small_bundle(tmp_path / "b")
    loop = RuntimeLoop(
        clock=clock,
        notifier=MemoryNotifier(),
        advisors=[LadderAdvisor("batch_size", bundle=expired, clock=clock)],
        coordination=CoordinationMonitor(notifier=MemoryNotifier()),
        sinks=[QueuedSink(PrometheusSink(registry))],
    )
    fresh = registry.get_sample_value("swarm_duplicate_work_ratio")
    loop.observe(event())
    loop.advise("batch_size", {"operation_type": "shell"})
    live = registry.get_sample_value("swarm_agents", {"state": "live"})
    labels = {"reason": "bundle_expired"}
    loop.close()

    assert (fresh, live) == (None, 1.0)
    assert registry.get_sample_value("swarm_model_age_seconds") is not None
    assert registry.get_sample_value("swarm_fallback_total", labels) == 1.0
