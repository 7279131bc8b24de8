import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.review.reviewed import Talk, facts_of, review_of, rows
from tests.shared import HISTORY, needs_history
from toolkit.history import RecordStore, read_store
from toolkit.history.importers import open_source, run_import
from toolkit.records import Batch, CoordinationEvent
from toolkit.review import read_facts
from toolkit.review.merge import mergeable


def test_a_read_of_what_was_known_surely_could_have_ridden(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
    talk.read("/home/a/alpha.py").read("/home/a/bravo.py")

    kind = mergeable(facts_of(tmp_path, talk).batches)["read"]

    assert (rows(kind.lower), rows(kind.upper)) == ([2], [2])


def test_a_read_of_what_only_the_last_result_showed_is_excluded(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py"))
    talk.read("/home/a/alpha.py", "see zulu_module.py").read("/home/a/zulu_module.py")

    kind = mergeable(facts_of(tmp_path, talk).batches)["read"]

    assert rows(kind.upper) == []


def test_a_read_that_the_last_result_mentions_is_in_the_upper_bound_only(
    tmp_path: Path,
) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
    talk.read("/home/a/alpha.py", "see bravo.py").read("/home/a/bravo.py")

    kind = mergeable(facts_of(tmp_path, talk).batches)["read"]

    assert (rows(kind.lower), rows(kind.upper)) == ([], [2])


def test_a_person_between_two_turns_parts_them(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
    talk.read("/home/a/alpha.py").prompt().read("/home/a/bravo.py")

    kind = mergeable(facts_of(tmp_path, talk).batches)["read"]

    assert rows(kind.upper) == []


def test_a_failure_between_two_turns_parts_them(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
    talk.turn(("Read", {"file_path": "/home/a/alpha.py"}, "no such file"), failed=(0,))
    talk.read("/home/a/bravo.py")

    kind = mergeable(facts_of(tmp_path, talk).batches)["read"]

    assert rows(kind.upper) == []


@pytest.mark.parametrize(("second", "upper"), [("alpha.py", []), ("bravo.py", [2])])
def test_only_edits_of_different_files_could_have_ridden(
    tmp_path: Path, second: str, upper: list[int]
) -> None:
    def edit(name: str) -> tuple[str, dict[str, Any], str]:
        given = {"file_path": f"/home/a/{name}", "old_string": "x", "new_string": "y"}
        return "Edit", given, "changed"

    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
    talk.turn(edit("alpha.py")).turn(edit(second))

    kind = mergeable(facts_of(tmp_path, talk).batches)["edit"]

    assert rows(kind.upper) == upper


def test_a_todo_list_alone_is_in_both_bounds(tmp_path: Path) -> None:
    todo = ("TodoWrite", {"todos": [{"content": "a", "status": "pending"}]}, "ok")
    talk = Talk().read("/home/a/alpha.py").turn(todo)

    kind = mergeable(facts_of(tmp_path, talk).batches)["todo"]

    assert (rows(kind.lower), rows(kind.upper)) == ([1], [1])


def test_shell_commands_are_in_no_total(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "a"))
    talk.turn(("Bash", {"command": "pwd"}, "b"))

    found = review_of(tmp_path, talk).merging

    assert found["shell"].turns[1].value == 1
    assert found["all"].turns[1].value == 0


def test_three_in_a_row_save_two_turns_with_their_latency(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "alpha.py bravo.py charlie.py"))
    for name in ("alpha", "bravo", "charlie"):
        talk.read(f"/home/a/{name}.py")

    bounds = review_of(tmp_path, talk).merging["read"]

    assert bounds.turns[0].value == 2
    assert bounds.latency[0].value == pytest.approx(6.0)
    assert bounds.tokens[0].value == 40_000


def test_removed_texts_leave_the_lower_bound_empty(tmp_path: Path) -> None:
    talk = Talk().turn(("Bash", {"command": "ls"}, "[text:20]"))
    talk.read("/home/a/alpha.py", "[text:9]").read("/home/a/bravo.py", "[text:9]")

    bounds = review_of(tmp_path, talk).merging["read"]

    assert bounds.turns[0].value == 0
    assert bounds.turns[1].value == 1
    assert bounds.unclear == 1


READS = ("fileOperations",)


def independent(
    batch: Batch, before: Batch | None, files: dict[str, set[str]]
) -> tuple[bool, bool]:
    """Both bounds of one batch, written from the definitions alone."""
    if before is None or batch.prompted or before.failed or before.cancelled:
        return False, False
    last, now = before.operation_type, batch.operation_type
    if now == "todoWrite":
        alone = last not in ("taskSpawning", "question", "planning")
        return alone, alone
    if now != "fileOperations" or last != "fileOperations":
        return False, False
    informed = batch.known_before is not None
    calls = batch.calls if batch.calls is not None else batch.size
    if batch.read_share == 1 and before.read_share == 1:
        needed = informed and bool(batch.needs_previous)
        sure = (
            informed and not batch.mentioned_by_previous and batch.known_before == calls
        )
        return sure, not needed
    if batch.read_share == 0 and before.read_share == 0:
        mine = files.get(batch.record_id, set())
        other = bool(mine) and not mine & files.get(before.record_id, set())
        return other and informed and batch.known_before == calls, other
    return False, False


@needs_history
@pytest.mark.slow
def test_200_pairs_of_real_turns_equal_an_independent_classification(
    tmp_path: Path,
) -> None:
    pack = HISTORY / "flow" / "claude-code" / "context-evaluator"
    with RecordStore(tmp_path) as store:
        run_import(open_source("claude-code"), [pack], store)
    dataset = read_store(tmp_path)
    batches = {r.record_id: r for r in dataset.scan("batch") if isinstance(r, Batch)}
    files: dict[str, set[str]] = {}
    for event in dataset.scan("coordination"):
        if isinstance(event, CoordinationEvent) and event.batch_id and event.memory_key:
            files.setdefault(event.batch_id, set()).add(event.memory_key)
    facts = read_facts(dataset).batches
    kinds = mergeable(facts)
    lower = np.logical_or.reduce([kinds[k].lower for k in ("read", "edit", "todo")])
    upper = np.logical_or.reduce([kinds[k].upper for k in ("read", "edit", "todo")])
    with_one_before = [
        place for place, each in enumerate(facts["previous"]) if each in batches
    ]
    drawn = random.Random(7).sample(with_one_before, 200)

    ours = {place: (bool(lower[place]), bool(upper[place])) for place in drawn}

    assert ours == {
        place: independent(
            batches[facts["record_id"][place]],
            batches.get(facts["previous"][place]),
            files,
        )
        for place in drawn
    }
    assert 20 < sum(both[1] for both in ours.values()) < 180
