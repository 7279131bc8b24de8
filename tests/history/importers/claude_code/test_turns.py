"""Replies of the model: usage once a message, by class, and how long each took."""

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
from toolkit.records import Turn

USAGE = {
    "input_tokens": 3,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 70,
    "cache_creation": {
        "ephemeral_5m_input_tokens": 50,
        "ephemeral_1h_input_tokens": 20,
    },
    "output_tokens": 8,
}


def turns(store: RecordStore) -> list[Turn]:
    return [r for r in store.dataset.scan("turn") if isinstance(r, Turn)]


def said(session: Session, at_s: float, message: str, **fields: Any) -> Session:
    """One line with one text block of a reply."""
    body = {
        "id": message,
        "model": "claude-test-1",
        "content": [{"type": "text", "text": "hm"}],
        **fields,
    }
    return session._add("assistant", at_s, body, gitBranch="main")


def test_usage_counts_once_a_reply_and_the_last_line_counts(tmp_path: Path) -> None:
    session = Session().prompt(0)
    said(session, 2, "msg-1", usage={**USAGE, "output_tokens": 1})
    said(session, 3, "msg-1", usage=USAGE)
    store, report = import_lines(tmp_path, session.lines)
    (turn,) = turns(store)

    assert report.turns == 1
    assert (turn.output_tokens, turn.tokens, turn.context_tokens) == (8, 1081, 1073)
    assert (turn.cache_write_5m_tokens, turn.cache_write_1h_tokens) == (50, 20)


def test_a_reply_takes_from_the_last_prompt_or_result_to_its_first_block(
    tmp_path: Path,
) -> None:
    session = Session().prompt(0)
    said(session, 2, "msg-1", usage=USAGE)
    session.call(3, "toolu_1", message="msg-1").result(4, "toolu_1")
    said(session, 9, "msg-2", usage=USAGE)
    said(session.prompt(100), 101.5, "msg-3")
    store, _ = import_lines(tmp_path, session.lines)
    first, second, third = turns(store)

    assert [t.latency_s for t in (first, second, third)] == [2.0, 5.0, 1.5]
    assert [t.prompted for t in (first, second, third)] == [True, False, True]
    assert [t.calls for t in (first, second, third)] == [1, 0, 0]


def test_a_reply_after_a_machine_slept_has_no_latency(tmp_path: Path) -> None:
    store, _ = import_lines(
        tmp_path, said(Session().prompt(0), 4000, "msg-1", usage=USAGE).lines
    )
    (turn,) = turns(store)

    assert (turn.latency_s, turn.censored) == (None, True)


def test_what_the_harness_writes_itself_is_no_reply_of_a_model(tmp_path: Path) -> None:
    session = said(Session().prompt(0), 2, "msg-1", model="<synthetic>", usage=USAGE)
    _, report = import_lines(tmp_path, session.lines)

    assert report.turns == 0


def test_a_batch_knows_its_turn_and_what_came_before_it(tmp_path: Path) -> None:
    session = Session().prompt(0)
    session.call(2, "toolu_1", "Grep", {"pattern": "lexer"}, message="msg-1")
    session.result(3, "toolu_1", "src/lexer_state.py", error=True)
    said(session, 4, "msg-2", usage=USAGE)
    session.call(
        5, "toolu_2", "Read", {"file_path": "src/lexer_state.py"}, message="msg-2"
    )
    store, _ = import_lines(tmp_path, session.result(6, "toolu_2", "text").lines)
    first, second = batches(store)

    assert second.turn_id == turns(store)[1].record_id
    assert second.context_tokens == 1073
    assert (first.previous_id, first.previous_operation_type) == (None, "none")
    assert (second.previous_id, second.previous_failed) == (first.record_id, True)
    assert (first.needs_previous, second.needs_previous) == (None, 1)
    assert (second.call_characters, second.result_characters) == (18, 4)
    assert second.previous_characters == 18


def test_the_folder_and_the_branch_are_hashes_that_sessions_share(
    tmp_path: Path,
) -> None:
    store = RecordStore(tmp_path / "store")
    for name in ("s1", "s2"):
        session = said(Session(name).prompt(0), 2, f"msg-{name}", usage=USAGE)
        import_paths(store, write(tmp_path / f"{name}.jsonl", session.lines))
    store.compact()
    one, two = turns(store)

    assert one.project == two.project == store.hidden("/home/a")
    assert one.branch == two.branch != "main"


def test_one_reply_in_two_sessions_is_one_turn_only_where_its_id_was_drawn(
    tmp_path: Path,
) -> None:
    drawn, counted = "msg_01Gk6fgWirrrH3sgb8GnrggG", "msg_proxy"
    store = RecordStore(tmp_path / "store")
    for name in ("s1", "s2"):
        session = said(Session(name).prompt(0), 2, drawn, usage=USAGE)
        said(session, 3, counted, usage=USAGE)
        import_paths(store, write(tmp_path / f"{name}.jsonl", session.lines))
    store.compact()

    assert len(turns(store)) == 3


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        ("Sibling tool call errored", (1, 0, 0)),
        ("The user doesn't want to proceed with this tool use.", (0, 1, 0)),
        ("[Request interrupted by user for tool use]", (0, 0, 1)),
    ],
)
def test_why_a_call_did_not_succeed_is_counted_apart(
    tmp_path: Path, words: str, counts: tuple[int, int, int]
) -> None:
    session = (
        Session().prompt(0).call(1, "toolu_1").result(2, "toolu_1", words, error=True)
    )
    store, _ = import_lines(tmp_path, session.lines)
    (batch,) = batches(store)

    assert batch.cancelled == 1
    assert (batch.siblings, batch.refused, batch.interrupted) == counts
