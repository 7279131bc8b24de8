"""Ids that come again, lines that hold nothing, and who or what ended a call."""

from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.claude_code.transcripts import (
    Session,
    batches,
    import_lines,
    import_paths,
    write,
)
from toolkit.history import RecordStore
from toolkit.records import Batch


def turns(session: Session, ids: list[list[str]]) -> Session:
    """Play one message for each list of ids, 5 s apart, each call with its result."""
    for turn, calls in enumerate(ids):
        at = 1.0 + 5 * turn
        for name in calls:
            session.call(at, name, message=f"{session.session_id}-{turn}")
        for name in calls:
            session.result(at + 1, name)
    return session


def per_message() -> list[list[str]]:
    return [["Read:0", "Read:1"] for _ in range(4)]


def per_session() -> list[list[str]]:
    return [[f"functions.Read:{2 * turn + n}" for n in range(2)] for turn in range(4)]


@pytest.mark.parametrize("ids", [per_message(), per_session()])
def test_ids_that_a_model_counts_are_calls_of_their_own(
    tmp_path: Path, ids: list[list[str]]
) -> None:
    paths = []
    for name in ("s1", "s2", "s3"):
        session = turns(Session(name, drawn_ids=False), ids)
        paths.append(write(tmp_path / f"{name}.jsonl", session.lines))
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, *paths)
        again = import_paths(store, *reversed(paths))
        store.compact()
        held = batches(store)

    assert (report.batches, report.calls, len(held)) == (12, 24, 12)
    assert again.added == 0
    assert {b.size for b in held} == {2}


def test_a_fork_of_counted_ids_says_where_it_comes_from(tmp_path: Path) -> None:
    origin = {"sessionId": "s1", "messageUuid": "u"}
    first = turns(Session("s1", drawn_ids=False), per_message())
    fork = turns(Session("s2", drawn_ids=False), per_message())
    for line in fork.lines:
        assert isinstance(line, dict)
        line["forkedFrom"] = origin
    paths = [write(tmp_path / f"{s.session_id}.jsonl", s.lines) for s in (first, fork)]
    with RecordStore(tmp_path / "store") as store:
        import_paths(store, *paths)
        store.compact()

        assert len(batches(store)) == 4


def test_a_line_that_is_repeated_is_no_other_call(tmp_path: Path) -> None:
    session = turns(Session(drawn_ids=False), per_message())
    store, report = import_lines(tmp_path, [*session.lines, *session.lines])

    assert (report.batches, report.calls) == (4, 8)
    assert [b.succeeded for b in batches(store)] == [2, 2, 2, 2]


@pytest.mark.parametrize("message", ["msg_proxy", ""])
def test_a_message_id_that_a_proxy_repeats_glues_no_turns(
    tmp_path: Path, message: str
) -> None:
    session = Session()
    for turn in range(5):
        at = 1.0 + 6 * turn
        session.call(at, f"c{turn}", message=message, requestId=f"req_{turn}")
        session.result(at + 0.2, f"c{turn}")
    store, _ = import_lines(tmp_path, session.lines)

    assert [(b.size, b.cycle_s) for b in batches(store)][1:] == [(1, 6.0)] * 4


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ({"type": "mode", "mode": "normal", "sessionId": "s"}, {}),
        ({"type": "attribution-snapshot", "messageId": "m"}, {}),
        ({"type": "brand-new", "sessionId": "s"}, {"line brand-new": 1}),
        ({"type": "started", "key": "v2:1"}, {"line started": 1}),
        ({"type": "A text of mine", "sessionId": "s"}, {"line another type": 1}),
    ],
)
def test_a_line_of_bookkeeping_is_not_damaged(
    tmp_path: Path, line: dict[str, Any], counted: dict[str, int]
) -> None:
    session = Session().call(1, "a").result(2, "a").raw(line)
    _, report = import_lines(tmp_path, session.lines)

    assert (report.batches, report.rejected) == (1, 0)
    assert report.passed_over == counted


