"""A batch that runs here becomes what was learned, and a record, without being asked."""

import asyncio
from functools import partial

import pytest

from tests.bundle_factory import NOW
from toolkit.clock import VirtualClock
from toolkit.records import Batch, Served
from toolkit.runtime.advice import LadderAdvisor, SystemLoad
from toolkit.runtime.batching import (
    AdaptiveBatchingOptimizer,
    CallableBatch,
    Workload,
)

HALF = SystemLoad(cpu=0.5)


class Bench:
    """An optimizer on a clock that the operations move, and the records it keeps."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.records: list[Batch] = []
        self.optimizer = AdaptiveBatchingOptimizer(
            LadderAdvisor("batch_size", bundle=None, clock=self.clock),
            clock=self.clock,
            emit=self.records.append,
        )

    def fail(self) -> None:
        self.clock.move(1.0)
        raise OSError("private")

    def work(self) -> None:
        self.clock.move(1.0)


def test_size_times_outcomes_and_record_follow_from_the_block() -> None:
    bench = Bench()
    with bench.optimizer.batch("fileOperations", system=HALF) as batch:
        bench.clock.move(2.0)
        batch.run([bench.work] * (batch.size - 1) + [bench.fail])

    record = bench.records[0]
    assert batch.record is record
    assert (record.size, record.succeeded, record.failed) == (8, 7, 1)
    assert (record.cycle_s, record.turn_s, record.execution_s) == (10.0, 2.0, 8.0)
    assert (record.policy, record.propensity, record.served) == (
        "rule",
        1.0,
        Served.ADVISED,
    )


def test_a_cycle_begins_with_the_agents_previous_result() -> None:
    bench = Bench()
    for _ in range(2):
        with bench.optimizer.batch("fileOperations", system=HALF) as batch:
            batch.run([bench.work] * batch.size)
        bench.clock.move(5.0)

    assert [record.cycle_s for record in bench.records] == [8.0, 13.0]


def test_agents_have_cycles_of_their_own_and_a_long_pause_is_no_turn() -> None:
    bench = Bench()
    for agent_id, pause_s in [("a", 7.0), ("b", 1000.0), ("a", 0.0)]:
        with bench.optimizer.batch(
            "fileOperations", agent_id=agent_id, system=HALF
        ) as batch:
            batch.run([bench.work] * batch.size)
        bench.clock.move(pause_s)

    assert [record.cycle_s for record in bench.records] == [8.0, 8.0, 8.0]


def test_operations_are_clocked_one_by_one_and_raise_what_they_raise() -> None:
    bench = Bench()
    with bench.optimizer.batch("shell", system=HALF) as batch:
        with batch.operation():
            bench.work()
        with pytest.raises(OSError), batch.operation():  # noqa: PT011 - any will do
            bench.fail()
        batch.cancel(1)

    record = bench.records[0]
    assert (record.succeeded, record.failed, record.cancelled) == (1, 1, 1)
    assert (record.operations_s, record.longest_s) == (2.0, 1.0)


def test_an_exception_that_leaves_the_block_is_recorded_first() -> None:
    bench = Bench()

    with (
        pytest.raises(OSError, match="private"),
        bench.optimizer.batch("shell", system=HALF) as batch,
        batch.operation(),
    ):
        bench.fail()

    assert bench.records[0].failed == 1


def test_an_interrupted_batch_is_censored() -> None:
    bench = Bench()

    def interrupted() -> None:
        with bench.optimizer.batch("shell", system=HALF) as batch:
            batch.run([bench.work])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert bench.records[0].censored
    assert bench.optimizer.statistics().observed_batches == 1


def test_a_block_in_which_nothing_was_done_leaves_nothing() -> None:
    bench = Bench()
    with bench.optimizer.batch("shell", system=HALF) as batch:
        pass

    assert (batch.record, bench.records) == (None, [])


def test_another_size_than_advised_is_declined() -> None:
    bench = Bench()
    with bench.optimizer.batch("fileOperations", system=HALF) as batch:
        batch.run([bench.work] * 3)

    assert bench.records[0].served is Served.DECLINED


def test_async_blocks_leave_the_same_record() -> None:
    bench = Bench()

    async def work() -> None:
        bench.work()

    async def swarm() -> None:
        async with bench.optimizer.batch("fileOperations", system=HALF) as batch:
            await batch.run_async([work] * 7)
            async with batch.operation():
                await work()

    asyncio.run(swarm())

    record = bench.records[0]
    assert (record.size, record.succeeded, record.served) == (8, 8, Served.ADVISED)


def test_measuring_feeds_the_same_cycle_once_and_leaves_a_record() -> None:
    bench = Bench()
    batch = CallableBatch(operation_type="shell", operations=[bench.work] * 3)
    bench.optimizer.measure(batch)
    bench.clock.move(4.0)
    measured = bench.optimizer.measure(batch)
    bench.optimizer.observe(bench.records[1])

    assert measured.record is bench.records[1]
    assert (measured.metrics.cycle_s, bench.records[1].cycle_s) == (7.0, 7.0)
    assert len(bench.records) == 2
    assert bench.optimizer.statistics().observed_batches == 2


def test_what_was_observed_elsewhere_leaves_a_record_once() -> None:
    bench, other = Bench(), Bench()
    other.optimizer.measure(
        CallableBatch(operation_type="shell", operations=[other.work])
    )
    for record in other.records * 2:
        bench.optimizer.observe(record)

    assert bench.records == other.records


def test_a_batch_is_no_larger_than_what_is_waiting() -> None:
    bench = Bench()

    with bench.optimizer.batch("fileOperations", operations=3, system=HALF) as batch:
        batch.run([partial(bench.work)] * batch.size)

    assert bench.records[0].size == 3
    assert bench.records[0].served is Served.ADVISED


def test_declared_columns_of_the_work_are_in_its_record() -> None:
    bench = Bench()
    work = Workload(context={"gpu": "l4", "model_bytes": 7e9, "failure_rate": 0.1})
    with bench.optimizer.batch("fileOperations", workload=work, system=HALF) as batch:
        batch.run([bench.work] * batch.size)

    record = bench.records[0]
    assert (record.categories, record.numbers) == ({"gpu": "l4"}, {"model_bytes": 7e9})
    assert record.failure_rate == 0.1
