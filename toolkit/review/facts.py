"""Reads what a review needs from a store: batches, turns and waves as columns.

One query a kind, in the SQL that DuckDB and Spark share: the review is what the lightest
install can do, without Ibis and pandas. Columns are numpy arrays of one length; texts are
arrays of objects, unknown numbers are NaN.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import NotEnoughDataError
from toolkit.history import (
    Dataset,
    Snapshot,
    Spark,
    attach_to_spark,
    connect,
    shown_names,
)

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyspark.sql import SparkSession

__all__ = ["Columns", "Facts", "TimeRange", "read_facts"]

Columns = Mapping[str, NDArray[Any]]

_WORK = """CASE
  WHEN {0}.operation_type = 'fileOperations' AND {0}.read_share = 1 THEN 'read'
  WHEN {0}.operation_type = 'fileOperations' AND {0}.read_share = 0 THEN 'edit'
  WHEN {0}.operation_type = 'fileOperations' THEN 'read and edit'
  WHEN {0}.operation_type = 'todoWrite' THEN 'todo'
  WHEN {0}.operation_type = 'taskSpawning' THEN 'spawn'
  ELSE {0}.operation_type END"""
"""What a batch did: its operation type, with reads and edits of files apart."""

_STRATUM = """coalesce({0}.project, {0}.group_id, 'unknown') AS project,
  coalesce({0}.branch, 'unknown') AS branch,
  coalesce({0}.host, 'unknown') AS host,
  coalesce({0}.session_id, 'unknown') AS session,
  coalesce({0}.agent_id, 'main') AS agent,
  coalesce({0}.model, 'unknown') AS model,
  coalesce({0}.client, {0}.source) AS client,
  coalesce({0}.client, {0}.source) || ' ' || coalesce({0}.source_version, 'unknown')
    AS version,
  {0}.at AS at_s,
  CAST(CAST(date_trunc('week', {0}.at) AS DATE) AS STRING) AS week"""

_TURNS = f"""SELECT t.record_id, {_STRATUM.format("t")},
  t.latency_s, t.calls, t.input_tokens, t.cache_read_tokens,
  coalesce(t.cache_write_5m_tokens, 0) + coalesce(t.cache_write_1h_tokens, 0)
    AS cache_write_tokens,
  t.output_tokens, t.money_usd
FROM {{turn}} AS t WHERE {{where}} ORDER BY t.at, t.record_id"""  # noqa: S608 - columns of our own

_BATCHES = f"""WITH files AS (
  SELECT batch_id, array_agg(DISTINCT memory_key) AS keys,
    count(DISTINCT memory_key) AS files
  FROM {{coordination}}
  WHERE batch_id IS NOT NULL AND memory_key IS NOT NULL GROUP BY batch_id)
SELECT b.record_id, {_STRATUM.format("b")},
  b.operation_type, {_WORK.format("b")} AS work, b.size,
  coalesce(b.calls, b.size) AS calls,
  b.cycle_s, b.execution_s, b.turn_s, b.operations_s, b.longest_s,
  b.read_share, b.load_cpu, b.load_memory, b.load_io, b.active_agents,
  coalesce(b.succeeded, 0) AS succeeded, coalesce(b.failed, 0) AS failed,
  coalesce(b.siblings, 0) AS siblings, coalesce(b.refused, 0) AS refused,
  coalesce(b.interrupted, 0) AS interrupted, coalesce(b.background, 0) AS background,
  coalesce(b.cancelled, 0) AS cancelled, coalesce(b.censored, true) AS censored,
  b.context_tokens, b.needs_previous, b.mentioned_by_previous, b.known_before,
  coalesce(b.prompted, false) AS prompted, b.previous_id AS previous,
  {_WORK.format("p")} AS previous_work,
  p.record_id IS NOT NULL AND coalesce(p.failed, 0) + coalesce(p.cancelled, 0) = 0
    AS previous_succeeded,
  coalesce(arrays_overlap(f.keys, g.keys), false) AS same_file,
  coalesce(f.files, 0) AS files, b.turn_id AS turn,
  t.latency_s AS turn_latency_s, t.cache_read_tokens AS turn_cache_read,
  t.output_tokens AS turn_output
