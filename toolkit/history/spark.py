"""Apache Spark as the record store uses it: in UTC, within stated limits, on loopback.

A driver is started in this process, on this machine's cores or for a cluster. It reads a
snapshot's part files itself; the uncompacted tail, which only this machine has, is sent
to it. Nothing is written where the command runs.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import MissingExtraError, UsageError
from toolkit.history.columns import column_names, column_types
from toolkit.history.engine import EngineLimits, connect
from toolkit.history.snapshot import Snapshot
from toolkit.history.wave_measures import has_runs_sql, measured_sql

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["JAVA_FIX", "Spark", "attach_to_spark", "java_problem"]

OLDEST_JAVA = 17
"""The first that Spark 4 runs on."""

JAVA_FIX = (
    f"install Java {OLDEST_JAVA} or later (Debian: `apt-get install "
    "openjdk-17-jre-headless`), or name it in JAVA_HOME"
)

LOCAL = re.compile(r"local(\[(\d{1,3}|\*)\])?")
STANDALONE = re.compile(r"spark://([\w.-]+:\d{1,5})(,[\w.-]+:\d{1,5})*")
KUBERNETES = re.compile(r"k8s://(https?://)?[\w.-]+:\d{1,5}")
YARN_SETTINGS = ("HADOOP_CONF_DIR", "YARN_CONF_DIR")
ANSWER_S = 5.0
"""How long a master may take to accept a connection."""

SPARK_TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMPTZ": "TIMESTAMP",
    "MAP(VARCHAR, DOUBLE)": "MAP<STRING, DOUBLE>",
    "MAP(VARCHAR, VARCHAR)": "MAP<STRING, STRING>",
}
"""Spark's name of each DuckDB type that a record has."""

NO_COUNTERS = "-XX:-UsePerfData"
"""Keeps Java from a file of counters in the temporary folder."""

LOGGING = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %m%n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Where Spark runs, and what it may use.

    Parameters
    ----------
    master : str, optional
        `local[N]` for N cores of this machine, or a cluster: `spark://HOST:PORT`, `yarn`,
        `k8s://HOST:PORT`. This machine, with as many cores as `limits` says, unless given.
    limits : EngineLimits, optional
        Cores and memory of the driver; read from the environment unless given. What a
        cluster's workers use is set as always, in `spark-defaults.conf`.

    Raises
    ------
    UsageError
        The address is none that Spark has.

    Examples
    --------
    >>> Spark(master="local[4]").is_local
    True
    >>> Spark(master="spark://head:7077").is_local
    False
    """

    master: str | None = None
    limits: EngineLimits | None = None

    def __post_init__(self) -> None:
        """Check the address."""
        forms = (LOCAL, STANDALONE, KUBERNETES)
        if self.master not in (None, "yarn") and not any(
            form.fullmatch(str(self.master)) for form in forms
        ):
            raise UsageError(
                f"`{self.master}` is no Spark master; write `local[4]`, "
                "`spark://HOST:PORT`, `yarn` or `k8s://HOST:PORT`"
            )

    @property
    def is_local(self) -> bool:
        """Whether everything runs in this process and on this machine."""
        return self.master is None or LOCAL.fullmatch(self.master) is not None

    @contextmanager
    def session(self) -> Iterator["SparkSession"]:
        """Open a session with its own views and settings, and close it at the end.

        A Spark that this process runs already is used, and left running.

        Yields
        ------
        pyspark.sql.SparkSession

        Raises
        ------
        MissingExtraError
            PySpark is not installed.
        UsageError
            There is no Java, the master does not answer, or Spark does not start.
        """
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise MissingExtraError("the engine `spark`", "spark") from error
        running = SparkSession.getActiveSession()
        if running is not None:
            yield _in_utc(running.newSession())
            return
        _require_java(os.environ)
        self._require_master(os.environ)
        with tempfile.TemporaryDirectory(
            prefix="toolkit-", ignore_cleanup_errors=True
        ) as scratch:
            session = self._started(Path(scratch))
            try:
                yield _in_utc(session)
            finally:
                session.stop()

    def _require_master(self, environment: Mapping[str, str]) -> None:
        """Refuse a cluster that does not answer before Spark tries for a minute."""
        if self.is_local or self.master is None:
            return
        if self.master == "yarn":
            if not any(map(environment.get, YARN_SETTINGS)):
                raise UsageError(
                    "the master `yarn` is found through HADOOP_CONF_DIR or "
                    "YARN_CONF_DIR, and neither is set; name the cluster's settings"
                )
            return
        problems = [_unanswered(place) for place in _places(self.master)]
        if all(problems):
            raise UsageError(
                f"no Spark master answers at {self.master} ({problems[0]}); start it, "
                "or give another `--master`"
            )

    def _started(self, scratch: Path) -> "SparkSession":
        """Start Java and Spark; what they print goes into a file."""
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkRuntimeError
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        (scratch / "log4j2.properties").write_text(LOGGING, encoding="utf-8")
        settings = SparkConf().setAll(list(self._settings(scratch).items()))
        log = scratch / "spark.log"
        launch = {"SPARK_LAUNCHER_OPTS": NO_COUNTERS}
        if self.is_local:
            launch["SPARK_LOCAL_IP"] = "127.0.0.1"  # no look-up of this machine's name
        with log.open("wb") as printed, _environment(launch):
            try:
                gateway = launch_gateway(
                    settings, popen_kwargs={"stdout": printed, "stderr": printed}
                )
                context = SparkContext(gateway=gateway, conf=settings)
            except Exception as error:
                if not isinstance(error, PySparkRuntimeError) and not _is_javas(error):
                    raise
                raise UsageError(
                    f"Spark does not start: {_reason(error, log)}"
                ) from error
        return SparkSession(context)

    def _settings(self, scratch: Path) -> dict[str, str]:
        limits = self.limits or EngineLimits.from_environment(os.environ)
        settings = {
            "spark.app.name": "workflow-toolkit",
            "spark.master": self.master or f"local[{limits.threads}]",
            "spark.driver.memory": limits.memory.removesuffix("B").lower(),
            "spark.driver.maxResultSize": "0",
            "spark.driver.extraJavaOptions": (
                f"-Dlog4j2.configurationFile={scratch / 'log4j2.properties'} "
                f"-Djava.io.tmpdir={tempfile.gettempdir()} "
                f"{NO_COUNTERS} -Duser.timezone=UTC"
            ),
            "spark.hadoop.fs.permissions.umask-mode": "077",
            "spark.local.dir": str(scratch),
            "spark.sql.warehouse.dir": str(scratch / "warehouse"),
            "spark.sql.catalogImplementation": "in-memory",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        if self.is_local:
            settings |= {
                "spark.driver.host": "127.0.0.1",
                "spark.driver.bindAddress": "127.0.0.1",
                "spark.sql.shuffle.partitions": str(8 * limits.threads),
                "spark.eventLog.enabled": "false",
            }
        return settings


def attach_to_spark(session: "SparkSession", snapshot: Snapshot, kind: str) -> str:
    """Make the records of a kind a view of a Spark session, as `Snapshot.attach` does.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    snapshot : Snapshot
        Must stay open as long as the view is used.
    kind : str

    Returns
    -------
    str
        The view's name.
    """
    name = f"{kind}_records"
    _rows(session, snapshot, kind).createOrReplaceTempView(name)
    if kind != "workflow" or session.sql(has_runs_sql(name)).isEmpty():
        return name
    spawns = attach_to_spark(session, snapshot, "coordination")
    turns = attach_to_spark(session, snapshot, "turn")
    measured = measured_sql(name, spawns, turns, column_names(kind))
    name = f"{name}_measured"
    session.sql(measured.replace('"', "`")).createOrReplaceTempView(name)
    return name


def _rows(session: "SparkSession", snapshot: Snapshot, kind: str) -> "DataFrame":
    """Read the parts and the tail of a kind, one copy of each record."""
    rows = _of_parts(session, kind, [str(path) for path in snapshot.parts(kind)])

    def copies(ids: "pa.Table") -> "pa.Table":
        """Fetch what the parts hold of the tail's records: as few as the tail."""
        held = rows.join(session.createDataFrame(ids), "record_id", "left_semi")
        return held.select(*column_names(kind)).toArrow()

    with connect() as connection:
        tail = snapshot.tail(connection, kind, copies=copies)
    if tail is None:
        return rows
    fresh = session.createDataFrame(tail, schema=_ddl(kind))
    rows = rows.join(fresh.select("record_id"), "record_id", "left_anti")
    return rows.select(*column_names(kind)).unionAll(fresh)


