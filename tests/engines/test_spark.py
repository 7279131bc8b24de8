"""Spark answers as DuckDB does: feature tables, reviews and experiments, on real engines.

One session serves them all; it takes seconds to start.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.large_history import LargeHistory
from tests.quick_spec import quick_spec
from tests.review.reviewed import Talk, import_sessions
from tests.shared import HISTORY, needs_history
from tests.strace import needs_a_tracer, traced
from toolkit.cli import run
from toolkit.errors import UsageError
from toolkit.features import batch_table, workflow_table
from toolkit.features.coordination import coordination_table
from toolkit.history import EngineLimits, RecordStore, Spark, java_problem, read_store
from toolkit.history.importers import open_source, run_import
from toolkit.history.spark import attach_to_spark
from toolkit.records import Batch, CoordinationEvent, Provenance
from toolkit.review import Facts, read_facts, review

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.engines,
    pytest.mark.timeout(900),
    # PySpark leaves the sockets to the collector through which rows came.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
START = datetime(2026, 1, 5, tzinfo=UTC)
HERE = Spark(master="local[2]", limits=EngineLimits(threads=2, memory="3GB"))
PACKS = {
    "claude-code": ("claude-code", "claude-code/*/projects"),
    "flow": ("claude-code", "flow/claude-code/*"),
    "codex": ("codex", "codex/*/sessions"),
    "copilot": ("copilot", "copilot/*/session-state"),
    "gemini": ("gemini", "gemini/*/tmp"),
    "opencode": ("opencode", "opencode/*/export"),
    "pi": ("pi", "pi/*/sessions"),
}


@pytest.fixture(scope="module", autouse=True)
def _quick_java() -> Iterator[None]:
    """Compile little: these queries are over before the better code is paid for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", QUICK)
        yield


@pytest.fixture(scope="module")
def running() -> Iterator["SparkSession"]:
    """A Spark of this process: every command that runs in it joins it."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    problem = java_problem(os.environ)
    if problem is not None:
        pytest.skip(problem)
    with HERE.session() as session:
        yield session


@pytest.fixture
def spark(running: "SparkSession") -> Spark:
    return HERE


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All shared histories in one store, with the last of them not compacted."""
    root = tmp_path_factory.mktemp("packs")
    with RecordStore(root) as store:
        for name, (source, pattern) in PACKS.items():
            folders = sorted(HISTORY.glob(pattern))
            run_import(open_source(source), folders, store)
            if name == "opencode":
                store.compact()
    return root


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("large")
    LargeHistory(batches=12_000, days=3, seed=1).write(root)
    return root


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Counts and texts exactly, floats to 1e-9."""
    assert len(ours)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-9, atol=0)
    for name in ours.select_dtypes(["integer", "bool", "datetimetz"]).columns:
        assert ours[name].equals(theirs[name]), name


def assert_same_facts(ours: Facts, theirs: Facts) -> None:
    for kind in ("batches", "turns", "waves"):
        one, other = getattr(ours, kind), getattr(theirs, kind)
        assert list(one) == list(other)
        for name, values in one.items():
            assert values.dtype == other[name].dtype, name
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values, other[name], rtol=1e-9, err_msg=name)
            else:
                assert np.array_equal(values, other[name]), name


def assert_same_numbers(ours: object, theirs: object) -> None:
    """Whatever JSON holds: counts and texts exactly, floats to 1e-9."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in ours:
            assert_same_numbers(ours[name], theirs[name])
    elif isinstance(ours, list) and isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same_numbers(one, other)
    elif isinstance(ours, float) and isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-9)
    else:
        assert ours == theirs


@needs_history
@pytest.mark.parametrize("build", [batch_table, workflow_table, coordination_table])
def test_a_feature_table_of_the_packs_is_the_same(
    spark: Spark, packs: Path, build: Callable[..., pd.DataFrame]
) -> None:
    dataset = read_store(packs)

    assert_same(build(dataset), build(dataset, spark=spark))


