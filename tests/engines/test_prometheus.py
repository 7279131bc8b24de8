"""The shipped rules and dashboard in a real Prometheus that scrapes a live loop."""

import importlib.resources
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from tests.bundle_factory import small_bundle
from tests.scenarios.test_one_definition import scraped, swarm
from toolkit.clock import SystemClock
from toolkit.metrics import OBJECTIVES
from toolkit.notifier import Notification
from toolkit.records import LoadSample, Provenance
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.sinks import PrometheusSink, QueuedSink

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]

DASHBOARDS = importlib.resources.files("toolkit.runtime.sinks") / "dashboards"
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: swarm
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
RULE_TESTS = """
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: []
    alert_rule_test:
      - {eval_time: 30m, alertname: SwarmMemoryConsistencyBelowTarget, exp_alerts: []}
      - {eval_time: 30m, alertname: SwarmWorkflowReliabilityBelowTarget, exp_alerts: []}
  - interval: 1m
    input_series:
      - {series: 'swarm_objective_trials_total{objective="workflow_reliability"}', values: '0+10x60'}
      - {series: 'swarm_objective_successes_total{objective="workflow_reliability"}', values: '0+9x60'}
      - {series: 'swarm_objective_revoked_total{objective="workflow_reliability"}', values: '0x60'}
    alert_rule_test:
      - eval_time: 50m
        alertname: SwarmWorkflowReliabilityBelowTarget
        exp_alerts:
          - exp_labels: {severity: warning}
            exp_annotations:
              summary: "Workflow reliability is 90%, the target is 95%"
"""

WINDOW = "5s"
"""In the place of Grafana's `$__rate_interval`: five scrapes."""


