import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle_factory import NOW, small_bundle
from toolkit.clock import SystemClock, VirtualClock
from toolkit.errors import UsageError
from toolkit.policies.rules import OPTIMUMS
from toolkit.records import Batch, Provenance
from toolkit.runtime.advice import (
    BackgroundLoad,
    LadderAdvisor,
    ReloadingAdvisor,
    SystemLoad,
    open_advisor,
)
from toolkit.runtime.batching import AdaptiveBatchingOptimizer, CallableBatch, Workload
from toolkit.runtime.batching.measurement import (
    BatchMetrics,
    MeasuredOperation,
    measure_operations,
    suggestions,
)


def on_rules() -> AdaptiveBatchingOptimizer:
    clock = VirtualClock(NOW)
    return AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )


@pytest.fixture(scope="module")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("bundle") / "b").path


def on_bundle(path: Path, *, days: float = 0.0) -> AdaptiveBatchingOptimizer:
    clock = VirtualClock(NOW + timedelta(days=days))
    return AdaptiveBatchingOptimizer(
        open_advisor(path, decision="batch_size", clock=clock), clock=clock
    )


NUMBERS = count()


def observed(size: int, cycle_s: float, succeeded: int | None = None) -> Batch:
    return Batch(
        record_id=f"r{next(NUMBERS)}",
        at=NOW,
        source="test",
        provenance=Provenance.MEASURED,
        operation_type="fileOperations",
        size=size,
        cycle_s=cycle_s,
        succeeded=size if succeeded is None else succeeded,
        failed=0 if succeeded is None else size - succeeded,
        cancelled=0,
    )


def test_without_a_bundle_the_rule_answers_with_its_reason() -> None:
    answer = on_rules().recommend("todoWrite", Workload(), SystemLoad(cpu=0.9))

    assert (answer.batch_size, answer.reason.code) == (7, "high_load")


def test_a_learned_size_comes_with_the_rule_beside_it(bundle_path: Path) -> None:
    answer = on_bundle(bundle_path).recommend(
        "todoWrite", Workload(), SystemLoad(cpu=0.79)
    )

    assert answer.reason.code == "learned_better"
    assert answer.batch_size < answer.rule_size
    assert answer.confidence is not None
    assert answer.confidence > 0.5


def test_an_expired_bundle_means_the_rule_and_says_so(bundle_path: Path) -> None:
    answer = on_bundle(bundle_path, days=31).recommend(
        "fileOperations", Workload(), SystemLoad(cpu=0.9)
    )

    assert (answer.batch_size, answer.reason.code) == (6, "bundle_expired")


def test_a_refused_bundle_means_the_rule_and_says_why(tmp_path: Path) -> None:
    optimizer = on_bundle(tmp_path / "nothing")

    answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.9))

    assert answer.reason.code == "bundle_refused"
    assert "cannot be" in str(optimizer.statistics().refused_bundle)


def test_a_load_beyond_the_history_counts_as_missing(bundle_path: Path) -> None:
    optimizer = on_bundle(bundle_path)

    answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=3.0))

    assert answer.reason.code in ("learned_better", "rule_and_learned_agree")


def test_a_batch_is_never_larger_than_the_work() -> None:
    answer = on_rules().recommend(
        "fileOperations", Workload(operations=2), SystemLoad(cpu=0.5)
    )

    assert answer.batch_size == 2


def test_without_observations_the_efficiency_is_the_target_and_says_so() -> None:
    answer = on_rules().recommend("shell", Workload(), SystemLoad())

    assert (answer.expected_efficiency, answer.efficiency_is_target) == (0.85, True)


def test_observed_efficiency_has_an_interval_around_it() -> None:
    optimizer = on_rules()
    for _ in range(30):
        optimizer.observe(observed(8, 8.0))
        optimizer.observe(observed(8, 16.0))

    answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))

    assert not answer.efficiency_is_target
    assert answer.efficiency_low <= 0.75 <= answer.efficiency_high


def test_a_size_at_which_nothing_ever_succeeds_is_left() -> None:
    optimizer = on_rules()
    first = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))
    for _ in range(8):
        optimizer.observe(observed(8, 1.0, succeeded=0))

    second = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))

    assert second.batch_size < first.batch_size
    assert second.reason.code == "adapted"


