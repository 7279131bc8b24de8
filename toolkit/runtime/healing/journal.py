"""What an engine means to do, written before it does it, and what took effect.

An SQLite file in WAL mode, shared by every healer of a swarm. `kill -9` at any moment
leaves it whole: an intent without an effect is looked up at the effector, and only what
never took effect is done. A lease for each cause keeps two healers from healing the
same; sessions of a healer whose leases ran out are taken over by another.
"""

import sqlite3
from pathlib import Path

from toolkit.runtime.healing.effectors import Effect, EffectOutcome
from toolkit.runtime.healing.session import HealingSession, Phase

__all__ = ["Journal"]

BUSY_S = 5.0
KEPT_SESSIONS = 1000
"""Closed sessions kept; older ones live on as records."""


class Journal:
    """One healer's connection to the journal.

    Parameters
    ----------
    path : path
        The database; made when missing.
    owner : str
        This healer's name: the same name after a restart is the same healer.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "healing.sqlite"
    >>> one, other = Journal(path, owner="one"), Journal(path, owner="other")
    >>> one.lease("agent:a1", now_s=0.0, until_s=90.0)
    True
    >>> other.lease("agent:a1", now_s=10.0, until_s=100.0)
    False
    >>> other.lease("agent:a1", now_s=91.0, until_s=181.0)
    True
    """

    def __init__(self, path: Path, *, owner: str) -> None:
        self.owner = owner
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA synchronous=NORMAL")
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def lease(self, cause: str, *, now_s: float, until_s: float) -> bool:
        """Take or renew the lease of a cause; false while another healer holds it."""
        return (
            self._connection.execute(
                "INSERT INTO leases VALUES (?1,?2,?3) ON CONFLICT(cause) DO UPDATE "
                "SET owner=?2, until_s=?3 WHERE owner=?2 OR until_s<?4",
                (cause, self.owner, until_s, now_s),
            ).rowcount
            > 0
        )

    def release(self, cause: str) -> None:
        """Give a lease back."""
        self._connection.execute(
            "DELETE FROM leases WHERE cause=? AND owner=?", (cause, self.owner)
        )

    def save(self, session: HealingSession) -> None:
        """Write a session's state."""
        self._connection.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?,?,?,?,?)",
            (
                session.session_id,
                session.cause,
                session.phase.value,
                session.opened_s,
                session.to_json(),
            ),
        )

    def open_sessions(self) -> list[HealingSession]:
        """Read every session that is not closed, whoever leads it."""
        return [
            HealingSession.from_json(body)
            for (body,) in self._connection.execute(
                "SELECT body FROM sessions WHERE phase IN (?,?) ORDER BY opened_s",
                (Phase.ACTING.value, Phase.VERIFYING.value),
            )
        ]

    def last_session(self, cause: str) -> HealingSession | None:
        """Read the last session of a cause."""
        row = self._connection.execute(
            "SELECT body FROM sessions WHERE cause=? ORDER BY opened_s DESC LIMIT 1",
            (cause,),
        ).fetchone()
        return None if row is None else HealingSession.from_json(row[0])

    def sessions(self) -> list[HealingSession]:
        """Read all sessions that are kept, in the order they were opened."""
        return [
            HealingSession.from_json(body)
            for (body,) in self._connection.execute(
                "SELECT body FROM sessions ORDER BY opened_s, id"
            )
        ]

    def hand_over(self, cause: str, issue: str) -> None:
        """Note that a person has a cause: no healer begins anew before it was well."""
        self._connection.execute(
            "INSERT OR REPLACE INTO handed_over VALUES (?,?)", (cause, issue)
        )

    def handed_over(self, issue: str | None = None) -> set[str]:
        """Name the causes that a person has, of one issue or of all."""
        rows = self._connection.execute(
            "SELECT cause FROM handed_over WHERE ?1 IS NULL OR issue=?1", (issue,)
        )
        return {cause for (cause,) in rows}

    def got_well(self, cause: str) -> None:
        """Note that a cause was seen to be well again."""
        self._connection.execute("DELETE FROM handed_over WHERE cause=?", (cause,))

    def intend(self, key: str, *, now_s: float) -> bool:
        """Write an intent down; false if it was intended before, perhaps by the dead."""
        return (
            self._connection.execute(
                "INSERT OR IGNORE INTO attempts(key, intent_s) VALUES (?,?)",
                (key, now_s),
            ).rowcount
            > 0
        )

    def took_effect(self, key: str, effect: Effect, *, now_s: float) -> None:
        """Write down how an intended action ended."""
        self._connection.execute(
            "UPDATE attempts SET effect_s=?, outcome=?, detail=?, affected=? WHERE key=?",
            (now_s, effect.outcome.value, effect.detail, effect.affected, key),
        )

    def effect_of(self, key: str) -> Effect | None:
        """Read how an action ended, where that was written down."""
        row = self._connection.execute(
            "SELECT outcome, detail, affected FROM attempts "
            "WHERE key=? AND outcome IS NOT NULL",
            (key,),
        ).fetchone()
        if row is None:
            return None
        return Effect(outcome=EffectOutcome(row[0]), detail=row[1], affected=row[2])

    def prune(self) -> None:
        """Forget the oldest closed sessions and their attempts."""
        self._connection.execute(
            "DELETE FROM sessions WHERE phase NOT IN (?,?) AND id NOT IN "
            "(SELECT id FROM sessions ORDER BY opened_s DESC LIMIT ?)",
            (Phase.ACTING.value, Phase.VERIFYING.value, KEPT_SESSIONS),
        )
        self._connection.execute(
            "DELETE FROM attempts WHERE substr(key, 1, instr(key, ':')-1) "
            "NOT IN (SELECT id FROM sessions)"
        )


SCHEMA = """
PRAGMA journal_mode=WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, cause TEXT, phase TEXT, opened_s REAL, body TEXT
);
CREATE INDEX IF NOT EXISTS by_cause ON sessions(cause, opened_s);
CREATE INDEX IF NOT EXISTS by_phase ON sessions(phase);
CREATE TABLE IF NOT EXISTS attempts (
  key TEXT PRIMARY KEY, intent_s REAL, effect_s REAL, outcome TEXT, detail TEXT,
  affected INTEGER
);
CREATE TABLE IF NOT EXISTS handed_over (cause TEXT PRIMARY KEY, issue TEXT);
CREATE TABLE IF NOT EXISTS leases (cause TEXT PRIMARY KEY, owner TEXT, until_s REAL);
PRAGMA user_version=1;
COMMIT;
"""
