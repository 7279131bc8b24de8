"""A reset that another organ asks for is treated like any finding."""

from pathlib import Path

import anyio

from tests.runtime.healing.swarms import Ward
from toolkit.notifier import MemoryNotifier
from toolkit.records import CoordinationEvent, Outcome, Provenance
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.planning import MonitoringPlan, MonitoringSettings, PlanFollower
from toolkit.runtime.planning.monitoring import alert_rules


class Breakdown:
    """Lasts until it is over."""

    def __init__(self) -> None:
        self.over = False

    def lasts(self) -> bool:
        return not self.over


def asked(folder: Path) -> tuple[Ward, Breakdown]:
    ward, breakdown = Ward(folder), Breakdown()
    anyio.run(ward.live, 30.0)
    ward.engine.reset_coordination("coordination_efficiency", breakdown.lasts)
    return ward, breakdown


def test_a_reset_is_carried_out_and_succeeds_when_the_breakdown_is_over(
    tmp_path: Path,
) -> None:
    ward, breakdown = asked(tmp_path)
    anyio.run(ward.live, 15.0)
    acted = list(ward.effector.verbs)
    breakdown.over = True
    anyio.run(ward.live, 60.0)

    assert acted == ["reannounce_ownership"]
    assert ward.outcomes == ["started", "success"]


def test_a_breakdown_that_lasts_ends_with_a_person_and_without_a_restart(
    tmp_path: Path,
) -> None:
    ward, _ = asked(tmp_path)
    anyio.run(ward.live, 600.0)

    assert ward.effector.verbs == ["reannounce_ownership", "task_redistribution"]
    assert ward.engine.statistics().handed_over == 1


def test_a_loop_has_the_follower_s_breakdown_treated(tmp_path: Path) -> None:
    ward = Ward(tmp_path)
    follower = PlanFollower(
        MonitoringPlan(
            baseline=None, components=10, alerts=alert_rules(MonitoringSettings())
        ),
        notifier=MemoryNotifier(),
    )
    loop = RuntimeLoop(
        clock=ward.clock,
        notifier=MemoryNotifier(),
        follower=follower,
        healing=ward.engine,
    )
    for number in range(120):
        outcome = Outcome.SUCCEEDED if number < 60 else Outcome.FAILED
        loop.observe(
            CoordinationEvent(
                record_id=str(number),
                at=ward.clock.now(),
                source="test",
                provenance=Provenance.MEASURED,
                agent_id="a1",
                operation="commit",
                action="write",
                outcome=outcome,
            )
        )
    anyio.run(ward.live, 15.0)

    assert loop.statistics().failures == {}
    assert ward.effector.verbs == ["reannounce_ownership"]
