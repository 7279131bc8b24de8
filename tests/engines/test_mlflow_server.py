"""Teams on one MLflow server: PostgreSQL behind it, artifacts on object storage.

The server, the registry, the gate, the bundles and the storage are real. One test trains;
in the others training is stood in for, by bundles that are logged as a run logs them.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest

from tests.bundle_factory import small_bundle
from tests.engines import s3_server
from tests.engines.postgresql import PASSWORD, PostgreSQL, free_port, with_parent
from tests.experiments.promotion.test_retraining import START, rows_of, table_of
from tests.measured_history import batch_store
from tests.quick_spec import quick_spec
from toolkit.bundle import read_bundle
from toolkit.errors import GateRefusedError, InputDataError
from toolkit.experiments.promotion import Releases, retraining, roll_back
from toolkit.experiments.promotion.registry import Registry, Release
from toolkit.experiments.training.tracking import track
from toolkit.experiments.training.tracking_elsewhere import VARIABLE
from toolkit.policies import Problem

pytest.importorskip("psycopg", reason="psycopg is not installed (extra `postgres`)")
pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

JSON = {"Content-Type": "application/json"}
REQUESTS = 300
WAIT_S = 240.0


def waiting_for(port: int, path: str, process: "subprocess.Popen[bytes]") -> None:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        assert process.poll() is None
        asked = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            asked.request("GET", path)
            if asked.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.3)
        finally:
            asked.close()
    raise AssertionError(f"nothing answered on port {port}")


@contextmanager
def serving(
    folder: Path, words: list[str], port: int, path: str, **environment: str
) -> Iterator[int]:
    """Run one of MLflow's servers while the context lasts; give its port."""
    # MLflow starts uvicorn by its name.
    path_ = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words, "--port", str(port)],
            cwd=folder,
            env={
                **os.environ,
                "PATH": path_,
                "PYTHONWARNINGS": "ignore",
                **environment,
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=with_parent,  # noqa: PLW1509 - no thread runs here yet
        )
    try:
        waiting_for(port, path, process)
        yield port
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.fixture(scope="module")
def storage() -> Iterator[int]:
    """A real S3 server; its port."""
    with s3_server.serving() as port:
        yield port


