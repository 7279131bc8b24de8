from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from toolkit.experiments.promotion.remedy import remedy


def history(source: str, *, sessions: int, batches: int, days: float) -> pd.DataFrame:
    count = sessions * batches
    step = timedelta(days=days) / max(count - 1, 1)
    begun = datetime(2026, 1, 5, tzinfo=UTC)
    return pd.DataFrame(
        {
            "at": [begun + n * step for n in range(count)],
            "source": source,
            "group": [f"s{n % sessions}" for n in range(count)],
        }
    )


@pytest.mark.parametrize(
    ("sessions", "days", "said"),
    [
        (20, 9.9, "about 3 days"),
        (200, 10.0, "about 1 day "),
        (2, 9.9, "about 30 days"),
    ],
)
def test_the_days_follow_from_the_rate_of_the_work(
    sessions: int, days: float, said: str
) -> None:
    rows = history("hooks", sessions=sessions, batches=50, days=days)

    assert said in remedy(rows, decision="batch_size", groups=6)


def test_without_a_rate_no_days_are_named() -> None:
    rows = history("hooks", sessions=1, batches=1, days=1.0)

    assert "about" not in remedy(rows, decision="batch_size", groups=6)


@pytest.mark.parametrize(
    ("source", "decision"), [("table", "batch_size"), ("claude-code", "agent_count")]
)
def test_work_that_no_hook_sees_needs_contexts(source: str, decision: str) -> None:
    rows = history(source, sessions=9, batches=9, days=3.0)
    said = remedy(rows, decision=decision, groups=6)

    assert "context_id" in said
    assert "hooks install" not in said
