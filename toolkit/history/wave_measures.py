"""What the agents of a wave used, from their own replies.

A transcript holds the spawn of an agent, another file what the agent did. The two are
joined when waves are read, so that neither the order of imports nor a new price leaves a
wave behind: a spawn names its wave and its agent, a turn its agent. What a wave's row
holds itself is kept.
"""

from collections.abc import Sequence

__all__ = ["has_runs_sql", "measured_sql"]

HIDDEN = "hidden-%"
"""Ids of members of teams: they are names, so they are hashed, and the member has a
session apart from its lead's."""

SLACK_S = 2
"""Lines within this time of each other may be stamped in the wrong order."""

_SUMS = {
    "runs_measured": "count(DISTINCT s.spawned_id)",
    "turns": "count(*)",
    "input_tokens": "sum(t.input_tokens)",
    "cache_read_tokens": "sum(t.cache_read_tokens)",
    "cache_write_tokens": "sum(coalesce(t.cache_write_5m_tokens, 0) "
    "+ coalesce(t.cache_write_1h_tokens, 0))",
    "output_tokens": "sum(t.output_tokens)",
    "money_usd": "CASE WHEN count(t.money_usd) = count(*) THEN sum(t.money_usd) END",
    "price_basis": "CASE WHEN min(t.price_basis) = max(t.price_basis) "
    "THEN min(t.price_basis) END",
}
"""What is added up of the replies of a wave's agents; one without a price leaves the
money unknown, and so does a reply without a price list the basis."""


def has_runs_sql(waves: str) -> str:
    """Write the question whether there is a wave whose runs a client recorded."""
    return f"SELECT 1 FROM {waves} WHERE runs IS NOT NULL LIMIT 1"  # noqa: S608 - a view of ours


def measured_sql(waves: str, spawns: str, turns: str, columns: Sequence[str]) -> str:
    """Write the reading of waves with what their agents used.

    Parameters
    ----------
    waves, spawns, turns : str
        Views of workflows, coordination events and turns.
    columns : sequence of str
        Of a workflow, in order.

    Returns
    -------
    str
        A spawn counts until its agent is spawned again, as a member of another team of
        that name may be.
    """
    sums = ", ".join(f"{sql} AS {name}" for name, sql in _SUMS.items())
    chosen = ", ".join(_chosen(name) for name in columns)
    return f"""WITH spawned AS (
      SELECT workflow_id, spawned_id, session_id, "at" - INTERVAL {SLACK_S} SECOND AS since,
        lead("at") OVER (PARTITION BY spawned_id,
          CASE WHEN spawned_id NOT LIKE '{HIDDEN}' THEN session_id END
          ORDER BY "at", record_id) - INTERVAL {SLACK_S} SECOND AS until
      FROM {spawns}
      WHERE action = 'spawn' AND workflow_id IS NOT NULL AND spawned_id IS NOT NULL),
    used AS (
      SELECT s.workflow_id, {sums} FROM spawned AS s JOIN {turns} AS t
      ON t.agent_id = s.spawned_id AND t."at" >= s.since
        AND (s.until IS NULL OR t."at" < s.until)
        AND (t.session_id = s.session_id OR s.spawned_id LIKE '{HIDDEN}')
      GROUP BY s.workflow_id)
    SELECT {chosen} FROM {waves} AS w
    LEFT JOIN used AS u ON u.workflow_id = w.record_id"""  # noqa: S608 - names come from the schema


def _chosen(name: str) -> str:
    if name not in _SUMS:
        return f'w."{name}"'
    kind = "DOUBLE" if name == "money_usd" else "STRING"
    if name not in ("money_usd", "price_basis"):
        kind = "BIGINT"
    return f'coalesce(w."{name}", u."{name}")::{kind} AS "{name}"'
