from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from toolkit.clock import VirtualClock
from toolkit.policies import Decision
from toolkit.records import Outcome, Provenance, Workflow
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.planning.observed_runs import ObservedRuns

START = datetime(2026, 3, 1, tzinfo=UTC)
CONTEXT = {"components": 12.0}


@pytest.fixture
def advisor() -> LadderAdvisor:
    return LadderAdvisor("agent_count", bundle=None, clock=VirtualClock(START))


def run_of(agents: int, makespan_s: float | None, **fields: Any) -> Workflow:
    return Workflow(
        **{
            "record_id": "w",
            "at": START,
            "source": "test",
            "provenance": Provenance.MEASURED,
            "agents": agents,
            "components": 12.0,
            "makespan_s": makespan_s,
            "outcome": Outcome.SUCCEEDED,
            **fields,
        }
    )


def before_and_after(
    advisor: LadderAdvisor,
    runs: list[Workflow],
    *,
    offered: tuple[float, ...] | None = None,
) -> tuple[Decision, Decision]:
    observed = ObservedRuns(advisor)
    for each in runs:
        observed.observe(each)
    decision = advisor.decide(CONTEXT)
    return decision, observed.adapted(decision, offered or advisor.offered)


def cheap_with_one_agent(decided: float, **fields: Any) -> list[Workflow]:
    """Twenty runs with one agent that cost next to nothing, and as many as decided."""
    pairs = [(1, 1.0), (int(decided), 1000.0)] * 20
    return [run_of(agents, makespan_s, **fields) for agents, makespan_s in pairs]


def test_without_runs_the_decision_stands(advisor: LadderAdvisor) -> None:
    decision, adapted = before_and_after(advisor, [])

    assert adapted is decision
    assert decision.action[0] > 1


def test_runs_that_were_far_cheaper_with_one_agent_move_the_answer_a_step_there(
    advisor: LadderAdvisor,
) -> None:
    decided = advisor.decide(CONTEXT).action[0]
    decision, adapted = before_and_after(advisor, cheap_with_one_agent(decided))

    assert adapted.action == (decided / 2,)  # a step changes it by half at most
    assert adapted.label == f"{decided / 2:g}"
    assert adapted.baseline == decision.label
    assert adapted.reason.code == "own_runs"
    assert adapted.reason.facts == {
        "decided": decided,
        "runs": pytest.approx(37.4, abs=0.1),  # of 40, the older ones have faded
    }


def test_a_number_that_is_not_offered_here_is_not_answered(
    advisor: LadderAdvisor,
) -> None:
    decided = advisor.decide(CONTEXT).action[0]
    decision, adapted = before_and_after(
        advisor, cheap_with_one_agent(decided), offered=(decided, decided + 1)
    )

    assert adapted is decision


@pytest.mark.parametrize(
    "fields",
    [{"form": "task"}, {"censored": True}, {"components": None}, {"makespan_s": None}],
    ids=str,
)
def test_runs_that_show_no_cost_teach_nothing(
    advisor: LadderAdvisor, fields: dict[str, Any]
) -> None:
    decided = advisor.decide(CONTEXT).action[0]
    runs = [replace(each, **fields) for each in cheap_with_one_agent(decided)]
    decision, adapted = before_and_after(advisor, runs)

    assert adapted is decision
