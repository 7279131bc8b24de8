"""The pool's durable queue: tasks, agents, messages, activity and what actions did.

One SQLite file in WAL mode that every process of the pool opens for itself. A task is
handed out under a *fencing token*: each change of owner raises the token, and a result
is accepted only with the token that is current, once. So an agent that was stopped,
given up and woken again may finish what it had in hand as often as it likes: the task
is done once. `synchronous=NORMAL` survives the death of any process (not a power cut).
"""

import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ledger", "Task"]

BUSY_S = 2.0
"""How long a process waits for another's transaction; these take well under 1 ms."""

KEPT_ACTIVITY = 5000
"""Rows of activity kept; older ones are pruned now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work.

    Attributes
    ----------
    task_id : str
    operation_type : str
        What kind of work: its silences are learned under this name.
    duration_s : float
        How long an unhindered agent works on it.
    silent : bool
        Whether the work is silent from its start to its end, as a build is.
    memory_key : str or None
        Entry of the shared memory that its result is written to.
    review : bool
        Whether its result is handed to another agent for review, by message.
    optional : bool
        Whether it may be dropped when the workflow is simplified.
    locks : tuple of str
        Locks that it takes one after the other while it runs, and holds to its end.
    token : int
        Fencing token under which it was handed out; 0 before.
    """

    task_id: str
    operation_type: str
    duration_s: float
    silent: bool = False
    memory_key: str | None = None
    review: bool = False
    optional: bool = False
    locks: tuple[str, ...] = ()
    token: int = 0


