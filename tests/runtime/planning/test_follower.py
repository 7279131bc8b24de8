import math

import pytest

from toolkit.errors import UsageError
from toolkit.notifier import Level, MemoryNotifier
from toolkit.policies.adaptation import CorrectionSettings
from toolkit.runtime.planning import (
    ExpectedPerformance,
    MonitoringPlan,
    MonitoringSettings,
    PlanFollower,
    PredictiveWorkflowOptimizer,
    TaskComplexity,
)
from toolkit.runtime.planning.monitoring import (
    MonitoringPoint,
    PlanAlertKind,
    alert_rules,
)
from toolkit.runtime.planning.observation import Observation
from toolkit.runtime.planning.performance import expected_performance
from toolkit.runtime.planning.plan_alert import PlanAlert

ADJUST = "adaptive_workflow_adjustment"
RESET = "emergency_coordination_reset"
CAPTURE = "capture_optimization_pattern"
CLOSE = 1e-6


def performance(makespan_s: float = 600.0) -> ExpectedPerformance:
    log_cost = math.log(makespan_s) + 0.5 * math.log(4)
    return expected_performance(
        agents=4,
        log_cost=(log_cost, log_cost, log_cost),
        cost_unit="",
        price_exponent=0.5,
        components=20,
        price_per_agent_s=None,
        level=0.9,
        support=10,
    )


def follower(
    notifier: MemoryNotifier | None = None,
    *,
    baseline: ExpectedPerformance | None = None,
    cost_s: float = 2.0,
    coordination: float | None = None,
) -> PlanFollower:
    plan = MonitoringPlan(
        baseline=baseline,
        components=20,
        batch_costs_s={"shell": cost_s},
        alerts=alert_rules(MonitoringSettings()),
        adjustment=CorrectionSettings(),
    )
    return PlanFollower(
        plan,
        notifier=notifier or MemoryNotifier(),
        coordination_baseline=coordination,
    )


def batch(
    cost_s: float, operations: int = 5, succeeded: int | None = None
) -> Observation:
    done = operations if succeeded is None else succeeded
    return Observation(
        operation_type="shell",
        operations=operations,
        succeeded=done,
        cycle_s=cost_s * operations,
    )


def actions(alerts: tuple[PlanAlert, ...]) -> list[str]:
    return [alert.action for alert in alerts]


# The ratio is predicted / observed cost, so a cost of 2 / 0.8 is 20 % below prediction.
@pytest.mark.parametrize(
    ("ratio", "fired"),
    [
        (0.8 + CLOSE, []),
        (0.8, [ADJUST]),
        (0.8 - CLOSE, [ADJUST]),
        (1.0, []),
        (1.15 - CLOSE, []),
        (1.15, [CAPTURE]),
        (1.15 + CLOSE, [CAPTURE]),
    ],
)
@pytest.mark.parametrize("cost_s", [2.0, 0.7, 3.3, 1e-4, 977.7])
def test_a_batch_cost_fires_at_exactly_its_threshold(
    cost_s: float, ratio: float, fired: list[str]
) -> None:
    assert actions(follower(cost_s=cost_s).observe(batch(cost_s / ratio))) == fired


@pytest.mark.parametrize(
    ("share", "fired"), [(0.7 + CLOSE, []), (0.7, [RESET]), (0.7 - CLOSE, [RESET])]
)
@pytest.mark.parametrize("baseline", [1.0, 0.9, 0.85, 0.63, 0.1])
def test_coordination_fires_at_exactly_a_drop_of_30_percent(
    baseline: float, share: float, fired: list[str]
) -> None:
    watched = follower(coordination=baseline)
    seen = Observation(coordination_efficiency=baseline * share)

    assert actions(watched.observe(seen)) == fired


@pytest.mark.parametrize(
    ("ratio", "fired"),
    [
        (0.8 + CLOSE, []),
        (0.8, [ADJUST]),
        (0.8 - CLOSE, [ADJUST]),
        (1.15 - CLOSE, []),
        (1.15, [CAPTURE]),
        (1.15 + CLOSE, [CAPTURE]),
    ],
)
@pytest.mark.parametrize("makespan_s", [600.0, 777.7, 0.3])
def test_velocity_fires_at_exactly_its_threshold(
    makespan_s: float, ratio: float, fired: list[str]
) -> None:
    watched = follower(baseline=performance(makespan_s))
    per_task_s = makespan_s / 20
    seen = Observation(tasks_completed=10, elapsed_s=10 * per_task_s / ratio)

    assert actions(watched.observe(seen)) == fired


def test_each_alert_reaches_the_notifier_with_its_level_and_action() -> None:
    told = MemoryNotifier()
    watched = follower(told, coordination=1.0)
    watched.observe(batch(4.0))
    watched.observe(batch(1.0))
    watched.observe(Observation(coordination_efficiency=0.2))

    assert [(note.level, note.metadata["action"]) for note in told.kept] == [
        (Level.WARNING, ADJUST),
        (Level.SUCCESS, CAPTURE),
        (Level.ERROR, RESET),
    ]


def test_an_alert_is_not_repeated_while_it_lasts() -> None:
    told = MemoryNotifier()
    watched = follower(told)
    for _ in range(10):
        watched.observe(batch(4.0))

    assert told.count == 1


def test_inside_the_hysteresis_an_alert_lasts() -> None:
    watched = follower()
    watched.observe(batch(2 / 0.7))
    watched.observe(batch(2 / 0.84))

    assert len(watched.snapshot().alerts) == 1


def test_beyond_the_hysteresis_an_alert_clears_and_may_fire_again() -> None:
    told = MemoryNotifier()
    watched = follower(told)
    for ratio in (0.7, 0.86, 0.7):
        watched.observe(batch(2 / ratio))

    assert told.count == 2


