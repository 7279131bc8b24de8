"""What a model may read is what something fills when it serves."""

from toolkit.bundle.advice import HOOK_COLUMNS
from toolkit.cli.model.advice import EDGES
from toolkit.features import (
    BATCH_CONTEXT,
    BATCH_WINDOW,
    WORKFLOW_CONTEXT,
    batch_schema,
    workflow_schema,
)
from toolkit.runtime.advice import CONTEXT_COLUMNS, SystemLoad
from toolkit.runtime.batching import Workload
from toolkit.runtime.batching.optimizer import _context
from toolkit.runtime.planning import SystemResources, TaskComplexity

BY_CALLER = {"read_share", "operation_bytes", "failure_rate", "workers"}
"""Columns of the work itself, which the caller of the runtime states."""


def names(columns: object) -> set[str]:
    return {column.name for column in columns}  # type: ignore[attr-defined]  # columns


def test_a_batch_bundle_reads_what_the_runtime_fills_or_the_caller_states() -> None:
    every = [c.name for c in (*BATCH_CONTEXT, *BATCH_WINDOW)]
    read = names(batch_schema(["shell"], known=every).context)
    filled = set(_context("shell", Workload(), SystemLoad()))

    assert read <= filled | BY_CALLER


def test_a_batch_bundle_reads_what_the_command_line_takes() -> None:
    every = [c.name for c in (*BATCH_CONTEXT, *BATCH_WINDOW)]
    read = names(batch_schema(["shell"], known=every).context)

    assert read <= set(CONTEXT_COLUMNS["batch_size"])


def test_an_agent_bundle_reads_what_the_runtime_fills() -> None:
    read = names(workflow_schema(known=[c.name for c in WORKFLOW_CONTEXT]).context)
    task = TaskComplexity(components=1).context()
    filled = {*task, *SystemResources().load(), "cpu_cores"}

    assert read <= filled
    assert read <= set(CONTEXT_COLUMNS["agent_count"])


def test_the_hooks_table_is_cut_along_what_a_hook_knows() -> None:
    assert {column for column, _ in EDGES} <= set(HOOK_COLUMNS)