def java_problem(environment: Mapping[str, str]) -> str | None:
    """Say what is wrong with the Java that Spark would use.

    Parameters
    ----------
    environment : mapping of str to str
        With `JAVA_HOME` or `PATH`.

    Returns
    -------
    str or None
        `None` where nothing is.

    Examples
    --------
    >>> java_problem({"PATH": ""})
    'there is no Java'
    """
    home = environment.get("JAVA_HOME")
    path = os.pathsep.join([f"{home}/bin"] if home else [environment.get("PATH", "")])
    java = shutil.which("java", path=path)
    if java is None:
        return f"there is no Java in {home}" if home else "there is no Java"
    done = subprocess.run(  # noqa: S603 - the Java that Spark would run
        [java, NO_COUNTERS, "-version"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    if found is None:
        return f"{java} says no version"
    if int(found[1]) < OLDEST_JAVA:
        return f"{java} is Java {found[1]}"
    return None


def _require_java(environment: Mapping[str, str]) -> None:
    problem = java_problem(environment)
    if problem is not None:
        raise UsageError(f"the engine `spark` needs Java, and {problem}; {JAVA_FIX}")


def _places(master: str) -> list[tuple[str, int]]:
    """List the hosts and ports of an address."""
    places = re.sub(r"^(spark|k8s)://(https?://)?", "", master).split(",")
    pairs = (place.rpartition(":") for place in places)
    return [(host, int(port)) for host, _, port in pairs]


def _unanswered(place: tuple[str, int]) -> str | None:
    """Say why a place cannot be connected to; `None` where it can."""
    try:
        socket.create_connection(place, timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return None


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set variables for as long as Spark starts."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _is_javas(error: Exception) -> bool:
    return type(error).__module__.startswith("py4j")


def _reason(error: Exception, log: Path) -> str:
    """Choose the line that says why: Java's complaint, else the error's first."""
    lines: list[str] = []
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    java = getattr(error, "java_exception", None)
    said = [str(java)] if java is not None else []
    said += [line for line in lines if re.search(r"Exception|Error|Invalid", line)]
    return (said or [str(error)])[0].strip().split("\n", 1)[0][:200]


def _in_utc(session: "SparkSession") -> "SparkSession":
    """Have a session count and write instants as DuckDB does."""
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    return session


def _of_parts(session: "SparkSession", kind: str, files: list[str]) -> "DataFrame":
    """Read part files; a column that an older one lacks is missing."""
    if not files:
        return session.createDataFrame([], schema=_ddl(kind))
    reader: Any = session.read.schema(_ddl(kind))
    # The folders' names are no columns: a record holds its day, and has one kind.
    return reader.option("recursiveFileLookup", "true").parquet(*files)


def _ddl(kind: str) -> str:
    types = column_types(kind).items()
    return ", ".join(f"`{name}` {SPARK_TYPES[sql]}" for name, sql in types)
