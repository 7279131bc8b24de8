"""Ray: a wrapper of an actor; extra `ray`."""

from collections.abc import Iterable
from typing import Any

from toolkit.runtime.adapters.call_batches import CallBatches
from toolkit.runtime.adapters.framework import framework

__all__ = ["BatchedActor"]

ray = framework("ray", "ray")


class BatchedActor:
    """Calls a Ray actor in batches: ``BatchedActor(Actor.remote(), calls)``.

    The size of each batch is asked for before it goes out.
    """

    def __init__(
        self, actor: Any, calls: CallBatches, *, agent_id: str = "ray"
    ) -> None:
        self.actor = actor
        self.calls = calls
        self.agent_id = agent_id

    def map(
        self, method: str, items: Iterable[Any], operation_type: str = "mixed"
    ) -> list[Any]:
        """Call a method with each item; an error stands in the place of its result.

        Parameters
        ----------
        method : str
            Name of the actor's method; takes one item.
        items : iterable
        operation_type : str
            What the calls do.

        Returns
        -------
        list
            In the order of the items.
        """
        results: list[Any] = []
        for chunk in self.calls.chunks(items, operation_type):
            self.calls.turn(self.agent_id)
            results += self._batch(method, chunk)
        self.calls.turn(self.agent_id)
        return results

    def _batch(self, method: str, chunk: list[Any]) -> list[Any]:
        sent = [getattr(self.actor, method).remote(item) for item in chunk]
        for ref in sent:
            self.calls.started(self.agent_id, ref.hex(), method)
        waiting, results = sent, {}
        while waiting:
            (ref,), waiting = ray.wait(waiting, num_returns=1)
            try:
                results[ref], error = ray.get(ref), None
            except ray.exceptions.RayError as raised:
                results[ref] = error = raised
            self.calls.ended(ref.hex(), error)
        return [results[ref] for ref in sent]