class Ledger:
    """One process's connection to the pool's database.

    Parameters
    ----------
    path : path
        The database; made when missing.

    Examples
    --------
    >>> import tempfile
    >>> ledger = Ledger(Path(tempfile.mkdtemp()) / "pool.sqlite")
    >>> ledger.submit(
    ...     [Task(task_id="t1", operation_type="edit", duration_s=30.0)],
    ...     now_s=0.0,
    ...     planned_s=[30.0],
    ... )
    >>> ledger.enlist("a1", slot="a1", key="first", now_s=0.0)
    True
    >>> ledger.register("a1", pid=1, now_s=0.0)
    True
    >>> task = ledger.claim("a1", now_s=1.0)
    >>> task.token
    1
    >>> ledger.requeue("a1", now_s=2.0)
    ['t1']
    >>> ledger.complete(task, "a1", now_s=3.0)
    False
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous=NORMAL")
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            self._connection.executescript(SCHEMA)
        # Python 3.13 warns of connections that nothing closes.
        weakref.finalize(self, self._connection.close).atexit = False

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write under one transaction: all of it or nothing."""
        with self._connection:  # commits, or takes back whatever interrupted it
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Read rows."""
        with closing(self._connection.cursor()) as cursor:
            cursor.row_factory = sqlite3.Row
            return cursor.execute(sql, values).fetchall()

    def submit(
        self, tasks: Sequence[Task], *, now_s: float, planned_s: Sequence[float]
    ) -> None:
        """Put tasks in the queue, each with the time the plan has it done by."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO tasks VALUES "
                "(?,?,?,?,?,?,?,'queued',NULL,0,?,?,?,0)",
                [
                    (
                        task.task_id,
                        task.operation_type,
                        task.duration_s,
                        task.silent,
                        task.memory_key,
                        task.review,
                        task.optional,
                        now_s,
                        planned,
                        ",".join(task.locks),
                    )
                    for task, planned in zip(tasks, planned_s, strict=True)
                ],
            )

    def enlist(self, agent_id: str, *, slot: str, key: str, now_s: float) -> bool:
        """Make room for an agent; false if it was made before under the same id."""
        with self.transaction() as connection:
            return _changed(
                connection.execute(
                    "INSERT OR IGNORE INTO agents(id, slot, action, state, spawned_s) "
                    "VALUES (?,?,?,'starting',?)",
                    (agent_id, slot, key, now_s),
                )
            )

    def register(
        self, agent_id: str, *, pid: int, now_s: float, base_bytes: int = 0
    ) -> bool:
        """Take one's place; false if another process has it or it is retired."""
        with self.transaction() as connection:
            return _changed(
                connection.execute(
                    "UPDATE agents SET pid=?, state='live', spawned_s=?, base_bytes=? "
                    "WHERE id=? AND pid IS NULL AND state='starting'",
                    (pid, now_s, base_bytes, agent_id),
                )
            )

    def is_live(self, agent_id: str) -> bool:
        """Tell whether an agent still has its place."""
        return bool(
            self.rows("SELECT 1 FROM agents WHERE id=? AND state='live'", (agent_id,))
        )

    def retire(self, slot: str, *, keep: str = "") -> list[str]:
        """Take every agent of a slot off the books but one; returns their ids."""
        with self.transaction() as connection:
            rows = connection.execute(
                "UPDATE agents SET state='retired' "
                "WHERE slot=? AND id<>? AND state<>'retired' RETURNING id",
                (slot, keep),
            ).fetchall()
        return [row[0] for row in rows]

    def claim(self, agent_id: str, *, now_s: float) -> Task | None:
        """Hand the oldest queued task to an agent under a new token."""
        with self.transaction() as connection:
            row = connection.execute(
                "UPDATE tasks SET status='running', owner=?1, token=token+1, since_s=?2 "  # noqa: S608 - a constant of this file
                "WHERE id=(SELECT id FROM tasks WHERE status='queued' AND not_before_s<=?2 "
                "ORDER BY rowid LIMIT 1) "
                "AND EXISTS(SELECT 1 FROM agents WHERE id=?1 AND state='live') "
                f"RETURNING {TASK_COLUMNS}",
                (agent_id, now_s),
            ).fetchone()
        return None if row is None else _task(row)

    def begin(self, task_id: str, agent_id: str, *, now_s: float) -> Task | None:
        """Start a task that a message assigned.

        An agent believes its messages: one that arrived twice, or at the wrong agent,
        starts work that `complete` will refuse.
        """
        with self.transaction() as connection:
            connection.execute(
                "UPDATE tasks SET status='running', since_s=? "
                "WHERE id=? AND owner=? AND status='assigned'",
                (now_s, task_id, agent_id),
            )
            row = connection.execute(
                f"SELECT {TASK_COLUMNS} FROM tasks WHERE id=? AND status<>'done'",  # noqa: S608 - a constant of this file
                (task_id,),
            ).fetchone()
        return None if row is None else _task(row)

    def complete(self, task: Task, agent_id: str, *, now_s: float) -> bool:
        """Accept a result once, from the owner, under the current token.

        Returns
        -------
        bool
            False where the task has another owner or token by now, or is done.
        """
        with self.transaction() as connection:
            accepted = _changed(
                connection.execute(
                    "UPDATE tasks SET status='done', since_s=? "
                    "WHERE id=? AND owner=? AND token=? AND status='running'",
                    (now_s, task.task_id, agent_id, task.token),
                )
            )
            connection.execute(
                "INSERT INTO results VALUES (?,?,?,?,?)",
                (task.task_id, agent_id, task.token, accepted, now_s),
            )
            if accepted and task.review:
                _hand_over(connection, task, agent_id, now_s)
        return accepted

    def give_back(self, task: Task, agent_id: str, *, now_s: float) -> bool:
        """Return an own task to the queue without a result."""
        with self.transaction() as connection:
            return _changed(
                connection.execute(
                    "UPDATE tasks SET status='queued', owner=NULL, token=token+1, "
                    "since_s=? WHERE id=? AND owner=? AND token=? "
                    "AND status='running'",
                    (now_s, task.task_id, agent_id, task.token),
                )
            )

    def set_aside(self, task_id: str, *, now_s: float) -> bool:
        """Keep a task from every agent; an agent that has it in hand drops it."""
        with self.transaction() as connection:
            changed = _changed(
                connection.execute(
                    "UPDATE tasks SET status='set_aside', owner=NULL, token=token+1, "
                    "since_s=? WHERE id=? AND status<>'done'",
                    (now_s, task_id),
                )
            )
            _send_drops(connection, task_id, now_s)
        return changed

    def reopen(self, task_ids: Sequence[str], *, now_s: float) -> int:
        """Queue tasks again whose reported results cannot be found."""
        with self.transaction() as connection:
            for task_id in task_ids:
                connection.execute(
                    "UPDATE results SET accepted=0 WHERE task=?", (task_id,)
                )
                connection.execute(
                    "UPDATE tasks SET status='queued', owner=NULL, token=token+1, "
                    "since_s=? WHERE id=? AND status='done'",
                    (now_s, task_id),
                )
        return len(task_ids)

    def requeue(self, agent_id: str, *, now_s: float) -> list[str]:
        """Take every task from an agent and put it back in the queue, token raised."""
        with self.transaction() as connection:
            return requeue_tasks(connection, agent_id, now_s)

    def send(self, agent_id: str, kind: str, body: str, *, now_s: float) -> None:
        """Send a message."""
        with self.transaction() as connection:
            send_message(connection, agent_id, kind, body, now_s)

    def receive(self, agent_id: str, *, now_s: float) -> list[tuple[str, str]]:
        """Read an agent's unread messages, oldest first, as (kind, body)."""
        if not self.rows(
            "SELECT 1 FROM messages WHERE agent=? AND read_s IS NULL LIMIT 1",
            (agent_id,),
        ):
            return []
        with self.transaction() as connection:
            rows = connection.execute(
                "UPDATE messages SET read_s=? WHERE agent=? AND read_s IS NULL "
                "RETURNING id, kind, body",
                (now_s, agent_id),
            ).fetchall()
        return [(kind, body) for _, kind, body in sorted(rows)]

    def speak(
        self,
        agent_id: str,
        kind: str,
        *,
        now_s: float,
        task: Task | None = None,
        waiting_for: str | None = None,
        storage: bool = False,
    ) -> None:
        """Note an agent's own activity; only the agent itself calls this."""
        operation = None if task is None or kind in _ENDINGS else task
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO activity(agent, slot, at_s, kind, operation, gap_s, gap_of, "
                "task, storage) SELECT id, slot, ?1, ?2, ?3, "
                "CASE WHEN active_s IS NULL THEN ?1 - spawned_s "
                "WHEN operation IS NULL THEN NULL ELSE ?1 - active_s END, "
                "CASE WHEN active_s IS NULL THEN 'start' ELSE operation END, ?4, ?5 "
                "FROM agents WHERE id=?6",
                (
                    now_s,
                    kind,
                    None if task is None else task.operation_type,
                    None if task is None else task.task_id,
                    storage,
                    agent_id,
                ),
            )
            connection.execute(
                "UPDATE agents SET active_s=?1, waiting_s=CASE WHEN ?2 IS NULL THEN NULL "
                "WHEN waiting_for IS ?2 THEN waiting_s ELSE ?1 END, waiting_for=?2, "
                "operation_s=CASE WHEN ?3 IS NULL THEN NULL WHEN task IS ?4 "
                "THEN operation_s ELSE ?1 END, operation=?3, task=?4, expected_s=?5 "
                "WHERE id=?6",
                (
                    now_s,
                    waiting_for,
                    None if operation is None else operation.operation_type,
                    None if operation is None else operation.task_id,
                    None if operation is None else operation.duration_s,
                    agent_id,
                ),
            )

    def prune(self) -> None:
        """Forget old activity and read messages; the queue itself is kept."""
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM activity WHERE seq <= (SELECT max(seq) FROM activity) - ?",
                (KEPT_ACTIVITY,),
            )
            connection.execute("DELETE FROM messages WHERE read_s IS NOT NULL")

    def counts(self) -> dict[str, int]:
        """Count the tasks by status."""
        return {
            row["status"]: row["n"]
            for row in self.rows(
                "SELECT status, count(*) AS n FROM tasks GROUP BY status"
            )
        }


