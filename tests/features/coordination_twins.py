"""The live monitor's row of each agent and instant, to hold the table against."""

import math
from collections.abc import Sequence
from typing import Any

from toolkit.notifier import SilentNotifier
from toolkit.records import CoordinationEvent
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.coordination.factors import FACTORS

COUNTS = {
    "window_operations": "operations",
    "keyed": "keyed",
    "reads": "reads",
    "writes": "writes",
    "stale_reads": "stale_reads",
    "stale_writes": "stale_writes",
    "duplicates": "duplicates",
    "hooks_known": "hooks_known",
    "hooked": "hooked",
}


def streamed(
    events: Sequence[CoordinationEvent],
) -> dict[tuple[str, Any], dict[str, Any]]:
    """Replay events in order of time; the last row of an agent's instant stands."""
    monitor = CoordinationMonitor(notifier=SilentNotifier())
    rows = {}
    for event in events:
        agent = monitor.observe(event).agent
        counts = monitor.agent_counts(agent)
        efficiency = monitor.efficiency(agent)
        row: dict[str, Any] = {
            ours: getattr(counts, theirs) for ours, theirs in COUNTS.items()
        }
        row |= {name: getattr(efficiency.factors, name) for name in FACTORS}
        rows[agent, event.at] = row | {"score": efficiency.score}
    return rows


def differences(table: Any, rows: dict[tuple[str, Any], dict[str, Any]]) -> list[str]:
    """Name every cell in which a table and the monitor's rows differ."""
    found = []
    if len(table) != len(rows):
        found.append(f"{len(table)} rows in the table, {len(rows)} streamed")
    for offline in table.to_dict("records"):
        key = offline["agent"], offline["at"].to_pydatetime()
        online = rows.get(key)
        if online is None:
            found.append(f"{key} is in the table only")
            continue
        found += [
            f"{key} {name}: table {offline[name]}, streamed {value}"
            for name, value in online.items()
            if not _same(offline[name], value)
        ]
    return found


def _same(offline: Any, online: Any) -> bool:
    if online is None or offline is None:
        missing = offline is None or math.isnan(offline)
        return online is None and missing
    if isinstance(online, int):
        return bool(offline == online)
    return math.isclose(offline, online, rel_tol=1e-9, abs_tol=1e-9)
