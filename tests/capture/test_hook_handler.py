import json
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hook_payloads import (
    after,
    batch,
    before,
    call,
    failed,
    of_every_event,
    payload,
)
from tests.thorough import sampled
from toolkit.capture import hook_advice, sealed_table
from toolkit.capture.hook_advice import advise
from toolkit.capture.hook_handler import main, reduce_event
from toolkit.capture.hooks.harness import EVENTS
from toolkit.records import Spool, keyed_hash, store_key

HANDLER = (
    Path(__file__).resolve().parents[2] / "toolkit" / "capture" / "hook_handler.py"
)
COMMAND = [sys.executable, "-I", "-S", str(HANDLER)]


def handle(store: Path, data: object, *more: str) -> subprocess.CompletedProcess[bytes]:
    given = data if isinstance(data, bytes) else json.dumps(data).encode()
    words = [*COMMAND, "--store", str(store), *more]
    return subprocess.run(
        words, check=False, input=given, capture_output=True, timeout=20
    )


def recorded(store: Path) -> list[dict[str, Any]]:
    return [line.row for line in Spool(store / "hooks").lines() if line.row is not None]


def test_a_tool_call_becomes_one_row_and_nothing_is_printed(tmp_path: Path) -> None:
    done = handle(tmp_path, after(call("Read", 1)))

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [row["id"] for row in recorded(tmp_path)] == ["toolu_0001"]


def test_a_row_is_stamped_with_the_time_it_was_received(tmp_path: Path) -> None:
    began = time.time_ns()
    handle(tmp_path, after(call("Read", 1)))

    assert began < recorded(tmp_path)[0]["at_ns"] < time.time_ns()


@pytest.mark.parametrize("under", ["tool_calls", "tool_results", "tool_uses"])
def test_a_batch_is_read_under_every_name_of_its_list(under: str) -> None:
    calls = [call("Read", 1), call("Grep", 2)]
    row = reduce_event(batch(calls, under=under), b"k", 1)

    assert [(one["tool"], one["id"]) for one in row["calls"]] == [
        ("Read", "toolu_0001"),
        ("Grep", "toolu_0002"),
    ]


def test_a_cancelled_sibling_is_told_from_a_failed_call() -> None:
    error = "<tool_use_error>Cancelled: parallel tool call Bash(x) errored"
    calls = [{**call("Bash", 1), "tool_response": error}]
    row = reduce_event(payload("PostToolBatch", tool_calls=calls), b"k", 1)

    assert row["calls"][0]["ended"] == "cancelled"


def test_every_installed_event_has_a_payload() -> None:
    told = {event["hook_event_name"] for event, _ in of_every_event().values()}

    assert told == set(EVENTS)


@pytest.mark.parametrize("name", sorted(of_every_event()))
def test_an_event_of_each_version_keeps_what_it_tells_and_no_words(name: str) -> None:
    event, kept = of_every_event()[name]
    row = reduce_event(event, b"k", 5)

    assert row["event"] == event["hook_event_name"]
    assert (row["session"], row["at_ns"]) == (event["session_id"], 5)
    assert kept.items() <= row.items()
    assert ("duration_ms" in row) == ("duration_ms" in event)
    assert "words" not in json.dumps(row)


def test_words_of_a_file_that_was_read_do_not_count_as_a_cancellation() -> None:
    text = "x" * 500 + "Sibling tool call errored"
    calls = [{**call("Read", 1), "tool_response": text}]
    row = reduce_event(payload("PostToolBatch", tool_calls=calls), b"k", 1)

    assert "ended" not in row["calls"][0]


def test_an_event_without_a_duration_has_none() -> None:
    row = reduce_event(after(call("Read", 1), duration_ms=None), b"k", 1)

    assert "duration_ms" not in row


@pytest.mark.parametrize("duration", [True, "12", -1, float("nan"), 1e300, [], {}])
def test_a_duration_that_is_none_is_left_out(duration: Any) -> None:
    row = reduce_event(after(call("Read", 1), duration_ms=duration), b"k", 1)

    assert "duration_ms" not in row


