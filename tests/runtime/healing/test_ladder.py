from dataclasses import replace
from typing import Any

import pytest

from toolkit.runtime.healing.check_result import Finding
from toolkit.runtime.healing.issues import LadderStep, Reach
from toolkit.runtime.healing.ladder import delay_of, rungs_after_relapse, rungs_for
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.plan import HealingPlan
from toolkit.runtime.healing.requests import REQUESTED_CAUSE

RUNGS = (
    LadderStep(name="coordination_reminder", within_s=60.0),
    LadderStep(name="reassign_task", within_s=60.0),
    LadderStep(name="spawn_replacement", within_s=60.0, reach=Reach.AGENT),
    LadderStep(name="restart_swarm", within_s=60.0, reach=Reach.SWARM),
)
PLAN = HealingPlan(ladders={"stuck_agent": RUNGS})
STUCK = Finding(issue="stuck_agent", cause="agent:a1", value=0.1, threshold=0.5)
GONE = replace(STUCK, evidence={"process": "gone"})


def names(
    finding: Finding, learned: Learnings | None = None, *, preventive: bool = False
) -> list[str]:
    rungs = rungs_for(finding, PLAN, learned or Learnings(), preventive=preventive)
    return [rung.name for rung in rungs]


def after(finding: Finding, *, ahead: Any = RUNGS[2:], restarts: int = 0) -> list[str]:
    rungs = rungs_after_relapse(finding, PLAN, ahead=ahead, restarts=restarts)
    return [rung.name for rung in rungs]


def test_one_agents_trouble_never_restarts_the_swarm() -> None:
    assert names(STUCK) == [rung.name for rung in RUNGS[:3]]
    assert names(replace(STUCK, cause="swarm"))[-1] == "restart_swarm"


def test_what_was_asked_for_restarts_nobody() -> None:
    assert names(replace(STUCK, cause=REQUESTED_CAUSE)) == [
        "coordination_reminder",
        "reassign_task",
    ]


def test_an_issue_without_a_ladder_calls_a_person() -> None:
    assert names(replace(STUCK, issue="unheard_of")) == []


@pytest.mark.parametrize(
    ("silent_s", "allowance_s", "first"),
    [
        (120.0, 60.0, "coordination_reminder"),
        (300.0, 60.0, "reassign_task"),
        (600.0, 60.0, "spawn_replacement"),
        (600.0, 300.0, "coordination_reminder"),
    ],
)
def test_a_long_silence_skips_the_gentler_rungs(
    silent_s: float, allowance_s: float, first: str
) -> None:
    finding = replace(STUCK, silent_s=silent_s, allowance_s=allowance_s)

    assert names(finding)[0] == first


def test_a_first_rung_that_is_named_goes_before_the_silence() -> None:
    finding = replace(STUCK, silent_s=120.0, first_rung="spawn_replacement")

    assert names(finding) == ["spawn_replacement"]


def test_a_forecast_gets_the_two_gentlest_rungs_however_bad_it_looks() -> None:
    finding = replace(STUCK, silent_s=600.0, allowance_s=60.0)

    assert names(finding, preventive=True) == [rung.name for rung in RUNGS[:2]]


def test_a_rung_that_worked_where_the_gentler_one_never_did_goes_first() -> None:
    learned = Learnings()
    for _ in range(30):
        learned.note("stuck_agent", "coordination_reminder", "any", False)
        learned.note("stuck_agent", "reassign_task", "any", True)

    assert names(STUCK, learned)[:2] == ["reassign_task", "coordination_reminder"]


def test_evidence_of_another_delay_changes_nothing() -> None:
    finding = replace(STUCK, silent_s=120.0, allowance_s=60.0)

    assert delay_of(STUCK, PLAN) == "any"
    assert delay_of(finding, PLAN) != "any"


def test_after_a_relapse_the_rungs_behind_go_on_without_another_restart() -> None:
    assert after(STUCK) == ["spawn_replacement"]
    assert after(STUCK, restarts=1) == []
    assert after(STUCK, ahead=RUNGS[1:], restarts=1) == ["reassign_task"]


def test_a_process_that_ended_again_is_started_again_within_the_limit() -> None:
    finding = replace(GONE, first_rung="spawn_replacement")
    most = PLAN.restarts.per_cause

    assert after(finding, ahead=(), restarts=most - 1) == ["spawn_replacement"]
    assert after(finding, ahead=(), restarts=most) == []