FROM {{batch}} AS b
LEFT JOIN {{batch}} AS p ON p.record_id = b.previous_id
LEFT JOIN files AS f ON f.batch_id = b.record_id
LEFT JOIN files AS g ON g.batch_id = b.previous_id
LEFT JOIN {{turn}} AS t ON t.record_id = b.turn_id
WHERE {{where}} ORDER BY b.at, b.record_id"""  # noqa: S608 - columns of our own

_WAVES = f"""SELECT w.record_id, {_STRATUM.format("w").replace("w.agent_id", "NULL")},
  coalesce(w.form, 'unknown') AS form, w.agents,
  coalesce(w.runs, w.agents) AS runs, w.runs_succeeded, w.runs_failed,
  w.runs_refused, w.runs_unfinished, w.dependencies, w.makespan_s, w.agent_seconds,
  w.money_usd, w.output_tokens, coalesce(w.cache_read_tokens, 0)
    + coalesce(w.input_tokens, 0) + coalesce(w.cache_write_tokens, 0) AS input_tokens,
  coalesce(w.censored, false) AS censored
FROM {{workflow}} AS w WHERE {{where}} ORDER BY w.at, w.record_id"""  # noqa: S608 - columns of our own


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """A span of time, half open.

    Parameters
    ----------
    since, until : datetime, optional
        Aware; unbounded where missing.
    """

    since: datetime | None = None
    until: datetime | None = None

    def sql(self, table: str, *, literal: str = "TIMESTAMPTZ") -> str:
        """Write the span as a condition on a table's `at`.

        Parameters
        ----------
        table : str
        literal : str
            What the engine calls an instant.

        Examples
        --------
        >>> from datetime import UTC
        >>> TimeRange(since=datetime(2026, 1, 5, tzinfo=UTC)).sql("b")
        "b.at >= TIMESTAMPTZ '2026-01-05T00:00:00+00:00'"
        """
        bounds = [(">=", self.since), ("<", self.until)]
        known = [
            f"{table}.at {sign} {literal} '{at.isoformat()}'"
            for sign, at in bounds
            if at is not None
        ]
        return " AND ".join(known) or "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a review counts.

    Attributes
    ----------
    batches, turns, waves : mapping of str to ndarray
        Columns of one length each, in order of time.
    """

    batches: Columns
    turns: Columns
    waves: Columns

    def where(self, column: str, value: str) -> "Facts":
        """Keep the rows whose `column` is `value`, of every kind that has it.

        Parameters
        ----------
        column : str
            Such as `project` or `model`; a kind without it is kept whole.
        value : str

        Returns
        -------
        Facts
        """
        return Facts(
            batches=_kept(self.batches, column, value),
            turns=_kept(self.turns, column, value),
            waves=_kept(self.waves, column, value),
        )


def read_facts(
    dataset: Dataset, period: TimeRange | None = None, *, spark: Spark | None = None
) -> Facts:
    """Read the batches, turns and waves of a store.

    Parameters
    ----------
    dataset : Dataset
    period : TimeRange, optional
        Everything if not given.
    spark : Spark, optional
        Where the records are read and joined; DuckDB unless given.

    Returns
    -------
    Facts

    Raises
    ------
    NotEnoughDataError
        The store holds no batch of that period.
    """
    span = period or TimeRange()
    with _opened(spark) as engine, dataset.snapshot() as snapshot:
        kinds = ("batch", "turn", "workflow", "coordination")
        views = {kind: engine.attach(snapshot, kind) for kind in kinds}

        def fetched(query: str, table: str) -> Columns:
            where = span.sql(table, literal=engine.instant)
            return engine.fetch(query.format(**views, where=where))

        facts = Facts(
            batches=fetched(_BATCHES, "b"),
            turns=fetched(_TURNS, "t"),
            waves=fetched(_WAVES, "w"),
        )
    if not len(facts.batches["record_id"]):
        raise NotEnoughDataError("a review", got=0, needed=1, unit="batches")
    return _with_names(facts, shown_names(dataset))


class _Engine(Protocol):
    """Runs a query on the records of a snapshot, and brings its columns here."""

    instant: str

    def attach(self, snapshot: Snapshot, kind: str) -> str: ...

    def fetch(self, query: str) -> Columns: ...


