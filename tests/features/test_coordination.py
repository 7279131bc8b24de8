"""The coordination table equals what the live monitor knew."""

import datetime as dt
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.features.coordination_twins import differences, streamed
from tests.shared import HISTORY, needs_history
from tests.thorough import sampled
from toolkit.features import coordination
from toolkit.features.coordination import COORDINATION_COLUMNS, coordination_table
from toolkit.history import RecordStore
from toolkit.records import CoordinationEvent, Provenance
from toolkit.runtime.coordination import MonitorSettings

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def stored(root: Path, events: list[CoordinationEvent]) -> Any:
    with RecordStore(root) as store:
        for event in events:
            store.add(event)
        store.compact()
        return coordination_table(store.dataset)


def generated(
    count: int, seed: int, step_s: tuple[float, ...] = (0.0, 0.5, 20.0, 200.0)
) -> list[CoordinationEvent]:
    rng = random.Random(seed)
    at = START
    events = []
    for number in range(count):
        at += dt.timedelta(seconds=rng.choice(step_s))
        if rng.random() < 0.005:
            at += dt.timedelta(hours=1.5)
        events.append(
            CoordinationEvent(
                record_id=f"e{number}",
                at=at,
                source="test",
                provenance=Provenance.SIMULATED,
                agent_id=rng.choice("abcd"),
                session_id=rng.choice(["s", None]),
                operation=rng.choice(["edit", "look"]),
                action=rng.choice(["read", "write", "message"]),
                memory_key=rng.choice(["k", "l", None]),
                waited_s=rng.choice([None, 0.0, 0.25, 3.0]),
                version_seen=rng.choice([None, 1, 2, 3]),
                version=rng.choice([None, 2, 3]),
                has_pre_event=rng.choice([None, True, False]),
                has_post_event=rng.choice([None, True]),
            )
        )
    return events


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(sampled(2, whole=4)))
def test_table_equals_the_monitor_on_generated_events(
    tmp_path: Path, seed: int
) -> None:
    events = generated(1500, seed)

    table = stored(tmp_path, events)

    assert differences(table, streamed(events)) == []


@pytest.mark.slow
def test_table_equals_the_monitor_past_a_block_of_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordination, "BLOCK", 4000)
    events = generated(6000, 7, step_s=(0.1, 1.0))

    table = stored(tmp_path, events)

    assert differences(table, streamed(events)) == []


@pytest.mark.slow
def test_the_future_changes_no_row(tmp_path: Path) -> None:
    events = generated(400, 11)
    cut = events[200].at

    whole = stored(tmp_path / "whole", events)
    past = stored(tmp_path / "past", [e for e in events if e.at < cut])

    earlier = whole[whole["at"] < cut].reset_index(drop=True)
    # Sums over windows may differ in their last bit; nothing else may differ.
    pd.testing.assert_frame_equal(earlier, past, rtol=1e-12)


def test_constants_are_the_monitors() -> None:
    settings_ = MonitorSettings()

    assert (
        settings_.window,
        settings_.horizon_s * 1e6,
        settings_.forget_s * 1e6,
        settings_.gap_half_life,
        settings_.wait_budget_s,
    ) == (
        coordination.WINDOW,
        coordination.HORIZON_US,
        coordination.FORGET_US,
        coordination.GAP_HALF_LIFE,
        coordination.WAIT_BUDGET_S,
    )


@needs_history
@pytest.mark.slow
def test_table_equals_the_monitor_on_the_shared_history(tmp_path: Path) -> None:
    from toolkit.cli import run

    assert run(
        [
            "records",
            "import",
            "claude-code",
            str(HISTORY / "claude-code" / sampled("spotter", whole="")),
            "--store",
            str(tmp_path),
        ]
    ) in (0, 3)
    with RecordStore(tmp_path) as store:
        store.compact()
        table = coordination_table(store.dataset)
        events = list(store.dataset.scan("coordination"))

    assert len(table) > 500
    assert list(table.columns) == list(COORDINATION_COLUMNS)
    assert differences(table, streamed(events)) == []  # type: ignore[arg-type]  # a scan of one kind