def ended(tmp_path: Path, name: str, **result: Any) -> Batch:
    session = Session().prompt(0, permissionMode="bypassPermissions")
    session.call(1, "a", name, {"command": "make"}).result(2, "a", **result)
    store, _ = import_lines(tmp_path, session.lines)
    return batches(store)[0]


SAID = "Summary: The user doesn't want to upgrade. [Request interrupted by user"


@pytest.mark.parametrize(
    "result",
    [
        {"content": SAID, "details": SAID},
        {"content": [{"type": "text", "text": SAID}], "details": [{"text": SAID}]},
        {"content": SAID, "details": {"stdout": SAID, "interrupted": False}},
    ],
)
def test_the_words_of_a_result_are_no_ending(
    tmp_path: Path, result: dict[str, Any]
) -> None:
    batch = ended(tmp_path, "mcp__crm__get", **result)

    assert (batch.succeeded, batch.cancelled) == (1, 0)


def test_a_command_that_goes_on_is_neither_a_success_nor_a_cost(tmp_path: Path) -> None:
    batch = ended(tmp_path, "Bash", details={"stdout": "", "backgroundTaskId": "b1"})

    assert (batch.succeeded, batch.failed, batch.cancelled) == (0, 0, 0)
    assert (batch.background, batch.execution_s, batch.censored) == (1, None, True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("The user doesn't want to proceed with this tool use.", "refused"),
        ("[Request interrupted by user for tool use]", "interrupted"),
        ("Cancelled: parallel tool call Bash(x) errored", "siblings"),
    ],
)
def test_refused_interrupted_and_given_up_are_three_things(
    tmp_path: Path, content: str, why: str
) -> None:
    batch = ended(tmp_path, "Bash", content=content, error=True)

    counts = {n: getattr(batch, n) for n in ("siblings", "refused", "interrupted")}
    assert batch.cancelled == 1
    assert counts == {n: int(n == why) for n in counts}


@pytest.mark.parametrize(
    "fields",
    [
        {"message": {"role": "user", "content": "<task-notification>\n<task-id>b1"}},
        {"message": {"role": "user", "content": '<teammate-message teammate_id="w1">'}},
        {"message": {"role": "user", "content": "Stop hook feedback: tests fail"}},
        {"message": {"role": "user", "content": "<user-prompt-submit-hook>x"}},
        {"origin": {"kind": "scheduled"}},
        {"isMeta": True},
    ],
)
def test_what_the_harness_writes_for_a_user_is_no_person(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    session = Session().call(1, "a").result(2, "a").prompt(3, **fields)
    session.call(4, "b", message="m2").result(5, "b")
    store, _ = import_lines(tmp_path, session.lines)

    assert [b.cycle_s for b in batches(store)] == [None, 3.0]


def test_a_team_mate_counts_as_an_active_agent_until_it_is_idle(tmp_path: Path) -> None:
    idle = '<teammate-message teammate_id="w1">\n{"type":"idle_notification"}'
    session = Session().call(1, "a", "Agent", {"prompt": "x"})
    details = {"status": "teammate_spawned", "teammate_id": "w1@team"}
    session.result(2, "a", details=details).call(3, "b", message="m2").result(4, "b")
    session.prompt(5, message={"role": "user", "content": idle})
    session.call(6, "c", message="m3").result(7, "c")
    store, _ = import_lines(tmp_path, session.lines)

    assert [b.active_agents for b in batches(store)][1:] == [2, 1]


def test_names_are_hidden_as_the_hook_hides_them(tmp_path: Path) -> None:
    session = Session("jo@example.org").call(1, "a").result(2, "a")
    line = session.lines[0]
    assert isinstance(line, dict)
    line["message"]["model"] = "claude-x[1m]"
    store, _ = import_lines(tmp_path, session.lines)
    batch = batches(store)[0]

    assert batch.session_id == f"hidden-{store.hidden('jo@example.org')}"
    assert batch.model == "claude-x[1m]"
