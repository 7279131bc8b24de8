"""`toolkit monitor` and `toolkit report objectives`, as typed."""

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from toolkit.cli import run
from toolkit.cli.monitor.verbs import Watched, follow
from toolkit.history import RecordStore
from toolkit.records import (
    Batch,
    CoordinationEvent,
    Outcome,
    Provenance,
    Recovery,
    Spool,
    Turn,
    Workflow,
)

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


def shared(number: int, at: dt.datetime) -> dict[str, Any]:
    return {
        "record_id": f"r{number}",
        "at": at,
        "source": "test",
        "provenance": Provenance.MEASURED,
    }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with RecordStore(tmp_path / "store") as opened:
        for number in range(30):
            at = START + dt.timedelta(hours=8 * (number // 6), seconds=number % 6)
            opened.add(
                CoordinationEvent(
                    **shared(number, at),
                    agent_id="ab"[number % 2],
                    session_id="s",
                    operation="look",
                    action="read",
                    memory_key="k",
                    duration_s=1.5 if number % 6 < 3 else 0.25,
                    waited_s=0.1,
                    outcome=Outcome.SUCCEEDED if number % 5 else Outcome.FAILED,
                )
            )
        opened.add(Workflow(**shared(0, START), agents=2, outcome=Outcome.SUCCEEDED))
        for number, held in enumerate([False, True, None]):
            opened.add(
                Recovery(
                    **shared(number, START + dt.timedelta(days=1)),
                    issue="stuck_agent",
                    rung="x",
                    action="y",
                    healing_id="one" if number < 2 else "two",
                    post_condition=held,
                )
            )
        opened.add(
            Batch(
                **shared(0, START),
                operation_type="shell",
                size=2,
                cycle_s=4.0,
                execution_s=2.0,
                operations_s=3.5,
                succeeded=2,
            )
        )
    return tmp_path / "store"


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(words) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_once_prints_one_snapshot(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(capsys, "monitor", "--store", str(store), "--once", "--json")

    assert (found["events"], [agent["agent"] for agent in found["agents"]]) == (
        30,
        ["s/a", "s/b"],
    )


def test_lines_hold_alerts_then_the_snapshot(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["monitor", "--store", str(store), "--json"]) == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["type"] for row in rows[:-1]} == {"alert"}
    assert rows[-1]["type"] == "snapshot"


def test_the_view_names_agents_and_alerts(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")

    assert run(["monitor", "--store", str(store), "--once"]) == 0

    shown = capsys.readouterr().out
    assert "s/a" in shown
    assert "alerts raised: " in shown
    assert "stale reads 0.0%" in shown


def test_following_reads_the_live_spool(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(
        capsys, "monitor", "--store", str(store), "--follow", "--once", "--json"
    )

    assert found["events"] == 30


class Growing:
    """A clock at which records are written whenever somebody sleeps, then Ctrl-C."""

    def __init__(self, store: Path, looks: int) -> None:
        self.store = store
        self.looks = looks
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        return START + dt.timedelta(days=30, seconds=len(self.slept))

    async def sleep(self, duration_s: float) -> None:
        self.slept.append(duration_s)
        if len(self.slept) == self.looks:
            raise KeyboardInterrupt
        with RecordStore(self.store) as opened:
            opened.add(
                CoordinationEvent(
                    **shared(100 + len(self.slept), self.now()),
                    agent_id="late",
                    operation="look",
                    action="read",
                    outcome=Outcome.SUCCEEDED,
                )
            )


@pytest.mark.parametrize("lines", [True, False], ids=["json", "plain"])
def test_following_shows_what_is_appended_meanwhile(
    lines: bool, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(store=store, once=False, json=lines, interval=0.5)
    clock = Growing(store, looks=3)

    with pytest.raises(KeyboardInterrupt):
        anyio.run(follow, Watched(lines=lines), options, clock)

    assert clock.slept == [0.5, 0.5, 0.5]
    assert "late" in capsys.readouterr().out


def test_an_empty_store_is_not_enough(tmp_path: Path) -> None:
    assert run(["monitor", "--store", str(tmp_path), "--once"]) == 5


@pytest.mark.parametrize(
    "words", [["monitor"], ["report", "objectives"]], ids=["monitor", "report"]
)
def test_a_store_that_is_not_there_is_refused(words: list[str], tmp_path: Path) -> None:
    assert run([*words, "--store", str(tmp_path / "none")]) == 3


def test_an_interval_of_nothing_is_a_usage_error(store: Path) -> None:
    assert run(["monitor", "--store", str(store), "--interval", "0"]) == 2


def objectives(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["objective"]["name"]: each for each in found["objectives"]}


def test_objectives_are_counted(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(capsys, "report", "objectives", "--store", str(store), "--json")

    counted = {
        name: (each["trials"]["successes"], each["trials"]["count"])
        for name, each in objectives(found).items()
    }
    assert counted == {
        "coordination_efficiency": (24, 30),
        "parallel_execution_rate": (2, 2),
        "workflow_reliability": (1, 1),
        "memory_consistency": (0, 0),
        "self_healing_effectiveness": (1, 2),
    }


def test_the_baseline_is_left_out_of_what_is_judged(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(
        capsys,
        *("report", "objectives", "--store", str(store), "--json"),
        *("--baseline-until", "2026-01-05"),
    )

    each = objectives(found)["coordination_efficiency"]
    assert (each["baseline"], each["judged"]) == (["2026-01-05"], ["2026-01-06"])
    assert objectives(found)["workflow_reliability"]["verdict"] == "no data"


def test_the_report_says_no_data(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(
            [
                "report",
                "objectives",
                "--store",
                str(store),
                "--baseline-until",
                "2026-01-05",
            ]
        )
        == 0
    )

    shown = capsys.readouterr().out
    assert "| workflow_reliability       | 0.95   | no data |" in shown


def test_a_baseline_of_everything_leaves_nothing_to_judge(store: Path) -> None:
    words = ["report", "objectives", "--store", str(store)]

    assert run([*words, "--baseline-until", "2026-02-01"]) == 5


def test_once_shows_every_agent_of_the_last_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    events = [
        CoordinationEvent(
            record_id=f"r{hour}",
            at=start + dt.timedelta(hours=2 * hour),
            source="test",
            provenance=Provenance.MEASURED,
            agent_id=f"a{hour}",
            session_id="old" if hour == 0 else "last",
            operation="edit",
            action="write",
        )
        for hour in range(4)
    ]
    reply = Turn(
        record_id="t",
        at=start + dt.timedelta(hours=3),
        source="test",
        provenance=Provenance.MEASURED,
        session_id="last",
        calls=1,
    )
    records = (*events, reply)
    Spool(tmp_path / "spool").append_all(record.to_json() for record in records)

    assert run(["monitor", "--store", str(tmp_path), "--once", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert {agent["agent"]: agent["operations"] for agent in shown["agents"]} == {
        "last/a1": 1,
        "last/a2": 1,
        "last/a3": 1,
        "last/main": 0,
    }
