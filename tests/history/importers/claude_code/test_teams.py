"""Agents with files apart from their session's: members of teams, and workflow runs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.claude_code.transcripts import (
    BEGUN,
    Session,
    batches,
    import_paths,
    workflows,
    write,
)
from toolkit.history import RecordStore, installed_prices
from toolkit.history.importers import open_source, run_import
from toolkit.records import Outcome, Turn

SPAWNED = {
    "status": "teammate_spawned",
    "teammate_id": "rev@core",
    "name": "rev",
    "team_name": "core",
}


class Replies(Session):
    """A session whose replies have tokens."""

    def reply(self, at_s: float, name: str, *, output: int, **fields: Any) -> "Replies":
        usage = {
            "input_tokens": 10,
            "cache_read_input_tokens": 90,
            "cache_creation_input_tokens": 5,
            "output_tokens": output,
        }
        message = {
            "id": name,
            "model": "claude-sonnet-4-5-20250929",
            "content": [{"type": "text", "text": "done"}],
            "usage": usage,
        }
        self._add("assistant", at_s, message, **fields)
        return self


def lead(at_s: float, session_id: str = "lead") -> Session:
    """A session that spawns the member `rev` of the team `core`."""
    session = Session(session_id)
    given = {"name": "rev", "team_name": "core", "prompt": "go"}
    session.call(at_s, session_id, "Agent", given, message=f"of {session_id}")
    session.result(at_s + 1, session_id, details=SPAWNED)
    text = (
        '<teammate-message teammate_id="rev">{"type":"idle_notification"}'
        "</teammate-message>"
    )
    return session.prompt(at_s + 90, message={"role": "user", "content": text})


def member(*replies: tuple[float, int], name: str = "rev-session") -> list[Any]:
    session = Replies(name)
    for at_s, output in replies:
        session.reply(
            at_s, f"{name}-{at_s}", output=output, teamName="core", agentName="rev"
        )
    return session.lines


def imported(folder: Path, *files: Path) -> RecordStore:
    store = RecordStore(folder / "store")
    run_import(open_source("claude-code"), files, store, prices=installed_prices())
    store.compact()
    return store


@pytest.mark.parametrize("first", ["lead", "rev"])
def test_a_members_session_is_joined_to_the_wave_that_began_it(
    tmp_path: Path, first: str
) -> None:
    files = [
        write(tmp_path / "lead.jsonl", lead(10).lines),
        write(tmp_path / "rev.jsonl", member((20, 7), (60, 8))),
    ]
    files.sort(key=lambda path: path.stem != first)
    (wave,) = workflows(imported(tmp_path, *files))

    assert (wave.form, wave.runs, wave.runs_measured) == ("team", 1, 1)
    assert (wave.turns, wave.output_tokens, wave.input_tokens) == (2, 15, 20)
    assert (wave.cache_read_tokens, wave.cache_write_tokens) == (180, 10)
    assert wave.money_usd == pytest.approx(
        1e-6 * (20 * 3 + 180 * 0.3 + 10 * 3.75 + 15 * 15)
    )
    assert (wave.makespan_s, wave.outcome) == (90, Outcome.SUCCEEDED)


def test_a_team_of_the_same_name_counts_from_when_it_is_begun(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "lead.jsonl", lead(10).lines),
        write(tmp_path / "later.jsonl", lead(1000, "later").lines),
        write(tmp_path / "rev.jsonl", member((20, 7), (1020, 8))),
    ]
    waves = workflows(imported(tmp_path, *files))

    assert [wave.output_tokens for wave in waves] == [7, 8]


def test_a_member_that_is_spawned_twice_is_two_runs_each_with_its_own_replies(
    tmp_path: Path,
) -> None:
    first: list[Any] = list(lead(10).lines)
    again: list[Any] = list(lead(200).lines)
    for number, line in enumerate(again):
        line["uuid"] = f"again-{number}"
        line["parentUuid"] = first[-1]["uuid"] if number == 0 else None
        for block in line["message"]["content"]:
            if isinstance(block, dict):
                for key in ("id", "tool_use_id"):
                    if key in block:
                        block[key] = "lead-again"
        if "id" in line["message"]:
            line["message"]["id"] = "of lead again"
    files = [
        write(tmp_path / "lead.jsonl", [*first, *again]),
        write(tmp_path / "rev.jsonl", member((20, 7), (60, 8), (220, 9))),
    ]
    waves = workflows(imported(tmp_path, *files))

    assert [(wave.runs, wave.runs_measured) for wave in waves] == [(1, 1), (1, 1)]
    assert [wave.output_tokens for wave in waves] == [15, 9]
    assert [wave.makespan_s for wave in waves] == [90, 90]


def test_a_name_of_a_member_is_no_plain_text_in_any_record(tmp_path: Path) -> None:
    store = imported(
        tmp_path,
        write(tmp_path / "lead.jsonl", lead(10).lines),
        write(tmp_path / "rev.jsonl", member((20, 7))),
    )
    (turn,) = (
        t
        for t in store.dataset.scan("turn")
        if isinstance(t, Turn) and t.session_id == "rev-session"
    )

    assert turn.agent_id is not None
    assert turn.agent_id.startswith("hidden-")
    for path in (tmp_path / "store").rglob("*"):
        assert not path.is_file() or b"rev@core" not in path.read_bytes()


def test_the_lead_of_a_team_stays_its_sessions_thread(tmp_path: Path) -> None:
    session = Session().call(1, "a", teamName="core", agentName="team-lead")
    store = imported(tmp_path, write(tmp_path / "x.jsonl", session.lines))

    assert [batch.agent_id for batch in batches(store)] == ["main"]


def test_a_member_inside_its_leads_process_is_named_by_the_note_beside_it(
    tmp_path: Path,
) -> None:
    own = Replies("lead", agent_id="arev-0123").reply(20, "r", output=7)
    folder = tmp_path / "lead" / "subagents"
    write(tmp_path / "lead.jsonl", lead(10).lines)
    write(folder / "agent-arev-0123.jsonl", own.lines)
    note = {"name": "rev", "teamName": "core", "taskKind": "in_process_teammate"}
    (folder / "agent-arev-0123.meta.json").write_text(json.dumps(note))
    (wave,) = workflows(imported(tmp_path, tmp_path / "lead.jsonl", folder))

    assert (wave.runs_measured, wave.output_tokens) == (1, 7)


def journal(folder: Path, rows: Iterable[dict[str, Any]], *spans: Any) -> Path:
    """Write a workflow run of the session `s` with the transcripts of its agents."""
    run = folder / "projects" / "p" / "s" / "subagents" / "workflows" / "wf_1"
    for name, start_s, end_s in spans:
        session = Replies("s", agent_id=name).prompt(start_s)
        assert isinstance(session, Replies)
        session.reply(end_s, f"{name}-reply", output=5)
        write(run / f"agent-{name}.jsonl", session.lines)
    write(run / "journal.jsonl", rows)
    return run


def started(name: str) -> dict[str, Any]:
    return {"type": "started", "key": f"v2:{name}", "agentId": name}


def returned(name: str, kind: str = "result") -> dict[str, Any]:
    return {"type": kind, "key": f"v2:{name}", "agentId": name, "result": "text"}


def test_a_workflow_run_is_a_wave_of_the_agents_in_its_journal(tmp_path: Path) -> None:
    rows = [{"type": "launched"}, started("a1"), started("a2"), returned("a2")]
    run = journal(tmp_path, [*rows, returned("a1")], ("a1", 0, 60), ("a2", 10, 30))
    store = imported(tmp_path, run)
    (wave,) = workflows(store)

    assert (wave.form, wave.agents, wave.runs) == ("workflow", 2, 2)
    assert (wave.makespan_s, wave.agent_seconds) == (60, 80)
    assert (wave.runs_succeeded, wave.session_id) == (2, "s")
    assert (wave.runs_measured, wave.turns, wave.output_tokens) == (2, 2, 10)
    assert wave.at == BEGUN


def test_agents_of_a_run_that_failed_or_did_not_return_are_counted(
    tmp_path: Path,
) -> None:
    rows = [started("a1"), started("a2"), returned("a1", "failed")]
    (wave,) = workflows(imported(tmp_path, journal(tmp_path, rows, ("a1", 0, 60))))

    assert (wave.runs, wave.runs_failed, wave.runs_unfinished) == (2, 1, 1)
    assert (wave.makespan_s, wave.outcome) == (None, Outcome.UNKNOWN)


def test_a_journal_without_transcripts_is_counted_and_refuses_nothing(
    tmp_path: Path,
) -> None:
    run = journal(tmp_path, [started("a1"), returned("a1")])
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, run)

    assert (report.refused_files, report.workflows) == (0, 0)
    assert report.passed_over == {"workflow run without its agents' transcripts": 1}


def test_a_journal_that_names_no_agent_is_refused(tmp_path: Path) -> None:
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, journal(tmp_path, [{"type": "launched"}]))

    assert report.refused_files == 1
