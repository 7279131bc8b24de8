import pandas as pd
import pytest

from toolkit.errors import UsageError
from toolkit.features.columns import (
    MOST_CATEGORIES,
    batch_schema,
    context_schema,
    declared_columns,
    workflow_schema,
)

BATCHES = pd.DataFrame(
    {
        "operation_type": ["shell", "edit", "shell"],
        "read_share": [0.5, None, 1.0],
        "load_cpu": [None, None, None],
        "load_memory": [0.1, 0.2, 0.3],
        "load_io": [None, None, None],
        "active_agents": [1, 2, 1],
        "coordination_complexity": [None, None, None],
        "operation_bytes": [10.0, 20.0, 30.0],
        "failure_rate": [None, None, None],
        "workers": [None, None, None],
        "gpu": ["a", "b", None],
        "model_bytes": [1e9, 2e9, None],
    }
)


def test_a_column_is_read_where_a_row_knows_it() -> None:
    schema = context_schema(BATCHES, batches=True)

    assert [column.name for column in schema.context] == [
        *("operation_type", "read_share", "load_memory", "active_agents"),
        *("operation_bytes", "gpu", "model_bytes"),
    ]
    assert schema.context[0].categories == ("edit", "shell")


def test_only_the_named_columns_are_read() -> None:
    schema = context_schema(BATCHES, batches=True, context=["gpu", "load_cpu"])

    assert [column.name for column in schema.context] == ["operation_type", "gpu"]


def test_a_column_that_is_none_of_the_context_is_refused() -> None:
    with pytest.raises(UsageError, match="context column `cycle_s`"):
        context_schema(BATCHES, batches=True, context=["cycle_s"])


def test_a_declared_column_of_words_is_a_category_and_bytes_are_logarithms() -> None:
    gpu, size = sorted(declared_columns(BATCHES), key=lambda column: column.name)

    assert (gpu.kind, gpu.categories) == ("category", ("a", "b"))
    assert (size.kind, size.unit, size.log) == ("number", "byte", True)


def test_rare_words_of_a_declared_column_are_left_out() -> None:
    words = [f"w{n}" for n in range(MOST_CATEGORIES + 5)]
    frame = pd.DataFrame({"word": [*words, *words[:MOST_CATEGORIES]]})

    (column,) = declared_columns(frame)

    assert set(column.categories) == set(words[:MOST_CATEGORIES])


def test_targets_are_never_read() -> None:
    frame = BATCHES.assign(cycle_s=1.0, memory_delta_bytes=5.0, succeeded=1)

    names = {column.name for column in context_schema(frame, batches=True).context}

    assert not names & {"cycle_s", "memory_delta_bytes", "succeeded"}


def test_each_decision_has_one_action() -> None:
    assert [c.name for c in batch_schema(["x"], known=[]).action] == ["size"]
    assert [c.name for c in workflow_schema(known=[]).action] == ["agents"]
