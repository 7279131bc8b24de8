import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import run
from toolkit.errors import InputDataError
from toolkit.records import Spool
from toolkit.studies.chaos import (
    CONTROLS,
    FAULTS,
    Case,
    read_spec,
    run_study,
    summarise,
)

SHORT = """
seed = 11
timeout_s = 60.0
calibration = 8
[[healer]]
name = "engine"
per_fault = 1
per_control = 1
[[healer]]
name = "heartbeat_loop"
per_fault = 1
per_control = 1
"""


def spec_file(folder: Path, text: str = SHORT) -> Path:
    path = folder / "spec.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run every fault and every control once, with both healers: the short form."""
    folder = tmp_path_factory.mktemp("chaos")
    spec = read_spec(spec_file(folder))
    return run_study(spec, folder / "runs", say=lambda *_: None)


@pytest.mark.slow
def test_every_kind_of_fault_is_whole_again(study: dict[str, Any]) -> None:
    kinds = study["summary"]["engine"]["by_fault"]

    assert set(kinds) <= set(FAULTS)
    assert {
        k for k, row in kinds.items() if row["whole_again"]["share"] != 1.0
    } == set()


@pytest.mark.slow
def test_nothing_healthy_is_healed(study: dict[str, Any]) -> None:
    controls = study["summary"]["engine"]["by_control"]

    assert set(controls) == set(CONTROLS)
    assert sum(row["false_heals"]["count"] for row in controls.values()) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["tasks_lost", "tasks_done_twice", "restart_storms", "orphans"]
)
def test_healing_leaves_no_harm(study: dict[str, Any], what: str) -> None:
    assert study["summary"]["engine"]["faults"][what] == 0


@pytest.mark.slow
def test_no_success_is_claimed_that_is_none(study: dict[str, Any]) -> None:
    assert study["summary"]["engine"]["faults"]["claimed_in_vain"] == 0


@pytest.mark.slow
def test_the_engine_heals_more_than_a_heartbeat(study: dict[str, Any]) -> None:
    engine, heartbeat = (
        study["summary"][name]["faults"]["healed"]["share"]
        for name in ("engine", "heartbeat_loop")
    )

    assert engine > heartbeat


@pytest.mark.slow
def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path: Path) -> None:
    text = SHORT.replace("seed = 11", 'seed = 11\nfaults = ["sigkill"]\ncontrols = []')
    spec = read_spec(spec_file(tmp_path, text))
    first = run_study(spec, tmp_path / "runs", say=lambda *_: None)
    begun_s = time.perf_counter()

    again = run_study(spec, tmp_path / "runs", say=lambda *_: None)

    assert again["summary"] == first["summary"]
    assert time.perf_counter() - begun_s < 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1", "timeout_s"),
        (SHORT + '\nfaults = "x"', "chaos"),
        (SHORT.replace("seed", 'faults = ["plague"]\nseed'), "plague"),
    ],
)
def test_a_specification_that_is_none_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputDataError, match=said):
        read_spec(spec_file(tmp_path, text))


def row(**given: Any) -> dict[str, Any]:
    case = Case(kind="hang", control=False, seed=1, healer="engine")
    known: dict[str, Any] = {
        "case": {
            "kind": case.kind,
            "control": case.control,
            "seed": case.seed,
            "healer": case.healer,
        },
        "injected": ["hang"],
        "detected": True,
        "whole": True,
        "claimed": True,
        "detect_s": 30.0,
        "repair_s": 60.0,
        "rung": "spawn_replacement",
        "false_heals": 0,
        "restarts": 1,
        "storm": False,
        "lost": 0,
        "doubled": 0,
        "refused": 0,
        "orphans": 0,
    }
    return {**known, **given}


def test_a_claimed_recovery_that_is_none_counts_as_not_healed() -> None:
    faults = summarise([row(), row(whole=False)])["engine"]["faults"]

    assert (faults["healed"]["count"], faults["healed"]["of"]) == (1, 2)
    assert faults["claimed_in_vain"] == 1