def requeue_tasks(
    connection: sqlite3.Connection, agent_id: str, now_s: float
) -> list[str]:
    """Requeue inside a transaction that does more."""
    rows = connection.execute(
        "UPDATE tasks SET status='queued', owner=NULL, token=token+1, since_s=?1, "
        "not_before_s=?1+?3 "
        "WHERE owner=?2 AND status IN ('running','assigned') RETURNING id",
        (now_s, agent_id, REQUEUE_DELAY_S),
    ).fetchall()
    for (task_id,) in rows:
        send_message(connection, agent_id, "drop", task_id, now_s)
    return [row[0] for row in rows]


def send_message(
    connection: sqlite3.Connection, agent_id: str, kind: str, body: str, now_s: float
) -> None:
    """Send inside a transaction that does more."""
    connection.execute(
        "INSERT INTO messages(agent, kind, body, sent_s) VALUES (?,?,?,?)",
        (agent_id, kind, body, now_s),
    )


def _send_drops(connection: sqlite3.Connection, task_id: str, now_s: float) -> None:
    for (agent,) in connection.execute(
        "SELECT id FROM agents WHERE state='live' AND task=?", (task_id,)
    ).fetchall():
        send_message(connection, agent, "drop", task_id, now_s)


def _hand_over(
    connection: sqlite3.Connection, task: Task, author: str, now_s: float
) -> None:
    """Assign the review of a result to the live agent that waits for one longest."""
    row = connection.execute(
        "SELECT id FROM agents WHERE state='live' AND id<>? "
        "ORDER BY operation IS NOT NULL, active_s, id LIMIT 1",
        (author,),
    ).fetchone()
    reviewer = author if row is None else row[0]
    review = f"{task.task_id}.review"
    connection.execute(
        "INSERT OR IGNORE INTO tasks VALUES "
        "(?,'review',?,0,NULL,0,0,'assigned',?,1,?,NULL,'',0)",
        (review, REVIEW_S, reviewer, now_s),
    )
    send_message(connection, reviewer, "assign", review, now_s)


