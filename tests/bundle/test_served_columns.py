"""What a model may read is what something fills when it serves: every path is run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bundle_factory import NOW, agent_bundle, small_bundle
from tests.hook_payloads import batch, call
from tests.measured_history import batch_store, workflow_store
from toolkit.bundle import AdviceTable, Bundle
from toolkit.bundle.advice import HOOK_COLUMNS
from toolkit.capture.hook_advice import advise
from toolkit.capture.hook_handler import _load, reduce_event
from toolkit.cli.model.advice import EDGES, axes_of
from toolkit.clock import VirtualClock
from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.features import batch_table, workflow_table
from toolkit.features.columns import (
    BATCH_CONTEXT,
    BATCH_WINDOW,
    WORKFLOW_CONTEXT,
    batch_schema,
    workflow_schema,
)
from toolkit.policies import Decision, Value
from toolkit.runtime.advice import CONTEXT_COLUMNS, LadderAdvisor, SystemLoad
from toolkit.runtime.batching import AdaptiveBatchingOptimizer, Workload
from toolkit.runtime.planning import (
    PredictiveWorkflowOptimizer,
    SystemResources,
    TaskComplexity,
)

STATED: dict[str, Value] = {
    "read_share": 0.5,
    "operation_bytes": 3e3,
    "failure_rate": 0.1,
    "workers": 4.0,
}
"""Columns of the work itself, which the caller of the runtime states."""


class Asked(LadderAdvisor):
    """Answers by the rule, and keeps what it was asked."""

    def __init__(self, decision: str) -> None:
        super().__init__(decision, bundle=None, clock=VirtualClock(NOW))
        self.contexts: list[Mapping[str, Value]] = []

    def decide(self, context: Mapping[str, Value], actions: Any = None) -> Decision:
        self.contexts.append(dict(context))
        return super().decide(context, actions)

    def known(self) -> set[str]:
        """Columns that had a value whenever this was asked."""
        return set.intersection(
            *({n for n, v in known.items() if v is not None} for known in self.contexts)
        )


def by_optimizer() -> set[str]:
    """Run the batching optimizer, everything stated that it can be given."""
    asked = Asked("batch_size")
    optimizer = AdaptiveBatchingOptimizer(asked, clock=VirtualClock(NOW))
    work = Workload(
        operations=5, agents=2, shared_key_share=0.2, dependencies=1, context=STATED
    )
    load = SystemLoad(cpu=0.1, memory=0.2, io=0.3)
    optimizer.recommend("shell", work, load)
    with optimizer.batch("shell", workload=work, system=load) as running:
        running.run([str] * running.size)
    return asked.known()


def by_planner() -> set[str]:
    """Run the planner, everything stated that it can be given."""
    asked = Asked("agent_count")
    task = TaskComplexity(
        components=8,
        dependencies=4,
        parallelizable=0.5,
        coordination_needs=0.2,
        component_s=1.0,
        component_cv=0.3,
        critical_path_share=0.4,
    )
    resources = SystemResources(cpu_cores=4, load_cpu=0.1, load_memory=0.2, load_io=0.3)
    PredictiveWorkflowOptimizer(agents=asked, batches=Asked("batch_size")).predict(
        task, resources=resources
    )
    return asked.known()


def names(columns: Any) -> set[str]:
    return {column.name for column in columns}


EVERY_BATCH = names(
    batch_schema(["shell"], known=[c.name for c in BATCH_CONTEXT]).context
)
EVERY_WORKFLOW = names(
    workflow_schema(known=[c.name for c in WORKFLOW_CONTEXT]).context
)
"""What a history can have, from whatever importer: OTLP, hooks, logs or a table."""


def test_the_batching_optimizer_fills_whatever_a_batch_bundle_reads() -> None:
    assert by_optimizer() >= EVERY_BATCH


def test_the_planner_fills_whatever_an_agent_bundle_reads() -> None:
    assert by_planner() >= EVERY_WORKFLOW


def test_the_command_line_takes_whatever_a_bundle_reads() -> None:
    assert set(CONTEXT_COLUMNS["batch_size"]) >= EVERY_BATCH
    assert set(CONTEXT_COLUMNS["agent_count"]) >= EVERY_WORKFLOW


def test_columns_that_nothing_fills_are_not_trained_on() -> None:
    window = [column.name for column in BATCH_WINDOW]
    read = names(batch_schema(["shell"], known=[*EVERY_BATCH, *window]).context)

    assert not read & set(window)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    return small_bundle(folder / "batches"), agent_bundle(folder / "agents")


def test_bundles_and_tables_read_what_their_organs_fill(
    bundles: tuple[Bundle, Bundle], tmp_path: Path
) -> None:
    with batch_store(tmp_path / "batches") as store:
        store.compact()
        batches = teaching_rows(batch_table(store.dataset), decision="batch_size")
    with workflow_store(tmp_path / "workflows") as store:
        store.compact()
        runs = teaching_rows(workflow_table(store.dataset), decision="agent_count")
    sizes, agents = (bundle.manifest.feature_schema for bundle in bundles)
    learned = recorded_table(batches, decision="batch_size").schema
    planned = recorded_table(runs, decision="agent_count").schema

    assert names(learned.context) | names(sizes.context) <= by_optimizer()
    assert names(planned.context) | names(agents.context) <= by_planner()


def test_a_hook_knows_every_column_that_its_table_may_be_cut_along() -> None:
    row = reduce_event(batch([call("Read", 1), call("Read", 2)]), b"k" * 32, 1)
    cell = {
        "size": 4,
        "rule": 4,
        "reason": "rule",
        "confident": False,
        "propensity": 1.0,
        "confidence": None,
        "policy": "rule",
    }
    # One bin for whatever is known; what is not known has a bin that no cell here has.
    place = "|".join(["fileOperations", *("0" for _ in HOOK_COLUMNS)])
    table = {
        "policy": "rule",
        "policy_version": "1",
        "cells": {place: cell},
        "tools": {"Read": ["fileOperations", 1]},
        "axes": [[name, []] for name in HOOK_COLUMNS],
    }

    answer = advise(table, {**row, **_load("PostToolBatch")}, 0.0)

    assert answer is not None
    assert {column for column, _ in EDGES} <= set(HOOK_COLUMNS)


def test_a_table_for_hooks_is_asked_with_what_a_hook_knows_alone(
    bundles: tuple[Bundle, Bundle],
) -> None:
    asked = Asked("batch_size")
    AdviceTable.tabulate(
        asked.decide,
        policy="guarded",
        policy_version="1",
        operation_types=("fileOperations",),
        axes=axes_of(bundles[0]),
        tools={},
    )

    given = {name for context in asked.contexts for name in context}
    assert given <= {*HOOK_COLUMNS, "operation_type"}
    assert given & names(bundles[0].manifest.feature_schema.context)
