import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.thorough import sampled
from toolkit.capture.hook_handler import reduce_event
from toolkit.cli import run
from toolkit.errors import InputDataError
from toolkit.records import Spool
from toolkit.studies.chaos import read_chaos_spec, run_study
from toolkit.studies.chaos.episode import Case
from toolkit.studies.chaos.faults import COMPOSED, CONTROLS, FAULTS
from toolkit.studies.chaos.study import summarise_episodes

# The first that asks for the study runs a fault of each sort, with real processes.
pytestmark = pytest.mark.timeout(240)

CALIBRATION = sampled(3, whole=8)
"""Healthy swarms that an engine learns from beforehand."""

SHORT = f"""
seed = 11
timeout_s = 60.0
calibration = {CALIBRATION}
faults = [
  "sigkill", "hang_with_lock", "corrupting_agent", "deadlock", "poisoned_task",
  "flapping_short", "hollow_finisher", "returner", "split_brain", "composed_05",
  "orphaned_lock", "halting", "leak_not_freed",
]
controls = ["plain", "long_silent_work", "slow_start"]
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
    """Run a fault of each sort and three controls once, with both healers."""
    folder = tmp_path_factory.mktemp("chaos")
    spec = read_chaos_spec(spec_file(folder))
    return run_study(spec, folder / "runs", say=lambda *_: None)


@pytest.mark.slow
def test_every_kind_of_fault_is_healed_or_goes_to_a_person(
    study: dict[str, Any],
) -> None:
    kinds = study["summary"]["engine"]["by_fault"]

    assert set(kinds) <= {*FAULTS, *COMPOSED}
    failed = {
        kind
        for kind, row in kinds.items()
        if row["healed_or_handed_over"]["share"] not in (1.0, None)
    }
    assert failed == set()


@pytest.mark.slow
def test_nothing_healthy_is_healed(study: dict[str, Any]) -> None:
    controls = study["summary"]["engine"]["by_control"]

    assert set(controls) == {"plain", "long_silent_work", "slow_start"} <= set(CONTROLS)
    assert sum(row["false_heals"]["count"] for row in controls.values()) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["tasks_lost", "tasks_done_twice", "restart_storms", "orphans"]
)
def test_healing_leaves_no_harm(study: dict[str, Any], what: str) -> None:
    assert study["summary"]["engine"]["faults"][what] == 0


@pytest.mark.slow
def test_no_success_is_claimed_that_is_none(study: dict[str, Any]) -> None:
    assert study["summary"]["engine"]["faults"]["claims_true"]["share"] == 1.0


@pytest.mark.slow
def test_the_engine_heals_more_than_a_heartbeat(study: dict[str, Any]) -> None:
    engine, heartbeat = (
        study["summary"][name]["faults"]["healed_or_handed_over"]["share"]
        for name in ("engine", "heartbeat_loop")
    )

    assert engine > heartbeat


@pytest.mark.slow
def test_the_share_of_false_heals_is_printed_with_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = spec_file(
        tmp_path,
        "seed = 1\ntimeout_s = 60.0\ncalibration = 0\nfaults = []\n"
        'controls = ["long_silent_work"]\n'
        '[[healer]]\nname = "engine"\nper_fault = 0\nper_control = 1\n',
    )

    assert run(["heal", "chaos", str(path)]) == 0

    shown = capsys.readouterr()
    assert "0.0%" in shown.out
    assert "nothing was learned beforehand" in shown.err


@pytest.mark.slow
def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path: Path) -> None:
    chosen = 'faults = ["sigkill"]\ncontrols = []\n'
    begin, end = SHORT.index("faults"), SHORT.index("[[healer]]")
    text = SHORT[:begin] + chosen + SHORT[end:]
    text = text.replace(f"calibration = {CALIBRATION}", "calibration = 1")
    spec = read_chaos_spec(spec_file(tmp_path, text))
    first = run_study(spec, tmp_path / "runs", say=lambda *_: None)
    (log,) = (tmp_path / "runs").glob("episodes-*.jsonl")
    episodes = log.read_text()

    again = run_study(spec, tmp_path / "runs", say=lambda *_: None)

    assert again["summary"] == first["summary"]
    assert log.read_text() == episodes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1", "timeout_s"),
        (SHORT.replace("seed = 11", 'seed = "x"'), "chaos"),
        (SHORT.replace('"sigkill"', '"plague"'), "plague"),
    ],
)
def test_a_specification_that_is_none_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputDataError, match=said):
        read_chaos_spec(spec_file(tmp_path, text))


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
        "withdrawn": 0,
        "orphans": 0,
        "handed_over": [],
        "contained": False,
        "claims": 1,
        "false_claims": 0,
        "set_aside": 0,
        "healthy_restarts": 0,
        "calls_repeated": 0,
    }
    return {**known, **given}


def test_a_claimed_recovery_that_is_none_counts_as_not_healed() -> None:
    vain = row(whole=False, false_claims=1)

    faults = summarise_episodes([row(), vain])["engine"]["faults"]

    assert (faults["healed"]["count"], faults["claims_true"]["count"]) == (1, 1)


def test_a_fault_that_passed_by_itself_is_not_counted_as_healed() -> None:
    passed = row(detected=False, detect_s=None, repair_s=None, claimed=None, claims=0)

    faults = summarise_episodes([row(), passed])["engine"]["faults"]

    assert (faults["healed"]["of"], faults["passed_by_itself"]) == (1, 1)


def test_a_call_for_the_right_cause_counts_where_nothing_else_is_broken() -> None:
    called = row(whole=False, handed_over=["agent:a1"], contained=True)

    faults = summarise_episodes([called])["engine"]["faults"]

    assert faults["healed_or_handed_over"]["share"] == 1.0


def test_faults_without_a_sensor_are_reported_apart() -> None:
    case = {"kind": COMPOSED[0], "control": False, "seed": 1, "healer": "engine"}

    tables = summarise_episodes([row(), row(case=case)])["engine"]

    apart = (tables["with_sensor"], tables["without_sensor"])
    assert [each["episodes"] for each in apart] == [1, 1]


def test_a_fault_that_was_not_noticed_and_that_harms_counts_against_the_healer() -> (
    None
):
    missed = row(detected=False, detect_s=None, claimed=None, whole=False)

    assert summarise_episodes([missed])["engine"]["faults"]["healed"]["share"] == 0.0


@pytest.mark.slow
def test_the_demonstration_heals_all_it_breaks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["heal", "demo", "--speed", "0", "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    by_issue = [(each["issue"], each["outcome"]) for each in report["sessions"]]
    assert sorted(by_issue) == [
        ("memory_inconsistency", "success"),
        ("performance_degradation", "success"),
        ("stuck_agent", "success"),
        ("stuck_agent", "success"),
        ("stuck_agent", "success"),
    ]
    assert (set(report["tasks"]), report["tasks_done_twice"]) == ({"done"}, 0)


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
    Spool(tmp_path / "hooks").append(hook_row("PreToolUse", 2400, tool="Read"))

    told = watched(tmp_path, capsys)

    assert any(line.get("cause") == "agent:s1/main" for line in told)


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
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2400)  # noqa: TID251 - the store is live
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


def test_watching_a_store_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    assert run(["heal", "watch", "--store", str(tmp_path / "none"), "--once"]) == 3


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


Told = tuple[float, str, dict[str, Any]]
"""Seconds ago, hook event, and what its payload holds beside the session."""


def call(tool: str, **given: Any) -> dict[str, Any]:
    return {"tool_name": tool, "tool_use_id": "t1", "tool_input": {}, **given}


def notified(kind: str) -> dict[str, Any]:
    return {"message": "m", "notification_type": kind}


CHILD = {"agent_id": "child", "agent_type": "Explore"}

NOT_STUCK: dict[str, list[Told]] = {
    "test run of nine minutes": [(540, "PreToolUse", call("Bash"))],
    "sub-agent at work": [
        (900, "PreToolUse", call("Agent")),
        (899, "SubagentStart", CHILD),
        *[
            (890 - 20 * n - part, event, {**call("Grep", tool_use_id=f"g{n}"), **CHILD})
            for n in range(44)
            for part, event in enumerate(("PreToolUse", "PostToolUse"))
        ],
    ],
    "question": [(1200, "PreToolUse", call("AskUserQuestion"))],
    "plan": [(1200, "PreToolUse", call("ExitPlanMode"))],
    "permission with notice": [
        (1200, "PreToolUse", call("Edit")),
        (1194, "Notification", notified("permission_prompt")),
    ],
    "permission without notice": [
        (1200, "PreToolUse", call("Edit")),
        (1199, "PermissionRequest", call("Edit")),
    ],
    "permission of a sub-agent": [
        (1210, "PreToolUse", call("Agent")),
        (1209, "SubagentStart", CHILD),
        (1200, "PreToolUse", {**call("Edit", tool_use_id="e1"), **CHILD}),
        (1194, "Notification", notified("permission_prompt")),
    ],
    "compaction": [
        (163, "PreToolUse", call("Read")),
        (162, "PostToolUse", call("Read")),
        (161, "PostToolBatch", {"tool_calls": [call("Read")]}),
        (160, "PreCompact", {"trigger": "auto"}),
    ],
    "long answer": [
        (153, "PreToolUse", call("Read")),
        (152, "PostToolUse", call("Read")),
        (151, "PostToolBatch", {"tool_calls": [call("Read")]}),
    ],
    "ended turn": [(1200, "Stop", {})],
    "command in the background": [
        (1200, "PreToolUse", call("Bash")),
        (1199, "PostToolUse", call("Bash")),
        (1198, "PostToolBatch", {"tool_calls": [call("Bash")]}),
        (1190, "Stop", {}),
    ],
}
STUCK: dict[str, list[Told]] = {
    "a read that never ends": [(2400, "PreToolUse", call("Read"))],
    "a command beyond the harness's ten minutes": [(2400, "PreToolUse", call("Bash"))],
}


def hooked(store: Path, rows: list[Told]) -> None:
    """Write what the installed hook would have written, after thirty quick reads."""
    usual: list[Told] = [
        (3000 - 10 * n - 0.2 * part, event, call("Read", tool_use_id=f"r{n}"))
        for n in range(30)
        for part, event in enumerate(("PreToolUse", "PostToolUse"))
    ]
    spool = Spool(store / "hooks")
    for ago_s, event, given in [*usual, *rows]:
        payload = {"session_id": "s1", "cwd": "/p", "hook_event_name": event, **given}
        at_ns = int((time.time_ns() / 1e9 - ago_s) * 1e9)
        spool.append(reduce_event(payload, b"k" * 32, at_ns))


@pytest.mark.parametrize("what", NOT_STUCK)
def test_watching_calls_no_lead_stuck_that_waits(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hooked(tmp_path, NOT_STUCK[what])

    assert watched(tmp_path, capsys) == []


@pytest.mark.parametrize("what", STUCK)
def test_watching_names_a_lead_that_is_stuck(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hooked(tmp_path, STUCK[what])

    assert "agent:s1/main" in {line.get("cause") for line in watched(tmp_path, capsys)}


def test_calibrating_writes_the_silences_that_watching_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        hook_row(event, 3000 - 10 * n - 4 * part, tool="Read")
        for n in range(30)
        for part, event in enumerate(("PreToolUse", "PostToolUse"))
    ]
    Spool(tmp_path / "hooks").append_all(rows)

    assert run(["heal", "calibrate", "--store", str(tmp_path), "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert {row["operation"] for row in report["operations"]} == {"Read", "turn"}
    assert (tmp_path / "silences.json").exists()
