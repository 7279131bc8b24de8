import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.bundle import AdviceAxis, AdviceTable
from toolkit.bundle.advice import AdviceCell
from toolkit.capture.hook_advice import advise
from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Decision, Reason, Value

TOOLS = {"Read": ("fileOperations", True), "Edit": ("fileOperations", False)}
AXES = (
    AdviceAxis(column="load", edges=(0.4, 0.8)),
    AdviceAxis(column="read_share", edges=(0.5,)),
)


def decide(context: Any) -> Decision:
    """Smaller batches under load; sure of itself where most operations read."""
    load: Value = context.get("load")
    size = 8.0 if load is None or float(load) <= 0.8 else 3.0
    share = context.get("read_share")
    sure = share is not None and share > 0.5
    return Decision(
        index=0,
        label=f"{size:g}",
        action=(size,),
        reason=Reason(code="learned_better" if sure else "rule", facts={"saves": 0.25}),
        policy="guarded" if sure else "rule",
        rung="learned" if sure else "rule",
        version="7",
        baseline="10",
        confidence=0.93 if sure else None,
        propensity=0.9,
    )


def tabulated(**more: Any) -> AdviceTable:
    return AdviceTable.tabulate(
        decide,
        policy="guarded",
        policy_version="7",
        operation_types=["fileOperations"],
        axes=AXES,
        tools=TOOLS,
        **more,
    )


def batch_row(reads: int, edits: int, load: float | None) -> dict[str, Any]:
    calls = [{"tool": "Read"}] * reads + [{"tool": "Edit"}] * edits
    return {"calls": calls} | ({} if load is None else {"load": load})


def test_a_table_written_and_read_back_is_equal() -> None:
    table = tabulated(expires_at=datetime(2027, 1, 1, tzinfo=UTC))

    assert AdviceTable.loads(table.dumps()) == table


def test_the_sizes_that_may_be_tried_travel_with_each_cell() -> None:
    table = tabulated(sizes=lambda kind, decision: [3, int(decision.action[0])])

    assert table.lookup("fileOperations", {"load": 0.1, "read_share": 0.9}) is not None
    assert {cell.sizes for cell in table.cells.values()} == {(3, 8), (3, 3)}
    assert AdviceTable.loads(table.dumps()) == table


@pytest.mark.parametrize(
    ("known", "middle"),
    [(None, 1.2), ((0.1, 0.84), 0.82), ((0.9, 1.0), 0.95), ((0.1, 0.5), 1.2)],
)
def test_the_middle_of_a_bin_lies_in_what_history_saw_of_it(
    known: tuple[float, float] | None, middle: float
) -> None:
    assert AXES[0].middle("2", known) == pytest.approx(middle)


@given(
    reads=st.integers(0, 5),
    edits=st.integers(0, 5),
    load=st.none() | st.floats(0, 1),
)
def test_the_handler_finds_what_the_table_says(
    reads: int, edits: int, load: float | None
) -> None:
    table = tabulated()
    row = batch_row(reads, edits, load)
    said = advise(table.to_json(), row, 0.0)
    share = reads / (reads + edits) if reads + edits else 0.0
    cell = table.lookup("fileOperations", {"load": load, "read_share": share})

    assert cell is not None
    assert (said is None) == (reads + edits == 0)
    assert said is None or (said["recommended"], said["reason"]) == (
        cell.size,
        cell.reason,
    )


def test_advice_is_spoken_when_the_policy_is_confident() -> None:
    said = advise(tabulated().to_json(), batch_row(2, 0, 0.1), 0.0)

    assert said is not None
    assert (
        "about 8 fileOperations operations in one message (you sent 2)" in said["said"]
    )
    assert "25% less time" in said["said"]
    assert "93% sure" in said["said"]


def test_the_policy_and_its_propensity_are_told_though_nothing_is_spoken() -> None:
    said = advise(tabulated().to_json(), batch_row(0, 2, 0.1), 0.0)

    assert said is not None
    assert "said" not in said
    assert (said["policy"], said["propensity"]) == ("rule", 0.9)


def test_a_batch_of_the_recommended_size_is_left_alone() -> None:
    said = advise(tabulated().to_json(), batch_row(8, 0, 0.1), 0.0)

    assert said is not None
    assert "said" not in said


def test_a_stale_table_says_so_and_speaks_no_advice() -> None:
    table = tabulated(expires_at=datetime(2026, 1, 1, tzinfo=UTC)).to_json()
    said = advise(
        table, batch_row(2, 0, 0.1), datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    )

    assert said is not None
    assert said["reason"] == "stale"
    assert "said" not in said


def test_a_context_that_nobody_tabulated_has_no_answer() -> None:
    row = {"calls": [{"tool": "Bash"}], "load": 0.1}

    assert advise(tabulated().to_json(), row, 0.0) is None


def test_fidelity_counts_where_the_table_and_the_policy_differ() -> None:
    contexts: list[dict[str, Value]] = [
        {"operation_type": "fileOperations", "load": 0.7, "read_share": 0.9},
        {"operation_type": "fileOperations", "load": None, "read_share": 0.9},
        {"operation_type": "shell", "load": 0.1, "read_share": 0.0},
    ]
    shifted = AdviceTable.tabulate(
        lambda context: decide({**context, "load": 0.9}),
        policy="guarded",
        policy_version="7",
        operation_types=["fileOperations"],
        axes=AXES,
        tools=TOOLS,
    ).measured(decide, contexts)

    assert shifted.fidelity.contexts == 3
    assert shifted.fidelity.covered == pytest.approx(2 / 3)
    assert shifted.fidelity.same_size == 0
    assert shifted.fidelity.false_confidence == 1


def test_fidelity_without_contexts_is_not_known() -> None:
    assert tabulated().measured(decide, []).fidelity.same_size is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 2}',
        b'{"format": 1}',
        b"[" * 100_000,
        b" " * 300_000,
        json.dumps({**tabulated().to_json(), "cells": {"x": {}}}).encode(),
        json.dumps({**tabulated().to_json(), "axes": [["load", ["x"]]]}).encode(),
        json.dumps({**tabulated().to_json(), "expires_at_s": 2**70}).encode(),
        json.dumps({**tabulated().to_json(), "expires_at_s": float("inf")}).encode(),
        json.dumps({**tabulated().to_json(), "axes": [["prompt", [1]]]}).encode(),
    ],
)
def test_a_file_that_is_no_table_is_refused(data: bytes) -> None:
    with pytest.raises((SchemaError, UsageError)):
        AdviceTable.loads(data)


def test_a_table_too_fine_for_a_hook_is_refused() -> None:
    with pytest.raises(UsageError, match="use fewer bins"):
        AdviceTable.tabulate(
            decide,
            policy="p",
            policy_version="1",
            operation_types=["fileOperations"],
            axes=[
                AdviceAxis(column="load", edges=tuple(n / 2000 for n in range(2000)))
            ],
            tools=TOOLS,
        )


def test_a_decision_that_is_not_sure_enough_is_not_confident() -> None:
    cell = AdviceCell.of(decide({"read_share": 0.9}), least=0.95)

    assert cell.confident is False
