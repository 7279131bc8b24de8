import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.records import Outcome, Provenance
from toolkit.testing.simulator import LOADS, SimulatedSwarm
from toolkit.testing.simulator.coordination import CoordinationTruth
from toolkit.testing.simulator.swarm import START
from toolkit.testing.simulator.truth import (
    BATCH_TRUTHS,
    WORKFLOW_TRUTHS,
    BatchTruth,
    WorkflowTruth,
)


def test_the_same_seed_gives_the_same_records() -> None:
    one, two = SimulatedSwarm(seed=3), SimulatedSwarm(seed=3)

    assert list(one.batches(20)) == list(two.batches(20))


def test_another_seed_gives_other_records() -> None:
    sizes = [
        [batch.size for batch in SimulatedSwarm(seed=s).batches(20)] for s in (1, 2)
    ]

    assert sizes[0] != sizes[1]


def test_a_longer_request_begins_with_the_shorter_one() -> None:
    swarm = SimulatedSwarm(seed=3)

    assert list(swarm.events(50))[:20] == list(swarm.events(20))


def test_what_one_kind_draws_does_not_move_another() -> None:
    swarm = SimulatedSwarm(seed=3)
    before = list(swarm.workflows(5))
    list(swarm.batches(100))

    assert list(swarm.workflows(5)) == before


def test_every_record_is_marked_simulated() -> None:
    swarm = SimulatedSwarm(seed=1)
    records = [
        *swarm.batches(5),
        *swarm.events(5),
        *swarm.workflows(5),
        *swarm.load_samples(5),
    ]

    assert {record.provenance for record in records} == {Provenance.SIMULATED}


@pytest.mark.parametrize("operation_type", sorted(BATCH_TRUTHS))
@pytest.mark.parametrize("load", LOADS)
def test_the_best_size_is_the_cheapest_of_all_sizes(
    operation_type: str, load: float
) -> None:
    swarm = SimulatedSwarm(seed=0)
    cheapest = min(
        range(1, 200), key=lambda size: swarm.cost_s(operation_type, size, load=load)
    )

    assert swarm.best_size(operation_type, load=load) == cheapest


@pytest.mark.parametrize("name", sorted(WORKFLOW_TRUTHS))
@pytest.mark.parametrize("money", [0.0, 0.3, 0.5, 1.0])
def test_the_best_agent_count_is_the_cheapest_of_all(name: str, money: float) -> None:
    truth = WORKFLOW_TRUTHS[name]
    cheapest = min(range(1, 200), key=lambda n: truth.cost(n, money))

    assert SimulatedSwarm(seed=0).best_agents(name, money=money) == cheapest


@pytest.mark.parametrize("size", [1, 4, 12])
def test_emitted_batches_cost_what_the_formula_says(size: int) -> None:
    swarm = SimulatedSwarm(seed=11, noise=0.2)
    runs = [
        swarm.batch(n, "fileOperations", size, load=0.6, at=START) for n in range(4000)
    ]
    cost_s = np.mean([run.cycle_s or math.nan for run in runs]) / np.mean(
        [run.succeeded or 0 for run in runs]
    )

    assert cost_s == pytest.approx(
        swarm.cost_s("fileOperations", size, load=0.6), rel=0.02
    )


def test_emitted_workflows_take_what_the_law_says() -> None:
    swarm = SimulatedSwarm(seed=5)
    spans = [
        w.makespan_s or math.nan
        for w in islice(swarm.workflows(4000, agents=(4,)), None)
        if w.context_id == "even"
    ]

    assert np.mean(spans) == pytest.approx(
        WORKFLOW_TRUTHS["even"].makespan_s(4), rel=0.02
    )


def test_outcomes_add_up_to_the_size() -> None:
    for batch in SimulatedSwarm(seed=2).batches(200):
        ended = (batch.succeeded or 0) + (batch.failed or 0) + (batch.cancelled or 0)

        assert ended == batch.size


def test_events_are_in_the_order_of_time() -> None:
    times = [event.at for event in SimulatedSwarm(seed=2).events(200)]

    assert times == sorted(times)


def test_events_fail_as_often_as_they_are_told_to() -> None:
    swarm = SimulatedSwarm(seed=2, coordination=CoordinationTruth(failure_rate=0.3))
    failed = [event.outcome is Outcome.FAILED for event in swarm.events(4000)]

    assert np.mean(failed) == pytest.approx(0.3, abs=0.03)


def test_a_version_grows_by_one_with_every_write() -> None:
    versions: dict[str, int] = {}
    for event in SimulatedSwarm(seed=2).events(500):
        key = event.memory_key or ""
        before = versions.get(key, 0)
        wrote = event.action == "write" and event.outcome is Outcome.SUCCEEDED
        versions[key] = event.version or 0

        assert versions[key] == before + int(wrote)


def test_an_unknown_operation_type_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="todoWrite"):
        SimulatedSwarm(seed=1).best_size("todowrit")


def test_an_unknown_workflow_is_refused() -> None:
    with pytest.raises(UsageError, match="chatty"):
        SimulatedSwarm(seed=1).best_agents("chattyy")


def test_a_failure_rate_of_one_is_refused() -> None:
    with pytest.raises(UsageError, match="failure_rate"):
        replace(BATCH_TRUTHS["todoWrite"], failure_rate=1.0)


def test_a_cost_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="turn_s"):
        BatchTruth(turn_s=0, operation_s=1, pair_s=1, failure_rate=0)


def test_a_workflow_without_crosstalk_has_no_best_count_and_is_refused() -> None:
    with pytest.raises(UsageError, match="crosstalk"):
        WorkflowTruth(work_s=1, contention=0, crosstalk=0)
