"""`toolkit serve` as a process: telemetry in, decisions and metrics out."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.bundle_factory import agent_bundle, small_bundle
from tests.history.importers.otlp.test_source import span, traces
from toolkit.history import RecordStore
from toolkit.records import Batch, Workflow

# A server is given sixty seconds to end, and its client thirty for an answer.
pytestmark = pytest.mark.timeout(120)

QUESTION = {"context": {"operation_type": "fileOperations", "load_cpu": 0.9}}
TOKEN = "a-token-of-sixteen-or-more"  # noqa: S105 - the test's own


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    port: int

    def ask(
        self, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {"Content-Type": "application/json", **(headers or {})}
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request("GET" if body is None else "POST", path, sent, given)
            answer = connection.getresponse()
            read = answer.read()
        finally:
            connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(read) if is_json else read.decode()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out


@contextmanager
def serving(store: Path, *words: str) -> Iterator[Server]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "toolkit",
            "serve",
            "--store",
            str(store),
            "--port",
            "0",
            "--json",
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = ""
        while "serving on" not in line:
            line = process.stderr.readline()
            assert line, process.communicate()
        yield Server(process, int(line.rsplit(":", 1)[1]))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def kept(store: Path, kind: str) -> list[Any]:
    with RecordStore(store) as opened:
        opened.compact()
        return list(opened.dataset.scan(kind))


def test_the_rule_answers_where_no_bundle_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server:
        status, answer = server.ask("/v1/decisions/batch_size", QUESTION)

    assert (status, answer["action"], answer["rung"]) == (200, 6, "rule")
    assert answer["reason"]["code"] == "high_load"


def test_a_bundle_answers_as_it_does_in_process(tmp_path: Path) -> None:
    from toolkit import Advisor

    bundle = agent_bundle(tmp_path / "bundle")
    context = {"components": 16.0, "parallelizable": 0.9}
    with serving(tmp_path / "store", "--bundle", str(bundle.path)) as server:
        _, answer = server.ask("/v1/decisions/agent_count", {"context": context})

    own = Advisor(bundle).decide(**context)
    assert answer["action"] == own.action
    assert answer["reason"]["text"] == str(own.reason)
    assert answer["interval"] == (None if own.interval is None else list(own.interval))


def test_a_bundle_swapped_in_is_followed(tmp_path: Path) -> None:
    good = agent_bundle(tmp_path / "good").path
    shutil.copytree(good, tmp_path / "bad")
    (tmp_path / "bad" / "manifest.json").write_text("{}")
    live = tmp_path / "live"
    live.symlink_to(good)

    def answering(server: Server, other_than: str) -> str:
        """What answers, once it is another one; a look comes every five seconds."""
        for _ in range(100):
            now = server.ask("/healthz")[1]["decisions"]["agent_count"]
            if now != other_than:
                return str(now)
            threading.Event().wait(0.2)
        return other_than

    seen = [""]
    with serving(tmp_path / "store", "--bundle", str(live)) as server:
        seen.append(answering(server, seen[-1]))
        for target in ("bad", "good"):
            (tmp_path / "next").symlink_to(tmp_path / target)
            (tmp_path / "next").replace(live)
            server.ask("/v1/decisions/agent_count", {})
            seen.append(answering(server, seen[-1]))

    assert seen[2] == "rule: the bundle is refused"
    assert seen[1] == seen[3] != "rule"


def test_an_outcome_is_a_record_and_is_counted_once(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with serving(store) as server:
        _, answer = server.ask("/v1/decisions/batch_size", QUESTION)
        outcome = {"id": answer["id"], "measured": {"cycle_s": 3.5, "succeeded": 6}}
        first, said = server.ask("/v1/outcomes", outcome)
        again, _ = server.ask("/v1/outcomes", outcome)
        code, _ = server.end()

    (batch,) = kept(store, "batch")
    assert isinstance(batch, Batch)
    assert (first, again, code) == (200, 400, 0)
    assert said == {"record": batch.record_id}
    assert (batch.size, batch.cycle_s, batch.load_cpu) == (6, 3.5, 0.9)


def test_agents_run_are_records_too(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with serving(store) as server:
        asked = {"context": {"components": 10, "parallelizable": 0.5}}
        _, answer = server.ask("/v1/decisions/agent_count", asked)
        outcome = {"id": answer["id"], "measured": {"makespan_s": 30.0}}
        server.ask("/v1/outcomes", outcome)
        server.end()

    (run,) = kept(store, "workflow")
    assert isinstance(run, Workflow)
    assert (run.agents, run.makespan_s) == (answer["action"], 30.0)


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/v1/decisions/batch_size", {"context": {"loadd": 1}}, "load_cpu"),
        ("/v1/decisions/batch_size", {"context": {"load_cpu": "x"}}, "a number"),
        ("/v1/decisions/batch_size", {"context": [1]}, "an object"),
        ("/v1/decisions/batch_size", [1], "a JSON object"),
        (
            "/v1/decisions/batch_size",
            {"context": {"load_cpu": float("nan")}},
            "no JSON",
        ),
        ("/v1/outcomes", {"id": "x", "measured": {}}, "no such decision"),
        ("/v1/outcomes", {"id": 3}, "needs `id`"),
    ],
)
def test_a_bad_question_gets_one_sentence(
    shared_server: Server, path: str, body: Any, says: str
) -> None:
    status, answer = shared_server.ask(path, body)

    assert status == 400
    assert says in answer["message"]


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve") / "store") as server:
        yield server


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "null"}])
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/v1/decisions/batch_size"])
def test_a_web_page_gets_no_answer(
    shared_server: Server, path: str, headers: dict[str, str]
) -> None:
    body = QUESTION if "decisions" in path else None

    assert shared_server.ask(path, body, headers)[0] == 403


def test_the_wrong_method_is_named(shared_server: Server) -> None:
    assert shared_server.ask("/metrics", {})[0] == 405
    assert shared_server.ask("/v1/outcomes")[0] == 405


def test_with_a_token_only_the_health_is_open(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with serving(tmp_path / "store", "--token-file", str(token)) as server:
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        statuses = [
            server.ask("/healthz")[0],
            server.ask("/metrics")[0],
            server.ask("/metrics", None, bearer)[0],
            server.ask("/v1/decisions/batch_size", QUESTION)[0],
            server.ask("/v1/decisions/batch_size", QUESTION, bearer)[0],
        ]

    assert statuses == [200, 401, 200, 401, 200]


def test_another_address_needs_a_token(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "toolkit",
            "serve",
            "--host",
            "0.0.0.0",  # noqa: S104 - it is refused
            "--store",
            str(tmp_path / "store"),
            "--port",
            "0",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "--token-file" in done.stderr


def test_metrics_count_what_telemetry_brought_once(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as server:
        for number in range(3):
            sent = traces(span("execute_tool Read", number, number + 1, number=number))
            assert server.ask("/v1/traces", sent)[0] == 200
        counted = 0.0
        for _ in range(200):
            text = server.ask("/metrics")[1]
            lines = [
                x for x in text.splitlines() if x.startswith("swarm_batch_size_count")
            ]
            counted = sum(float(line.split()[-1]) for line in lines)
            if counted:
                break
            threading.Event().wait(0.25)
        server.end()

    assert counted == len(kept(tmp_path / "store", "batch"))


PAUSE_S = 0.005
"""Between what one sender sends: they send for as long as a server takes to end."""


def test_sigterm_joins_all_that_was_acknowledged(tmp_path: Path) -> None:
    store = tmp_path / "store"
    acknowledged: list[int] = []
    with serving(store) as server:
        counter = iter(range(100_000))
        lock = threading.Lock()

        def send() -> None:
            while True:
                with lock:
                    number = next(counter)
                sent = traces(
                    span("execute_tool Read", 2 * number, 2 * number + 1, number=number)
                )
                try:
                    if server.ask("/v1/traces", sent)[0] == 200:
                        acknowledged.append(number)
                    time.sleep(PAUSE_S)
                except (OSError, HTTPException):
                    return

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        while len(acknowledged) < 100:
            threading.Event().wait(0.01)
        code, said = server.end()
        for sender in senders:
            sender.join()

    assert code == 0
    assert json.loads(said)["requests"] >= len(acknowledged)
    sizes = sum(batch.size for batch in kept(store, "batch"))
    assert sizes >= len(acknowledged) >= 100
    assert not list((store / "otlp").glob("*.jsonl"))


def test_a_bundle_that_is_refused_ends_with_seven(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path / "bundle").path
    (bundle / "manifest.json").write_text("{}")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "toolkit",
            "serve",
            "--bundle",
            str(bundle),
            "--store",
            str(tmp_path / "store"),
            "--port",
            "0",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 7
    assert "Traceback" not in done.stderr
