"""A made-up history of any size, written as a compacted store would hold it.

The rows go into the part files directly: as lines of a spool, five million batches would
take longer to compact than anything that is measured on them. Whatever joins in a real
history joins here: batches follow one another within an agent, belong to a turn, and
touch files; a day holds whole sessions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from toolkit.history import connect
from toolkit.history.columns import column_types
from toolkit.history.engine import quoted
from toolkit.history.generation import Generation, Part, folder_of, write_generation
from toolkit.history.snapshot import check_of

__all__ = ["LargeHistory"]

FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)
PER_AGENT = 50
AGENTS = ("main", "a1", "a2")
PROJECTS = 200
FILES = 400
TYPES = ("fileOperations", "shell", "todoWrite", "search", "mcp", "taskSpawning")
TYPE_SHARES = (0.55, 0.25, 0.06, 0.06, 0.05, 0.03)
MODELS = ("claude-opus-4-1", "claude-sonnet-4-5", "gpt-5", "gemini-2.5-pro")
DAY_S = 86_400.0

Rows = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeHistory:
    """How much history to make up.

    Parameters
    ----------
    batches : int
        About; sessions are whole. There is a turn to each, and a workflow to each fiftieth.
    days : int
    seed : int
    """

    batches: int
    days: int = 60
    seed: int = 0

    def write(self, store: Path) -> int:
        """Write the store; return how many batches it holds."""
        root = store / "dataset"
        parts: dict[str, dict[str, Part]] = {}
        total = 0
        with connect() as connection:
            for day in range(self.days):
                for kind, rows in self._day(day).items():
                    name = f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d}"
                    folder = folder_of(root, kind, name)
                    folder.mkdir(parents=True)
                    path = folder / "part-00000001.parquet"
                    connection.register("made", pa.table(rows))
                    connection.execute(
                        f"COPY (SELECT {_selected(kind, rows)} FROM made "  # noqa: S608 - names come from the schema
                        f'ORDER BY "at", record_id) TO {quoted(path)} (FORMAT parquet)'
                    )
                    connection.unregister("made")
                    parts.setdefault(kind, {})[name] = Part(
                        name=path.name, size=path.stat().st_size, check=check_of(path)
                    )
                    total += len(rows["record_id"]) if kind == "batch" else 0
        write_generation(root, Generation(number=1, parts=parts))
        return total

    def _day(self, day: int) -> Mapping[str, Rows]:
        rng = np.random.default_rng([self.seed, day])
        sessions = max(self.batches // self.days // (PER_AGENT * len(AGENTS)), 1)
        count = sessions * len(AGENTS) * PER_AGENT
        stream = np.repeat(np.arange(sessions * len(AGENTS)), PER_AGENT)
        place = np.tile(np.arange(PER_AGENT), sessions * len(AGENTS))
        session = stream // len(AGENTS)
        starts = rng.uniform(0, DAY_S * 0.9, sessions)[session]
        shared = {
            "provenance": ["derived"] * count,
            "source": ["made-up"] * count,
            "source_version": ["1"] * count,
            "session_id": _named(f"s{day}-", session),
            "agent_id": np.array(AGENTS, dtype=object)[stream % len(AGENTS)],
            "project": _named("p", session % PROJECTS),
            "branch": _named("b", session % 3),
            "model": np.array(MODELS, dtype=object)[(session + stream) % len(MODELS)],
        }
        batches = _batches(rng, count, place, starts, f"{day}-")
        at = FIRST_DAY.timestamp() + day * DAY_S + batches.pop("at_s")
        batches["at"] = turns_at = (at * 1e6).astype("datetime64[us]")
        turns = {
            "record_id": batches["turn_id"],
            "at": turns_at,
            "latency_s": batches["turn_s"],
            "calls": batches["calls"],
            "input_tokens": rng.integers(1, 2_000, count),
            "cache_read_tokens": batches["context_tokens"],
            "cache_write_5m_tokens": rng.integers(0, 5_000, count),
            "output_tokens": rng.integers(20, 2_000, count),
            "money_usd": rng.lognormal(-3, 1, count),
        }
        touched = np.flatnonzero(rng.uniform(size=count) < 0.4)
        calls = {
            "record_id": _named(f"c{day}-", touched),
            "at": turns_at[touched],
            "batch_id": batches["record_id"][touched],
            "memory_key": _named("f", rng.integers(0, FILES, len(touched))),
            "operation": ["edit"] * len(touched),
            "action": ["write"] * len(touched),
            "outcome": ["succeeded"] * len(touched),
        } | {
            name: np.asarray(shared[name], dtype=object)[touched]
            for name in (
                "source",
                "source_version",
                "provenance",
                "session_id",
                "agent_id",
            )
        }
        begun = np.flatnonzero(rng.uniform(size=count) < 0.02)
        waves = _waves(rng, len(begun), f"{day}-") | {
            "at": turns_at[begun],
            **{
                name: np.asarray(values, dtype=object)[begun]
                for name, values in shared.items()
                if name != "agent_id"
            },
        }
        return {
            "batch": {**shared, **batches},
            "turn": {**shared, **turns},
            "coordination": calls,
            "workflow": waves,
        }


def _batches(
    rng: np.random.Generator,
    count: int,
    place: NDArray[np.int64],
    starts: NDArray[np.float64],
    prefix: str,
) -> Rows:
    """Make the columns of batches; each agent's follow one another."""
    types = np.array(TYPES, dtype=object)[rng.choice(6, count, p=TYPE_SHARES)]
    size = np.minimum(rng.geometric(0.55, count), 40)
    each_s = rng.lognormal(0, 0.8, count)
    turn_s = rng.lognormal(1, 0.5, count)
    execution_s = each_s * size**0.6
    cycle_s = turn_s + execution_s
    failed = (rng.uniform(size=count) < 0.05).astype(np.int64)
    siblings = np.where((failed > 0) & (size > 2), 1, 0)
    rows = np.arange(count)
    before = np.where(place > 0, rows - 1, -1)
    took = np.cumsum(cycle_s)
    first = np.repeat(took[place == 0] - cycle_s[place == 0], PER_AGENT)
    known = rng.uniform(size=count) < 0.8
    ids = _named(f"b{prefix}", rows)
    return {
        "record_id": ids,
        "at_s": np.minimum(starts + took - cycle_s - first, DAY_S - 1e-6),
        "operation_type": types,
        "size": size,
        "calls": size,
        "turn_id": _named(f"t{prefix}", rows),
        "previous_id": pa.array(ids[before], mask=before < 0),
        "read_share": np.where(
            types == "fileOperations", rng.choice([0.0, 0.5, 1.0], count), np.nan
        ),
        "cycle_s": cycle_s,
        "execution_s": execution_s,
        "turn_s": turn_s,
        "operations_s": each_s * size,
        "longest_s": each_s,
        "censored": rng.uniform(size=count) < 0.03,
        "succeeded": np.maximum(size - failed - siblings, 0),
        "failed": failed,
        "cancelled": siblings,
        "siblings": siblings,
        "refused": np.zeros(count, np.int64),
        "interrupted": np.zeros(count, np.int64),
        "background": np.zeros(count, np.int64),
        "context_tokens": 20_000 + 2_000 * place,
        "known_before": pa.array(np.where(known, size, 0), mask=~known),
        "needs_previous": pa.array(rng.integers(0, 2, count), mask=~known),
        "mentioned_by_previous": pa.array(rng.integers(0, 2, count), mask=~known),
        "prompted": place == 0,
        "load_cpu": rng.uniform(size=count),
        "load_memory": rng.uniform(size=count),
        "active_agents": rng.integers(1, 6, count),
    }