def test_fewer_than_five_operations_are_not_judged_yet() -> None:
    watched = follower()

    assert watched.observe(batch(40.0, operations=4)) == ()
    assert actions(watched.observe(batch(40.0, operations=1))) == [ADJUST]


def test_operations_that_all_failed_are_a_degradation() -> None:
    assert actions(follower().observe(batch(0.1, succeeded=0))) == [ADJUST]


def test_the_time_of_failures_counts_when_one_succeeds() -> None:
    watched = follower()
    watched.observe(batch(2.0, succeeded=0))
    watched.observe(batch(2.0, succeeded=5))
    ratio = watched.snapshot().points[MonitoringPoint.BATCH_EXECUTION_PERFORMANCE]

    assert ratio == pytest.approx(0.5)


def test_a_batch_that_took_no_time_waits_for_one_that_did() -> None:
    watched = follower()

    assert watched.observe(batch(0.0)) == ()
    assert actions(watched.observe(batch(1.0))) == [CAPTURE]


def test_a_type_without_a_prediction_is_counted_and_not_judged() -> None:
    watched = follower()
    seen = Observation(operation_type="other", operations=5, succeeded=0, cycle_s=9.0)

    assert watched.observe(seen) == ()
    assert watched.snapshot().unplanned_batches == 1


def test_every_fifth_operation_a_tenth_of_the_error_is_taken_over() -> None:
    watched = follower()
    watched.observe(batch(4.0, operations=4))
    assert watched.expected_cost_s("shell") == 2.0
    watched.observe(batch(4.0, operations=1))

    assert watched.expected_cost_s("shell") == pytest.approx(2.0 * 2.0**0.1)


def test_corrections_settle_at_what_is_observed() -> None:
    watched = follower()
    for _ in range(200):
        watched.observe(batch(3.0))

    assert watched.expected_cost_s("shell") == pytest.approx(3.0)


def test_alerts_are_judged_against_the_prediction_as_it_was_made() -> None:
    watched = follower()
    for _ in range(200):
        watched.observe(batch(3.0))

    assert actions(watched.snapshot().alerts) == [ADJUST]


def test_a_slow_run_moves_the_expected_time() -> None:
    watched = follower(baseline=performance(600.0))
    watched.observe(Observation(tasks_completed=5, elapsed_s=300.0))
    expected = watched.expected()
    assert expected is not None
    assert expected.makespan_s is not None

    assert expected.makespan_s.expected == pytest.approx(600 * 2**0.1)


def test_the_cost_of_a_type_without_a_prediction_is_not_known() -> None:
    assert follower().expected_cost_s("other") is None


def test_too_few_tasks_are_not_judged() -> None:
    watched = follower(baseline=performance(600.0))

    assert watched.observe(Observation(tasks_completed=1, elapsed_s=100.0)) == ()


def test_a_standstill_is_seen_once_five_tasks_are_due() -> None:
    watched = follower(baseline=performance(600.0))
    watched.observe(Observation(tasks_completed=0, elapsed_s=149.0))

    assert actions(
        watched.observe(Observation(tasks_completed=0, elapsed_s=150.0))
    ) == [ADJUST]


def test_without_a_prediction_velocity_is_not_judged() -> None:
    seen = Observation(tasks_completed=0, elapsed_s=1e6)

    assert follower().observe(seen) == ()


def test_the_first_five_scores_are_the_coordination_baseline() -> None:
    watched = follower()
    for score in (1.0, 0.8, 0.9, 0.9, 0.9):
        watched.observe(Observation(coordination_efficiency=score))
    alerts = watched.observe(Observation(coordination_efficiency=0.63))

    assert [alert.baseline for alert in alerts] == [pytest.approx(0.9)]


def test_a_baseline_of_nothing_has_nothing_to_fall_from() -> None:
    watched = follower(coordination=0.0)

    assert watched.observe(Observation(coordination_efficiency=0.0)) == ()


def test_agents_ready_within_30_seconds_are_spawned_well() -> None:
    watched = follower()
    watched.observe(Observation(spawn_s=(1.0, 30.0, 30.1, None)))

    assert watched.snapshot().points == {MonitoringPoint.AGENT_SPAWN_EFFICIENCY: 0.5}


def test_points_show_what_was_last_seen() -> None:
    watched = follower()
    watched.observe(Observation(median_wait_s=3.0, memory_consistency=0.99))

    assert watched.snapshot().points == {
        MonitoringPoint.COORDINATION_LATENCY: 3.0,
        MonitoringPoint.MEMORY_CONSISTENCY_RATE: 0.99,
    }


def test_a_new_follower_has_seen_nothing() -> None:
    snapshot = follower().snapshot()

    assert snapshot.points == {}
    assert snapshot.expected is None
    assert set(snapshot.raised.values()) == {0}


def test_a_predicted_workflow_can_be_followed(
    learned: PredictiveWorkflowOptimizer,
) -> None:
    task = TaskComplexity(components=20, coordination_needs=0.6)
    plan = learned.predict(task).monitoring
    watched = PlanFollower(plan, notifier=MemoryNotifier())
    name, cost_s = next(iter(plan.batch_costs_s.items()))
    slow = Observation(
        operation_type=name, operations=10, succeeded=10, cycle_s=10 * cost_s / 0.8
    )

    assert actions(watched.observe(slow)) == [ADJUST]
    assert watched.snapshot().raised[PlanAlertKind.PERFORMANCE_DEGRADATION] == 1


def test_a_prediction_cannot_be_scaled_by_nothing() -> None:
    with pytest.raises(UsageError, match="factor"):
        performance().scaled(0.0)
