"""Snapshots of a pool: its agents' activity, its ledger, its processes."""

import sqlite3

import psutil

from toolkit.runtime.healing import (
    Activity,
    ActivityKind,
    AgentState,
    EntryState,
    MissingResult,
    SwarmSnapshot,
    TaskState,
    TaskStatus,
)
from toolkit.testing.pool.local_pool import LocalAgentPool

__all__ = ["PoolView"]

RUNNER_FRESH_S = 60.0
"""An agent without activity for this long is not counted as at work on a task."""


class PoolView:
    """Takes snapshots of a pool.

    Parameters
    ----------
    pool : LocalAgentPool
    """

    def __init__(self, pool: LocalAgentPool) -> None:
        self.pool = pool

    def snapshot(self, since_s: float) -> SwarmSnapshot:
        """Look, with the activity after `since_s`."""
        now_s = self.pool.clock.monotonic_s()
        counts = self.pool.ledger.counts()
        planned = self.pool.ledger.rows(
            "SELECT count(*) AS n FROM tasks WHERE planned_s<=?", (now_s,)
        )[0]["n"]
        return SwarmSnapshot(
            at_s=now_s,
            agents=self._agents(),
            activity=self._activity(since_s),
            tasks=self._tasks(now_s),
            entries=self._entries(),
            completed=counts.get("done", 0),
            planned=planned,
            missing=tuple(
                MissingResult(task_id=task, slot=slot, at_s=at_s)
                for task, slot, at_s in self.pool.missing_results()
            ),
        )

    def _agents(self) -> tuple[AgentState, ...]:
        processes = self.pool.processes()
        rows = self.pool.ledger.rows(
            "SELECT a.*, (SELECT count(*) FROM tasks t WHERE t.owner=a.id "
            "AND t.status<>'done') AS owned FROM agents a "
            "WHERE state<>'retired' ORDER BY id"
        )
        return tuple(
            AgentState(
                agent_id=row["id"],
                slot=row["slot"],
                alive=row["id"] in processes,
                since_s=row["spawned_s"],
                active_s=row["active_s"],
                operation_type=row["operation"],
                operation_s=row["operation_s"],
                expected_s=row["expected_s"],
                task_id=row["task"],
                owned=row["owned"],
                waiting_for=row["waiting_for"],
                waiting_s=row["waiting_s"],
                memory_share=self._memory_share(
                    processes.get(row["id"]), row["base_bytes"]
                ),
            )
            for row in rows
        )

    def _memory_share(self, pid: int | None, base_bytes: int | None) -> float | None:
        limit = self.pool.settings.memory_limit_bytes
        if pid is None or base_bytes is None or not limit:
            return None
        try:
            resident = psutil.Process(pid).memory_info().rss
        except psutil.NoSuchProcess:
            return None
        return max(0.0, (resident - base_bytes) / limit)

    def _activity(self, since_s: float) -> tuple[Activity, ...]:
        rows = self.pool.ledger.rows(
            "SELECT * FROM activity WHERE at_s>? ORDER BY seq", (since_s,)
        )
        return tuple(_activity(row) for row in rows)

    def _tasks(self, now_s: float) -> tuple[TaskState, ...]:
        runners: dict[str, list[str]] = {}
        processes = self.pool.processes()
        for row in self.pool.ledger.rows(
            "SELECT id, task, slot FROM agents WHERE state='live' AND task IS NOT NULL "
            "AND active_s>?",
            (now_s - RUNNER_FRESH_S,),
        ):
            if row["id"] in processes:  # the dead work on nothing
                runners.setdefault(row["task"], []).append(row["slot"])
        rows = self.pool.ledger.rows(
            "SELECT t.id, t.status, a.slot AS owner, t.since_s, t.planned_s FROM tasks t "
            "LEFT JOIN agents a ON a.id=t.owner WHERE t.status<>'done'"
        )
        return tuple(
            TaskState(
                task_id=row["id"],
                status=TaskStatus(row["status"]),
                owner=row["owner"],
                since_s=row["since_s"],
                by_message=row["planned_s"] is None,
                runners=tuple(sorted(runners.get(row["id"], ()))),
            )
            for row in rows
        )

    def _entries(self) -> tuple[EntryState, ...]:
        return tuple(
            EntryState(key=entry.key, consistent=entry.consistent, writer=entry.writer)
            for entry in self.pool.memory.entries()
        )


def _activity(row: sqlite3.Row) -> Activity:
    return Activity(
        slot=row["slot"],
        agent_id=row["agent"],
        at_s=row["at_s"],
        kind=ActivityKind(row["kind"]),
        operation_type=row["operation"],
        gap_s=row["gap_s"],
        gap_of=row["gap_of"],
        task_id=row["task"],
        storage=bool(row["storage"]),
    )
