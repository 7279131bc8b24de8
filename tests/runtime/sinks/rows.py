"""One record of each kind, with every field that a sink reads."""

import datetime as dt
from typing import Any

from toolkit.records import (
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Record,
    Recovery,
    Turn,
    Workflow,
)

AT = dt.datetime(2026, 1, 5, 0, 0, 1, 5, tzinfo=dt.UTC)
SHARED: dict[str, Any] = {
    "record_id": "r",
    "at": AT,
    "source": "test",
    "provenance": Provenance.MEASURED,
}


def rows() -> list[Record]:
    """Build them anew."""
    return [
        Batch(
            **SHARED,
            operation_type="fileOperations",
            size=4,
            cycle_s=3.0,
            execution_s=2.0,
            operations_s=5.0,
            succeeded=2,
            failed=1,
            cancelled=1,
            parallelism=0.6,
            policy="guarded",
            propensity=0.9,
            session_id="s",
            agent_id="a",
            model="m",
            numbers={"queue_length": 3.0},
            categories={"team": "x"},
        ),
        CoordinationEvent(
            **SHARED,
            agent_id="a",
            session_id="s",
            operation="Edit",
            action="write",
            memory_key="k",
            waited_s=0.5,
            duration_s=1.5,
            outcome=Outcome.FAILED,
        ),
        Workflow(
            **SHARED,
            agents=3,
            strategy="hybrid",
            makespan_s=60.0,
            outcome=Outcome.SUCCEEDED,
        ),
        Turn(**SHARED, agent_id="a", session_id="s", calls=2, output_tokens=10),
        LoadSample(**SHARED, host="h", cpu=0.5, memory=0.25),
        Recovery(
            **SHARED,
            issue="stuck_agent",
            rung="reminder",
            action="notify",
            attempt=1,
            outcome=Outcome.SUCCEEDED,
            post_condition=True,
            duration_s=0.1,
        ),
    ]
