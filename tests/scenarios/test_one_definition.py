"""One swarm has one figure for each objective, wherever it is read.

The same records go to a store, to Prometheus and, as OpenTelemetry spans over HTTP, to a
receiver process of ours with a store of its own.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry

from tests.runtime.sinks.rows import rows
from toolkit.features import objective_periods
from toolkit.history import RecordStore, read_store
from toolkit.metrics import OBJECTIVES, Trials
from toolkit.records import (
    KINDS,
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Record,
    Recovery,
    Workflow,
)
from toolkit.runtime.planning.run_progress import RunProgress
from toolkit.runtime.sinks import OpenTelemetrySink, PrometheusSink

AT = datetime(2026, 1, 5, tzinfo=UTC)


def shared(number: int, at_s: float) -> dict[str, Any]:
    return {
        "record_id": f"r{number}",
        "at": AT + timedelta(seconds=at_s),
        "source": "test",
        "provenance": Provenance.MEASURED,
        "session_id": f"s{number % 3}",
    }


def swarm() -> list[Record]:
    """Agents that overlap and do not, shells, stale reads, failed runs and recoveries."""
    records: list[Record] = []
    for number in range(60):
        agent = f"a{number % 4}"
        records += [
            Batch(
                **shared(number, 10 * number),
                agent_id=agent,
                operation_type="shell" if number % 2 else "taskSpawning",
                size=1 + number % 3,
                execution_s=25.0,
                operations_s=30.0 if number % 5 == 0 else 20.0,
                cycle_s=26.0,
                succeeded=1,
            ),
            CoordinationEvent(
                **shared(100 + number, 10 * number + 1),
                agent_id=agent,
                operation="note",
                action="write" if number % 3 else "read",
                memory_key="plan",
                version=9 + number if number % 3 else None,
                version_seen=8 + number - (number % 7 == 0),
                outcome=Outcome.FAILED if number % 6 == 0 else Outcome.SUCCEEDED,
            ),
        ]
    records += [
        Workflow(**shared(200, 700), agents=3, runs=3, runs_succeeded=2, runs_failed=1),
        Workflow(**shared(201, 701), agents=2, outcome=Outcome.FAILED),
    ]
    records += [
        Recovery(
            **shared(300 + number, 800 + number),
            issue="stuck_agent",
            rung="reminder",
            action="reminder",
            healing_id=f"h{number // 2}",
            post_condition=number % 4 != 3,
        )
        for number in range(8)
    ]
    return records


@contextmanager
def receiver(store: Path) -> Iterator[int]:
    """Run the real command as a process; its port."""
    words = ["records", "receive", "--port", "0", "--store", str(store)]
    process = subprocess.Popen(
        [sys.executable, "-m", "toolkit", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        yield int(process.stderr.readline().rsplit(b":", 1)[1])
    finally:
        process.terminate()
        process.communicate(timeout=30)


def export(records: Sequence[Record], port: int) -> None:
    """Send records through the OpenTelemetry sink and the real exporter."""
    provider = TracerProvider()
    endpoint = f"http://127.0.0.1:{port}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    sink = OpenTelemetrySink(provider)
    for record in records:
        sink.emit(record)
    assert provider.force_flush()
    provider.shutdown()


def received(records: Sequence[Record], store: Path) -> None:
    with receiver(store) as port:
        export(records, port)


def reported(store: Path) -> dict[str, Trials]:
    """Successes and trials of each objective, as the report counts them."""
    totals: dict[str, Trials] = {}
    for period in objective_periods(read_store(store)):
        for name, trials in period.trials.items():
            totals[name] = totals.get(name, Trials()) + trials
    return totals


def scraped(records: Sequence[Record]) -> dict[str, Trials]:
    """The same, as Prometheus counts them."""
    registry = CollectorRegistry()
    sink = PrometheusSink(registry)
    for record in records:
        sink.emit(record)
    found = {}
    for objective in OBJECTIVES:
        labels = {"objective": objective.name}
        successes, revoked, trials = (
            registry.get_sample_value(f"swarm_objective_{what}_total", labels) or 0
            for what in ("successes", "revoked", "trials")
        )
        if trials:
            found[objective.name] = Trials(
                successes=int(successes - revoked), count=int(trials)
            )
    return found


@pytest.mark.slow
def test_report_prometheus_and_opentelemetry_agree_on_every_objective(
    tmp_path: Path,
) -> None:
    records = swarm()
    with RecordStore(tmp_path / "own") as store:
        for record in records:
            store.add(record)
    received(records, tmp_path / "sent")

    own = reported(tmp_path / "own")
    assert set(own) == {objective.name for objective in OBJECTIVES}
    assert all(0 < trials.successes < trials.count for trials in own.values())
    assert scraped(records) == own
    assert reported(tmp_path / "sent") == own


@pytest.mark.slow
def test_every_kind_of_record_comes_back_equal_from_a_receiver_process(
    tmp_path: Path,
) -> None:
    sent = {row.kind: row for row in rows()}
    received(list(sent.values()), tmp_path)
    dataset = read_store(tmp_path)
    back = {kind: list(dataset.scan(kind)) for kind in KINDS}

    # Whoever sends it says so himself: that is the one thing the receiver changes.
    declared = Provenance.DECLARED
    assert back == {k: [replace(row, provenance=declared)] for k, row in sent.items()}


def test_a_followed_plan_counts_as_the_report_does() -> None:
    progress, latest = RunProgress(), None
    events = [each for each in swarm() if isinstance(each, CoordinationEvent)][:50]
    for event in events:
        latest = progress.observe(event) or latest
    trials = scraped(events)

    assert latest is not None
    assert latest.coordination_efficiency == share(trials["coordination_efficiency"])
    assert latest.memory_consistency == share(trials["memory_consistency"])


def share(trials: Trials) -> float:
    return trials.successes / trials.count


def test_no_second_formula_is_written() -> None:
    """Only the counter names an objective that it counts."""
    root = Path(__file__).parents[2] / "toolkit"
    name = re.compile(r'"(parallel_execution_rate|workflow_reliability)"')
    naming = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if name.search(path.read_text(encoding="utf-8"))
    }

    assert naming == {"metrics/objective_counts.py", "metrics/objectives.py"}