def test_a_few_failures_are_in_the_cost_and_nowhere_else() -> None:
    optimizer = on_rules()
    for _ in range(40):
        optimizer.observe(observed(8, 1.0, succeeded=6))
        optimizer.observe(observed(4, 1.0, succeeded=4))

    answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))

    assert answer.batch_size == 8


def test_three_hundred_batches_that_cost_ten_times_as_much_end_elsewhere() -> None:
    optimizer = on_rules()
    sizes = []
    for _ in range(150):
        optimizer.observe(observed(8, 80.0))
        optimizer.observe(observed(4, 4.0))
        load = SystemLoad(cpu=0.5)
        answer = optimizer.recommend("fileOperations", Workload(), load)
        sizes.append(answer.batch_size)

    assert sizes[-1] <= 4


def test_a_record_that_comes_twice_counts_once() -> None:
    optimizer, record = on_rules(), observed(8, 1.0)

    optimizer.observe(record)
    optimizer.observe(record)

    assert optimizer.statistics().observed_batches == 1


def exploring(share: float = 0.5, seed: int = 0) -> AdaptiveBatchingOptimizer:
    clock = VirtualClock(NOW)
    return AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock),
        clock=clock,
        explore=share,
        rng=np.random.default_rng(seed),
    )


def test_exploration_gives_each_size_with_its_probability() -> None:
    optimizer = exploring()
    answers = [
        optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))
        for _ in range(2000)
    ]
    for size in {answer.batch_size for answer in answers}:
        drawn = [answer for answer in answers if answer.batch_size == size]

        assert len(drawn) / 2000 == pytest.approx(drawn[0].propensity, abs=0.04)


def test_less_work_than_a_size_folds_its_probability_into_what_is_left() -> None:
    optimizer = exploring()
    workload = Workload(operations=2)
    answers = [
        optimizer.recommend("fileOperations", workload, SystemLoad(cpu=0.5))
        for _ in range(50)
    ]

    assert {(a.batch_size, round(a.propensity, 9)) for a in answers} == {(2, 1.0)}


def test_exploration_needs_a_generator() -> None:
    clock = VirtualClock(NOW)
    advisor = LadderAdvisor("batch_size", bundle=None, clock=clock)

    with pytest.raises(UsageError, match="rng"):
        AdaptiveBatchingOptimizer(advisor, clock=clock, explore=0.1)


def test_a_reloading_advisor_serves_the_optimizer(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    advisor = ReloadingAdvisor(tmp_path / "b", decision="batch_size", clock=clock)
    optimizer = AdaptiveBatchingOptimizer(advisor, clock=clock)

    answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))

    assert answer.batch_size == 8


def test_a_censored_batch_says_nothing_about_cost() -> None:
    optimizer = on_rules()
    record = observed(8, 9999.0)

    optimizer.observe(
        Batch(
            **{name: getattr(record, name) for name in ("record_id", "at", "source")},
            provenance=Provenance.DERIVED,
            operation_type="fileOperations",
            size=8,
            cycle_s=9999.0,
            succeeded=8,
            censored=True,
        )
    )

    answer = optimizer.recommend("fileOperations", Workload(), SystemLoad(cpu=0.5))
    assert answer.efficiency_is_target


def test_measuring_runs_the_operations_and_keeps_their_failures_apart() -> None:
    ran: list[int] = []

    def fail() -> None:
        raise KeyError("private")

    batch = CallableBatch(
        operation_type="shell",
        operations=[lambda: ran.append(1), fail, lambda: ran.append(2)],
    )
    clock = SystemClock()
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )

    measured = optimizer.measure(batch)

    assert ran == [1, 2]
    assert (measured.metrics.succeeded, measured.metrics.failed) == (2, 1)
    assert [op.error for op in measured.operations] == [None, "KeyError", None]
    assert "smaller_batch" in {s.action for s in measured.suggestions}


def test_an_atomic_batch_cancels_what_has_not_begun() -> None:
    def fail() -> None:
        raise ValueError

    batch = CallableBatch(
        operation_type="shell",
        operations=[fail, lambda: None, lambda: None],
        atomic=True,
    )
    clock = SystemClock()
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )

    metrics = optimizer.measure(batch).metrics

    assert (metrics.failed, metrics.cancelled) == (1, 2)
    assert "failure_cascade" in metrics.bottlenecks