@needs_history
def test_a_review_of_the_packs_is_the_same(spark: Spark, packs: Path) -> None:
    dataset = read_store(packs)
    assert_same_facts(read_facts(dataset), read_facts(dataset, spark=spark))

    ours, theirs = review(dataset), review(dataset, spark=spark)

    assert str(ours) == str(theirs)
    assert_same_numbers(ours.to_json(), theirs.to_json())


def test_a_feature_table_of_a_made_up_history_is_the_same(
    spark: Spark, large: Path
) -> None:
    dataset = read_store(large)

    assert_same(batch_table(dataset), batch_table(dataset, spark=spark))
    assert_same(workflow_table(dataset), workflow_table(dataset, spark=spark))


def test_a_review_of_a_period_is_the_same(spark: Spark, large: Path) -> None:
    dataset = read_store(large)
    span = {"since": START + timedelta(hours=5), "until": START + timedelta(hours=40)}

    ours = review(dataset, **span)  # type: ignore[arg-type] # both are instants
    theirs = review(dataset, **span, spark=spark)  # type: ignore[arg-type] # as above

    assert 0 < len(ours.facts.batches["size"]) < 12_000
    assert_same_numbers(ours.to_json(), theirs.to_json())


def batch(number: int, **changed: object) -> Batch:
    made = Batch(
        record_id=f"b{number:03d}",
        at=START + timedelta(seconds=10 * number, microseconds=number),
        source="test",
        provenance=Provenance.MEASURED,
        operation_type="fileOperations",
        size=1 + number % 5,
        session_id="s",
        agent_id="main",
        cycle_s=4.0 + number,
        execution_s=2.0,
        turn_s=1.0,
        succeeded=1 + number % 5,
        failed=0,
        cancelled=0,
        numbers={"files": float(number)},
        categories={"language": "python" if number % 2 else "zig"},
    )
    return replace(made, **changed)  # type: ignore[arg-type] # the fields under test


def test_a_record_that_came_again_after_compaction_counts_once_and_in_full(
    spark: Spark, tmp_path: Path
) -> None:
    with RecordStore(tmp_path) as store:
        store.add_all([batch(number, failed=None) for number in range(20)])
        store.compact()
        store.add_all([batch(5), batch(21), batch(7, cycle_s=None, failed=None)])
    dataset = read_store(tmp_path)

    theirs = batch_table(dataset, spark=spark)

    assert len(theirs) == 21
    assert theirs.set_index("record_id")["failed"].dropna().index.tolist() == [
        "b005",
        "b021",
    ]
    assert_same(batch_table(dataset), theirs)


