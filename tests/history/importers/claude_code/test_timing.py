from pathlib import Path

import pytest

from tests.history.importers.claude_code.transcripts import (
    Session,
    batches,
    events,
    import_lines,
)
from toolkit.records import Batch


def second_batch(tmp_path: Path, session: Session) -> Batch:
    store, _ = import_lines(tmp_path, session.lines)
    return batches(store)[1]


def after_one_read(mode: str | None = None) -> Session:
    """A prompt, a read from second 1 to 2; what follows is the batch looked at."""
    fields = {} if mode is None else {"permissionMode": mode}
    session = Session().prompt(0, **fields)
    return session.call(1, "first", message="m0").result(2, "first")


def test_a_cycle_runs_from_the_previous_result_to_the_last_result(
    tmp_path: Path,
) -> None:
    session = after_one_read()
    session.call(5, "a").call(5.5, "b").call(6, "c")
    session.result(7, "b").result(6.5, "a").result(9, "c")
    batch = second_batch(tmp_path, session)

    assert (batch.cycle_s, batch.turn_s, batch.execution_s) == (7, 3, 4)
    assert (batch.operations_s, batch.longest_s, batch.median_s) == (6, 3, 1.5)
    assert batch.parallelism == pytest.approx(6 / 3 / 3)
    assert (batch.censored, batch.waiting_s) == (False, 0)


def test_the_prompt_before_a_first_batch_censors_nothing(tmp_path: Path) -> None:
    session = Session().prompt(0).call(1, "first", message="m0").result(2, "first")
    store, _ = import_lines(tmp_path, session.lines)
    [batch] = batches(store)

    assert (batch.cycle_s, batch.turn_s, batch.execution_s) == (None, None, 1)
    assert (batch.censored, batch.waiting_s) == (False, 0)


def test_reads_that_are_written_one_after_the_other_are_not_serial(
    tmp_path: Path,
) -> None:
    session = after_one_read()
    for number, name in enumerate("abcd"):
        session.call(5 + number, name)
    for number, name in enumerate("abcd"):
        session.result(5.1 + number, name)
    batch = second_batch(tmp_path, session)

    assert batch.operations_s == pytest.approx(0.4)
    assert batch.parallelism == pytest.approx(1.0)


def test_commands_that_wait_for_each_other_are_serial(tmp_path: Path) -> None:
    session = after_one_read("bypassPermissions")
    for name in "abcd":
        session.call(5, name, "Bash")
    for number, name in enumerate("abcd"):
        session.result(15 + 10 * number, name)
    batch = second_batch(tmp_path, session)

    assert (batch.operations_s, batch.longest_s) == (40, 10)
    assert batch.parallelism == pytest.approx(1 / 4)


def test_commands_whose_progress_overlaps_are_parallel(tmp_path: Path) -> None:
    session = after_one_read("bypassPermissions")
    for name in "ab":
        session.call(5, name, "Bash")
    for name in "ab":
        data = {"type": "bash_progress", "elapsedTimeSeconds": 3}
        session.progress(8, name, data)
    session.result(15, "a").result(15.5, "b")
    batch = second_batch(tmp_path, session)

    assert (batch.operations_s, batch.execution_s) == (20.5, 10.5)
    assert batch.parallelism == pytest.approx(20.5 / 10.5 / 2)


def test_a_command_after_reads_waits_for_them(tmp_path: Path) -> None:
    session = after_one_read("bypassPermissions")
    session.call(5, "a").call(5, "b").call(5, "c", "Bash")
    session.result(7, "a").result(7, "b").result(9, "c")
    batch = second_batch(tmp_path, session)

    assert batch.operations_s == 6
    assert batch.parallelism == pytest.approx(6 / 4 / 3)


def test_the_first_batch_has_no_cycle(tmp_path: Path) -> None:
    store, _ = import_lines(tmp_path, after_one_read().lines)
    batch = batches(store)[0]

    assert batch.cycle_s is None
    assert batch.execution_s == 1


def test_a_prompt_between_censors_the_cycle_and_is_the_wait(tmp_path: Path) -> None:
    session = after_one_read().prompt(3602).call(3605, "a").result(3606, "a")
    batch = second_batch(tmp_path, session)

    assert batch.censored is True
    assert (batch.cycle_s, batch.turn_s, batch.waiting_s) == (None, None, 3600)
    assert batch.execution_s == 1


@pytest.mark.parametrize("fields", [{"isMeta": True}, {"isCompactSummary": True}])
def test_a_line_that_the_harness_wrote_is_no_prompt(
    tmp_path: Path, fields: dict[str, bool]
) -> None:
    session = after_one_read().prompt(3, **fields).call(5, "a").result(6, "a")
    batch = second_batch(tmp_path, session)

    assert (batch.censored, batch.cycle_s) == (False, 4)


