"""Whether Spark answers as DuckDB does at a size that no test has time for.

Run it: `python -m tests.benchmarks.engine_agreement 5000000`. The facts of a review with
everything that is computed of them, the workflow table and the coordination table are made
by either engine, each in a process of its own, and written; then compared column by
column. Texts, counts and instants must be equal, floats within 1e-9 of each other.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute
from pyarrow.dataset import dataset as parquet_files
from pyarrow.parquet import ParquetWriter

from tests.benchmarks.engine_speed import watched
from tests.benchmarks.large_history import LargeHistory
from toolkit.features import write_workflow_table
from toolkit.features.coordination import coordination_features
from toolkit.features.engine import write_feature_table
from toolkit.history import Dataset, Spark, installed_prices, read_store
from toolkit.review import Facts, read_facts
from toolkit.review.history_review import review_facts

__all__ = ["Agreement", "answers", "main"]

ENGINES: dict[str, Spark | None] = {"duckdb": None, "spark": Spark()}
QUESTIONS = ("review", "workflow", "coordination")
KINDS = ("batches", "turns", "waves")
SIZES = (20_000,)
CLOSE = 1e-9
ROWS = 250_000
"""Rows of facts that are written at once."""

Answer = dict[str, Any]


class Agreement:
    """Counts what two answers hold, and where they differ."""

    def __init__(self) -> None:
        self.values = 0
        self.unequal: list[str] = []
        self.largest = 0.0
        """Relative difference of two floats."""

    def compare_tables(self, ours: Path, theirs: Path) -> None:
        """Compare two written tables, a column at a time."""
        one, other = (parquet_files(path, format="parquet") for path in (ours, theirs))
        self._same(f"{ours.name} columns", one.schema.names, other.schema.names)
        for name in one.schema.names:
            left = one.to_table(columns=[name])[name]
            right = other.to_table(columns=[name])[name]
            self._compare_columns(f"{ours.name}.{name}", left, right)

    def compare_json(self, where: str, ours: object, theirs: object) -> None:
        """Compare whatever JSON holds."""
        if isinstance(ours, dict) and isinstance(theirs, dict):
            self._same(f"{where} names", list(ours), list(theirs))
            for name in ours.keys() & theirs.keys():
                self.compare_json(f"{where}.{name}", ours[name], theirs[name])
        elif isinstance(ours, list) and isinstance(theirs, list):
            self._same(f"{where} length", len(ours), len(theirs))
            for place, pair in enumerate(zip(ours, theirs, strict=False)):
                self.compare_json(f"{where}.{place}", *pair)
        elif isinstance(ours, float) and isinstance(theirs, float):
            self._close(where, np.array([ours]), np.array([theirs]))
        else:
            self._same(where, ours, theirs)

    def _compare_columns(
        self, where: str, ours: "pa.ChunkedArray", theirs: "pa.ChunkedArray"
    ) -> None:
        if not pa.types.is_floating(ours.type):
            alike = _plain(ours).equals(_plain(theirs))
            self._same(where, alike, other=True, values=len(ours))
            return
        self._same(f"{where} type", ours.type, theirs.type)
        known, also = compute.is_valid(ours), compute.is_valid(theirs)
        self._same(f"{where} missing", known.equals(also), other=True)
        if len(ours) == len(theirs):
            self._close(where, ours.to_numpy(), theirs.to_numpy())

    def _same(self, where: str, one: object, other: object, values: int = 1) -> None:
        self.values += values
        if one != other:
            self.unequal.append(where)

    def _close(self, where: str, one: Any, other: Any) -> None:
        self.values += len(one)
        differs = ~((one == other) | (np.isnan(one) & np.isnan(other)))
        if not differs.any():
            return
        left, right = one[differs], other[differs]
        gap = np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))
        worst = float(np.nan_to_num(gap, nan=math.inf).max())
        self.largest = max(self.largest, worst)
        if worst > CLOSE:
            self.unequal.append(f"{where} ({worst:.1e}, {int((gap > CLOSE).sum())})")

    def __str__(self) -> str:
        """Write what was compared, and the first of what differs."""
        return json.dumps(
            {
                "values": self.values,
                "unequal": len(self.unequal),
                "largest_relative_difference": self.largest,
                "first": self.unequal[:20],
            }
        )


def _plain(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Have texts, instants and counts of both engines in one type each."""
    if pa.types.is_decimal(column.type):  # a sum of DuckDB's, of 128 bits
        return column.cast(pa.int64())
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", tz="UTC"))
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.large_string())
    return column