def test_a_fault_that_passed_by_itself_is_not_counted_as_healed() -> None:
    passed = row(detected=False, detect_s=None, repair_s=None, claimed=None)

    faults = summarise([row(), passed])["engine"]["faults"]

    assert (faults["healed"]["of"], faults["passed_by_itself"]) == (1, 1)


def test_a_fault_that_nobody_noticed_and_that_harms_counts_against_the_healer() -> None:
    missed = row(detected=False, detect_s=None, claimed=None, whole=False)

    assert summarise([missed])["engine"]["faults"]["healed"]["share"] == 0.0


@pytest.mark.slow
def test_the_demonstration_heals_all_it_breaks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["heal", "demo", "--speed", "0", "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert {session["outcome"] for session in report["sessions"]} == {"success"}
    assert (len(report["sessions"]), report["tasks_done_twice"]) == (5, 0)


def hook_row(
    event: str, ago_s: float, agent: str = "main", **given: Any
) -> dict[str, Any]:
    at_ns = int((time.time_ns() / 1e9 - ago_s) * 1e9)
    return {
        "kind": "hook",
        "event": event,
        "at_ns": at_ns,
        "session": "s1",
        "agent": agent,
        **given,
    }


def watched(store: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert run(["heal", "watch", "--store", str(store), "--once", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_watching_tells_of_an_agent_stuck_in_a_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Spool(tmp_path / "hooks").append(hook_row("PreToolUse", 700, tool="Bash"))

    told = watched(tmp_path, capsys)

    assert any(line.get("verb") == "spawn_replacement" for line in told)


def test_watching_says_nothing_of_an_agent_that_has_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [hook_row("PreToolUse", 710, tool="Bash"), hook_row("Stop", 700)]
    Spool(tmp_path / "hooks").append_all(rows)

    assert watched(tmp_path, capsys) == []


def test_watching_tells_of_work_done_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        hook_row("PreToolUse", ago_s, agent=agent, tool="Read", key="h1")
        for ago_s, agent in ((20, "x"), (10, "y"))
    ]
    Spool(tmp_path / "hooks").append_all(rows)

    told = watched(tmp_path, capsys)

    assert any(line.get("cause") == "task:Read:h1" for line in told)


def test_reading_again_after_a_write_is_not_done_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        hook_row("PreToolUse", 30, agent="x", tool="Read", key="h1"),
        hook_row("PreToolUse", 20, agent="x", tool="Edit", key="h1"),
        hook_row("PreToolUse", 10, agent="y", tool="Read", key="h1"),
    ]
    Spool(tmp_path / "hooks").append_all(rows)

    assert watched(tmp_path, capsys) == []


def test_watching_reads_coordination_records_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=700)  # noqa: TID251 - the store is live
    record = {
        "kind": "coordination",
        "record_id": "r",
        "at": at.isoformat(),
        "source": "test",
        "provenance": "measured",
        "agent_id": "x",
        "operation": "edit",
        "action": "write",
        "has_pre_event": True,
        "has_post_event": False,
    }
    Spool(tmp_path / "spool").append(record)

    told = watched(tmp_path, capsys)

    assert any(line.get("cause") == "agent:/x" for line in told)


def test_watching_a_store_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert run(["heal", "watch", "--store", str(tmp_path / "none"), "--once"]) == 2


@pytest.mark.slow
def test_the_live_view_shows_agents_checks_and_what_was_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import anyio

    from toolkit.cli.heal.demo import DemoSpec, demonstrate
    from toolkit.cli.heal.view import live_heal_view

    with live_heal_view() as show:
        anyio.run(demonstrate, DemoSpec(speed=0, seed=0), show)

    shown = capsys.readouterr().err
    for words in ("in hand", "agent_responsiveness", "self-healing success"):
        assert words in shown