@pytest.mark.slow
def test_a_stuck_operation_times_out_and_does_not_hold_the_caller() -> None:
    release = threading.Event()
    batch = CallableBatch(
        operation_type="shell",
        operations=[lambda: release.wait(30), lambda: None],
        workers=2,
        timeout_s=1.0,  # the other one has to be done within it, on a busy machine too
    )
    clock = SystemClock()
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )

    began_s = time.monotonic()
    metrics = optimizer.measure(batch).metrics
    took_s = time.monotonic() - began_s
    release.set()

    assert (metrics.succeeded, metrics.timed_out) == (1, 1)
    assert took_s < 10


def test_async_operations_run_at_once_up_to_the_workers() -> None:
    running = 0
    most = 0

    async def operation() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    clock = SystemClock()
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )
    batch = CallableBatch(operation_type="shell", operations=[operation] * 6, workers=3)

    measured = asyncio.run(optimizer.measure_async(batch))

    assert measured.metrics.succeeded == 6
    assert most == 3


def test_a_plain_callable_in_an_async_batch_is_refused() -> None:
    clock = SystemClock()
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )
    batch = CallableBatch(operation_type="shell", operations=[lambda: None])

    with pytest.raises(UsageError, match="use `measure`"):
        asyncio.run(optimizer.measure_async(batch))


@pytest.mark.parametrize(
    ("spans", "workers", "expected"),
    [
        ([(0, 1), (1, 2), (2, 3), (3, 4)], 4, "serial_execution"),
        ([(0, 0.1), (0, 0.1), (0, 1)], 3, "straggler"),
    ],
)
def test_bottlenecks_are_found_by_their_thresholds(
    spans: list[tuple[float, float]], workers: int, expected: str
) -> None:
    operations = [
        MeasuredOperation(start_s=a, end_s=b, outcome="succeeded") for a, b in spans
    ]

    metrics = measure_operations(
        operations, workers=workers, memory_delta_bytes=0, memory_available_bytes=1
    )

    assert expected in metrics.bottlenecks


def test_memory_and_waiting_are_bottlenecks_beyond_their_shares() -> None:
    operation = MeasuredOperation(start_s=0.0, end_s=1.0, outcome="succeeded")

    metrics = measure_operations(
        [operation],
        workers=1,
        memory_delta_bytes=11,
        memory_available_bytes=100,
        waited_s=0.6,
    )

    assert metrics.bottlenecks == ("memory_pressure", "waiting")


ratio = st.one_of(st.none(), st.floats(0, 2))


@given(
    st.sampled_from([*OPTIMUMS, "unheard of"]),
    ratio,
    ratio,
    st.one_of(st.none(), st.integers(1, 10_000)),
    st.floats(-1, 2),
    st.integers(0, 1000),
    st.integers(0, 50),
)
def test_any_context_gets_a_size_within_bounds(
    kind: str,
    cpu: float | None,
    memory: float | None,
    operations: int | None,
    shared: float,
    dependencies: int,
    agents: int,
) -> None:
    workload = Workload(
        operations=operations,
        shared_key_share=shared,
        dependencies=dependencies,
        agents=agents,
    )

    answer = on_rules().recommend(kind, workload, SystemLoad(cpu=cpu, memory=memory))

    assert 1 <= answer.batch_size <= 20
    assert 0 <= answer.efficiency_low <= answer.efficiency_high <= 1


any_batch = st.builds(
    Batch,
    record_id=st.integers(0, 2**60).map(str),
    at=st.just(NOW),
    source=st.just("test"),
    provenance=st.sampled_from(Provenance),
    operation_type=st.sampled_from(["todoWrite", "fileOperations", "unheard of"]),
    size=st.integers(1, 20) | st.integers(1, 10**6),
    cycle_s=st.none() | st.floats(0, 1e15, allow_nan=False) | st.integers(0, 10**15),
    censored=st.none() | st.booleans(),
    succeeded=st.none() | st.integers(0, 30) | st.integers(0, 10**9),
    failed=st.none() | st.integers(0, 30),
    cancelled=st.none() | st.integers(0, 30),
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(any_batch, max_size=40))
def test_whatever_batches_the_schema_admits_sizes_stay_within_bounds(
    shared_optimizers: list[AdaptiveBatchingOptimizer], batches: list[Batch]
) -> None:
    for optimizer in shared_optimizers:
        for batch in batches:
            optimizer.observe(batch)
            answer = optimizer.recommend(
                batch.operation_type, Workload(), SystemLoad(cpu=0.79)
            )

            assert 1 <= answer.batch_size <= 20
            assert 0 <= answer.efficiency_low <= answer.efficiency_high <= 1


