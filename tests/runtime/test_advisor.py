"""The advisor of the door: it decides, follows what its answers cost, and records it."""

from pathlib import Path

import numpy as np
import pytest

from toolkit import Advisor
from toolkit.errors import BundleRefusedError, UsageError
from toolkit.records import Batch, Served, Workflow


def test_observed_costs_move_the_answer() -> None:
    advisor = Advisor(explore=0.5, rng=np.random.default_rng(0))
    for _ in range(200):
        advice = advisor.decide(operation_type="fileOperations")
        cost = advice.action * (1.0 if advice.action <= 4 else 10.0)
        advisor.observe(advice, cycle_s=cost, succeeded=advice.action)

    answers = [advisor.decide(operation_type="fileOperations") for _ in range(50)]

    rule = answers[0].rule
    assert rule == 8
    assert np.median([advice.action for advice in answers]) <= 4


def test_one_advice_gives_one_record_however_often_it_is_written() -> None:
    advice = Advisor().decide(operation_type="shellCommands", load_cpu=0.4)
    other = Advisor().decide(operation_type="shellCommands", load_cpu=0.4)

    record = advice.outcome(cycle_s=3.0, succeeded=2)

    assert isinstance(record, Batch)
    assert record.record_id == advice.outcome(cycle_s=3.0, succeeded=2).record_id
    assert record.record_id != other.outcome(cycle_s=3.0, succeeded=2).record_id
    assert (record.size, record.served) == (advice.action, Served.ADVISED)


def test_a_number_of_agents_becomes_a_workflow() -> None:
    advisor = Advisor(decision="agent_count")
    advice = advisor.decide(components=12.0, dependencies=4.0)

    record = advice.outcome(makespan_s=90.0, agent_seconds=300.0)
    advisor.observe(advice, makespan_s=90.0, agent_seconds=300.0)

    assert isinstance(record, Workflow)
    assert (record.agents, record.components) == (advice.action, 12.0)


def test_runs_that_cost_less_move_the_number_of_agents() -> None:
    advisor = Advisor(decision="agent_count")
    first = advisor.decide(components=12.0)
    for agents, makespan_s in ((first.action, 100.0), (2, 5.0)) * 10:
        advisor.observe(first, agents=agents, makespan_s=makespan_s, components=12.0)

    moved = advisor.decide(components=12.0)

    assert moved.action < first.action
    assert moved.reason.code == "own_runs"


def test_a_column_that_nothing_reads_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean `load_cpu`"):
        Advisor().decide(operation_type="fileOperations", load_cpuu=0.4)


def test_a_field_that_no_record_has_is_refused_with_the_nearest() -> None:
    advice = Advisor().decide(operation_type="fileOperations")

    with pytest.raises(UsageError, match="Did you mean `cycle_s`"):
        advice.outcome(cycles=3.0)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleRefusedError):
        Advisor(tmp_path)
