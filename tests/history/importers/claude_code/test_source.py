import gzip
import os
from pathlib import Path

import pytest

from tests.history.importers.claude_code.transcripts import (
    Session,
    batches,
    events,
    import_lines,
    import_paths,
    workflows,
    write,
)
from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import lines as source_lines
from toolkit.records import Outcome, Provenance, call_record_id


def three_reads() -> Session:
    return (
        Session()
        .prompt(0)
        .call(1, "a")
        .call(1.2, "b")
        .call(1.4, "c")
        .result(1.5, "b")
        .result(1.6, "a")
        .result(2.0, "c")
    )


def test_lines_of_one_message_are_one_batch(tmp_path: Path) -> None:
    store, report = import_lines(tmp_path, three_reads().lines)

    assert (report.batches, report.multi_call_batches, report.calls) == (1, 1, 3)
    assert batches(store)[0].size == 3


def test_a_batch_carries_who_what_and_how_it_is_known(tmp_path: Path) -> None:
    store, _ = import_lines(tmp_path, three_reads().lines)
    batch = batches(store)[0]

    assert (batch.session_id, batch.agent_id, batch.group_id) == (
        "session-1",
        "main",
        "session-1",
    )
    assert (batch.model, batch.source_version) == ("claude-test-1", "2.1.30")
    assert batch.provenance is Provenance.DERIVED
    assert (batch.operation_type, batch.read_share) == ("fileOperations", 1.0)


def test_the_identity_is_that_of_the_first_call(tmp_path: Path) -> None:
    store, _ = import_lines(tmp_path, three_reads().lines)

    assert batches(store)[0].record_id == call_record_id("toolu_a")


def test_two_messages_are_two_batches(tmp_path: Path) -> None:
    lines = (
        Session()
        .call(1, "a", message="m1")
        .result(2, "a")
        .call(3, "b", message="m2")
        .result(4, "b")
        .lines
    )
    _, report = import_lines(tmp_path, lines)

    assert (report.batches, report.multi_call_batches) == (2, 0)


def test_a_result_may_come_before_a_later_call_of_its_message(tmp_path: Path) -> None:
    lines = Session().call(1, "a").result(2, "a").call(3, "b").result(4, "b").lines
    store, _ = import_lines(tmp_path, lines)

    assert [(b.size, b.succeeded) for b in batches(store)] == [(2, 2)]


def test_a_call_without_result_is_neither_success_nor_failure(tmp_path: Path) -> None:
    lines = Session().call(1, "a").call(1.5, "b").result(2, "a").lines
    store, _ = import_lines(tmp_path, lines)
    batch = batches(store)[0]

    assert (batch.size, batch.succeeded, batch.failed, batch.cancelled) == (2, 1, 0, 0)
    assert batch.cycle_s is None
    assert batch.execution_s is None


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        (["Read", "Grep", "Edit"], "fileOperations"),
        (["Agent", "Task"], "taskSpawning"),
        (["Bash"], "shell"),
        (["WebFetch", "WebSearch"], "web"),
        (["mcp__acme__deploy"], "mcp"),
        (["acme_internal"], "other"),
        (["Read", "Bash"], "mixed"),
    ],
)
def test_the_operation_type_is_that_of_calls_that_agree(
    tmp_path: Path, tools: list[str], expected: str
) -> None:
    session = Session()
    for number, tool in enumerate(tools):
        session.call(1 + number, f"c{number}", tool)
    store, _ = import_lines(tmp_path, session.lines)

    assert batches(store)[0].operation_type == expected


def test_a_todo_batch_counts_todos_not_calls(tmp_path: Path) -> None:
    todos = {"todos": [{"content": "x", "status": "pending"}] * 7}
    lines = Session().call(1, "a", "TodoWrite", todos).result(2, "a").lines
    store, report = import_lines(tmp_path, lines)
    batch = batches(store)[0]

    assert (batch.size, batch.calls, batch.succeeded) == (7, 1, 7)
    assert report.calls == 1


