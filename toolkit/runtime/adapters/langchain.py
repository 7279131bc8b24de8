"""LangChain and LangGraph: a callback handler; extra `langchain`."""

from typing import Any
from uuid import UUID

from toolkit.errors import MissingExtraError
from toolkit.runtime.adapters.call_batches import CallBatches

try:
    from langchain_core.callbacks import BaseCallbackHandler as _Handler
except ImportError:  # the class says so when it is made
    _Handler = object

__all__ = ["SwarmCallbackHandler"]


class SwarmCallbackHandler(_Handler):  # type: ignore[misc] # Any where it is not installed
    """Reports model turns and tool calls: ``agent.invoke(..., config=handler.config())``.

    Parameters
    ----------
    calls : CallBatches
    agent_id : str
        Whose turns they are, unless a run's metadata has an `agent_id`.

    Raises
    ------
    MissingExtraError
        LangChain is not installed.
    """

    def __init__(self, calls: CallBatches, *, agent_id: str = "main") -> None:
        if _Handler is object:
            raise MissingExtraError("the LangChain adapter", "langchain")
        self.calls = calls
        self.agent_id = agent_id
        self._agents: dict[UUID, str] = {}

    def config(self, operation_type: str = "mixed") -> dict[str, Any]:
        """Configure a run: this handler, and as many calls at once as recommended."""
        return {
            "callbacks": [self],
            "max_concurrency": self.calls.size(operation_type),
        }

    def on_chat_model_start(self, *_: Any, **run: Any) -> None:
        """Begin a turn."""
        self.calls.turn(self._agent(run))

    def on_llm_start(self, *_: Any, **run: Any) -> None:
        """Begin a turn of a completion model."""
        self.calls.turn(self._agent(run))

    def on_tool_start(
        self, serialized: dict[str, Any], input_str: str, **run: Any
    ) -> None:
        """Report that a tool started; its input is not looked at."""
        del input_str
        self._agents[run["run_id"]] = agent = self._agent(run)
        name = (serialized or {}).get("name") or "tool"
        self.calls.started(agent, str(run["run_id"]), name)

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Report that a tool ended; its output is not looked at."""
        del output
        agent = self._agents.pop(run_id, self.agent_id)
        self.calls.ended(agent, str(run_id))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Report that a tool failed."""
        agent = self._agents.pop(run_id, self.agent_id)
        self.calls.ended(agent, str(run_id), error)

    def _agent(self, run: dict[str, Any]) -> str:
        return str((run.get("metadata") or {}).get("agent_id", self.agent_id))
