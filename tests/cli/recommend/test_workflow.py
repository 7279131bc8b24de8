import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bundle_factory import agent_bundle, small_bundle
from toolkit.cli import run
from toolkit.records import Spool
from toolkit.runtime.planning.pattern import Pattern

TASK = ["recommend", "workflow", "--components", "20", "--parallelizable", "0.8"]


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run([*TASK, *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_rule_answers_without_a_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "--operations", "fileOperations=40")

    assert found["agents"]["recommended"] == 12
    assert found["expected"] is None
    assert [b["operation_type"] for b in found["batches"]] == ["fileOperations"]


def test_a_bundle_learns_that_one_agent_is_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expires = datetime.now(UTC) + timedelta(days=30)  # noqa: TID251 - the bundle must be fresh to the real clock of the command
    agent_bundle(tmp_path / "b", expires_at=expires)
    found = answer(
        capsys, "--bundle", str(tmp_path / "b"), "--coordination-needs", "0.6"
    )

    assert (found["agents"]["recommended"], found["agents"]["rule"]) == (1, 12)
    assert found["strategy"] == "single"
    assert found["alternatives"][0]["agents"] > 1


def test_a_refused_bundle_answers_by_the_rule_with_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TASK, "--bundle", str(tmp_path), "--json"]) == 7

    captured = capsys.readouterr()
    assert json.loads(captured.out)["agents"]["recommended"] == 12
    assert "refused" in captured.err


@pytest.mark.parametrize("option", ["--bundle", "--batch-bundle"])
def test_an_expired_bundle_answers_by_the_rule_with_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    made = agent_bundle if option == "--bundle" else small_bundle
    made(tmp_path / "b", expires_at=datetime(2026, 3, 31, tzinfo=UTC))

    assert run([*TASK, option, str(tmp_path / "b"), "--json"]) == 7

    captured = capsys.readouterr()
    assert json.loads(captured.out)["agents"]["recommended"] == 12
    assert "expired" in captured.err


def test_people_get_a_table_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TASK, "--agent-limit", "6", "--agent", "a=shell"]) == 0

    shown = capsys.readouterr().out
    assert "| agents " in shown
    assert "because: agent limit (limit 6, rule 12)" in shown


def test_people_see_time_money_and_what_could_be_done_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expires = datetime.now(UTC) + timedelta(days=30)  # noqa: TID251 - the bundle must be fresh to the real clock of the command
    agent_bundle(tmp_path / "b", expires_at=expires)
    words = ["--bundle", str(tmp_path / "b"), "--coordination-needs", "0.2"]
    assert run([*TASK, *words, "--price-per-agent-s", "0.01"]) == 0

    shown = capsys.readouterr().out
    assert all(f"| expected {what} " in shown for what in ("cost", "time", "price"))
    assert "| 1 agent " in shown


@pytest.mark.parametrize(
    "words",
    [
        ["--operations", "shell"],
        ["--operations", "shell=x"],
        ["--operations", "shell=0"],
        ["--agent", "shell"],
        ["--load-cpu", "7"],
        ["--agent-limit", "0"],
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_one_line_and_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TASK, *words]) == 2

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_saved_patterns_are_read_by_the_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        Pattern(
            operation_type="fileOperations", batches=30, mean_size=size, cost_s=cost_s
        ).to_json()
        for size, cost_s in [(8, 2.0), (4, 0.5)]
    ]
    Spool(tmp_path / "patterns").append_all(rows)
    found = answer(
        capsys, "--operations", "fileOperations=40", "--store", str(tmp_path)
    )

    assert found["batches"][0]["size"] == 4
    assert found["batches"][0]["reason"]["code"] == "own_patterns"