def test_todos_are_counted() -> None:
    one = call("TodoWrite", 1, todos=[{"content": "a"}, {"content": "b"}])
    row = reduce_event(before(one), b"k", 1)

    assert row["todos"] == 2


def test_a_path_is_hidden_as_the_store_hides_names(tmp_path: Path) -> None:
    handle(tmp_path, after(call("Edit", 1, file_path="/p/a.py")))

    expected = keyed_hash(store_key(tmp_path), "/p/a.py")
    assert recorded(tmp_path)[0]["key"] == expected


def test_no_text_of_a_payload_is_recorded(tmp_path: Path) -> None:
    planted = "planted in the text"
    one = call("Bash", 1, command=f"curl -H {planted}", description=planted)
    for event in (
        before(one),
        {**after(one), "tool_response": {"stdout": planted, "status": planted}},
        failed(one, error=planted),
        batch([{**one, "tool_response": planted}]),
        payload("UserPromptSubmit", prompt=planted),
        payload("Notification", message=planted, notification_type=planted + " x"),
        payload("SubagentStop", agent_id="a1", last_assistant_message=planted),
        payload("TaskCreated", task_id="1", task_subject=planted),
    ):
        handle(tmp_path, event)

    assert len(recorded(tmp_path)) == 8
    assert planted not in "".join(
        path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"{}",
        b'{"session_id": 1e999}',
        b"[" * 100_000,
        b'{"session_id":"s","hook_event_name":"PostToolBatch","tool_calls":[1,null]}',
        b'{"session_id":"s","tool_name":{},"tool_input":[],"tool_use_id":[]}',
    ],
)
def test_a_payload_that_makes_no_sense_disturbs_nobody(
    tmp_path: Path, data: bytes
) -> None:
    done = handle(tmp_path, data)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(recorded(tmp_path)) == 1


def test_a_store_that_cannot_be_written_disturbs_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = handle(tmp_path / "file" / "store", after(call("Read", 1)))

    assert (done.returncode, done.stdout) == (0, b"")
    assert b"nothing recorded" in done.stderr


def test_silence_on_standard_input_ends_at_the_time_limit(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--store", str(tmp_path)], stdin=subprocess.PIPE
    ) as process:
        code = process.wait(timeout=20)  # ten times its limit, for a busy machine

    assert code == 0


def table(*, confident: bool = False, **more: Any) -> dict[str, Any]:
    """An advice table with one cell."""
    cell = {"size": 4, "rule": 8, "reason": "learned_better", "policy": "guarded"}
    return {
        "format": 1,
        "policy": "guarded",
        "policy_version": "3",
        "axes": [],
        "tools": {"Read": ["fileOperations", 1]},
        "cells": {
            "fileOperations": {**cell, "confident": confident, "sizes": [3, 4, 5, 6]}
        },
        **more,
    }


