"""`History`: loading, keeping and reading in one object."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.history.importers.claude_code.transcripts import write
from tests.review.reviewed import Talk
from toolkit.errors import InputDataError, UsageError
from toolkit.history import Addition, History, read
from toolkit.records import Batch, Provenance, Workflow

AT = datetime(2026, 1, 5, tzinfo=UTC)
BATCH = Batch(
    record_id="a",
    at=AT,
    source="mine",
    provenance=Provenance.MEASURED,
    operation_type="fileOperations",
    size=4,
    succeeded=4,
)
TASK = Workflow(
    record_id="w", at=AT, source="mine", provenance=Provenance.MEASURED, agents=3
)


def _logs(folder: Path) -> Path:
    """A home of Claude Code with one session of two turns."""
    session = Talk().read("/home/a/alpha.py").read("/home/a/bravo.py").session
    write(folder / ".claude" / "projects" / "-home-a" / "s1.jsonl", session.lines)
    return folder / ".claude" / "projects"


def test_a_folder_of_logs_is_loaded_once(tmp_path: Path) -> None:
    logs, history = _logs(tmp_path), History(tmp_path / "store")

    first = history.load("claude-code", logs)
    again = history.load("claude-code", str(logs))

    assert (first.batches, first.added) == (2, len(history.turns()) + 2 + 2)
    assert (again.added, again.unchanged_files) == (0, 1)


def test_without_a_path_the_logs_are_found_where_the_agent_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _logs(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    history = History("~/store")

    history.load("claude-code")

    assert history.folder == tmp_path / "store"
    assert len(history.batches()) == 2


def test_no_logs_where_the_agent_keeps_them_names_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(InputDataError, match=r'history.load\("codex", PATH\)'):
        History(tmp_path / "store").load("codex")


def test_each_kind_of_record_is_read_in_order_of_time(tmp_path: Path) -> None:
    history = History(tmp_path)
    later = replace(BATCH, record_id="b", at=AT + timedelta(hours=1), size=2)

    done = history.extend([later, BATCH, TASK])

    assert done == [Addition.ADDED] * 3
    assert history.batches()["size"].tolist() == [4, 2]
    assert str(history.batches()["at"].dt.tz) == "UTC"
    assert history.workflows()["agents"].tolist() == [3]
    assert history.turns().empty
    assert "memory_key" in history.calls().columns


def test_a_record_kept_twice_is_a_duplicate(tmp_path: Path) -> None:
    history = History(tmp_path)

    assert history.append(BATCH) is Addition.ADDED
    assert history.append(BATCH) is Addition.DUPLICATE


def test_a_kind_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path) -> None:
    History(tmp_path).append(BATCH)

    with pytest.raises(UsageError, match="Did you mean `batch`"):
        read(tmp_path, "batches")


def test_a_store_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no such store"):
        History(tmp_path / "mistyped").batches()

    assert not (tmp_path / "mistyped").exists()
