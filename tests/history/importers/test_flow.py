"""Data flow between batches: what a call could have known before the results it follows."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.shared import HISTORY, needs_history
from tests.thorough import sampled
from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import
from toolkit.history.importers.deferred_flow import DeferredFlow
from toolkit.history.importers.flow import CallFlow
from toolkit.history.importers.texts import texts_of
from toolkit.records import Batch

FLOW = HISTORY / "flow" / "claude-code"


class Asking:
    """A call that asks for its flow."""

    flow: CallFlow | None = None


def after(
    *, context: str, result: str | list[dict[str, str]], arguments: object
) -> CallFlow | None:
    found = []
    for ends in (True, False):  # with the words of the calls alone, and with all words
        flow, asking = DeferredFlow(), Asking()
        flow.write(context)
        flow.begin_batch()
        flow.call(Asking(), {"command": "ls"}, ["ls"])
        flow.result(result)
        flow.begin_batch()
        flow.call(asking, arguments, texts_of(arguments))
        flow.follow(ends=ends)
        found.append(asking.flow)
    assert found[0] == found[1]
    return found[0]


def test_an_identifier_that_only_the_results_showed_is_needed() -> None:
    flow = after(context="", result="lib/lexer.py", arguments={"path": "lib/lexer.py"})

    assert flow == CallFlow(
        needs_previous=True, mentioned_by_previous=True, known_before=False
    )


def test_an_identifier_that_was_known_is_mentioned_and_not_needed() -> None:
    flow = after(
        context="mend lexer", result="lexer.py", arguments={"path": "lexer.py"}
    )

    assert flow == CallFlow(
        needs_previous=False, mentioned_by_previous=True, known_before=True
    )


def test_a_call_about_something_else_is_free_of_the_results() -> None:
    flow = after(context="", result="lexer.py", arguments={"pattern": "TokenKind"})

    assert flow == CallFlow(
        needs_previous=False, mentioned_by_previous=False, known_before=False
    )


@pytest.mark.parametrize(("line", "needs"), [(1390, True), (1560, False)])
def test_a_line_near_one_that_was_shown_is_needed(line: int, needs: bool) -> None:
    flow = after(
        context="lexer",
        result="1410→def advance",
        arguments={"file_path": "lexer.py", "offset": line},
    )

    assert flow is not None
    assert flow.needs_previous is needs


@pytest.mark.parametrize("result", ["[text:300]", "", "ok", [{"type": "image"}]])
def test_nothing_is_known_where_the_results_hold_no_identifier(
    result: str | list[dict[str, str]],
) -> None:
    assert after(context="", result=result, arguments={"path": "a_file"}) is None


def test_calls_of_one_batch_do_not_inform_each_other() -> None:
    flow, last = DeferredFlow(), Asking()
    flow.begin_batch()
    flow.call(Asking(), {"path": "one_file"}, ["one_file"])
    flow.result("done_marker")
    flow.begin_batch()
    for asking in (Asking(), last):
        flow.call(asking, {"path": "other_file"}, ["other_file"])
    flow.follow(ends=True)

    found = last.flow

    assert found is not None
    assert not found.known_before


class Counts(NamedTuple):
    """What the data sheet counts in a pack."""

    known: int
    needing: int
    single: int
    single_free: int
    reads: int
    reads_free: int


SHEET = {
    "context-evaluator": Counts(2_768, 226, 1_999, 1_866, 394, 294),
    "entireio-cli": Counts(11_628, 1_073, 9_374, 8_705, 2_329, 1_944),
}


def counted(batches: dict[str, Batch]) -> Counts:
    known = [b for b in batches.values() if b.needs_previous is not None]
    single = [b for b in known if b.calls == 1]
    reads = [
        b
        for b in known
        if b.previous_id is not None
        and b.read_share == batches[b.previous_id].read_share == 1
    ]
    return Counts(
        known=sum(b.calls or 0 for b in known),
        needing=sum(b.needs_previous or 0 for b in known),
        single=len(single),
        single_free=sum(not b.needs_previous for b in single),
        reads=len(reads),
        reads_free=sum(not b.needs_previous for b in reads),
    )


@needs_history
@pytest.mark.slow
@pytest.mark.parametrize("pack", sorted(SHEET)[: sampled(1, whole=2)])
def test_the_flow_of_a_pack_is_that_of_its_data_sheet(
    tmp_path: Path, pack: str
) -> None:
    with RecordStore(tmp_path) as store:
        run_import(open_source("claude-code"), [FLOW / pack], store)
        store.compact()
        batches = {
            record.record_id: record
            for record in store.dataset.scan("batch")
            if isinstance(record, Batch)
        }

    assert counted(batches) == pytest.approx(SHEET[pack], rel=0.01)
