"""Codex: batches without a reply's name, code mode, polls, forks, repeated counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.history.importers.agent_logs.importing import Imported, import_logs, lines
from toolkit.records import Timing

Row = dict[str, Any]


def row(at_s: float, kind: str, **payload: Any) -> Row:
    whole, part = divmod(round(at_s * 1000), 1000)
    minutes, seconds = divmod(whole, 60)
    stamp = f"2026-07-06T09:{minutes:02}:{seconds:02}.{part:03}Z"
    return {"timestamp": stamp, "type": kind, "payload": payload}


def meta(at_s: float = 0, name: str = "r1", **fields: Any) -> Row:
    return row(
        at_s, "session_meta", id=name, cwd="/home/a", originator="codex-tui", **fields
    )


def call(at_s: float, name: str, tool: str = "exec_command", given: str = "{}") -> Row:
    return row(
        at_s,
        "response_item",
        type="function_call",
        call_id=name,
        name=tool,
        arguments=given,
    )


def output(
    at_s: float, name: str, text: str = "Exit code: 0\nWall time: 1 seconds"
) -> Row:
    return row(
        at_s, "response_item", type="function_call_output", call_id=name, output=text
    )


def count(at_s: float, total: int, last: int) -> Row:
    return row(
        at_s,
        "event_msg",
        type="token_count",
        info={
            "total_token_usage": {"input_tokens": total},
            "last_token_usage": {
                "input_tokens": last,
                "cached_input_tokens": last // 2,
                "output_tokens": 7,
                "reasoning_output_tokens": 5,
            },
        },
    )


def read(folder: Path, *rows: Row) -> Imported:
    path = folder / "rollout-1.jsonl"
    path.write_bytes(lines(rows))
    return import_logs("codex", folder / "store", path)


def test_calls_without_an_output_between_are_one_batch(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        meta(),
        call(1, "a"),
        call(1.1, "b"),
        output(3, "a"),
        output(4, "b"),
        call(6, "c"),
        output(7, "c"),
    )

    assert [batch.size for batch in found.batches] == [2, 1]
    assert found.batches[0].operations_s == pytest.approx(2.0)
    assert found.batches[0].timing is Timing.CALL
    assert found.batches[1].turn_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    "order",
    [
        [count(2, 10, 10), output(3, "a"), count(3.5, 10, 10)],
        [output(3, "a"), count(3.5, 10, 10), count(3.6, 10, 10)],
    ],
    ids=["before 0.140", "since"],
)
def test_a_count_belongs_to_the_calls_before_it_and_counts_once(
    tmp_path: Path, order: list[Row]
) -> None:
    found = read(tmp_path, meta(), call(1, "a"), *order, count(9, 30, 20))
    first, second = found.turns

    assert first.record_id == found.batches[0].turn_id
    assert (first.calls, second.calls) == (1, 0)
    assert (first.input_tokens, first.cache_read_tokens) == (5, 5)
    assert (first.output_tokens, first.reasoning_tokens) == (7, 5)
    assert second.context_tokens == 20


def test_code_mode_is_a_hidden_batch_and_never_one_of_one(tmp_path: Path) -> None:
    program = row(
        1,
        "response_item",
        type="custom_tool_call",
        call_id="a",
        name="exec",
        input="Promise.all([])",
    )
    found = read(tmp_path, meta(), program, output(2, "a"), count(3, 10, 10))
    (turn,) = found.turns

    assert found.batches == []
    assert (turn.hidden, turn.calls, turn.context_tokens) == (True, None, 10)


def test_waiting_for_a_command_is_no_operation(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        meta(),
        call(1, "a"),
        call(1.1, "b", "write_stdin"),
        output(3, "a", "Process running with session ID 7"),
        output(4, "b"),
    )
    (batch,) = found.batches

    assert (batch.size, batch.calls, batch.background) == (1, 2, 1)
    assert batch.execution_s is None


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Exit code: 2\nWall time: 1 seconds", (0, 1, 0)),
        ("Process exited with code 0", (1, 0, 0)),
        ('{"output":"","metadata":{"exit_code":1,"duration_seconds":0.2}}', (0, 1, 0)),
        ("apply_patch verification failed: x", (0, 1, 0)),
        ("aborted by user after 3.1s", (0, 0, 1)),
    ],
)
def test_the_exit_code_in_the_text_says_what_failed(
    tmp_path: Path, text: str, counts: tuple[int, int, int]
) -> None:
    (batch,) = read(tmp_path, meta(), call(1, "a"), output(2, "a", text)).batches

    assert (batch.succeeded, batch.failed, batch.cancelled) == counts


def test_lines_that_a_fork_copies_are_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        meta(0, "child", forked_from_id="r1"),
        meta(0.1, "r1"),
        call(0.2, "old"),
        output(0.3, "old"),
        count(0.4, 10, 10),
        call(5, "new"),
        output(6, "new"),
    )

    assert [batch.size for batch in found.batches] == [1]
    assert found.batches[0].session_id == "child"
    assert len(found.turns) == 1


def test_a_child_is_an_agent_of_its_parents_session(tmp_path: Path) -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "r1", "depth": 1}}}
    found = read(tmp_path, meta(0, "child", source=source), call(5, "a"))
    (batch,) = found.batches

    assert (batch.session_id, batch.agent_id) == ("r1", "child")


def test_a_command_is_classified_by_its_first_word(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        meta(),
        call(1, "a", given='{"cmd":"rg -n lexer src"}'),
        output(2, "a"),
        call(3, "b", given='{"cmd":"make test"}'),
    )

    assert [b.operation_type for b in found.batches] == ["fileOperations", "shell"]


def compressed(rows: list[Row]) -> bytes:
    from backports import zstd

    return zstd.compress(lines(rows))


def test_a_rollout_compressed_with_zstandard_gives_what_the_plain_one_does(
    tmp_path: Path,
) -> None:
    rows = [meta(), call(1, "a"), output(2, "a"), count(3, 10, 10)]
    plain = read(tmp_path, *rows)
    (tmp_path / "rollout-2.jsonl.zst").write_bytes(compressed(rows))
    again = import_logs("codex", tmp_path / "store", tmp_path / "rollout-2.jsonl.zst")

    assert plain.report.added == 2
    assert (again.report.added, again.report.duplicates) == (0, 2)


def test_several_frames_are_one_rollout(tmp_path: Path) -> None:
    rows = [meta(), call(1, "a"), output(2, "a")]
    path = tmp_path / "rollout-1.jsonl.zst"
    path.write_bytes(compressed(rows[:1]) + compressed(rows[1:]))

    assert len(import_logs("codex", tmp_path / "store", path).batches) == 1


@pytest.mark.parametrize("cut", [4, 20, -1])
def test_a_compressed_rollout_that_ends_early_is_refused(
    tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "rollout-1.jsonl.zst"
    path.write_bytes(compressed([meta(), call(1, "a")])[:cut])
    found = import_logs("codex", tmp_path / "store", path)

    assert found.report.refused_files == 1
    assert "end early" in found.reasons[0]


def test_a_damaged_compressed_rollout_is_refused(tmp_path: Path) -> None:
    whole = bytearray(compressed([meta(), call(1, "a")]))
    whole[4:] = b"\xff" * len(whole[4:])
    path = tmp_path / "rollout-1.jsonl.zst"
    path.write_bytes(whole)
    found = import_logs("codex", tmp_path / "store", path)

    assert found.report.refused_files == 1
    assert "damaged" in found.reasons[0]


def bare(kind: str, **fields: Any) -> Row:
    return {"type": kind, **fields}


BARE_META = {
    "id": "r0",
    "timestamp": "2025-08-01T10:00:00.000Z",
    "instructions": None,
    "git": {"branch": "main"},
}


def shell(name: str, seconds: float, code: int = 0) -> tuple[Row, Row]:
    """A call of 2025 and its result, which alone says how long it took."""
    written = json.dumps(
        {"output": "x", "metadata": {"exit_code": code, "duration_seconds": seconds}}
    )
    given = json.dumps({"command": ["bash", "-lc", "make"]})
    return (
        bare("function_call", name="shell", call_id=name, arguments=given),
        bare("function_call_output", call_id=name, output=written),
    )


def test_bare_lines_of_2025_give_batches_without_invented_times(tmp_path: Path) -> None:
    (one, one_done), (two, two_done) = shell("a", 0.5), shell("b", 1.5, code=1)
    (three, three_done) = shell("c", 2.0)
    found = read(
        tmp_path,
        BARE_META,
        bare("message", role="user", content=[]),
        {"record_type": "state"},
        bare("message", role="assistant", content=[]),
        one,
        two,
        one_done,
        two_done,
        three,
        three_done,
        bare("message", role="assistant", content=[]),
    )
    first, second = sorted(found.batches, key=lambda batch: -batch.size)

    assert (first.size, first.succeeded, first.failed) == (2, 1, 1)
    assert (first.operations_s, first.longest_s) == (2.0, 1.5)
    assert (first.cycle_s, first.execution_s, first.parallelism) == (None, None, None)
    assert second.previous_id == first.record_id
    assert [turn.calls for turn in found.turns].count(0) == 1
    assert {turn.latency_s for turn in found.turns} == {None}
    assert found.report.rejected == 0


def test_a_compressed_rollout_beside_the_plain_one_is_a_copy(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    (folder / "rollout-1.jsonl").write_bytes(lines([meta(), call(1, "a")]))
    (folder / "rollout-1.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd\0")
    found = import_logs("codex", tmp_path / "store", folder)

    assert (found.report.files, found.report.refused_files) == (1, 0)