def drawn(
    explore: float, *, draws: int = 1, given: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What a table says, several times, after a batch of two."""
    row = reduce_event(batch([call("Read", 1), call("Read", 2)]), b"k", 1)
    answers = [advise(given or table(), row, 0.0, explore) for _ in range(draws)]
    return [answer for answer in answers if answer is not None]


def test_nothing_is_tried_unless_it_was_asked_for() -> None:
    answers = drawn(0.0, draws=50)

    assert {(a["recommended"], a["propensity"]) for a in answers} == {(4, 1.0)}
    assert not any("said" in answer for answer in answers)


def test_only_supported_sizes_are_tried_each_with_its_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(hook_advice, "_chance", lambda: float(rng.random()))
    answers = drawn(0.4, draws=4000)
    counts = {s: sum(a["recommended"] == s for a in answers) for s in range(1, 21)}
    chances = {a["recommended"]: a["propensity"] for a in answers}

    assert chances == {3: 0.1, 4: 0.7, 5: 0.1, 6: 0.1}
    assert all(
        abs(counts[size] / 4000 - chances.get(size, 0.0)) < 0.03 for size in counts
    )


def test_chances_are_even_over_zero_to_one() -> None:
    values = [hook_advice._chance() for _ in range(2000)]

    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1
    assert abs(float(np.mean(values)) - 0.5) < 0.03


def test_every_size_that_was_drawn_is_said() -> None:
    answers = drawn(0.5, draws=100)

    assert all("said" in answer for answer in answers)
    assert {"explored", "learned_better"} == {a["reason"] for a in answers}


def test_a_cell_without_another_supported_size_is_not_explored() -> None:
    lone = table()
    lone["cells"]["fileOperations"]["sizes"] = [4]
    answer = drawn(1.0, given=lone)[0]

    assert (answer["propensity"], answer["policy"]) == (1.0, "guarded")
    assert "said" not in answer


def test_an_expired_table_tries_nothing() -> None:
    answer = drawn(1.0, given=table(expires_at_s=-1.0))[0]

    assert answer["reason"] == "stale"
    assert "said" not in answer


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--advice", "on"], "no_table"),
        (["--advice", "shadow", "--explore", "1"], "no_table"),
        (["--advice", "on", "--explore", "1"], "explored"),
    ],
)
def test_the_rule_s_table_serves_exploring_alone(
    tmp_path: Path, words: list[str], reason: str
) -> None:
    sealed = sealed_table(json.dumps(table()).encode(), store_key(tmp_path))
    (tmp_path / "rule-advice.json").write_bytes(sealed)
    done = handle(tmp_path, batch([call("Read", 1)]), *words, "--bundle", "nowhere")

    assert recorded(tmp_path)[1]["reason"] == reason
    assert (b"to try it out" in done.stdout) == (reason == "explored")


def test_without_a_bundle_no_table_of_the_project_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "advice.json").write_text(json.dumps(table()))
    monkeypatch.chdir(project)
    store = tmp_path / "store"
    store.mkdir()
    sealed = sealed_table(json.dumps(table()).encode(), store_key(store))
    (store / "rule-advice.json").write_bytes(sealed)
    handle(store, batch([call("Read", 1)]), "--advice", "on", "--explore", "1")

    assert recorded(store)[1]["reason"] == "explored"


EACH = sampled(3, whole=10)
"""Rows that a place among sixteen is asked for, each by a process of its own."""


@pytest.mark.slow
def test_sixteen_processes_append_at_once_and_no_row_is_lost(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda n: handle(tmp_path, after(call("Read", n))), range(16 * EACH)
            )
        )

    ids = [row["id"] for row in recorded(tmp_path)]
    assert sorted(ids) == [f"toolu_{n:04d}" for n in range(16 * EACH)]


@pytest.mark.slow
def test_a_handler_killed_at_any_moment_leaves_whole_rows_only(tmp_path: Path) -> None:
    data = json.dumps(batch([call("Read", n) for n in range(50)])).encode()
    acknowledged = 0
    for step in range(40):
        process = subprocess.Popen(
            [*COMMAND, "--store", str(tmp_path)], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(data)
        process.stdin.close()
        time.sleep(step * 0.001)
        process.kill()
        acknowledged += process.wait() == 0
    handle(tmp_path, data)

    lines = list(Spool(tmp_path / "hooks").lines())
    assert all(line.row is not None and len(line.row["calls"]) == 50 for line in lines)
    assert len(lines) > acknowledged


@pytest.mark.slow
def test_handling_takes_under_60_ms_cold(tmp_path: Path) -> None:
    # Processor time of the whole process: its wall time where nobody else wants the
    # machine, and the same on a busy one.
    times = []
    for number in range(15):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        handle(tmp_path, after(call("Read", number)))
        done = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(done.ru_utime + done.ru_stime - before.ru_utime - before.ru_stime)

    assert min(times) < 0.060


def test_the_handler_s_own_work_takes_under_5_ms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.dumps(batch([call("Read", n) for n in range(5)])).encode()
    times = []
    for _ in range(20):
        parts = [data, b""]
        monkeypatch.setattr(
            "toolkit.capture.hook_handler.os.read",
            lambda *_: parts.pop(0),  # noqa: B023 - used up before the next turn
        )
        began = time.process_time()
        main(["--store", str(tmp_path)])
        times.append(time.process_time() - began)
        monkeypatch.undo()

    assert sorted(times)[10] < 0.005
