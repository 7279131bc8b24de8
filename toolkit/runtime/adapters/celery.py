"""Celery: signals of a worker; extra `celery`."""

from typing import Any

from toolkit.runtime.adapters.call_batches import CallBatches
from toolkit.runtime.adapters.framework import framework

__all__ = ["CelerySignals"]

signals = framework("celery.signals", "celery")


class CelerySignals:
    """Reports the tasks of a worker process: ``CelerySignals(calls).connect()``.

    Tasks that carry the same group are one batch; another group begins the next. Send
    groups of the recommended size: ``for part in calls.chunks(items): group(...)``.
    """

    def __init__(self, calls: CallBatches, *, agent_id: str = "celery") -> None:
        self.calls = calls
        self.agent_id = agent_id
        self._group: str | None = None

    def connect(self) -> None:
        """Listen to the signals of this process."""
        signals.task_prerun.connect(self.on_prerun, weak=False)
        signals.task_postrun.connect(self.on_postrun, weak=False)

    def disconnect(self) -> None:
        """Listen no longer, and end the open batch."""
        signals.task_prerun.disconnect(self.on_prerun)
        signals.task_postrun.disconnect(self.on_postrun)
        self.calls.turn(self.agent_id)

    def on_prerun(self, task_id: str, task: Any, **_: Any) -> None:
        """Report that a task started.

        Parameters
        ----------
        task_id : str
        task : celery.Task
            Tasks of one group are one batch.
        **_
            Whatever else the signal carries.
        """
        group = task.request.group or task_id
        if group != self._group:
            self.calls.turn(self.agent_id)
            self._group = group
        self.calls.started(self.agent_id, task_id, task.name)

    def on_postrun(self, task_id: str, retval: Any, **_: Any) -> None:
        """Report that a task ended; the error of a failed one is its result.

        Parameters
        ----------
        task_id : str
        retval : object
            An exception where the task failed.
        **_
            Whatever else the signal carries.
        """
        self.calls.ended(task_id, retval if isinstance(retval, Exception) else None)
