"""Celery: signals of a worker; extra `celery`."""

from collections.abc import Iterable
from typing import Any

from toolkit.errors import MissingExtraError
from toolkit.runtime.adapters.call_batches import CallBatches

try:
    import celery
except ImportError:  # the class says so when it is made
    celery = None

__all__ = ["CelerySignals"]


class CelerySignals:
    """Reports the tasks of a worker process: ``CelerySignals(calls).connect()``.

    Tasks that carry the same group are one batch; another group begins the next.

    Parameters
    ----------
    calls : CallBatches
    agent_id : str
        Of this worker process.

    Raises
    ------
    MissingExtraError
        Celery is not installed.
    """

    def __init__(self, calls: CallBatches, *, agent_id: str = "celery") -> None:
        if celery is None:
            raise MissingExtraError("the Celery adapter", "celery")
        self.calls = calls
        self.agent_id = agent_id
        self._group: str | None = None
        self._failed: dict[str, BaseException] = {}

    def connect(self) -> None:
        """Listen to the signals of this process."""
        celery.signals.task_prerun.connect(self.on_prerun, weak=False)
        celery.signals.task_failure.connect(self.on_failure, weak=False)
        celery.signals.task_postrun.connect(self.on_postrun, weak=False)

    def disconnect(self) -> None:
        """Listen no longer, and end the open batch."""
        celery.signals.task_prerun.disconnect(self.on_prerun)
        celery.signals.task_failure.disconnect(self.on_failure)
        celery.signals.task_postrun.disconnect(self.on_postrun)
        self.calls.turn(self.agent_id)

    def chunks(self, task: Any, items: Iterable[Any], operation_type: str) -> Any:
        """Cut work into groups of the recommended size, to be applied one by one."""
        held, size = list(items), self.calls.size(operation_type)
        cuts = range(0, len(held), size)
        return [
            celery.group(task.s(*each) for each in held[at : at + size]) for at in cuts
        ]

    def on_prerun(self, task_id: str, task: Any, **_: Any) -> None:
        """Report that a task started."""
        group = getattr(task.request, "group", None) or task_id
        if group != self._group:
            self.calls.turn(self.agent_id)
            self._group = group
        self.calls.started(self.agent_id, task_id, task.name)

    def on_failure(self, task_id: str, exception: BaseException, **_: Any) -> None:
        """Note that a task failed."""
        self._failed[task_id] = exception

    def on_postrun(self, task_id: str, **_: Any) -> None:
        """Report that a task ended."""
        self.calls.ended(self.agent_id, task_id, self._failed.pop(task_id, None))