def test_task_items_count_one_each(tmp_path: Path) -> None:
    lines = (
        Session()
        .call(1, "a", "TaskCreate", {"subject": "x"})
        .call(2, "b", "TaskUpdate", {"id": "1"})
        .lines
    )
    store, _ = import_lines(tmp_path, lines)
    batch = batches(store)[0]

    assert (batch.operation_type, batch.size) == ("todoWrite", 2)


def test_a_todo_list_in_a_mixed_message_is_one_operation(tmp_path: Path) -> None:
    todos = {"todos": [{"content": "x"}] * 7}
    lines = Session().call(1, "a", "TodoWrite", todos).call(2, "b").lines
    store, _ = import_lines(tmp_path, lines)

    assert (batches(store)[0].operation_type, batches(store)[0].size) == ("mixed", 2)


@pytest.mark.parametrize(
    ("content", "error", "expected"),
    [
        ("Exit code 1", True, (0, 1, 0)),
        ("<tool_use_error>File does not exist.</tool_use_error>", None, (0, 1, 0)),
        ("<tool_use_error>Sibling tool call errored</tool_use_error>", True, (0, 0, 1)),
        ("Cancelled: parallel tool call Bash(x) errored", True, (0, 0, 1)),
        ("The user doesn't want to proceed with this tool use.", True, (0, 0, 1)),
        ("an error is described here", False, (1, 0, 0)),
        ([{"type": "text", "text": "Sibling tool call errored"}], True, (0, 0, 1)),
    ],
)
def test_failed_and_cancelled_are_told_apart(
    tmp_path: Path, content: object, error: bool | None, expected: tuple[int, int, int]
) -> None:
    lines = Session().call(1, "a").result(2, "a", content, error=error).lines
    store, _ = import_lines(tmp_path, lines)
    batch = batches(store)[0]

    assert (batch.succeeded, batch.failed, batch.cancelled) == expected


def test_repeated_lines_count_once(tmp_path: Path) -> None:
    lines = three_reads().lines
    _, report = import_lines(tmp_path, [*lines, *lines])

    assert (report.batches, report.calls, report.lines) == (1, 3, 14)