@contextmanager
def _opened(spark: Spark | None) -> Iterator[_Engine]:
    if spark is None:
        with connect() as connection:
            yield _OnDuckDB(connection)
        return
    with spark.session() as session:
        yield _OnSpark(session)


class _OnDuckDB:
    instant = "TIMESTAMPTZ"

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        connection.execute(
            "CREATE TEMP MACRO arrays_overlap(a, b) AS list_has_any(a, b)"
        )  # as Spark calls it

    def attach(self, snapshot: Snapshot, kind: str) -> str:
        return snapshot.attach(self._connection, kind)

    def fetch(self, query: str) -> Columns:
        """Fetch through Arrow where it is installed, as columns."""
        found = self._connection.execute(query)
        if find_spec("pyarrow") is not None:
            return _of_arrow(found.to_arrow_table())
        return {name: _plain(values) for name, values in found.fetchnumpy().items()}


class _OnSpark:
    instant = "TIMESTAMP"

    def __init__(self, session: "SparkSession") -> None:
        self._session = session

    def attach(self, snapshot: Snapshot, kind: str) -> str:
        return attach_to_spark(self._session, snapshot, kind)

    def fetch(self, query: str) -> Columns:
        return _of_arrow(self._session.sql(query).toArrow())


def _of_arrow(table: "pa.Table") -> Columns:
    """Turn a table into columns, and let go of each column of it on the way."""
    columns: dict[str, NDArray[Any]] = {}
    for name in table.column_names:
        columns[name] = _of_arrow_column(table[name])
        table = table.drop_columns(name)
    return columns


def _of_arrow_column(values: "pa.ChunkedArray") -> NDArray[Any]:
    """Turn a column into an array; equal texts are one object."""
    import pyarrow as pa

    if pa.types.is_timestamp(values.type):
        return _seconds(values.cast(pa.timestamp("us", tz="UTC")).to_numpy())
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        plain: NDArray[Any] = values.to_numpy()
        return plain.astype(np.float64) if plain.dtype.kind == "O" else plain
    coded = values.dictionary_encode().unify_dictionaries()
    if not coded.num_chunks:
        return np.array([], dtype=object)
    texts = np.array([*coded.chunk(0).dictionary.to_pylist(), None], dtype=object)
    places = [
        chunk.indices.fill_null(len(texts) - 1).to_numpy() for chunk in coded.chunks
    ]
    return np.asarray(texts[np.concatenate(places)])


def _plain(values: Any) -> NDArray[Any]:
    """Turn a masked column into a plain one: unknown numbers are NaN."""
    masked = np.ma.asarray(values)
    if masked.dtype.kind == "M":
        return _seconds(masked.data)
    if masked.dtype.kind in "iuf" and (
        masked.dtype.kind == "f" or np.ma.getmaskarray(masked).any()
    ):
        return np.where(
            np.ma.getmaskarray(masked), np.nan, masked.data.astype(np.float64)
        )
    plain = np.array(masked.data)
    if plain.dtype.kind == "O":
        plain[np.ma.getmaskarray(masked)] = None
    return plain


def _seconds(instants: NDArray[Any]) -> NDArray[np.float64]:
    """Count seconds since 1970 in UTC."""
    microseconds = instants.astype("datetime64[us]").astype(np.int64)
    return np.asarray(microseconds / 1e6, dtype=np.float64)


def _with_names(facts: Facts, shown: Callable[[str | None], str]) -> Facts:
    """Show projects and branches by the names that their team gave them."""

    def named(columns: Columns) -> Columns:
        written = dict(columns)
        for column in ("project", "branch"):
            names = {value: shown(value) for value in set(columns[column])}
            if any(name != value for value, name in names.items()):
                renamed = [names[value] for value in columns[column]]
                written[column] = np.array(renamed, dtype=object)
        return written

    return Facts(
        batches=named(facts.batches),
        turns=named(facts.turns),
        waves=named(facts.waves),
    )


def _kept(columns: Columns, name: str, value: str) -> Columns:
    if name not in columns:
        return columns
    rows = columns[name] == value
    return {each: values[rows] for each, values in columns.items()}
