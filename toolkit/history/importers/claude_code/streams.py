"""What one agent of one session did: its batches in order, and the prompts between."""

from collections.abc import Iterator
from datetime import datetime

from toolkit.history.importers.claude_code.calls import Call
from toolkit.history.importers.claude_code.timing import Before
from toolkit.history.importers.claude_code.turns import ModelReply, turn_record_id
from toolkit.history.importers.deferred_flow import DeferredFlow

__all__ = ["MAIN", "MessageBatch", "Stream"]

MAIN = "main"
"""Agent id of a session's own thread."""


class MessageBatch:
    """The calls of one assistant message.

    Attributes
    ----------
    calls : list of Call
        In message order.
    line : int
        Of its first call, 1-based.
    mode, model, version : str or None
        Permission mode, model and harness version at its first call.
    task_s, prompt_s : float or None
        When the agent was given its task, or a person wrote, since the batch before.
    turn : ModelReply or None
        The reply that issued it, where the source shows replies.
    """

    __slots__ = (
        "calls",
        "line",
        "mode",
        "model",
        "prompt_s",
        "task_s",
        "turn",
        "version",
    )

    def __init__(
        self,
        line: int,
        *,
        mode: str | None,
        model: str | None,
        version: str | None,
        task_s: float | None,
        prompt_s: float | None,
    ) -> None:
        self.calls: list[Call] = []
        self.line = line
        self.mode = mode
        self.model = model
        self.version = version
        self.task_s = task_s
        self.prompt_s = prompt_s
        self.turn: ModelReply | None = None

    @property
    def last_result_s(self) -> float | None:
        """When the last result came, in seconds since 1970."""
        if len(self.calls) == 1:
            reply = self.calls[0].reply
            return None if reply is None else reply.end_s
        ends = [call.reply.end_s for call in self.calls if call.reply is not None]
        return max(ends) if ends else None


class Stream:
    """The batches of one agent in one session.

    Parameters
    ----------
    session_id, agent_id : str
    inline : bool
        The lines of a subagent lie inside those of the session.
    """

    __slots__ = (
        "agent_id",
        "batches",
        "flow",
        "inline",
        "latest_s",
        "prompt_s",
        "prompted",
        "replies",
        "session_id",
        "task_s",
    )

    def __init__(self, session_id: str, agent_id: str, *, inline: bool) -> None:
        self.session_id = session_id
        self.agent_id = agent_id
        self.inline = inline
        self.batches: dict[str, MessageBatch] = {}
        self.replies: dict[tuple[str, str], ModelReply] = {}
        self.flow = DeferredFlow()
        self.latest_s: float | None = None
        self.prompted = False
        self.prompt_s: float | None = None
        self.task_s: float | None = None

    def prompt(self, at_s: float) -> None:
        """Note that someone wrote: a person, or the agent that gave a subagent its task.

        Parameters
        ----------
        at_s : float
            Seconds since 1970.
        """
        self.latest_s = at_s
        self.prompted = True
        if self.agent_id == MAIN:
            self.prompt_s = at_s
        else:
            self.task_s = at_s

    def answered(self, at_s: float) -> None:
        """Note that a result came: the model goes on from the last one.

        Parameters
        ----------
        at_s : float
            Seconds since 1970.
        """
        if self.latest_s is None or at_s > self.latest_s:
            self.latest_s = at_s

    def reply(
        self,
        name: tuple[str, str],
        line: int,
        at: datetime,
        *,
        model: str | None,
        version: str | None,
        branch: str | None,
    ) -> ModelReply:
        """Begin the reply that a line is the first of.

        Parameters
        ----------
        name : (str, str)
            Ids of its message and request.
        line, at, model, version, branch
            As in `ModelReply`.

        Returns
        -------
        ModelReply
        """
        begun = self.replies[name] = ModelReply(
            turn_record_id(*name, self.session_id),
            line,
            at,
            since_s=self.latest_s,
            prompted=self.prompted,
            model=model,
            version=version,
            branch=branch,
        )
        self.prompted = False
        return begun

    def batch(
        self,
        message_id: str,
        line: int,
        *,
        mode: str | None,
        model: str | None,
        version: str | None,
    ) -> MessageBatch:
        """Find the batch of a message, or begin it.

        Parameters
        ----------
        message_id : str
        line : int
            From 1, where the batch begins.
        mode : str or None
            Permission mode at its first call.
        model, version : str or None
            Of the model and of Claude Code.

        Returns
        -------
        MessageBatch
        """
        return self.batches.get(message_id) or self.begin(
            message_id, line, mode=mode, model=model, version=version
        )

    def begin(
        self,
        message_id: str,
        line: int,
        *,
        mode: str | None,
        model: str | None,
        version: str | None,
    ) -> MessageBatch:
        """Begin the batch of a message.

        Parameters
        ----------
        message_id : str
        line : int
            From 1, where the batch begins.
        mode : str or None
            Permission mode at its first call.
        model, version : str or None
            Of the model and of Claude Code.

        Returns
        -------
        MessageBatch
        """
        batch = self.batches[message_id] = MessageBatch(
            line,
            mode=mode,
            model=model,
            version=version,
            task_s=self.task_s,
            prompt_s=self.prompt_s,
        )
        self.flow.begin_batch()
        self.task_s = self.prompt_s = None
        return batch

    def in_order(self) -> Iterator[tuple[MessageBatch, Before]]:
        """Give every batch with what came before it.

        Yields
        ------
        (MessageBatch, Before)
            In the order of their messages.
        """
        result_s: float | None = None
        for batch in self.batches.values():
            since_s = result_s if batch.task_s is None else batch.task_s
            yield batch, Before(since_s, batch.prompt_s)
            result_s = batch.last_result_s
