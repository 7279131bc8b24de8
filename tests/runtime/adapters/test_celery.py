"""The signals of real Celery: a real worker on a broker in memory."""

import pytest

pytest.importorskip("celery", reason="`make adapters` installs it")

from celery import Celery, group
from celery.contrib.testing.worker import start_worker

from tests.runtime.adapters.bench import Bench
from tests.runtime.adapters.documented import batches, operations, run_example
from toolkit.runtime.adapters.celery import CelerySignals


def test_groups_of_tasks_become_batches_of_the_recommended_size() -> None:
    app = Celery("swarm", broker="memory://", backend="cache+memory://")

    @app.task(name="check")
    def check(number: int) -> int:
        if number == 1:
            raise OSError("not there")
        return number

    bench = Bench()
    adapter = CelerySignals(bench.calls)
    adapter.connect()
    with start_worker(app, pool="solo", perform_ping_check=False):
        for part in bench.calls.chunks(range(7), "shell"):
            sent = group(check.s(number) for number in part).apply_async()
            sent.join(timeout=20, propagate=False)
    adapter.disconnect()

    assert [b.size for b in bench.batches()] == [3, 3, 1]
    assert [b.failed for b in bench.batches()] == [1, 0, 0]
    assert {event.operation for event in bench.events()} == {"check"}


def test_the_documented_groups_become_batches() -> None:
    names = run_example("Celery")

    assert names["answers"] == [4, 1]
    assert batches(names) == [(3, 3), (2, 2)]
    assert operations(names) == {"length"}
