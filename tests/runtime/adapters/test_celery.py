"""The signals of real Celery: a real worker on a broker in memory."""

import pytest

pytest.importorskip("celery", reason="`make adapters` installs it")

from celery import Celery
from celery.contrib.testing.worker import start_worker

from tests.runtime.adapters.bench import Bench
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
        for group in adapter.chunks(check, [(n,) for n in range(7)], "shell"):
            group.apply_async().join(timeout=20, propagate=False)
    adapter.disconnect()

    assert [b.size for b in bench.batches()] == [3, 3, 1]
    assert [b.failed for b in bench.batches()] == [1, 0, 0]
    assert {event.operation for event in bench.events()} == {"check"}