def test_a_second_import_adds_nothing(tmp_path: Path) -> None:
    store, first = import_lines(tmp_path, three_reads().lines)
    again = import_paths(store, tmp_path / "projects")

    assert (again.added, again.updated) == (0, 0)
    assert again.batches == first.batches


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_copies_the_fuller_one_wins_in_any_order(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    lines = three_reads().lines
    paths = [
        write(tmp_path / "early" / "session-1.jsonl", lines[:4]),
        write(tmp_path / "late" / "session-1.jsonl", lines),
    ]
    store = RecordStore(tmp_path / "store")
    for number in order:
        import_paths(store, paths[number])
    store.compact()

    assert [(b.size, b.succeeded) for b in batches(store)] == [(3, 3)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_fork_counts_once_and_the_same_in_any_order(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    forked = Session("session-2")
    forked.lines = [
        {**line, "sessionId": "session-2"}
        for line in three_reads().lines
        if isinstance(line, dict)
    ]
    paths = [
        write(tmp_path / "p" / "session-1.jsonl", three_reads().lines),
        write(tmp_path / "p" / "session-2.jsonl", forked.lines),
    ]
    store = RecordStore(tmp_path / "store")
    for number in order:
        import_paths(store, paths[number])
    again = import_paths(store, tmp_path / "p")
    store.compact()

    assert [b.session_id for b in batches(store)] == ["session-1"]
    assert (again.batches, again.added, again.updated) == (1, 0, 0)


def test_a_subagent_in_a_file_of_its_own_is_a_stream(tmp_path: Path) -> None:
    agent = Session(agent_id="abc123").prompt(0).call(1, "a").result(2, "a")
    name = "session-1/subagents/agent-abc123.jsonl.gz"
    store, report = import_lines(tmp_path, agent.lines, name)

    assert (report.subagent_streams, report.sessions) == (1, 1)
    assert [b.agent_id for b in batches(store)] == ["abc123"]


def test_a_subagent_in_progress_lines_is_a_stream(tmp_path: Path) -> None:
    agent = (
        Session(agent_id="abc").prompt(1.5).call(2, "x", message="sub").result(3, "x")
    )
    session = Session().call(1, "spawn", "Task", {"prompt": "go"})
    for at_s, line in zip((1.5, 2, 3), agent.lines, strict=True):
        session.inline(at_s, "abc", line)
    session.result(4, "spawn")
    store, report = import_lines(tmp_path, session.lines)

    assert report.subagent_streams == 1
    assert [(b.agent_id, b.active_agents) for b in batches(store)] == [
        ("main", 1),
        ("abc", 1),
    ]


def test_a_subagent_in_both_shapes_counts_once(tmp_path: Path) -> None:
    agent = Session(agent_id="abc").call(2, "x", message="sub").result(3, "x")
    session = Session().call(1, "spawn", "Task", {"prompt": "go"})
    for line in agent.lines:
        session.inline(2, "abc", line)
    write(tmp_path / "p" / "session-1.jsonl", session.lines)
    write(tmp_path / "p" / "session-1/subagents/agent-abc.jsonl", agent.lines)
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path / "p")

    assert (report.batches, report.subagent_streams) == (2, 1)


def test_a_sidechain_without_agent_id_is_told_apart_by_its_first_line(
    tmp_path: Path,
) -> None:
    session = Session()
    for root in ("r1", "r2"):
        session.prompt(1, isSidechain=True, uuid=root, parentUuid=None)
        session.call(
            2,
            f"c-{root}",
            message=root,
            isSidechain=True,
            parentUuid=root,
            uuid=f"{root}x",
        )
        session.result(3, f"c-{root}", isSidechain=True, parentUuid=f"{root}x")
    store, report = import_lines(tmp_path, session.lines)

    assert report.subagent_streams == 2
    assert {b.agent_id for b in batches(store)} == {"r1", "r2"}


def test_a_subagent_known_from_its_call_only_gives_a_workflow(tmp_path: Path) -> None:
    details = {"status": "completed", "agentId": "abc", "totalDurationMs": 30_000}
    session = Session()
    for name in ("a", "b"):
        session.call(1, name, "Agent", {"prompt": "go"})
    for name in ("a", "b"):
        session.result(41, name, details=details)
    store, report = import_lines(tmp_path, session.lines)
    workflow = workflows(store)[0]

    assert report.workflows == 1
    assert (workflow.agents, workflow.makespan_s, workflow.agent_seconds) == (2, 40, 60)
    assert workflow.outcome is Outcome.SUCCEEDED


def test_an_agent_in_the_background_is_active_until_its_notice(tmp_path: Path) -> None:
    notice = "<task-notification><task-id>abc</task-id><status>completed</status>"
    session = (
        Session()
        .call(1, "a", "Agent", {"prompt": "go"}, message="m1")
        .result(2, "a", details={"status": "async_launched", "agentId": "abc"})
        .call(3, "b", message="m2")
        .result(4, "b")
    )
    session.raw(
        {
            "type": "queue-operation",
            "sessionId": "session-1",
            "timestamp": "2026-03-02T09:00:05.000Z",
            "content": notice,
        }
    )
    session.call(6, "c", message="m3").result(7, "c")
    store, _ = import_lines(tmp_path, session.lines)

    assert [b.active_agents for b in batches(store)] == [1, 2, 1]


def test_other_agents_are_unknown_to_a_file_of_one_subagent(tmp_path: Path) -> None:
    agent = Session(agent_id="abc").call(1, "a").result(2, "a")
    store, _ = import_lines(tmp_path, agent.lines, "agent-abc.jsonl")

    assert batches(store)[0].active_agents is None


def test_calls_on_files_are_events_with_hidden_keys(tmp_path: Path) -> None:
    session = (
        Session()
        .call(1, "a", "Read", {"file_path": "/home/x.py"})
        .call(2, "b", "Edit", {"file_path": "/home/x.py"})
        .call(3, "c", "Bash", {"command": "ls"})
        .result(4, "a")
    )
    store, report = import_lines(tmp_path, session.lines)
    read, edit = events(store)

    assert report.events == 2
    assert (read.action, edit.action) == ("read", "write")
    assert read.memory_key == edit.memory_key == store.hidden("/home/x.py")
    assert (read.duration_s, read.outcome, edit.outcome) == (
        3,
        Outcome.SUCCEEDED,
        Outcome.UNKNOWN,
    )
    assert read.batch_id == call_record_id("toolu_a")


def test_memory_tools_are_events_on_their_key(tmp_path: Path) -> None:
    given = {"key": "plan", "namespace": "swarm"}
    tools = ("mcp__claude-flow__memory_store", "mcp__claude-flow__memory_retrieve")
    session = Session()
    for number, tool in enumerate(tools):
        session.call(1 + number, f"c{number}", tool, given)
    store, _ = import_lines(tmp_path, session.lines)

    assert [e.action for e in events(store)] == ["write", "read"]
    assert {e.memory_key for e in events(store)} == {store.hidden("swarm:plan")}


def test_a_file_is_about_the_session_it_is_named_for(tmp_path: Path) -> None:
    lines = [*Session("other").call(1, "x").lines, *Session().call(2, "a").lines]
    _, report = import_lines(tmp_path, lines)

    assert report.sessions == 1


def test_a_continued_session_keeps_its_batches_apart(tmp_path: Path) -> None:
    lines = [
        *Session("older").call(1, "x", message="m1").result(2, "x").lines,
        *Session().call(3, "a", message="m2").result(4, "a").lines,
    ]
    store, _ = import_lines(tmp_path, lines)

    assert [b.session_id for b in batches(store)] == ["older", "session-1"]
    assert batches(store)[1].cycle_s is None


def test_bookkeeping_lines_need_no_session_uuid_or_time(tmp_path: Path) -> None:
    lines = [
        {"type": "summary", "summary": "x", "leafUuid": "y"},
        {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
        *three_reads().lines,
    ]
    _, report = import_lines(tmp_path, lines)

    assert (report.rejected, report.batches, report.lines) == (0, 1, 9)


def test_the_synthetic_model_is_no_model(tmp_path: Path) -> None:
    session = Session().call(1, "a")
    line = session.lines[0]
    assert isinstance(line, dict)
    line["message"]["model"] = "<synthetic>"
    store, _ = import_lines(tmp_path, session.lines)

    assert batches(store)[0].model is None


def test_ids_need_not_begin_as_the_makers_do(tmp_path: Path) -> None:
    _, report = import_lines(tmp_path, Session().call(1, "call_[X]_1").lines)

    assert report.batches == 1


GOOD = three_reads().lines
DEEP = b'{"type":"user","sessionId":"s","x":' + b"[" * 90_000 + b"]" * 90_000 + b"}\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"type":"user","sess\n', "not JSON: cut off or damaged"),
        (b'[{"type":"user"}]\n', "a JSON array, not an object"),
        (b"17\n", "a JSON value, not an object"),
        (b'{"a":"\0"}\n', "holds NUL bytes"),
        (b'{"a":"\xff\xfe"}\n', "not UTF-8"),
        (DEEP, "nested too deeply"),
        ({"type": 5}, "field `type`: not a line of a transcript"),
        ({"type": "user"}, "field `sessionId`: not an id"),
        ({"type": "user", "sessionId": 5}, "field `sessionId`: not an id"),
        ({"type": "user", "sessionId": "s"}, "field `message`: not an object"),
        (
            {"type": "user", "sessionId": "s", "message": {"content": 5}},
            "field `message.content`: neither a text nor a list",
        ),
        (
            {"type": "assistant", "sessionId": "s", "message": {"content": 5}},
            "field `message.content`: not a list",
        ),
        (
            {"type": "assistant", "sessionId": "s", "message": {"content": [5]}},
            "field `message.content`: not an object",
        ),
        (
            {"type": "user", "sessionId": "s", "message": {"content": "x"}},
            "field `timestamp`: not a time",
        ),
        (
            {"type": "user", "sessionId": "s", "message": {}, "agentId": 5},
            "field `agentId`: not an id",
        ),
        (
            {"type": "progress", "sessionId": "s", "data": 5},
            "field `data`: not an object",
        ),
        (
            {"type": "progress", "sessionId": "s", "data": {"type": "agent_progress"}},
            "field `data.agentId`: not an id",
        ),
    ],
)
def test_a_bad_line_is_one_reason_and_the_rest_is_imported(
    tmp_path: Path, line: dict[str, object] | bytes, reason: str
) -> None:
    store, report = import_lines(tmp_path, [*GOOD[:3], line, *GOOD[3:]])

    assert [(r["line"], r["reason"]) for r in store.rejected()] == [(4, reason)]
    assert (report.rejected, report.batches, report.calls) == (1, 1, 3)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", 7, "field `tool_use.id`: not an id"),
        ("name", None, "field `tool_use.name`: not a name"),
    ],
)
def test_a_call_of_wrong_types_is_rejected(
    tmp_path: Path, field: str, value: object, reason: str
) -> None:
    session = three_reads().call(9, "z", message="m9")
    line = session.lines[-1]
    assert isinstance(line, dict)
    line["message"]["content"][0][field] = value
    store, _ = import_lines(tmp_path, session.lines)

    assert [r["reason"] for r in store.rejected()] == [reason]