def test_the_task_of_a_subagent_begins_its_first_cycle(tmp_path: Path) -> None:
    agent = Session(agent_id="abc").prompt(0).call(3, "a").result(4, "a")
    store, _ = import_lines(tmp_path, agent.lines, "agent-abc.jsonl")
    batch = batches(store)[0]

    assert (batch.censored, batch.cycle_s, batch.turn_s) == (False, 4, 3)


@pytest.mark.parametrize("tool", ["AskUserQuestion", "ExitPlanMode"])
def test_a_question_is_a_person_and_has_no_duration(tmp_path: Path, tool: str) -> None:
    session = after_one_read("bypassPermissions").call(5, "a", tool).result(47, "a")
    batch = second_batch(tmp_path, session)

    assert batch.censored is True
    assert (batch.cycle_s, batch.execution_s, batch.longest_s) == (None, None, None)
    assert (batch.operations_s, batch.median_s, batch.parallelism) == (None, None, None)
    assert batch.turn_s == 3


@pytest.mark.parametrize(
    ("mode", "tool", "took_s", "censored"),
    [
        ("default", "Edit", 7.5, True),
        ("default", "Edit", 0.1, False),
        ("default", "Bash", 7.5, True),
        ("default", "Read", 7.5, False),
        ("plan", "Write", 30, True),
        ("acceptEdits", "Edit", 5, False),
        ("bypassPermissions", "Edit", 7.5, False),
        ("bypassPermissions", "Bash", 500, False),
        (None, "Edit", 5, False),
        (None, "Edit", 109, True),
        (None, "Bash", 30, False),
        (None, "Bash", 5000, True),
        ("bypassPermissions", "Bash", 5000, True),
        (None, "Agent", 900, False),
        (None, "Agent", 66_000, True),
    ],
)
def test_a_call_that_could_be_asked_for_and_took_too_long_is_censored(
    tmp_path: Path, mode: str | None, tool: str, took_s: float, censored: bool
) -> None:
    session = after_one_read(mode).call(5, "a", tool).result(5 + took_s, "a")
    batch = second_batch(tmp_path, session)

    assert batch.censored is censored
    assert batch.execution_s == (None if censored else took_s)


@pytest.mark.parametrize(("begun_s", "censored"), [(5, False), (60, True)])
def test_a_command_that_reports_progress_says_when_it_began(
    tmp_path: Path, begun_s: float, censored: bool
) -> None:
    session = after_one_read("default").call(5, "a", "Bash")
    data = {"type": "bash_progress", "elapsedTimeSeconds": 3}
    session.progress(begun_s + 3, "a", data).result(begun_s + 20, "a")

    assert second_batch(tmp_path, session).censored is censored


@pytest.mark.parametrize(
    "text",
    [
        "The user doesn't want to proceed with this tool use. It was rejected",
        "[Request interrupted by user for tool use]",
    ],
)
def test_a_refusal_by_a_person_is_cancelled_and_censored(
    tmp_path: Path, text: str
) -> None:
    session = after_one_read().call(5, "a").result(6, "a", text, error=True)
    batch = second_batch(tmp_path, session)

    assert (batch.cancelled, batch.failed, batch.censored) == (1, 0, True)
    assert batch.cycle_s is None


def test_a_turn_longer_than_any_request_may_last_is_sleep(tmp_path: Path) -> None:
    session = after_one_read().call(78_443, "a").result(78_444, "a")
    batch = second_batch(tmp_path, session)

    assert (batch.censored, batch.cycle_s, batch.turn_s) == (True, None, None)
    assert batch.execution_s == 1


def test_a_tick_backward_is_nothing(tmp_path: Path) -> None:
    session = after_one_read().call(5, "a").result(4.999, "a")

    assert second_batch(tmp_path, session).execution_s == 0


def test_a_clock_set_back_leaves_the_times_unknown(tmp_path: Path) -> None:
    session = after_one_read().call(500, "a").result(100, "a")
    batch = second_batch(tmp_path, session)

    assert (batch.execution_s, batch.operations_s) == (None, None)


def test_a_wait_for_a_person_is_in_no_event_either(tmp_path: Path) -> None:
    session = Session().prompt(0, permissionMode="default")
    session.call(1, "a", "Edit").call(1, "b", "Read")
    session.result(60, "a").result(2, "b")
    store, _ = import_lines(tmp_path, session.lines)

    assert {e.action: e.duration_s for e in events(store)} == {"write": None, "read": 1}


def test_one_waiting_call_leaves_the_whole_execution_unknown(tmp_path: Path) -> None:
    session = after_one_read("default")
    session.call(5, "a", "Edit").call(5, "b").result(90, "a").result(6, "b")
    batch = second_batch(tmp_path, session)

    assert (batch.execution_s, batch.cycle_s, batch.turn_s) == (None, None, 3)
    assert batch.succeeded == 2
