"""What may be known when a decision is taken, by decision: columns and their meaning."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.policies import Value  # numpy with it, which no help text needs

__all__ = ["CONTEXT_COLUMNS", "declared_fields"]

_LOAD = {
    "load_cpu": "processor utilisation, 0 to 1",
    "load_memory": "memory in use, 0 to 1",
    "load_io": "time spent on input and output, 0 to 1",
}

CONTEXT_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "batch_size": {
            "operation_type": "what the operations do, such as fileOperations",
            **_LOAD,
            "coordination_complexity": "0 to 1",
            "read_share": "operations that only read, 0 to 1",
            "active_agents": "agents at work",
            "operation_bytes": "payload of one operation, in bytes",
            "failure_rate": "operations expected to fail, 0 to 1",
            "workers": "operations that may run at once",
        },
        "agent_count": {
            "components": "parts of the task",
            "dependencies": "edges between parts",
            "parallelizable": "parts that can run together, 0 to 1",
            "coordination_needs": "work under shared state, 0 to 1",
            "component_s": "estimated working time of one part, in seconds",
            "component_cv": "spread of those times: deviation / mean",
            "critical_path_share": "longest dependency chain / parts, 0 to 1",
            "cpu_cores": "processor cores of the machine",
            **_LOAD,
        },
    }
)
"""By decision and column; a bundle may read others."""


def declared_fields(
    context: "Mapping[str, Value]", *, own: Collection[str]
) -> dict[str, Any]:
    """Write a context's declared columns as a record holds them.

    Parameters
    ----------
    context : mapping
    own : collection of str
        Columns that are not declared ones.

    Returns
    -------
    dict
        `numbers` and `categories`, each only where there are some.

    Examples
    --------
    >>> declared_fields({"gpu": "l4", "load_cpu": 0.5, "rows": 3}, own=["load_cpu"])
    {'categories': {'gpu': 'l4'}, 'numbers': {'rows': 3.0}}
    """
    others = {name: value for name, value in context.items() if name not in own}
    words = {name: value for name, value in others.items() if isinstance(value, str)}
    numbers = {
        name: float(value)
        for name, value in others.items()
        if isinstance(value, (int, float))
    }
    fields = {"categories": words, "numbers": numbers}
    return {name: columns for name, columns in fields.items() if columns}
