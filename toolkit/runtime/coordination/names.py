"""Names of agents, unique among sessions."""

__all__ = ["agent_name"]

LEAD = "main"
"""The agent of a session that talks to a person; records leave its name out."""


def agent_name(agent_id: str | None, session_id: str | None) -> str:
    """Name an agent: agents of different sessions are different agents.

    Parameters
    ----------
    agent_id : str or None
        `None` for the lead of the session.
    session_id : str or None

    Returns
    -------
    str

    Examples
    --------
    >>> agent_name("a1", "s"), agent_name(None, "s"), agent_name("a1", None)
    ('s/a1', 's/main', 'a1')
    """
    agent = agent_id or LEAD
    return agent if session_id is None else f"{session_id}/{agent}"
