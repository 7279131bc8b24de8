"""Which file is read by what."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink, SourceFile, find_files
from toolkit.history.importers.claude_flow import (
    daemon,
    hive_database,
    invocations,
    load_samples,
    memory_database,
    outcomes,
    tasks,
)

__all__ = ["ClaudeFlowSource"]

READERS: Mapping[str, Callable[[Path, ImportSink], None]] = {
    "system-metrics.json": load_samples.read_windows,
    "metrics.json": load_samples.read_probes,
    "task-metrics.json": invocations.read_commands,
    "agent-metrics.json": invocations.read_agents,
    "performance.json": invocations.read_counters,
    "agent-performance.json": invocations.read_counters,
    "routing-outcomes.json": outcomes.read_outcomes,
    "store.json": tasks.read_task_store,
    "daemon-state.json": daemon.read_workers,
    "memory.db": memory_database.read_memory,
    "hive.db": hive_database.read_hive,
}
"""Reader by file name, without `.gz`."""

HOMES = {"metrics.json": ("performance",), "store.json": ("tasks", "agents")}
"""Folders that files of a common name must lie in to be claude-flow's."""


class ClaudeFlowSource:
    """Metrics, stores and databases of claude-flow (ruflo) v2 and v3, gzipped or not.

    Examples
    --------
    >>> ClaudeFlowSource().name
    'claude-flow'
    """

    name = "claude-flow"

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Find the files whose names claude-flow uses, in order."""
        return find_files(paths, _is_known)

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one file.

        Raises
        ------
        InputDataError
            The file is not one of claude-flow's, or nothing of it can be read.
        """
        if not _is_known(path):
            raise InputDataError(
                "not a file that claude-flow writes",
                file=path,
                fix=f"known are {', '.join(READERS)}",
            )
        READERS[_plain(path)](path, sink)


def _is_known(path: Path) -> bool:
    name = _plain(path)
    homes = HOMES.get(name)
    return name in READERS and (homes is None or path.parent.name in homes)


def _plain(path: Path) -> str:
    return path.name.removesuffix(".gz")
