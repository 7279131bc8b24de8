"""CrewAI: a listener of its events; extra `crewai`."""

from typing import Any

from toolkit.runtime.adapters.call_batches import CallBatches
from toolkit.runtime.adapters.framework import framework

__all__ = ["SwarmEventListener"]

events = framework("crewai.events", "crewai")
Base: Any = events.BaseEventListener


class SwarmEventListener(Base):
    """Reports replies and tool calls of every crew: ``SwarmEventListener(calls)``."""

    def __init__(self, calls: CallBatches) -> None:
        self.calls = calls
        super().__init__()

    def setup_listeners(self, crewai_event_bus: Any) -> None:
        """Listen with coroutines: the bus runs them in the order of the events.

        Parameters
        ----------
        crewai_event_bus : crewai.events.CrewAIEventsBus
        """
        on = crewai_event_bus.on
        on(events.AgentExecutionStartedEvent)(self.on_turn)
        on(events.LLMCallStartedEvent)(self.on_turn)
        on(events.ToolUsageStartedEvent)(self.on_started)
        on(events.ToolUsageFinishedEvent)(self.on_finished)
        on(events.ToolUsageErrorEvent)(self.on_error)

    async def on_turn(self, _: Any, event: Any) -> None:
        """Begin a turn: a task, or a reply where the model reports its calls.

        Parameters
        ----------
        event : crewai event
            Names the agent.
        """
        self.calls.turn(_agent(event))

    async def on_started(self, _: Any, event: Any) -> None:
        """Report that a tool started.

        Parameters
        ----------
        event : ToolUsageStartedEvent
        """
        self.calls.started(_agent(event), event.event_id, event.tool_name)

    async def on_finished(self, _: Any, event: Any) -> None:
        """Report that a tool ended.

        Parameters
        ----------
        event : ToolUsageFinishedEvent
        """
        self.calls.ended(event.started_event_id)

    async def on_error(self, _: Any, event: Any) -> None:
        """Report that a tool failed.

        Parameters
        ----------
        event : ToolUsageErrorEvent
        """
        self.calls.ended(event.started_event_id, RuntimeError())


def _agent(event: Any) -> str:
    agent = getattr(event, "agent", None)
    return str(event.agent_role or getattr(agent, "role", "main"))