@pytest.mark.parametrize("given", ["text", 5, None, ["a"], {"todos": 5}])
def test_an_input_of_any_shape_is_a_call(tmp_path: Path, given: object) -> None:
    session = Session().call(1, "a", "TodoWrite")
    line = session.lines[0]
    assert isinstance(line, dict)
    line["message"]["content"][0]["input"] = given
    store, _ = import_lines(tmp_path, session.lines)

    assert batches(store)[0].size == 1


@pytest.mark.parametrize("at", ["yesterday", 5, None, "2026-03-02T09:00:00"])
def test_a_time_that_is_none_is_rejected(tmp_path: Path, at: object) -> None:
    session = three_reads().call(9, "z", message="m9", timestamp=at)
    store, report = import_lines(tmp_path, session.lines)

    assert [r["reason"].split(":")[0] for r in store.rejected()] == [
        "field `timestamp`"
    ]
    assert report.batches == 1


def test_a_torn_last_line_is_rejected_and_fine_once_written_whole(
    tmp_path: Path,
) -> None:
    lines = three_reads().lines
    path = write(tmp_path / "session-1.jsonl", [*lines[:6], b'{"type":"us'])
    with RecordStore(tmp_path / "store") as store:
        torn = import_paths(store, path)
        write(path, lines)
        whole = import_paths(store, path)

    assert (torn.rejected, whole.rejected) == (1, 0)
    assert whole.updated == 2


