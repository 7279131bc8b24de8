"""LangChain and LangGraph: a callback handler; extra `langchain`."""

from typing import Any
from uuid import UUID

from toolkit.runtime.adapters.call_batches import CallBatches
from toolkit.runtime.adapters.framework import framework

__all__ = ["SwarmCallbackHandler"]

Base: Any = framework("langchain_core.callbacks", "langchain").BaseCallbackHandler


class SwarmCallbackHandler(Base):
    """Reports model turns and tool calls: ``agent.invoke(..., config=handler.config())``.

    A run's metadata may name its `agent_id`. Inputs and outputs are not looked at.
    """

    def __init__(self, calls: CallBatches) -> None:
        super().__init__()
        self.calls = calls

    def config(self, operation_type: str = "mixed") -> dict[str, Any]:
        """Configure a run: this handler, and as many calls at once as recommended.

        Parameters
        ----------
        operation_type : str
            What the run's calls do.

        Returns
        -------
        dict
            A `RunnableConfig`.
        """
        size = self.calls.size(operation_type)
        return {"callbacks": [self], "max_concurrency": size}

    def on_chat_model_start(self, *_: Any, **run: Any) -> None:
        """Begin a turn.

        Parameters
        ----------
        **run
            Its metadata's `agent_id` names the agent; `main` without one.
        """
        self.calls.turn(_agent(run))

    on_llm_start = on_chat_model_start

    def on_tool_start(self, tool: dict[str, Any], *_: Any, **run: Any) -> None:
        """Report that a tool started.

        Parameters
        ----------
        tool : dict
            Its `name` is kept; the arguments are not looked at.
        **run
            `run_id` names the call.
        """
        name = (tool or {}).get("name") or "tool"
        self.calls.started(_agent(run), str(run["run_id"]), name)

    def on_tool_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Report that a tool ended.

        Parameters
        ----------
        run_id : UUID
            Of the call.
        """
        self.calls.ended(str(run_id))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Report that a tool failed.

        Parameters
        ----------
        error : BaseException
            Only its type is kept.
        run_id : UUID
            Of the call.
        """
        self.calls.ended(str(run_id), error)


def _agent(run: dict[str, Any]) -> str:
    return str((run.get("metadata") or {}).get("agent_id", "main"))
