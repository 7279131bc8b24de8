"""`toolkit serve`: telemetry in, decisions and metrics out, in one process."""

import argparse
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.listening import add_address_options, listening, wait_for_end
from toolkit.cli.output import print_json, print_note
from toolkit.cli.places import local

if TYPE_CHECKING:
    from toolkit.capture.receiver import Answer, OtlpReceiver, Route
    from toolkit.history import RecordStore
    from toolkit.records import Record
    from toolkit.runtime import Advisor, DecisionService
    from toolkit.runtime.sinks import LiveFigures, SettledSink

__all__ = ["add_parser"]

METRICS_KIND = "text/plain; version=0.0.4; charset=utf-8"
PATHS = """paths:
  POST /v1/traces /v1/logs /v1/metrics   OTLP over HTTP, JSON or protobuf
  POST /v1/decisions/batch_size          {"context": {"operation_type": ..., ...}}
  POST /v1/decisions/agent_count         {"context": {"components": ..., ...}}
  POST /v1/outcomes                      {"id": ..., "measured": {"cycle_s": ...}}
  GET  /metrics                          for Prometheus
  GET  /healthz                          200, or 503 with the reason"""


def add_parser(nouns: Any) -> None:
    """Add the noun to the command line."""
    parser = nouns.add_parser(
        "serve",
        help="serve decisions and metrics, and receive telemetry, over HTTP",
        description="Receives telemetry, answers decisions and shows metrics over HTTP.",
        epilog=PATHS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_store_option(parser)
    parser.add_argument(
        "--bundle",
        type=local,
        action="append",
        default=[],
        metavar="DIR",
        help="answer from this bundle, and follow it when another is promoted in its "
        "place; once for each decision (default: the rules answer)",
    )
    add_address_options(parser)
    parser.set_defaults(command=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until the time is over or a signal comes."""
    from toolkit.history import RecordStore
    from toolkit.runtime import DecisionService

    advisors = _advisors(options.bundle)
    with RecordStore(options.store) as store:
        metrics = _Metrics()
        service = DecisionService(advisors, keep=partial(_keep, store, metrics.settled))
        metrics.sink.watch(partial(_figures, service))
        status = _serve(options, store, service, metrics)
    if options.json:
        print_json(status)
    else:
        print_note(", ".join(f"{name} {count}" for name, count in status.items()))
    return 0


class _Metrics:
    """A registry, and the sink that counts in it what no longer grows."""

    def __init__(self) -> None:
        from toolkit.errors import MissingExtraError

        try:
            from prometheus_client import CollectorRegistry
        except ImportError as error:
            raise MissingExtraError("`toolkit serve`", "telemetry") from error
        from toolkit.runtime.sinks import PrometheusSink, SettledSink

        self.registry = CollectorRegistry()
        self.sink: PrometheusSink = PrometheusSink(self.registry)
        self.settled: SettledSink = SettledSink(self.sink)

    def text(self) -> bytes:
        from prometheus_client import generate_latest

        return generate_latest(self.registry)


def _serve(
    options: argparse.Namespace,
    store: "RecordStore",
    service: "DecisionService",
    metrics: _Metrics,
) -> dict[str, int]:
    running: list[OtlpReceiver] = []
    ending = threading.Event()
    routes = _routes(service, metrics, partial(_health, service, running, ending))

    def each() -> None:
        receiver.join()
        metrics.settled.settle()

    with listening(
        options, store, routes=routes, on_record=metrics.settled.emit
    ) as receiver:
        running.append(receiver)
        print_note(f"serving on http://{options.host}:{receiver.port}")
        try:
            wait_for_end(each, options.seconds)
        finally:
            ending.set()
    return asdict(receiver.status())


def _advisors(paths: Sequence[Path]) -> "list[Advisor]":
    """One advisor for each decision: a bundle that is followed, or the rule."""
    from toolkit.bundle import read_bundle
    from toolkit.clock import SystemClock
    from toolkit.errors import UsageError
    from toolkit.runtime import Advisor
    from toolkit.runtime.advice import ReloadingAdvisor

    clock = SystemClock()
    advisors = {name: Advisor(decision=name) for name in ("batch_size", "agent_count")}
    named: set[str] = set()
    for path in paths:
        decision = read_bundle(path).manifest.decision
        if decision in named:
            raise UsageError(f"two bundles decide `{decision}`; give one `--bundle`")
        if decision not in advisors:
            raise UsageError(
                f"`{path}` decides `{decision}`; batch_size and agent_count are served"
            )
        named.add(decision)
        followed = ReloadingAdvisor(path, decision=decision, clock=clock)
        advisors[decision] = Advisor(followed, clock=clock)
    return list(advisors.values())


def _keep(store: "RecordStore", settled: "SettledSink", record: "Record") -> None:
    """Write a record down before its outcome is acknowledged, then count it."""
    store.spool.append_all([record.to_json()], durable=True)
    settled.emit(record)


def _figures(service: "DecisionService") -> "LiveFigures":
    """Read the age of each decision's bundle, and how often the rule stood in."""
    from toolkit.clock import SystemClock
    from toolkit.runtime.sinks import LiveFigures

    now = SystemClock().now()
    ages = {
        advisor.decision: (now - advisor.bundle.manifest.created_at).total_seconds()
        for advisor in service.advisors.values()
        if advisor.bundle is not None
    }
    return LiveFigures(model_ages_s=ages, fallbacks=dict(service.fallbacks))


def _routes(
    service: "DecisionService", metrics: _Metrics, health: Any
) -> "dict[str, Route]":
    from toolkit.capture.receiver import Answer, Route

    def decide(decision: str, body: bytes) -> Answer:
        return _json_reply(service.decide(decision, body))

    def report(body: bytes) -> Answer:
        return _json_reply(service.report(body))

    def expose(_: bytes) -> Answer:
        return Answer(200, metrics.text(), METRICS_KIND)

    decisions = {
        f"/v1/decisions/{name}": Route(method="POST", answer=partial(decide, name))
        for name in service.advisors
    }
    return decisions | {
        "/v1/outcomes": Route(method="POST", answer=report),
        "/metrics": Route(method="GET", answer=expose),
        "/healthz": Route(method="GET", answer=health, needs_token=False),
    }


def _health(
    service: "DecisionService",
    running: "list[OtlpReceiver]",
    ending: threading.Event,
    _: bytes,
) -> "Answer":
    """Report whether telemetry is taken, and what answers each decision."""
    if ending.is_set():
        problem = "ending"
    elif running and running[0].is_full:
        problem = "too much waits to be joined"
    else:
        problem = ""
    answers = {name: _answering(advisor) for name, advisor in service.advisors.items()}
    body = {"status": problem or "ok", "decisions": answers}
    return _json_reply(body, 503 if problem else 200)


def _answering(advisor: "Advisor") -> str:
    if advisor.bundle is not None:
        return advisor.bundle.manifest.version
    return "rule" if advisor.refused is None else "rule: the bundle is refused"


def _json_reply(body: Mapping[str, Any], status: int = 200) -> "Answer":
    from toolkit.capture.receiver import Answer

    return Answer(status, json.dumps(body).encode())
