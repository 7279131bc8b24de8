"""Agents as the monitor remembers them, for tests of its parts."""

from typing import Any, cast

from toolkit.runtime.coordination.agent_record import AgentRecord
from toolkit.runtime.coordination.settings import MonitorSettings

__all__ = ["agent"]


def agent(name: str, at: float = 0.0) -> AgentRecord:
    """Make one whose first event is at an instant, in microseconds."""
    return AgentRecord(name, at, cast(Any, None), MonitorSettings())