def test_a_store_that_was_never_compacted_is_read(spark: Spark, tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add_all([batch(number) for number in range(20)])
    dataset = read_store(tmp_path)

    theirs = batch_table(dataset, spark=spark)

    assert theirs["files"].tolist() == list(range(20))
    assert set(theirs["language"]) == {"python", "zig"}
    assert_same(batch_table(dataset), theirs)


def test_events_a_moment_apart_are_judged_alike(spark: Spark, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    events = [
        CoordinationEvent(
            record_id=f"c{number}",
            at=START + timedelta(microseconds=int(place)),
            source="test",
            provenance=Provenance.MEASURED,
            agent_id=f"a{rng.integers(3)}",
            session_id="s",
            operation=str(rng.choice(["edit", "look"])),
            action=str(rng.choice(["read", "write"])),
            memory_key=f"k{rng.integers(3)}" if rng.uniform() < 0.8 else None,
            waited_s=float(rng.uniform()) if rng.uniform() < 0.7 else None,
            has_pre_event=bool(rng.integers(2)),
            has_post_event=bool(rng.integers(2)),
        )
        for number, place in enumerate(np.cumsum(rng.choice([0, 1, 10**6], 300)))
    ]
    with RecordStore(tmp_path) as store:
        store.add_all(events)
    dataset = read_store(tmp_path)

    assert_same(coordination_table(dataset), coordination_table(dataset, spark=spark))


def test_a_store_without_batches_is_not_enough_data(
    spark: Spark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.parquet"
    words = ["--store", str(tmp_path), "--out", str(out), "--engine", "spark"]

    assert run(["features", "build", "batch", *words]) == 5
    assert "not enough data" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_command_writes_the_same_table(
    spark: Spark,
    large: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
) -> None:
    said = {}
    for engine in ("duckdb", "spark", "spark"):  # the second time over the first
        out = tmp_path / f"{engine}.{suffix}"
        words = ["--store", str(large), "--out", str(out), "--engine", engine, "--json"]
        assert run(["features", "build", "batch", *words]) == 0
        said[engine] = json.loads(capsys.readouterr().out)
        del said[engine]["file"]
    read: Callable[[Path], pd.DataFrame]
    read = pd.read_parquet if suffix == "parquet" else pd.read_csv
    tables = [read(tmp_path / f"{name}.{suffix}") for name in said]

    assert said["duckdb"] == said["spark"]
    assert_same(*tables)


def test_a_folder_of_somebody_else_is_not_replaced(
    spark: Spark, large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "mine.parquet" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("years of work")
    words = ["--store", str(large), "--out", str(kept.parent), "--engine", "spark"]

    assert run(["features", "build", "batch", *words]) == 2
    assert "no Spark wrote" in capsys.readouterr().err
    assert kept.read_text() == "years of work"


def test_review_and_replay_print_the_same(
    spark: Spark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talks = [Talk(f"s{n}").read("/a.py").read("/b.py").prompt() for n in range(3)]
    store = str(import_sessions(tmp_path, *talks))
    screens = []
    for engine in ("duckdb", "spark"):
        words = ["--store", store, "--engine", engine]
        assert run(["review", "--no-import", *words]) == 0
        assert run(["review", "replay", "--policy", "size:2", *words]) == 0
        screens.append(capsys.readouterr().out)

    assert screens[0] == screens[1]


SPEC = quick_spec("batch_size")


def test_an_experiment_learns_the_same(
    spark: Spark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, spec = tmp_path / "store", tmp_path / "spec.toml"
    LargeHistory(batches=1_500, days=2, seed=2).write(store)
    spec.write_text(SPEC)
    found = []
    for engine in ("duckdb", "spark"):
        work = str(tmp_path / engine)
        words = [str(spec), "--store", str(store), "--work", work, "--engine", engine]
        assert run(["experiment", "run", *words, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
        del found[-1]["bundle"]

    assert found[0]["data"]["fingerprint"] == found[1]["data"]["fingerprint"]
    assert_same_numbers(found[0], found[1])


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_an_experiment_on_a_written_table_learns_the_same(
    spark: Spark, tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    store, spec, out = (tmp_path / name for name in ("store", "spec.toml", "t.parquet"))
    LargeHistory(batches=1_500, days=2, seed=2).write(store)
    spec.write_text(SPEC)
    where = ["--store", str(store), "--out", str(out), "--engine", engine]
    assert run(["features", "build", "batch", *where]) == 0
    capsys.readouterr()
    found = []
    for source in (["--store", str(store)], ["--table", str(out)]):
        work = str(tmp_path / source[0].strip("-"))
        assert (
            run(["experiment", "run", str(spec), *source, "--work", work, "--json"])
            == 0
        )
        found.append(json.loads(capsys.readouterr().out))
        del found[-1]["bundle"]

    assert found[0]["data"]["fingerprint"] == found[1]["data"]["fingerprint"]
    assert_same_numbers(found[0], found[1])


def test_a_session_has_views_apart(running: "SparkSession", large: Path) -> None:
    with HERE.session() as session, read_store(large).snapshot() as snapshot:
        name = attach_to_spark(session, snapshot, "batch")

        assert session.catalog.tableExists(name)
        assert not running.catalog.tableExists(name)
    assert running.range(3).count() == 3


def test_nothing_listens_beyond_this_machine(running: "SparkSession") -> None:
    settings = running.sparkContext.getConf()

    assert settings.get("spark.driver.bindAddress") == "127.0.0.1"
    assert settings.get("spark.ui.enabled") == "false"
    assert settings.get("spark.eventLog.enabled") == "false"
    assert running.sparkContext.uiWebUrl is None


@pytest.mark.parametrize("master", ["spark://", "s3://bucket", "local[x]", "10.0.0.1"])
def test_an_address_that_is_no_master_is_refused(master: str) -> None:
    with pytest.raises(UsageError, match="is no Spark master"):
        Spark(master=master)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(
    *words: str, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "TOOLKIT_MEMORY": "1GB", **environment},
        timeout=600,
    )


def build_words(store: Path, out: Path, *more: str) -> list[str]:
    where = ["--store", str(store), "--out", str(out), "--engine", "spark"]
    return ["features", "build", "batch", *where, *more]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"JAVA_HOME": "/nowhere"}, "there is no Java in /nowhere; install Java 17"),
        ({"PATH": "", "JAVA_HOME": ""}, "there is no Java; install Java 17"),
    ],
)
def test_without_java_the_remedy_is_named(
    large: Path, tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    pytest.importorskip("pyspark")
    done = command(
        *build_words(large, tmp_path / "t.parquet"), cwd=tmp_path, **environment
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("toolkit: error:") == 1


def test_without_pyspark_the_extra_is_named(
    large: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    assert run(build_words(large, tmp_path / "t.parquet")) == 2
    assert "workflow-toolkit[spark]" in capsys.readouterr().err


def test_a_master_that_does_not_answer_is_named(large: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    master = f"spark://127.0.0.1:{free_port()}"
    done = command(
        *build_words(large, tmp_path / "t.parquet", "--master", master), cwd=tmp_path
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert f"no Spark master answers at {master}" in done.stderr
    assert done.stderr.count("toolkit: error:") == 1


def test_a_master_without_the_engine_is_refused(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["review", "--no-import", "--store", str(large), "--master", "yarn"]) == 2
    )
    assert "--engine spark" in capsys.readouterr().err


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Run a master and a worker of Spark's own, and give the master's address."""
    import pyspark

    home = Path(pyspark.__file__).parent
    master = f"spark://127.0.0.1:{free_port()}"
    deploy = "org.apache.spark.deploy"
    bound = ["--host", "127.0.0.1", "--webui-port", "0"]
    limits = ["--cores", "2", "--memory", "1g", "--work-dir", str(folder)]
    started = [
        [f"{deploy}.master.Master", *bound, "--port", master.rpartition(":")[2]],
        [f"{deploy}.worker.Worker", *bound, *limits, master],
    ]
    environment = {
        **os.environ,
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
    }
    running = [
        subprocess.Popen(
            [str(home / "bin" / "spark-class"), *words],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for words in started
    ]
    try:
        _wait_for(master)
        yield master
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=30)


def _wait_for(master: str) -> None:
    for _ in range(3000):
        try:
            Spark(master=master)._require_master({})
        except UsageError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{master} did not start")


def test_a_cluster_builds_the_same_table_and_leaves_nothing(
    large: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyspark")
    if java_problem(os.environ) is not None:
        pytest.skip(str(java_problem(os.environ)))
    work, here = tmp_path / "cluster", tmp_path / "here"
    work.mkdir()
    here.mkdir()
    out = tmp_path / "table.parquet"
    with cluster(work) as master:
        done = command(
            *build_words(large, out, "--master", master, "--json"),
            cwd=here,
            SPARK_LOCAL_IP="127.0.0.1",
        )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(pd.read_parquet(out))
    assert_same(batch_table(read_store(large)), pd.read_parquet(out))
    assert list(here.iterdir()) == []


@needs_a_tracer
def test_a_local_spark_connects_nowhere_and_leaves_nothing(
    large: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyspark")
    if java_problem(os.environ) is not None:
        pytest.skip(str(java_problem(os.environ)))
    work, home, temporary = (tmp_path / name for name in ("work", "home", "t"))
    for folder in (work, home, temporary):
        folder.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "JAVA_TOOL_OPTIONS": QUICK,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "TOOLKIT_MEMORY": "1GB",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    trace = traced(
        [sys.executable, "-m", "toolkit", *build_words(large, work / "t.parquet")],
        cwd=work,
        log=tmp_path / "strace.log",
        environment=environment,
    )

    assert trace.code == 0, trace.said
    assert trace.addresses == frozenset()
    assert trace.outside(work, temporary) == []
    assert [path.name for path in work.iterdir()] == ["t.parquet"]
    assert list(home.iterdir()) == []
    assert list(temporary.iterdir()) == []