@pytest.fixture(scope="module")
def shared_optimizers(bundle_path: Path) -> list[AdaptiveBatchingOptimizer]:
    """Kept between the examples, so that one example's batches burden the next."""
    return [on_bundle(bundle_path), on_rules()]


def test_threads_may_share_an_optimizer() -> None:
    optimizer = on_rules()

    def work() -> None:
        for _ in range(200):
            optimizer.recommend("shell", Workload(), SystemLoad(cpu=0.5))
            optimizer.observe(observed(3, 1.0))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    statistics = optimizer.statistics()
    assert (statistics.recommendations, statistics.observed_batches) == (800, 800)


def test_the_load_is_unknown_until_sampled_and_reading_never_waits() -> None:
    load = BackgroundLoad(every_s=3600.0)

    assert load.current() == SystemLoad()


def test_a_workload_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        on_rules().recommend("shell", Workload(operations=0), SystemLoad())


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one operation"):
        CallableBatch(operation_type="shell", operations=[])


def test_the_type_longest_unused_is_forgotten() -> None:
    optimizer = on_rules()
    for number in range(300):
        optimizer.recommend(f"type {number}", Workload(), SystemLoad(cpu=0.5))

    assert optimizer.statistics().operation_types == 256


def async_outcomes(
    operations: list[Callable[[], Awaitable[object]]], **options: Any
) -> list[str]:
    clock = SystemClock()
    optimizer = AdaptiveBatchingOptimizer(
        LadderAdvisor("batch_size", bundle=None, clock=clock), clock=clock
    )
    batch = CallableBatch(operation_type="shell", operations=operations, **options)
    measured = asyncio.run(optimizer.measure_async(batch))
    return [operation.outcome for operation in measured.operations]


async def failing() -> None:
    raise ValueError


def test_an_atomic_async_batch_cancels_what_has_not_begun() -> None:
    outcomes = async_outcomes([failing, partial(asyncio.sleep, 0)], atomic=True)

    assert outcomes == ["failed", "cancelled"]


def test_an_async_failure_leaves_the_others() -> None:
    outcomes = async_outcomes([failing, partial(asyncio.sleep, 0)])

    assert outcomes == ["failed", "succeeded"]


def test_an_async_operation_that_takes_too_long_has_timed_out() -> None:
    outcomes = async_outcomes([partial(asyncio.sleep, 30)], timeout_s=0.01)

    assert outcomes == ["timed_out"]


def suggested(metrics: BatchMetrics, **known: float) -> list[str]:
    known = {"best_cost_s": 1.0, **known}
    return [each.action for each in suggestions(metrics, **known)]


@pytest.mark.parametrize(
    ("spans", "memory_bytes", "known", "expected"),
    [
        ([(0, 1)], 0, {}, ["no_change"]),
        ([(0, 1)], 50, {}, ["fewer_parallel"]),
        ([(0, 9)], 0, {}, ["larger_batch"]),
        ([(0, 1), (1, 2), (2, 3)], 0, {"read_share": 0.5}, ["split_reads_from_writes"]),
        ([(0, 1), (1, 2), (2, 3)], 0, {"read_share": 1.0}, ["no_change"]),
    ],
)
def test_suggestions_follow_their_thresholds(
    spans: list[tuple[float, float]],
    memory_bytes: int,
    known: dict[str, float],
    expected: list[str],
) -> None:
    metrics = measure_operations(
        [MeasuredOperation(start_s=a, end_s=b, outcome="succeeded") for a, b in spans],
        workers=4,
        memory_delta_bytes=memory_bytes,
        memory_available_bytes=100,
    )

    assert suggested(metrics, **known) == expected


def test_operations_without_a_duration_have_no_parallelism() -> None:
    metrics = measure_operations(
        [MeasuredOperation(start_s=0.0, end_s=0.0, outcome="cancelled")],
        workers=1,
        memory_delta_bytes=0,
        memory_available_bytes=100,
    )

    assert (metrics.parallelism, metrics.cost_s) == (0.0, None)
