"""What an observed history says of waves, and where it says that it cannot."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from toolkit.experiments.evaluation.waves import wave_support
from toolkit.history import RecordStore
from toolkit.records import CoordinationEvent, Outcome, Provenance, Turn, Workflow

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)


def add_wave(
    store: RecordStore,
    number: int,
    runs: int,
    *,
    project: str = "p",
    run_s: float = 100.0,
    tokens: int | None = 50,
    **fields: Any,
) -> None:
    """Add a wave of equal runs that overlap in full, with a reply for each run."""
    name, at = f"w{number}", BEGUN + timedelta(hours=number)
    shared: dict[str, Any] = {
        "at": at,
        "source": "claude-code",
        "provenance": Provenance.DERIVED,
        "session_id": f"s{number}",
    }
    known: dict[str, Any] = {
        "agents": runs,
        "runs": runs,
        "runs_succeeded": runs,
        "runs_failed": 0,
        "makespan_s": run_s,
        "agent_seconds": run_s * runs,
        "outcome": Outcome.SUCCEEDED,
    }
    store.add(Workflow(record_id=name, project=project, **shared, **known | fields))
    for run in range(runs if tokens is not None else 0):
        agent = f"a{number}-{run}"
        store.add(
            CoordinationEvent(
                record_id=f"e{agent}",
                agent_id="main",
                operation="Agent",
                action="spawn",
                workflow_id=name,
                spawned_id=agent,
                **shared,
            )
        )
        store.add(
            Turn(
                record_id=f"t{agent}",
                agent_id=agent,
                output_tokens=tokens,
                input_tokens=1,
                money_usd=0.01 * (tokens or 0),
                **shared,
            )
        )


def test_waves_are_counted_by_size_with_what_a_run_takes(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        add_wave(store, 1, 1)
        add_wave(store, 2, 3)
        add_wave(store, 3, 3, tokens=None, runs_failed=1)
        store.flush()
        found = wave_support(store.dataset, seed=1)

    assert found is not None
    single, three = found.sizes
    assert (single.agents, single.waves, single.speed_up) == ("1", 1, 1.0)
    assert (three.waves, three.runs, three.failed, three.measured) == (2, 6, 1, 1)
    assert (three.speed_up, three.agent_seconds) == (3.0, 100.0)
    assert (three.output_tokens, three.money_usd) == (50.0, 0.5)


def test_a_wave_is_compared_with_single_runs_of_its_own_project(
    tmp_path: Path,
) -> None:
    """Runs of the other project take ten times as long; they must not enter."""
    with RecordStore(tmp_path) as store:
        for number in range(6):
            add_wave(store, 10 * number, 1)
            add_wave(store, 10 * number + 1, 2, run_s=50.0)
            add_wave(store, 10 * number + 2, 1, project="q", run_s=1000.0)
        store.flush()
        found = wave_support(store.dataset, seed=1)

    assert found is not None
    named = {each.what: each for each in found.matched}
    assert named["makespan"].ratio == pytest.approx(0.25)
    assert named["agent-seconds"].ratio == pytest.approx(0.5)
    assert named["output tokens"].ratio == pytest.approx(1.0)
    assert (named["makespan"].waves, named["makespan"].groups) == (6, 6)


def test_too_few_waves_give_no_ratio_and_say_so(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        add_wave(store, 1, 1)
        add_wave(store, 2, 2)
        store.flush()
        found = wave_support(store.dataset, seed=1)

    assert found is not None
    assert {each.ratio for each in found.matched} == {None}
    assert any("Too few waves" in limit for limit in found.limits)


def test_a_wave_alone_in_its_project_is_compared_with_nothing(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        for number in range(6):
            add_wave(store, number, 2, project=f"p{number}")
        store.flush()
        found = wave_support(store.dataset, seed=1)

    assert found is not None
    assert {each.waves for each in found.matched} == {0}


def test_a_measured_history_has_no_waves(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add(
            Workflow(
                record_id="m",
                at=BEGUN,
                source="measure",
                provenance=Provenance.MEASURED,
                agents=2,
                makespan_s=1.0,
                agent_seconds=2.0,
            )
        )

        store.flush()

        assert wave_support(store.dataset, seed=1) is None