@pytest.fixture(scope="module")
def server(
    postgresql: PostgreSQL, storage: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """MLflow on PostgreSQL with two processes, which keeps the artifacts on S3.

    MLflow reaches S3 by boto3, which stands in the environment of the S3 server: that of
    the clients has another dateutil, and needs no boto3.
    """
    folder = tmp_path_factory.mktemp("server")
    (folder / "sitecustomize.py").write_text(
        f"import sys; sys.path.append({str(s3_server.PACKAGES)!r})\n"
    )
    backend = postgresql.new_database("mlflow")
    words = [
        *("server", "--host", "127.0.0.1", "--workers", "2"),
        *("--backend-store-uri", backend.replace("://", "+psycopg://")),
        *("--artifacts-destination", f"s3://{s3_server.BUCKET}/artifacts"),
    ]
    variables = s3_server.environment(
        storage,
        AWS_DEFAULT_REGION="us-east-1",
        MLFLOW_S3_ENDPOINT_URL=f"http://127.0.0.1:{storage}",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        PYTHONPATH=str(folder),
    )
    with serving(folder, words, free_port(), "/health", **variables) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def address(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, server)
    return server


class Team:
    """A team with a store and releases of its own, on the server of all."""

    def __init__(self, home: Path, name: str, model: str) -> None:
        self.home = home / name
        self.name = name
        self.spec: Any = SimpleNamespace(
            decision="batch_size", seed=1, bundle=SimpleNamespace(name=model)
        )
        self.weeks = [20.0]
        self.meanwhile: Callable[[], object] = lambda: None

    def train(self, work: Path) -> Any:
        """Log a bundle as a run does, and grade it better than the rule."""
        version = f"{self.name}{len(self.weeks)}"
        table = table_of(self.weeks)
        end = START + timedelta(days=7 * (len(self.weeks) - 1))
        bundle = small_bundle(
            work / "bundle",
            version=version,
            expires_at=datetime(2999, 1, 1, tzinfo=UTC),
            training={"window": f"{START.isoformat()} to {end.isoformat()}"},
        )
        with track(self.spec.bundle.name, folder=work, run_name=version) as run:
            uri = run.log_model(bundle, name=self.spec.bundle.name)
        self.meanwhile()
        scores = {
            "guarded": [0.0] * len(table.names),
            "rule": [0.3] * len(table.names),
        }
        evaluation = SimpleNamespace(
            names=table.names, groups=table.groups, scores=scores
        )
        return SimpleNamespace(bundle=bundle.path, evaluation=evaluation, model_uri=uri)

    @property
    def releases(self) -> Releases:
        return Releases(self.home)

    @property
    def registry(self) -> Registry:
        return Registry(self.home / "work", self.spec.bundle.name)

    def retrain(self) -> retraining.Retraining:
        store: Any = self
        return retraining.retrain(
            self.spec, store, self.releases, now=START, report=lambda *_: None
        )

    def serves(self) -> str:
        return read_bundle(self.releases.current).manifest.version


@pytest.fixture
def teams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> tuple[Team, Team]:
    monkeypatch.setattr(retraining, "compact_store", lambda _: None)
    monkeypatch.setattr(retraining, "history_rows", _rows)
    monkeypatch.setattr(
        retraining, "table_of", lambda _, rows: table_of(rows.attrs["weeks"])
    )
    monkeypatch.setattr(
        retraining, "run_experiment", lambda _, store, *, work, **__: store.train(work)
    )
    model = request.node.name.replace("test_", "").replace("_", "-")[:40]
    return Team(tmp_path, "ours", model), Team(tmp_path, "theirs", model)


def _rows(_: Any, store: Any) -> Any:
    rows = rows_of(store.weeks).assign(source="test")
    rows.attrs["weeks"] = list(store.weeks)
    return rows


def versions(server: str, model: str) -> dict[str, str]:
    """List what is registered, through a client of MLflow's: bundle version by number."""
    client = mlflow.MlflowClient(server, registry_uri=server)
    found = client.search_model_versions(f"name = '{model}'")
    return {str(each.version): each.tags["bundle_version"] for each in found}


def champion(server: str, model: str) -> str | None:
    client = mlflow.MlflowClient(server, registry_uri=server)
    aliases = client.get_registered_model(model).aliases
    return versions(server, model).get(str(aliases.get("champion")))


def test_a_run_is_promoted_and_rolled_back_on_the_server(
    teams: tuple[Team, Team], server: str, storage: int
) -> None:
    ours, _ = teams
    model = ours.spec.bundle.name
    first = ours.retrain()
    ours.weeks = [20.0, 1.0]
    second = ours.retrain()
    promoted = champion(server, model)
    roll_back(ours.releases, model)

    assert (first.champion, second.champion, promoted) == ("ours1", "ours2", "ours2")
    assert champion(server, model) == ours.serves() == "ours1"
    assert set(versions(server, model).values()) == {"ours1", "ours2"}
    assert not (ours.home / "work" / "mlflow.db").exists()
    assert not (ours.home / "work" / "artifacts").exists()
    assert any(key.endswith("model.onnx") for key in s3_server.keys(storage))


def test_of_two_teams_that_retrain_at_once_one_has_the_champion(
    teams: tuple[Team, Team], server: str
) -> None:
    ours, theirs = teams
    model = ours.spec.bundle.name
    ours.meanwhile = theirs.retrain  # theirs is promoted while ours is trained
    with pytest.raises(GateRefusedError, match="another team has put theirs1 in force"):
        ours.retrain()

    assert champion(server, model) == theirs.serves() == "theirs1"
    assert set(versions(server, model).values()) == {"ours1", "theirs1"}
    assert ours.releases.state().champion is None


def test_who_was_late_is_compared_with_the_other_teams_champion(
    teams: tuple[Team, Team], server: str
) -> None:
    ours, theirs = teams
    model = ours.spec.bundle.name
    ours.meanwhile = theirs.retrain
    with pytest.raises(GateRefusedError):
        ours.retrain()
    ours.meanwhile = lambda: pytest.fail("what is trained is not trained again")
    again = ours.retrain()
    adopted = ours.serves()
    ours.weeks, ours.meanwhile = [20.0, 1.0], lambda: None
    better = ours.retrain()

    assert again.promotion is not None
    assert (again.outcome, again.promotion.champion) == ("not enough data", "theirs1")
    assert (again.champion, adopted) == ("theirs1", "theirs1")
    assert better.outcome == "promoted"
    assert champion(server, model) == ours.serves() == "ours2"
    assert ours.releases.state().history[0]["outcome"] == "adopted"
    assert len(versions(server, model)) == 3


def test_the_other_team_takes_a_rollback_over(
    teams: tuple[Team, Team], server: str
) -> None:
    ours, theirs = teams
    model = ours.spec.bundle.name
    ours.retrain()
    ours.weeks = [20.0, 1.0]
    ours.retrain()
    state = roll_back(theirs.releases, model)

    assert (state.champion, state.previous) == ("ours1", "ours2")
    assert champion(server, model) == theirs.serves() == "ours1"


def test_of_many_releases_at_once_exactly_one_is_made(
    teams: tuple[Team, Team], server: str
) -> None:
    registry = teams[0].registry
    many = 6
    ready = threading.Barrier(many)
    latest = registry.latest()

    def race(name: str) -> str:
        own = Registry(teams[0].home / "work", teams[0].spec.bundle.name)
        own.latest()
        ready.wait()
        try:
            own.release(name, previous=None, after=latest)
        except GateRefusedError as error:
            return str(error)
        return "made"

    for round_ in range(3):
        latest = registry.latest()
        with ThreadPoolExecutor(many) as pool:
            said = list(pool.map(race, [f"v{round_}-{n}" for n in range(many)]))
        winner = f"v{round_}-{said.index('made')}"

        assert said.count("made") == 1
        assert registry.latest() == Release(number=round_ + 1, champion=winner)
        assert all(winner in each for each in said if each != "made")


def test_of_many_registrations_at_once_none_is_lost(
    teams: tuple[Team, Team], server: str
) -> None:
    ours, _ = teams
    ours.retrain()
    uri = ours.releases.state().trained.model_uri  # type: ignore[union-attr]  # trained above
    name = ours.spec.bundle.name
    ready = threading.Barrier(3)

    def register(version: str) -> None:
        own = Registry(ours.home / "work", name)
        ready.wait()
        own.register(version, uri)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(register, ["a", "b", "c"]))

    assert sorted(versions(server, name).values()) == ["a", "b", "c", "ours1"]


