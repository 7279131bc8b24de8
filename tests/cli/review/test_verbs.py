import json
from pathlib import Path

import pytest

from tests.review.reviewed import Talk
from toolkit.cli import run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home with three sessions where Claude Code keeps them."""
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME", "TOOLKIT_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number in range(3):
        talk = Talk(f"s{number}").turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
        talk.read("/home/a/alpha.py").read("/home/a/bravo.py")
        file = tmp_path / ".claude" / "projects" / "-home-a" / f"s{number}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(map(json.dumps, talk.session.lines)) + "\n")
    return tmp_path


def test_without_arguments_the_logs_are_found_and_reviewed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review"]) == 0

    shown = capsys.readouterr().out
    assert shown.splitlines()[0].endswith("could have ridden with the one before")
    assert "(3 to 3 turns, 9.0 s to 9.0 s)" in shown
    assert (home / ".local/share/workflow-toolkit/store").is_dir()


def test_a_repeat_adds_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run(["review", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == first


def test_json_holds_figures_changes_and_what_cannot_be_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--json", "--by", "operation"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["figures"]["merge.read.turns.lower"]["value"] == 3
    assert found["changes"][0]["figure"] == "merge.read.turns.upper"
    assert found["cannot_say"]
    assert set(found["by"]["operation"]) == {"read", "shell"}


def test_a_figure_is_explained_by_its_records(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--explain", "merge.read.turns.lower", "--json"]) == 0

    assert len(json.loads(capsys.readouterr().out)["records"]) == 3


def test_an_unknown_figure_is_a_usage_error(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--explain", "merge.patience"]) == 2
    assert "merge.read.turns.lower" in capsys.readouterr().err


def test_advice_is_a_block_to_paste(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--advice"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("## ")
    assert len(lines) <= 12


def test_an_empty_period_is_not_enough_data(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--since", "2031-01-01"]) == 5
    assert capsys.readouterr().err.count("toolkit: error") == 1


def test_a_day_that_is_none_is_a_usage_error(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--since", "yesterday"]) == 2
    assert "2026-01-31" in capsys.readouterr().err


def test_two_parts_are_compared(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["review", "--compare", "2026-03", "2026-03-02", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)["compare"]
    assert {row["figure"] for row in rows} >= {"calls per batch"}
    assert all(row["differs"] is False for row in rows)


@pytest.mark.parametrize("part", ["9999-99", "9999-12", "9999-12-31", "2026-13"])
def test_a_part_beyond_the_calendar_is_a_usage_error(
    home: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--compare", part, "2026-03"]) == 2
    assert f"not understood: '{part}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["review"], ["review", "replay", "--policy", "rule"]]
)
def test_a_seed_below_0_is_a_usage_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--seed", "-1"]) == 2
    assert "whole number from 0 on, got -1" in capsys.readouterr().err


def test_two_answers_at_once_are_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"

    assert run(["review", "--advice", "--html", str(page)]) == 2
    assert "--advice and --html" in capsys.readouterr().err
    assert not page.exists()


def test_a_part_without_batches_is_a_usage_error(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "--compare", "2026-03", "2031-01"]) == 2
    assert "no batch lies in '2031-01'" in capsys.readouterr().err


def test_without_any_logs_and_store_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TOOLKIT_STORE", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)

    assert run(["review"]) == 3
    assert "import something" in capsys.readouterr().err


def test_import_auto_says_what_it_found(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(home / "store")

    assert run(["records", "import", "auto", "--store", store, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["claude-code"]["batches"] == 9


def test_a_source_without_a_path_is_read_where_its_agent_keeps_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["records", "import", "claude-code", "--store", str(home / "store")]

    assert run([*words, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["batches"] == 9


def test_a_replay_prints_its_own_error_beside_the_answer(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review"]) == 0
    capsys.readouterr()

    assert run(["review", "replay", "--policy", "size:4", "--policy", "rule"]) == 0

    shown = capsys.readouterr()
    assert [line for line in shown.out.splitlines() if line.startswith("| size:4")]
    assert shown.out.startswith("self-replay of 3 sessions: 0.0% off in the median")
    assert run(["review", "replay", "--policy", "size:4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["replays"][0]
    assert found["recorded_turns"] == 6
    assert found["surely"]["turns"] == 3


def test_a_policy_that_is_none_is_a_usage_error(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review", "replay", "--policy", "largest"]) == 2
    assert "write size:N, rule, bundle:DIR, agents:N" in capsys.readouterr().err


def test_a_replay_is_split_by_what_sessions_belong_to(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["review"]) == 0
    words = ["review", "replay", "--policy", "size:4", "--by", "client"]

    assert run(words) == 0
    assert "\nclient claude-code\n" in capsys.readouterr().out
    assert run([*words, "--by", "week", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["by"]
    assert found["client"]["claude-code"][0]["sessions"] == 3
    assert set(found) == {"client", "week"}
