"""Signals of OpenTelemetry in a small database: in any order, in bounded memory.

Instrumentations rarely repeat on each span whose it is. The agent and the session of a
call are those that the span itself names, else those of the nearest span above it that
names some, else the session that its trace names anywhere.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.history.importers.otlp.signals import (
    CallSignal,
    LinkSignal,
    Signal,
    TurnSignal,
    WaitSignal,
)

__all__ = ["PlacedCall", "SignalDatabase"]

FLUSH_ROWS = 2000
MAX_LEVELS = 100
"""Spans between an agent's and a call's that are looked through."""


class PlacedCall(NamedTuple):
    """A call with what other signals say about it.

    Attributes
    ----------
    call : CallSignal
        With its session and agent filled in.
    lane : str
        Span of the agent's run, or the empty string.
    waited_ns : int
        How long a person was waited for inside it.
    turns : int
        Requests to the model that this run of the agent had made before it.
    """

    call: CallSignal
    lane: str
    waited_ns: int
    turns: int


class SignalDatabase:
    """Keeps signals until their calls are asked for.

    Parameters
    ----------
    path : path, optional
        Where to keep them; by default in a private temporary file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._database = sqlite3.connect("" if path is None else path, timeout=30)
        try:
            if path is None:
                self._database.execute("PRAGMA journal_mode=OFF")
            self._database.executescript(_SCHEMA)
        except BaseException:
            self._database.close()
            raise
        self._held: dict[type, list[tuple[Any, ...]]] = {kind: [] for kind in _COLUMNS}

    def add(self, signal: Signal, arrived_s: float = 0.0) -> None:
        """Keep a signal; one that is there already is kept once, as arrived now.

        A receiver that died before it made records of a signal adds it again: its
        session must count as changed, or its records would never be made.

        Parameters
        ----------
        signal : Signal
        arrived_s : float
            When it came, in seconds since 1970.
        """
        held = self._held[type(signal)]
        held.append((*signal, arrived_s))
        if len(held) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held back."""
        with self._database:
            for kind, rows in self._held.items():
                marks = ",".join("?" * len(_COLUMNS[kind]))
                self._database.executemany(
                    f"INSERT INTO {kind.__name__} VALUES ({marks}) ON CONFLICT "  # noqa: S608 - names of our own classes
                    "DO UPDATE SET arrived_s = excluded.arrived_s",
                    rows,
                )
                rows.clear()

    def calls(self, since_s: float | None = None) -> Iterator[PlacedCall]:
        """List the calls by session, agent and run, each in the order of time.

        A call that several signals report (a span and an event) is listed once, as the
        span says, and has failed where any of them says so.

        Parameters
        ----------
        since_s : float, optional
            Only of sessions for which a signal came at this time or later.
        """
        self.flush()
        self._place()
        only = "" if since_s is None else _CHANGED
        turns, lane = 0, None
        for row in self._database.execute(
            f"{_TIMELINE}{only}{_TIMELINE_ORDER}",
            {} if since_s is None else {"since": since_s},
        ):
            session, agent, run, is_call, waited_ns, failed, *values = row
            if (session, agent, run) != lane:
                lane, turns = (session, agent, run), 0
            if not is_call:
                turns += 1
                continue
            call = CallSignal(*values)._replace(scope=session, agent=agent)
            if failed:
                call = call._replace(outcome="failed")
            yield PlacedCall(call, run, waited_ns, turns)

    def forget(self, idle_before_s: float, most_signals: int) -> int:
        """Let go of sessions that are over, and of the longest idle where they are many.

        Parameters
        ----------
        idle_before_s : float
            Sessions for which nothing came since then are over.
        most_signals : int
            How many signals may stay.

        Returns
        -------
        int
            Signals that stay.
        """
        self.flush()
        self._place()
        kept = 0
        gone: list[str] = []
        for session, last_s, count in self._database.execute(_SESSIONS).fetchall():
            if last_s < idle_before_s or kept + count > most_signals:
                gone.append(session)
            else:
                kept += count
        with self._database:
            for statement in _FORGET:
                self._database.executemany(statement, [(session,) for session in gone])
        return kept

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _place(self) -> None:
        """Find the session, the agent and the run of every call and turn."""
        with self._database:
            for _ in range(MAX_LEVELS):
                if not self._database.execute(_INHERIT).rowcount:
                    break
            for statement in _PLACED:
                self._database.execute(statement)


_COLUMNS: dict[type, Sequence[str]] = {
    kind: (*kind._fields, "arrived_s")
    for kind in (CallSignal, TurnSignal, WaitSignal, LinkSignal)
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS CallSignal (scope, agent, parent, batch, call_id, tool,
  start_ns INTEGER, end_ns INTEGER, outcome, span, version, trace, arrived_s REAL,
  PRIMARY KEY (scope, trace, call_id, start_ns, end_ns, span));
CREATE TABLE IF NOT EXISTS TurnSignal (scope, agent, start_ns INTEGER, end_ns INTEGER,
  model, span, trace, arrived_s REAL,
  PRIMARY KEY (scope, trace, agent, start_ns, end_ns));
CREATE TABLE IF NOT EXISTS WaitSignal (trace, parent, duration_ns INTEGER,
  arrived_s REAL, PRIMARY KEY (trace, parent));
CREATE TABLE IF NOT EXISTS LinkSignal (trace, span, parent, scope, agent, lane,
  arrived_s REAL, PRIMARY KEY (trace, span));
"""

