"""What is seen of a workflow while it runs."""

from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.records import Batch
from toolkit.runtime.planning.quantity import require_quantity

__all__ = ["Observation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Anything new about a run; what is not given was not looked at.

    Parameters
    ----------
    operation_type : str or None
        Of a batch that ended, with the three that follow.
    operations, succeeded : int or None
        Operations it held, 1 or more, and how many of them succeeded.
    cycle_s : float or None
        Seconds from the previous result to the batch's last.
    spawn_s : tuple of float or None
        For each agent asked for since the last observation: seconds until it was ready,
        `None` for one that never was.
    median_wait_s : float or None
        Median wait for another agent, a lock or a person.
    coordination_efficiency : float or None
        The swarm's overall coordination, 0 to 1.
    memory_consistency : float or None
        Consistent states / checks, 0 to 1.
    tasks_completed : float or None
        Since the workflow began, with `elapsed_s`.
    elapsed_s : float or None
        Since the workflow began.

    Raises
    ------
    UsageError
        A number is outside its range, or one of a group is missing.

    Examples
    --------
    >>> Observation(tasks_completed=3, elapsed_s=60.0).tasks_completed
    3
    """

    operation_type: str | None = None
    operations: int | None = None
    succeeded: int | None = None
    cycle_s: float | None = None
    spawn_s: tuple[float | None, ...] = ()
    median_wait_s: float | None = None
    coordination_efficiency: float | None = None
    memory_consistency: float | None = None
    tasks_completed: float | None = None
    elapsed_s: float | None = None

    def __post_init__(self) -> None:
        """Check ranges, and that groups are whole."""
        require_quantity("operations", self.operations, low=1)
        require_quantity("succeeded", self.succeeded, high=self.operations or 0)
        for name in ("cycle_s", "median_wait_s", "tasks_completed", "elapsed_s"):
            require_quantity(name, getattr(self, name))
        for name in ("coordination_efficiency", "memory_consistency"):
            require_quantity(name, getattr(self, name), high=1.0)
        for seconds in self.spawn_s:
            require_quantity("spawn_s", seconds)
        self._whole("operation_type", "operations", "succeeded", "cycle_s")
        self._whole("tasks_completed", "elapsed_s")

    def _whole(self, *names: str) -> None:
        absent = [name for name in names if getattr(self, name) is None]
        if 0 < len(absent) < len(names):
            raise UsageError(
                f"{', '.join(f'`{name}`' for name in names)} belong together; "
                f"`{absent[0]}` is missing"
            )

    @classmethod
    def of_batch(cls, record: Batch) -> "Observation | None":
        """Read a batch's record; `None` where its cost is not known.

        A censored batch is not known either: a person was part of its interval.
        """
        if record.censored or not record.cycle_s or record.succeeded is None:
            return None
        return cls(
            operation_type=record.operation_type,
            operations=max(record.size, record.succeeded),
            succeeded=record.succeeded,
            cycle_s=record.cycle_s,
        )
