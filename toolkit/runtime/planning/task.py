"""How complex a task is: what the planner is asked about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.errors import UsageError
from toolkit.policies import Value
from toolkit.runtime.planning.quantity import require_quantity

__all__ = ["TaskComplexity"]

LONGEST_NAME = 200
"""Operation types are identifiers, as in the record schema; texts are not stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskComplexity:
    """A task as it is known before it begins; only `components` must be known.

    Parameters
    ----------
    components : float
        Parts of the task; the agent-count rule takes 0 as missing, as the
        specification does.
    dependencies : float or None
        Edges between parts.
    parallelizable : float or None
        Share of the parts that can run together, 0 to 1.
    coordination_needs : float or None
        Share of the work under shared state, 0 to 1.
    operations : mapping of str to int
        How many operations of each type the task holds, 1 or more; empty is not known.
    shared_key_share : float or None
        Share of memory keys touched by two agents or more, 0 to 1.
    component_s, component_cv : float or None
        Estimated working time of one part in seconds, and its coefficient of variation.
    critical_path_share : float or None
        Longest dependency chain / components, 0 to 1.

    Raises
    ------
    UsageError
        A number is outside its range.

    Examples
    --------
    >>> TaskComplexity(components=8, operations={"fileOperations": 40}).components
    8
    """

    components: float
    dependencies: float | None = None
    parallelizable: float | None = None
    coordination_needs: float | None = None
    operations: Mapping[str, int] = field(default_factory=dict)
    shared_key_share: float | None = None
    component_s: float | None = None
    component_cv: float | None = None
    critical_path_share: float | None = None

    def __post_init__(self) -> None:
        """Check every number against its range."""
        for name in ("components", "dependencies", "component_s", "component_cv"):
            require_quantity(name, getattr(self, name))
        for name in (
            "parallelizable",
            "coordination_needs",
            "shared_key_share",
            "critical_path_share",
        ):
            require_quantity(name, getattr(self, name), high=1.0)
        for operation_type, count in self.operations.items():
            if not 0 < len(operation_type) <= LONGEST_NAME:
                raise UsageError(
                    f"an operation type has 1 to {LONGEST_NAME} characters, "
                    f"got {len(operation_type)}"
                )
            require_quantity(f"operations of {operation_type}", count, low=1)

    def context(self) -> dict[str, Value]:
        """Give what is known by column of the workflow feature table.

        Returns
        -------
        dict
        """
        return {
            name: getattr(self, name)
            for name in (
                "components",
                "dependencies",
                "parallelizable",
                "coordination_needs",
                "component_s",
                "component_cv",
                "critical_path_share",
            )
        }
