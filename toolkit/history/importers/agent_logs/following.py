"""Follows the identifiers of a reply whose calls and results are written together."""

from collections.abc import Iterable, Sequence
from typing import Any

from toolkit.history.importers.agent_logs.log import AgentCall
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.texts import texts_of

__all__ = ["follow_reply"]


def follow_reply(
    flow: DeferredFlow,
    calls: Sequence[AgentCall],
    *,
    texts: Iterable[str],
    given: Sequence[Any],
    results: Iterable[Any],
) -> None:
    """Compare the calls of a reply with what was shown, and take their results.

    Parameters
    ----------
    flow : DeferredFlow
        Of the agent; what came before the reply has been taken.
    calls : sequence of AgentCall
        Their `flow` is set once the flow is followed.
    texts : iterable of str
        What the model wrote beside them.
    given : sequence of object
        Arguments, one for each call.
    results : iterable of object
        Contents of the results, as far as there are.
    """
    for text in texts:
        flow.say(text)
    if not calls:
        return
    flow.begin_batch()
    for call, arguments in zip(calls, given, strict=True):
        flow.call(call, arguments, texts_of(arguments))
    for content in results:
        flow.result(content)
