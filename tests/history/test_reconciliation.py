import itertools
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hook_sessions import Told, session
from tests.thorough import sampled
from toolkit.errors import InputDataError
from toolkit.history import RecordStore, reconcile
from toolkit.history.importers import open_source, run_import
from toolkit.records import Batch, Spool

TOOLS = st.sampled_from(["Read", "Edit", "Bash", "Grep", "TodoWrite", "mcp__x__y"])
ENDINGS = st.sampled_from(["ok", "failed", "cancelled", "rejected"])
SESSIONS = st.lists(
    st.lists(st.tuples(TOOLS, ENDINGS), min_size=1, max_size=4), min_size=1, max_size=4
)


def written(told: Told, folder: Path) -> tuple[Path, Path]:
    transcript = folder / "projects" / "s.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(told.transcript())
    Spool(folder / "store" / "hooks").append_all(told.rows())
    return folder / "store", transcript


@given(SESSIONS)
@settings(
    max_examples=sampled(20, whole=60),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_hooks_and_transcript_tell_the_same_batches(
    tmp_path_factory: pytest.TempPathFactory, told: list[list[tuple[str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("r")
    store, transcript = written(session(told), folder)
    found = reconcile(store / "hooks", [transcript], key=b"k")

    assert (found.both, found.agree) == (len(told), len(told))
    assert (found.hooks_only, found.transcript_only) == (0, 0)


def test_a_disagreement_is_counted_by_field(tmp_path: Path) -> None:
    told = session([[("Read", "ok"), ("Read", "ok")]])
    other = session([[("Read", "ok"), ("Read", "failed")]])
    store, _ = written(told, tmp_path)
    transcript = tmp_path / "other.jsonl"
    transcript.write_text(other.transcript())
    found = reconcile(store / "hooks", [transcript], key=b"k")

    assert (found.both, found.agree) == (1, 0)
    assert found.disagreements == {"succeeded": 1, "failed": 1}


def test_a_pipe_among_the_transcripts_is_waited_for_by_none(tmp_path: Path) -> None:
    store, transcript = written(session([[("Read", "ok")]]), tmp_path)
    pipe = transcript.with_name("pipe.jsonl")
    os.mkfifo(pipe)

    assert reconcile(store / "hooks", [transcript.parent], key=b"k").both == 1
    with pytest.raises(InputDataError, match="not a regular file"):
        reconcile(store / "hooks", [pipe], key=b"k")


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["hooks", "claude-code"]))
)
def test_a_session_told_twice_is_one_record_whatever_comes_first(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    told = session([[("Read", "ok")] * 3, [("Edit", "failed")], [("Bash", "ok")]])
    store_path, transcript = written(told, tmp_path)
    paths = {"hooks": store_path / "hooks", "claude-code": transcript}
    with RecordStore(store_path) as store:
        for name in order:
            run_import(open_source(name), [paths[name]], store)
        store.compact()
        kept = [r for r in store.dataset.scan("batch") if isinstance(r, Batch)]

    assert [(b.size, b.source) for b in kept] == [
        (3, "claude-code-hooks"),
        (1, "claude-code-hooks"),
        (1, "claude-code-hooks"),
    ]