def test_the_registered_model_answers_decisions_over_http(
    teams: tuple[Team, Team],
    server: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    ours, _ = teams
    ours.retrain()
    bundle = read_bundle(ours.releases.current)
    policy = bundle.policy()
    loads = [n / REQUESTS for n in range(REQUESTS)]
    words = [
        *(
            "models",
            "serve",
            "--model-uri",
            f"models:/{ours.spec.bundle.name}@champion",
        ),
        *("--env-manager", "local", "--host", "127.0.0.1"),
    ]
    (tmp_path / "serving").mkdir()
    with serving(
        tmp_path / "serving", words, free_port(), "/ping", MLFLOW_TRACKING_URI=server
    ) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        took_s, answers = [], []
        for load in loads:
            row = {"operation_type": "todoWrite", "load_cpu": load}
            began_s = time.perf_counter()
            body = json.dumps({"dataframe_records": [row]})
            connection.request("POST", "/invocations", body, JSON)
            answers.append(json.loads(connection.getresponse().read()))
            took_s.append(time.perf_counter() - began_s)
        connection.request("POST", "/invocations", "{not JSON", JSON)
        refused = connection.getresponse()
        refused.read()
        connection.close()
    sizes = bundle.manifest.actions
    expected = [
        policy.decide(
            Problem.of("size", sizes, operation_type="todoWrite", load_cpu=load)
        )
        for load in loads
    ]
    p95_s = quantiles(took_s, n=20)[-1]
    record_property("median_ms", round(1e3 * median(took_s), 2))
    record_property("p95_ms", round(1e3 * p95_s, 2))
    sys.stdout.write(
        f"{REQUESTS} requests: median {1e3 * median(took_s):.1f} ms, "
        f"p95 {1e3 * p95_s:.1f} ms\n"
    )

    assert [answer["predictions"][0]["action"] for answer in answers] == [
        decision.label for decision in expected
    ]
    assert [answer["predictions"][0]["reason"] for answer in answers] == [
        str(decision.reason) for decision in expected
    ]
    assert refused.status == 400


SPEC = quick_spec("batch_size", name="sizes") + "[guard]\nlevel = 0.9\n"


def test_two_teams_train_at_once_and_one_is_in_force(
    server: str, storage: int, tmp_path: Path
) -> None:
    """Ours learns from a store on object storage, theirs from a folder."""
    (tmp_path / "spec.toml").write_text(SPEC)
    # Of one history both would make the same version, were it in the same second.
    for team, dearest_s in {"ours": 0.4, "theirs": 0.42}.items():
        batch_store(tmp_path / team, groups=24, overheads_s=(0.05, dearest_s)).close()
    shared = f"s3://{s3_server.BUCKET}/swarm"
    places = {"ours": shared, "theirs": str(tmp_path / "theirs")}
    variables = s3_server.environment(storage, XDG_CACHE_HOME=str(tmp_path / "cache"))

    def start(*words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "toolkit", *words],
            cwd=tmp_path,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
        said, errors = process.communicate()
        assert "Traceback" not in errors
        return process.returncode, said, errors

    def retraining_of(team: str) -> "subprocess.Popen[str]":
        words = ["--spec", "spec.toml", "--store", places[team], "--json"]
        return start("experiment", "retrain", *words, "--models", f"models-{team}")

    def serves(team: str) -> str:
        current = Releases(tmp_path / f"models-{team}" / "sizes").current
        return read_bundle(current).manifest.version

    assert ended(start("records", "ship", "--to", shared, "--store", "ours"))[0] == 0
    assert ended(start("records", "compact", "--store", shared))[0] == 0
    running = {team: retraining_of(team) for team in places}
    ends = {team: ended(process) for team, process in running.items()}
    winner, loser = sorted(ends, key=lambda team: ends[team][0])
    (won, said, _), (lost, _, why) = ends[winner], ends[loser]
    answer = json.loads(said)

    assert (won, lost) == (0, 4), ends
    assert answer["outcome"] == "promoted"
    assert f"another team has put {answer['champion']} in force" in why
    assert champion(server, "sizes") == serves(winner) == answer["champion"]
    assert len(versions(server, "sizes")) == 2

    again = ended(retraining_of(loser))
    assert again[0] in (4, 5)
    assert serves(loser) == answer["champion"]
    back = ["--store", places[loser], "--models", f"models-{loser}", "--name", "sizes"]
    assert ended(start("model", "rollback", *back, "--json"))[0] == 0
    assert champion(server, "sizes") is None


def test_a_database_is_tracked_in_without_a_server(
    tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, postgresql.new_database("direct"))
    with track("direct", folder=tmp_path, run_name="one") as run:
        run.log_metrics({"slowdown": 1.5})

    assert postgresql.ask("SELECT value FROM metrics", "direct") == "1.5"
    assert not (tmp_path / "mlflow.db").exists()


def test_a_refused_password_is_one_message_without_it(
    tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = postgresql.url("mlflow", password=f"not-{PASSWORD}")
    monkeypatch.setenv(VARIABLE, wrong)
    with (
        pytest.raises(InputDataError, match="cannot be reached") as caught,
        track("direct", folder=tmp_path, run_name="one"),
    ):
        pass

    assert PASSWORD not in str(caught.value)