_INHERIT = """
UPDATE LinkSignal SET
  scope = CASE WHEN LinkSignal.scope = '' THEN up.scope ELSE LinkSignal.scope END,
  lane = CASE WHEN LinkSignal.agent IN ('', up.agent) AND LinkSignal.lane = ''
    THEN up.lane ELSE LinkSignal.lane END,
  agent = CASE WHEN LinkSignal.agent = '' THEN up.agent ELSE LinkSignal.agent END
FROM LinkSignal up
WHERE up.trace = LinkSignal.trace AND up.span = LinkSignal.parent AND (
  (LinkSignal.scope = '' AND up.scope <> '')
  OR (LinkSignal.agent = '' AND up.agent <> '')
  OR (LinkSignal.lane = '' AND up.lane <> '' AND LinkSignal.agent = up.agent))
"""
"""Pass the session, the agent and its run down by one level."""


def _placed(table: str) -> str:
    return f"""
CREATE TEMP TABLE Placed{table} AS SELECT
  coalesce(nullif(s.scope, ''), nullif(l.scope, ''), t.scope, nullif(s.trace, ''),
    'unknown') AS session,
  coalesce(nullif(s.agent, ''), nullif(l.agent, ''), 'main') AS who,
  coalesce(l.lane, '') AS run, s.*
FROM {table} s
LEFT JOIN LinkSignal l ON l.trace = s.trace AND l.span = s.span
LEFT JOIN (SELECT trace, min(scope) AS scope FROM LinkSignal WHERE scope <> ''
  GROUP BY trace) t ON t.trace = s.trace
"""  # noqa: S608 - names of our own tables


_PLACED = (
    "DROP TABLE IF EXISTS temp.PlacedCallSignal",
    "DROP TABLE IF EXISTS temp.PlacedTurnSignal",
    _placed("CallSignal"),
    _placed("TurnSignal"),
    "CREATE INDEX temp.same_call ON PlacedCallSignal (session, call_id, start_ns)",
)

_SAME = """
FROM PlacedCallSignal d WHERE d.session = c.session AND d.call_id = c.call_id
  AND d.start_ns <= c.end_ns AND d.end_ns >= c.start_ns
"""
"""Signals of one call: the same id, and times that overlap. An id that comes again
later is another call."""

_TIMELINE = f"""
SELECT session, who, run, 1, coalesce(w.duration_ns, 0),
  EXISTS (SELECT 1 {_SAME} AND d.outcome = 'failed'),
  c.scope, c.agent, c.parent, batch, call_id, tool, start_ns AS at_ns, end_ns, outcome,
  span, version, c.trace
FROM PlacedCallSignal c
LEFT JOIN WaitSignal w ON w.trace = c.trace AND w.parent = c.span AND c.span <> ''
WHERE NOT EXISTS (SELECT 1 {_SAME} AND (d.span = '', d.start_ns, d.end_ns, d.span)
  < (c.span = '', c.start_ns, c.end_ns, c.span))
UNION ALL
SELECT session, who, run, 0, 0, 0, scope, agent, '', '', '', '', end_ns, end_ns, '',
  span, '', trace
FROM PlacedTurnSignal
"""  # noqa: S608 - constants of this module
_TIMELINE_ORDER = " ORDER BY session, who, run, at_ns, 4, call_id"
_TIMELINE = f"SELECT * FROM ({_TIMELINE})"  # noqa: S608 - constants of this module
_CHANGED = """
WHERE session IN (
  SELECT session FROM PlacedCallSignal WHERE arrived_s >= :since
  UNION SELECT session FROM PlacedTurnSignal WHERE arrived_s >= :since
  UNION SELECT session FROM PlacedCallSignal WHERE trace IN (
    SELECT trace FROM LinkSignal WHERE arrived_s >= :since))
"""

_SESSIONS = """
SELECT session, max(arrived_s), count(*) FROM (
  SELECT session, arrived_s FROM PlacedCallSignal
  UNION ALL SELECT session, arrived_s FROM PlacedTurnSignal)
GROUP BY session ORDER BY 2 DESC, 1
"""

_FORGET = (
    """
DELETE FROM LinkSignal WHERE trace IN (
  SELECT trace FROM PlacedCallSignal WHERE session = ?)""",
    """
DELETE FROM CallSignal WHERE rowid IN (
  SELECT c.rowid FROM CallSignal c JOIN PlacedCallSignal p
  USING (scope, trace, call_id, start_ns, end_ns, span) WHERE p.session = ?)""",
    """
DELETE FROM TurnSignal WHERE rowid IN (
  SELECT c.rowid FROM TurnSignal c JOIN PlacedTurnSignal p
  USING (scope, trace, agent, start_ns, end_ns) WHERE p.session = ?)""",
)