def _changed(cursor: sqlite3.Cursor) -> bool:
    return cursor.rowcount > 0


def _task(row: Sequence[object]) -> Task:
    name, operation, duration, silent, key, review, optional, token, locks = row
    return Task(
        task_id=str(name),
        operation_type=str(operation),
        duration_s=float(str(duration)),
        silent=bool(silent),
        memory_key=None if key is None else str(key),
        review=bool(review),
        optional=bool(optional),
        locks=tuple(str(locks).split(",")) if locks else (),
        token=int(str(token)),
    )


REVIEW_S = 30.0
"""How long a review takes."""

REQUEUE_DELAY_S = 20.0
"""A task taken from an agent waits this long: agents that it held up come first."""

_ENDINGS = ("finish", "refused", "drop", "return")

TASK_COLUMNS = (
    "id, operation, duration_s, silent, memory_key, review, optional, token, locks"
)

SCHEMA = """
PRAGMA journal_mode=WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS tasks (
  id TEXT PRIMARY KEY, operation TEXT, duration_s REAL, silent INTEGER,
  memory_key TEXT, review INTEGER, optional INTEGER, status TEXT, owner TEXT,
  token INTEGER, since_s REAL, planned_s REAL, locks TEXT, not_before_s REAL
);
CREATE INDEX IF NOT EXISTS by_status ON tasks(status);
CREATE TABLE IF NOT EXISTS results (
  task TEXT, agent TEXT, token INTEGER, accepted INTEGER, at_s REAL
);
CREATE TABLE IF NOT EXISTS agents (
  id TEXT PRIMARY KEY, slot TEXT, action TEXT, state TEXT, pid INTEGER,
  spawned_s REAL, active_s REAL, operation TEXT, operation_s REAL, expected_s REAL,
  task TEXT, waiting_for TEXT, waiting_s REAL, base_bytes INTEGER, heartbeat_s REAL
);
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT, kind TEXT, body TEXT,
  sent_s REAL, read_s REAL
);
CREATE INDEX IF NOT EXISTS unread ON messages(agent) WHERE read_s IS NULL;
CREATE TABLE IF NOT EXISTS activity (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT, slot TEXT, at_s REAL,
  kind TEXT, operation TEXT, gap_s REAL, gap_of TEXT, task TEXT, storage INTEGER
);
CREATE INDEX IF NOT EXISTS by_time ON activity(at_s);
CREATE TABLE IF NOT EXISTS actions (
  key TEXT PRIMARY KEY, verb TEXT, cause TEXT, outcome TEXT, detail TEXT,
  affected INTEGER, at_s REAL
);
PRAGMA user_version=1;
COMMIT;
"""
