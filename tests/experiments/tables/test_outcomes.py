import numpy as np
import pandas as pd
import pytest

from toolkit.experiments.tables.outcomes import (
    outcome_names,
    outcome_values,
    outcomes_of,
)

BATCHES = pd.DataFrame(
    {
        "cycle_s": np.arange(1.0, 101.0),
        "succeeded": [3] * 100,
        "failed": [1] * 50 + [0] * 50,
        "cancelled": [0] * 100,
        "memory_delta_bytes": [np.nan] * 100,
    }
)
WORKFLOWS = pd.DataFrame({"makespan_s": [2.0, 4.0], "tokens": [100.0, np.nan]})


def _measured(rows: pd.DataFrame, *names: str, decision: str) -> dict[str, float]:
    values = outcome_values(rows, names, decision=decision)
    return outcomes_of(values, decision=decision)


def test_only_outcomes_with_known_columns_are_offered() -> None:
    known = BATCHES.assign(memory_delta_bytes=5.0)

    assert outcome_names(BATCHES, decision="batch_size") == ("p95_s", "failure_share")
    assert "memory_bytes" in outcome_names(known, decision="batch_size")
    assert outcome_names(WORKFLOWS, decision="agent_count") == ("p95_s", "tokens")


def test_a_column_of_zeros_says_nothing() -> None:
    zeros = BATCHES.assign(memory_delta_bytes=0.0)

    assert "memory_bytes" not in outcome_names(zeros, decision="batch_size")


def test_a_tail_is_a_quantile_and_a_share_is_of_all_operations() -> None:
    found = _measured(BATCHES, "p95_s", "failure_share", decision="batch_size")

    assert found["p95_s"] == pytest.approx(np.quantile(BATCHES["cycle_s"], 0.95))
    assert found["failure_share"] == pytest.approx(50 / 350)


def test_rows_without_a_value_are_left_out_and_none_is_not_known() -> None:
    found = _measured(WORKFLOWS, "tokens", decision="agent_count")
    none = _measured(WORKFLOWS.tail(1), "tokens", decision="agent_count")

    assert found["tokens"] == 100.0
    assert np.isnan(none["tokens"])
