"""What may be known when a decision is taken, by decision: columns and their meaning."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CONTEXT_COLUMNS"]

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