def answers(question: str, engine: str, store: Path, out: Path) -> None:
    """Answer a question on an engine, and write what it says.

    Parameters
    ----------
    question : str
        Of `QUESTIONS`.
    engine : str
        Of `ENGINES`.
    store : path
    out : path
        An empty folder.
    """
    dataset, spark = read_store(store), ENGINES[engine]
    if question == "workflow":
        write_workflow_table(dataset, out / "workflow.parquet", spark=spark)
    elif question == "coordination":
        write_feature_table(
            dataset,
            "coordination",
            lambda events, *_: coordination_features(events),
            out / "coordination.parquet",
            spark=spark,
        )
    else:
        _review(dataset, spark, out)


def _review(dataset: Dataset, spark: Spark | None, out: Path) -> None:
    facts = read_facts(dataset, spark=spark)
    for kind in KINDS:
        _write_facts(facts, kind, out / f"{kind}.parquet")
    found = review_facts(facts, rng=np.random.default_rng(0), prices=installed_prices())
    said = {"screen": str(found), **found.to_json()}
    (out / "review.json").write_text(json.dumps(said))


def _write_facts(facts: Facts, kind: str, target: Path) -> None:
    columns = getattr(facts, kind)
    rows = len(columns["record_id"])
    writer: ParquetWriter | None = None
    for start in range(0, rows, ROWS):
        some = {name: values[start : start + ROWS] for name, values in columns.items()}
        typed = {name: _typed(values) for name, values in some.items()}
        table = pa.table(typed)
        writer = writer or ParquetWriter(target, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _typed(values: Any) -> "pa.Array":
    """Keep a column's type where a slice of it has no text."""
    if values.dtype.kind == "O":
        return pa.array(values, type=pa.large_string())
    return pa.array(values)


def compare(question: str, store: Path, folder: Path) -> Iterator[Answer]:
    """Answer on both engines, one after the other, and compare.

    Parameters
    ----------
    question : str
    store : path
    folder : path
        For what is written.

    Yields
    ------
    dict
        What each engine took.
    """
    for engine in ENGINES:
        out = folder / question / engine
        out.mkdir(parents=True)
        words = ["--answer", question, engine, str(store), str(out)]
        program = [sys.executable, "-m", "tests.benchmarks.engine_agreement"]
        yield {"what": question, "engine": engine, **watched([*program, *words])}
    found = Agreement()
    ours, theirs = (folder / question / engine for engine in ENGINES)
    for path in sorted(ours.glob("*.parquet")):
        found.compare_tables(path, theirs / path.name)
    for path in ours.glob("*.json"):
        pair = [json.loads(each.read_text()) for each in (path, theirs / path.name)]
        found.compare_json(path.stem, *pair)
    yield {"what": question, "compared": json.loads(str(found))}


def main(sizes: Sequence[int], questions: Sequence[str] = QUESTIONS) -> None:
    """Print what each engine took and how far apart they are, a JSON object a line.

    Parameters
    ----------
    sizes : sequence of int
        Batches.
    questions : sequence of str
    """
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "store"
            batches = LargeHistory(batches=size).write(store)
            for question in questions:
                for row in compare(question, store, Path(folder)):
                    line = json.dumps({"batches": batches, **row})
                    sys.stdout.write(f"{line}\n")
                    sys.stdout.flush()


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--of", action="append", choices=QUESTIONS, dest="questions")
    parser.add_argument("--answer", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    given = _parsed()
    if given.answer:
        question, engine, store, out = given.answer
        answers(question, engine, Path(store), Path(out))
    else:
        main(given.sizes, given.questions or QUESTIONS)