def test_a_line_above_the_limit_is_refused_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_lines, "MAX_LINE_BYTES", 5000)
    monkeypatch.setattr(source_lines, "BLOCK_BYTES", 1000)
    huge = b'{"type":"user","x":"' + b"y" * 20_000 + b'"}\n'
    store, report = import_lines(tmp_path, [*GOOD[:3], huge, *GOOD[3:]])

    assert [r["reason"] for r in store.rejected()] == ["longer than 5000 bytes"]
    assert report.calls == 3


def refused(store: RecordStore) -> list[tuple[str, str]]:
    return [(r["file"], r["reason"]) for r in store.rejected() if r["line"] is None]


def test_an_empty_file_is_refused_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "p" / "empty.jsonl", [])
    write(tmp_path / "p" / "session-1.jsonl", GOOD)
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path / "p")

        assert refused(store) == [("empty.jsonl", "empty")]
    assert (report.files, report.refused_files, report.batches) == (2, 1, 1)


@pytest.mark.parametrize(
    "content",
    [
        b'{\n  "sessionId": "x",\n  "messages": [\n  ]\n}\n',
        b'[{"type":"user"}]\n',
        b'{"timestamp":"2026-01-01T00:00:00Z","type":"session_meta","payload":{}}\n',
        b'{"sessionId":"x","messages":[]}\n',
        b"plain text\n" * 5000,
    ],
)
def test_a_document_of_another_tool_is_refused_with_one_reason(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "full.jsonl").write_bytes(content)
    write(tmp_path / "p" / "session-1.jsonl", GOOD)
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path / "p")
        names = [name for name, _ in refused(store)]

        assert names == ["full.jsonl"]
        assert (report.rejected, report.refused_files, report.batches) == (0, 1, 1)


