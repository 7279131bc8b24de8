"""Measured records as a table whose every action was tried, and as tries to replay.

A controller that asks for a size is shown one of the batches, or runs of a task graph,
that were really run with that size in that context, drawn at random: its own latency,
noise and failures included. What it pays is the mean cost of all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.tables.feature_rows import ACTIONS, teaching_rows
from toolkit.experiments.tables.from_records import recorded_table
from toolkit.experiments.tables.full_factorial import FullFactorial
from toolkit.features import batch_table, workflow_table
from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import
from toolkit.models import DecisionTable
from toolkit.policies import Floats, Policy
from toolkit.policies.rules import (
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REPLAYED", "MeasuredReplay", "read_measured"]

REPLAYED: Mapping[str, str] = {"batches": "batch_size", "graphs": "agent_count"}
"""What can be replayed, with the decision that it is about."""
NO_RULE_SIZE = 3.0
"""`shell`, the one type with a rule of ours, has this optimum (definitions, section 1)."""

Tries = dict[tuple[int, int], tuple[Floats, NDArray[np.int64]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredReplay:
    """A table of mean costs, and the measured tries behind it.

    Attributes
    ----------
    table : FullFactorial
        Seconds per operation that succeeds, or makespan, in logarithms.
    tries : dict of (int, int) to two arrays
        By problem and action: the latency of each try in seconds, as Little's law tells
        it, and how many of its operations failed.
    """

    table: FullFactorial
    tries: Tries

    @classmethod
    def read(cls, records: Path, what: str) -> "MeasuredReplay":
        """Read measured records, such as the bundled sample.

        Parameters
        ----------
        records : path
            Folder or file that `records import spool` takes.
        what : str
            One of `REPLAYED`.

        Returns
        -------
        MeasuredReplay

        Raises
        ------
        UsageError
            Nothing is known by that name.
        InputDataError
            The records are not there, or no context was measured in full.
        """
        rows = read_measured(records, what)
        decision = REPLAYED[what]
        table = recorded_table(rows, decision=decision, rule=_rule(decision))
        if table.observed:
            raise InputDataError(
                "no context was tried with several actions", file=records, field=what
            )
        return cls(
            table=replace(FullFactorial.of(table), name=f"sample {what}"),
            tries=_tries(table, rows),
        )

    def usual_s(self, problem: int, action: int) -> float:
        """Latency, in seconds, of the middle try.

        Parameters
        ----------
        problem, action : int
            Positions in the table.

        Returns
        -------
        float
        """
        return float(np.median(self.tries[problem, action][0]))

    def draw(
        self, problem: int, action: int, rng: np.random.Generator, *, step: int = 0
    ) -> tuple[float, int]:
        """Show one try: its latency in seconds, and its failures; any step is alike.

        Parameters
        ----------
        problem, action : int
            Positions in the table.
        rng : numpy.random.Generator
        step : int
            Not used: a measured machine does not drift.

        Returns
        -------
        latency_s : float
        failures : int
        """
        del step
        latencies, failures = self.tries[problem, action]
        drawn = int(rng.integers(len(latencies)))
        return float(latencies[drawn]), int(failures[drawn])


def read_measured(records: Path, what: str) -> "pd.DataFrame":
    """Read the rows of measured records whose cost is known; as of `MeasuredReplay.read`.

    Parameters
    ----------
    records : path
    what : str
        One of `REPLAYED`.

    Returns
    -------
    DataFrame
        One row for each batch or workflow.

    Raises
    ------
    UsageError
        `what` is not known.
    InputDataError
        The records are not there.
    """
    if what not in REPLAYED:
        raise UsageError.unknown("replay", what, list(REPLAYED))
    if not records.exists():
        raise InputDataError(
            "no such records", file=records, fix="run from the project's root"
        )
    build = batch_table if what == "batches" else workflow_table
    with TemporaryDirectory() as folder, RecordStore(Path(folder)) as store:
        run_import(open_source("spool"), [records], store)
        store.compact()
        frame = build(store.dataset)
    return teaching_rows(frame, decision=REPLAYED[what])


def _rule(decision: str) -> Policy:
    if decision == "batch_size":
        return BatchSizeRulePolicy(BatchSizeRule(), constant=NO_RULE_SIZE)
    return AgentCountRulePolicy(AgentCountRule())


def _tries(table: DecisionTable, rows: "pd.DataFrame") -> Tries:
    places = {name: place for place, name in enumerate(table.names)}
    tries: Tries = {}
    for name, part in rows[rows["context_id"].isin(places)].groupby("context_id"):
        problem = places[str(name)]
        for action, size in enumerate(table.problems[problem].actions[:, 0]):
            same = part[part[ACTIONS[table.name]].eq(size)]
            tries[problem, action] = _observed(same, table.name)
    return tries


def _observed(same: Any, decision: str) -> tuple[Floats, NDArray[np.int64]]:
    """Tell latency and failures of each row: n T / W for n at work on W units in T."""
    if decision == "batch_size":
        # All operations of a batch are under way for the whole of its cycle.
        latency, failed = same["cycle_s"], same["failed"]
    else:
        latency = same["makespan_s"] * same["agents"] / same["components"]
        failed = same["outcome"].ne("succeeded")
    return (
        np.asarray(latency, dtype=np.float64),
        np.asarray(failed.fillna(0), dtype=np.int64),
    )