def _waves(rng: np.random.Generator, count: int, prefix: str) -> Rows:
    agents = np.minimum(rng.geometric(0.5, count), 12)
    makespan_s = rng.lognormal(4, 1, count)
    return {
        "record_id": _named(f"w{prefix}", np.arange(count)),
        "agents": agents,
        "form": ["wave"] * count,
        "makespan_s": makespan_s,
        "agent_seconds": makespan_s * agents * rng.uniform(0.5, 1, count),
        "runs": agents,
        "runs_succeeded": agents,
        "components": agents.astype(np.float64),
        "output_tokens": rng.integers(100, 9_000, count),
        "outcome": ["succeeded"] * count,
        "censored": rng.uniform(size=count) < 0.05,
    }


def _named(prefix: str, numbers: NDArray[np.int64]) -> NDArray[Any]:
    return np.array([f"{prefix}{number}" for number in numbers.tolist()], dtype=object)


def _selected(kind: str, rows: Rows) -> str:
    """Write every column of a kind: made up as its type, else missing."""
    return ", ".join(
        (
            f'(CASE WHEN isnan(made."{name}") THEN NULL ELSE made."{name}" END)::{sql}'
            if sql == "DOUBLE" and name in rows
            else f"made.\"{name}\" AT TIME ZONE 'UTC'"
            if name == "at"
            else f'made."{name}"::{sql}'
            if name in rows
            else f"NULL::{sql}"
        )
        + f' AS "{name}"'
        for name, sql in column_types(kind).items()
    )
