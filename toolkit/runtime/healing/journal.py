"""What an engine means to do, written before it does it, and what took effect.

An SQLite file in WAL mode, shared by every healer of a swarm. `kill -9` at any moment
leaves it whole: an intent without an effect is looked up at the effector, and only what
never took effect is done. A lease for each cause keeps two healers from healing the
same; sessions of a healer whose leases ran out are taken over by another.
"""

import sqlite3
import weakref
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
    >>> one.close(), other.close()
    (None, None)
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
        # Python 3.13 warns of connections that nothing closes.
        weakref.finalize(self, self._connection.close).atexit = False

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def lease(self, cause: str, *, now_s: float, until_s: float) -> bool:
        """Take or renew the lease of a cause; false while another healer holds it.

        Parameters
        ----------
        cause : str
        now_s, until_s : float
            Seconds on the clock that all healers share.

        Returns
        -------
        bool
        """
        return (
            self._connection.execute(
                "INSERT INTO leases VALUES (?1,?2,?3) ON CONFLICT(cause) DO UPDATE "
                "SET owner=?2, until_s=?3 WHERE owner=?2 OR until_s<?4",
                (cause, self.owner, until_s, now_s),
            ).rowcount
            > 0
        )

    def release(self, cause: str) -> None:
        """Give a lease back.

        Parameters
        ----------
        cause : str
            Another healer's lease of it is left.
        """
        self._connection.execute(
            "DELETE FROM leases WHERE cause=? AND owner=?", (cause, self.owner)
        )

    def save(self, session: HealingSession) -> None:
        """Write a session's state.

        Parameters
        ----------
        session : HealingSession
            Replaces the state written before.
        """
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
        """Read every session that is not closed, whichever healer leads it.

        Returns
        -------
        list of HealingSession
            In the order they were opened.
        """
        return [
            HealingSession.from_json(body)
            for (body,) in self._connection.execute(
                "SELECT body FROM sessions WHERE phase IN (?,?) ORDER BY opened_s",
                (Phase.ACTING.value, Phase.VERIFYING.value),
            )
        ]

    def last_session(self, cause: str) -> HealingSession | None:
        """Read the last session of a cause.

        Parameters
        ----------
        cause : str

        Returns
        -------
        HealingSession or None
        """
        row = self._connection.execute(
            "SELECT body FROM sessions WHERE cause=? ORDER BY opened_s DESC LIMIT 1",
            (cause,),
        ).fetchone()
        return None if row is None else HealingSession.from_json(row[0])

    def sessions(self) -> list[HealingSession]:
        """Read all sessions that are kept, in the order they were opened.

        Returns
        -------
        list of HealingSession
        """
        return [
            HealingSession.from_json(body)
            for (body,) in self._connection.execute(
                "SELECT body FROM sessions ORDER BY opened_s, id"
            )
        ]

    def sessions_of(self, cause: str, *, since_s: float) -> list[HealingSession]:
        """Read the closed sessions of a cause that were opened since a moment.

        Parameters
        ----------
        cause : str
        since_s : float
            Seconds on the healers' clock, included.

        Returns
        -------
        list of HealingSession
            In the order they were opened.
        """
        return [
            HealingSession.from_json(body)
            for (body,) in self._connection.execute(
                "SELECT body FROM sessions WHERE cause=? AND opened_s>=? "
                "AND phase NOT IN (?,?) ORDER BY opened_s",
                (cause, since_s, Phase.ACTING.value, Phase.VERIFYING.value),
            )
        ]

    def hand_over(self, cause: str, issue: str) -> None:
        """Mark a cause as a person's; no healer treats it before it was well.

        Parameters
        ----------
        cause : str
        issue : str
            Kind of issue, for `handed_over`.
        """
        self._connection.execute(
            "INSERT OR REPLACE INTO handed_over(cause, issue) VALUES (?,?)",
            (cause, issue),
        )

    def handed_over(self, issue: str | None = None) -> set[str]:
        """Name the causes that a person has, of one issue or of all.

        Parameters
        ----------
        issue : str, optional
            All unless given.

        Returns
        -------
        set of str
        """
        rows = self._connection.execute(
            "SELECT cause FROM handed_over WHERE well_s IS NULL "
            "AND (?1 IS NULL OR issue=?1)",
            (issue,),
        )
        return {cause for (cause,) in rows}

    def is_handed_over(self, cause: str, *, now_s: float, again_after_s: float) -> bool:
        """Whether a person has a cause, or had it until a short while ago.

        Parameters
        ----------
        cause : str
        now_s : float
            Seconds on the healers' clock.
        again_after_s : float
            Seconds a cause must have been well before it is a healer's again.

        Returns
        -------
        bool
        """
        row = self._connection.execute(
            "SELECT well_s FROM handed_over WHERE cause=?", (cause,)
        ).fetchone()
        if row is None:
            return False
        return row[0] is None or now_s - float(row[0]) < again_after_s

    def got_well(self, cause: str, *, now_s: float) -> None:
        """Mark a cause that a person has as well.

        Parameters
        ----------
        cause : str
        now_s : float
            Seconds on the healers' clock.
        """
        self._connection.execute(
            "UPDATE handed_over SET well_s=? WHERE cause=?", (now_s, cause)
        )

    def note_victim(self, task: str, slot: str, *, now_s: float) -> None:
        """Record that the agent of a slot ended or hung with a task in hand.

        Parameters
        ----------
        task : str
        slot : str
            Noted once for each task.
        now_s : float
            Seconds on the healers' clock.
        """
        self._connection.execute(
            "INSERT OR IGNORE INTO victims VALUES (?,?,?)", (task, slot, now_s)
        )

    def victims(self, task: str) -> list[str]:
        """Name the slots whose agents ended or hung with a task in hand.

        Parameters
        ----------
        task : str

        Returns
        -------
        list of str
            In the order they were noted.
        """
        rows = self._connection.execute(
            "SELECT slot FROM victims WHERE task=? ORDER BY at_s", (task,)
        )
        return [slot for (slot,) in rows]

    def note_restarts(self, now_s: float, *, total: int, healthy: int) -> None:
        """Record restarts that were carried out.

        Parameters
        ----------
        now_s : float
            Seconds on the healers' clock.
        total : int
            Agents restarted.
        healthy : int
            Of them, those with nothing wrong.
        """
        self._connection.execute(
            "INSERT INTO restarts VALUES (?,?,?)", (now_s, total, healthy)
        )

    def restarts(self) -> list[tuple[float, int, int]]:
        """Read the restarts as (seconds, all, healthy).

        Returns
        -------
        list of (float, int, int)
        """
        rows = self._connection.execute("SELECT at_s, total, healthy FROM restarts")
        return [(float(at_s), int(total), int(ok)) for at_s, total, ok in rows]

    def stood_down(self) -> list[str]:
        """Name the actions that took an agent out of the swarm.

        Returns
        -------
        list of str
            Keys.
        """
        rows = self._connection.execute(
            "SELECT key FROM attempts WHERE key LIKE '%:stand_down' AND outcome='acted'"
        )
        return [key for (key,) in rows]

    def intend(self, key: str, *, now_s: float) -> bool:
        """Write an intent down; false if it was intended before, perhaps by the dead.

        Parameters
        ----------
        key : str
            Of the action.
        now_s : float
            Seconds on the healers' clock.

        Returns
        -------
        bool
        """
        return (
            self._connection.execute(
                "INSERT OR IGNORE INTO attempts(key, intent_s) VALUES (?,?)",
                (key, now_s),
            ).rowcount
            > 0
        )

    def took_effect(self, key: str, effect: Effect, *, now_s: float) -> None:
        """Write down how an intended action ended.

        Parameters
        ----------
        key : str
            As it was intended.
        effect : Effect
        now_s : float
            Seconds on the healers' clock.
        """
        self._connection.execute(
            "UPDATE attempts SET effect_s=?, outcome=?, detail=?, affected=? WHERE key=?",
            (now_s, effect.outcome.value, effect.detail, effect.affected, key),
        )

    def effect_of(self, key: str) -> Effect | None:
        """Read how an action ended, where that was written down.

        Parameters
        ----------
        key : str

        Returns
        -------
        Effect or None
        """
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
CREATE TABLE IF NOT EXISTS handed_over (
  cause TEXT PRIMARY KEY, issue TEXT, well_s REAL
);
CREATE TABLE IF NOT EXISTS victims (
  task TEXT, slot TEXT, at_s REAL, PRIMARY KEY (task, slot)
);
CREATE TABLE IF NOT EXISTS restarts (at_s REAL, total INTEGER, healthy INTEGER);
CREATE TABLE IF NOT EXISTS leases (cause TEXT PRIMARY KEY, owner TEXT, until_s REAL);
PRAGMA user_version=1;
COMMIT;
"""