def test_cut_off_compression_keeps_what_came_before(tmp_path: Path) -> None:
    path = write(tmp_path / "session-1.jsonl.gz", GOOD * 200)
    path.write_bytes(path.read_bytes()[:-20])
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, path)

        assert refused(store) == [("session-1.jsonl.gz", "compressed data end early")]
    assert (report.batches, report.calls, report.refused_files) == (1, 3, 1)


def test_damaged_compression_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "session-1.jsonl.gz"
    path.write_bytes(gzip.compress(b"x")[:10] + b"\xff" * 50)
    with RecordStore(tmp_path / "store") as store:
        import_paths(store, path)

        assert refused(store) == [("session-1.jsonl.gz", "compressed data are damaged")]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write(tmp_path / "p" / "session-1.jsonl", GOOD)
    (tmp_path / "p" / "again").symlink_to(tmp_path / "p")
    (tmp_path / "p" / "self.jsonl").symlink_to("self.jsonl")
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path / "p")

        assert [name for name, _ in refused(store)] == ["self.jsonl"]
    assert (report.files, report.batches) == (2, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p" / "session-1.jsonl", GOOD)
    path.chmod(0)
    with RecordStore(tmp_path / "store") as store:
        report = import_paths(store, tmp_path / "p")

    assert report.refused_files == 1


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with (
        RecordStore(tmp_path / "store") as store,
        pytest.raises(InputDataError, match="no such file"),
    ):
        import_paths(store, tmp_path / "nowhere")


def test_a_directory_without_transcripts_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    with (
        RecordStore(tmp_path / "store") as store,
        pytest.raises(InputDataError, match="no file of this format"),
    ):
        import_paths(store, tmp_path / "p")


SECRET = "hunter2-Xq9-planted"  # noqa: S105 - planted to be looked for


def test_nothing_that_was_planted_appears_in_the_store(tmp_path: Path) -> None:
    session = (
        Session(session_id=f"s {SECRET}")
        .prompt(0, cwd=f"/home/{SECRET}", gitBranch=SECRET, slug=SECRET)
        .call(1, "a", "Read", {"file_path": f"/home/{SECRET}"})
        .call(1, "b", f"mcp__{SECRET}__run", {"token": SECRET})
        .call(1, "c", SECRET, {"x": SECRET})
        .call(1, "d", "Bash", {"command": f"curl -H {SECRET}"})
        .result(2, "a", SECRET, details={"content": SECRET})
        .result(2, "b", f"Error: {SECRET}", error=True)
        .raw(f'{{"{SECRET}": '.encode() + b"\n")
        .raw({"type": SECRET, "sessionId": 5})
        .raw({"type": "user", "sessionId": "s", "message": SECRET})
        .prompt(3, timestamp=SECRET)
    )
    line = session.lines[2]
    assert isinstance(line, dict)
    line["message"]["model"] = f"<{SECRET}>"
    line["version"] = f"1 {SECRET}"
    store, report = import_lines(tmp_path, session.lines)
    store.close()
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]

    assert (report.rejected, report.passed_over) == (3, {"line another type": 1})
    assert [f for f in files if SECRET.encode() in f.read_bytes()] == []