def engine(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package `prometheus`)")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LiveLoop:
    """A loop with every organ's figures, which goes on until it is stopped."""

    def __init__(self, folder: Path) -> None:
        registry, clock = CollectorRegistry(), SystemClock()
        self.sink = PrometheusSink(registry)
        bundle = small_bundle(
            folder / "bundle"
        )  # expired by this clock: the rule answers
        advisor = LadderAdvisor("batch_size", bundle=bundle, clock=clock)
        self.loop = RuntimeLoop(
            clock=clock,
            notifier=self.sink,
            advisors=[advisor],
            coordination=CoordinationMonitor(notifier=self.sink),
            sinks=[QueuedSink(self.sink)],
        )
        self.server, self._serving = start_http_server(
            0, addr="127.0.0.1", registry=registry
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> "LiveLoop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.server.shutdown()
        self.server.server_close()
        self._serving.join()

    def _go_on(self) -> None:
        for turn in count():
            if self._ended.wait(0.2):
                return
            self._observe(turn)

    def _observe(self, turn: int) -> None:
        """Observe the swarm once more, an hour later each time."""
        for record in swarm():
            self.loop.observe(_again(record, turn))
        self.loop.observe(
            LoadSample(
                record_id=f"load{turn}",
                at=SystemClock().now(),
                source="test",
                provenance=Provenance.MEASURED,
                host="h",
                cpu=0.5,
            )
        )
        self.loop.advise("batch_size", {"operation_type": "shell"})
        self.sink.notify(
            Notification(message="x", metadata={"alert": "duplicate_work"})
        )


def _again(record: Any, turn: int) -> Any:
    changed: dict[str, Any] = {}
    if record.kind == "batch":
        changed = {"policy": "guarded", "failed": 1, "cancelled": 1}
    if record.kind == "coordination":
        changed["waited_s"] = 0.1
    if record.kind == "recovery":
        changed["healing_id"] = f"{record.healing_id}-{turn}"
    return replace(
        record,
        record_id=f"{record.record_id}-{turn}",
        at=record.at + timedelta(hours=turn),
        **changed,
    )


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    port: int

    def ask(self, path: str, **query: str) -> Any:
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}{words}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return found["data"]

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait for an event; the test's own timeout ends it."""
        while True:
            try:
                if ready():
                    return
            except OSError:
                pass  # it does not answer yet
            time.sleep(0.2)


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run Prometheus on a live loop until it has scraped it some times."""
    binary, folder = engine("prometheus"), tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yaml").write_text((DASHBOARDS / "rules.yaml").read_text())
    with LiveLoop(folder) as live:
        config = folder / "prometheus.yaml"
        config.write_text(CONFIG.format(port=live.server.server_port))
        server = Prometheus(free_port())
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{server.port}",
                "--log.level=warn",
            ],
            cwd=folder,
        )
        try:
            server.until(lambda: _scrapes(server) >= 6)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _scrapes(server: Prometheus) -> float:
    found = server.ask("query", query='count_over_time(up{job="swarm"}[1m])')
    return max((float(each["value"][1]) for each in found["result"]), default=0)


def panels() -> list[tuple[str, str]]:
    dashboard = json.loads((DASHBOARDS / "swarm.json").read_text())
    return [
        (panel["title"], target["expr"])
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]


def test_promtool_accepts_the_configuration_with_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text((DASHBOARDS / "rules.yaml").read_text())
    (tmp_path / "prometheus.yaml").write_text(CONFIG.format(port=9464))
    done = subprocess.run(
        [engine("promtool"), "check", "config", "prometheus.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_fire_below_their_target_and_are_silent_without_data(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.yaml").write_text((DASHBOARDS / "rules.yaml").read_text())
    (tmp_path / "test.yaml").write_text(RULE_TESTS)
    done = subprocess.run(
        [engine("promtool"), "test", "rules", "test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_target_is_up_and_every_rule_is_evaluated(scraping: Prometheus) -> None:
    targets = scraping.ask("targets")["activeTargets"]
    groups = scraping.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert [target["health"] for target in targets] == ["up"]
    assert len(rules) == len(
        re.findall("alert:", (DASHBOARDS / "rules.yaml").read_text())
    )
    assert {(rule["name"], rule["health"]) for rule in rules} == {
        (rule["name"], "ok") for rule in rules
    }


def lost(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Name each field that another copy of some JSON does not hold as it was."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from lost(value, theirs.get(name), f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield where
        for number, pair in enumerate(zip(ours, theirs, strict=False)):
            yield from lost(*pair, f"{where}.{number}")
    elif ours != theirs:
        yield where


def test_grafanas_own_schema_knows_every_field_of_the_dashboard() -> None:
    """Its classes keep of a panel, its options and its queries what they know."""
    name = "grafana_foundation_sdk"
    plugins = pytest.importorskip(f"{name}.cog.plugins", reason=f"{name} is missing")
    encoder = pytest.importorskip(f"{name}.cog.encoder")
    models = pytest.importorskip(f"{name}.models.dashboard")
    plugins.register_default_plugins()
    dashboard = json.loads((DASHBOARDS / "swarm.json").read_text())

    def kept(given: Any) -> Any:
        known = models.Dashboard.from_json(given)
        return json.loads(encoder.JSONEncoder().encode(known))

    assert list(lost(dashboard, kept(dashboard))) == []
    dashboard["panels"][0]["targets"][0]["legend"] = "no such field"
    assert list(lost(dashboard, kept(dashboard))) == [".panels.0.targets.0.legend"]


@pytest.mark.parametrize(("title", "expression"), panels())
def test_every_panel_has_figures(
    scraping: Prometheus, title: str, expression: str
) -> None:
    query = expression.replace("$__rate_interval", WINDOW)
    found = scraping.ask("query", query=query)["result"]
    values = [float(each["value"][1]) for each in found]

    assert values, title
    assert any(value == value for value in values), title


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda each: each.name)
def test_prometheus_computes_the_objective_that_the_loop_counted(
    scraping: Prometheus, objective: Any
) -> None:
    labels = f'{{objective="{objective.name}"}}'
    query = (
        f"(swarm_objective_successes_total{labels} - "
        f"swarm_objective_revoked_total{labels}) / swarm_objective_trials_total{labels}"
    )
    (found,) = scraping.ask("query", query=query)["result"]
    counted = scraped(swarm())[objective.name]

    # A scrape may fall between two records of a turn.
    share = pytest.approx(counted.successes / counted.count, abs=0.05)
    assert float(found["value"][1]) == share
