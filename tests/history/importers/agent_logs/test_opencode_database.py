"""A database of OpenCode is divided by its sessions, and gives what it gives whole."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.history.importers.agent_logs.test_clients import START_MS, OpenCode
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.history.importers.agent_logs.opencode_database import (
    EVERY,
    SessionIds,
    database_sessions,
    divide_sessions,
)


def database(folder: Path, *messages: int) -> Path:
    """Write a database with sessions of some messages each, all with one call."""
    log = OpenCode()
    log.database(folder).close()
    path = folder / "opencode.db"
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.executescript(
            "DELETE FROM session; DELETE FROM message; DELETE FROM part"
        )
        for session, count in enumerate(messages):
            opened.execute(
                "INSERT INTO session VALUES (?, NULL, '/home/a', '1')",
                (f"ses_{session}",),
            )
            for number in range(count):
                name = f"{session}_{number}"
                created = START_MS + 100_000 * number + session
                message = {**log.message, "time": {"created": created}}
                part = {**log.part, "callID": f"call_{name}"}
                opened.execute(
                    "INSERT INTO message VALUES (?, ?, ?, ?)",
                    (name, f"ses_{session}", number, json.dumps(message)),
                )
                opened.execute(
                    "INSERT INTO part VALUES (?, ?, ?)", (name, name, json.dumps(part))
                )
    return path


def ids_in(path: Path, ids: SessionIds) -> list[str]:
    return [session["id"] for session, _ in database_sessions(path, ids)]


def imported(root: Path, paths: Sequence[Path], workers: int) -> ImportReport:
    root.mkdir()
    (root / "key").write_bytes(b"k" * 32)
    with RecordStore(root) as store:
        return run_import(open_source("opencode"), paths, store, workers=workers)


@pytest.mark.parametrize("parts", [1, 2, 3, 100])
def test_every_session_is_in_one_part_in_order(tmp_path: Path, parts: int) -> None:
    path = database(tmp_path, 3, 0, 9, 1, 1, 4)
    divided = divide_sessions(path, parts)
    read = [name for ids in divided for name in ids_in(path, ids)]

    assert read == ids_in(path, EVERY) == [f"ses_{n}" for n in range(6)]
    assert len(divided) <= parts


def test_parts_have_about_as_many_messages(tmp_path: Path) -> None:
    path = database(tmp_path, *[2] * 12)

    assert [len(ids_in(path, ids)) for ids in divide_sessions(path, 4)] == [3] * 4


def test_what_is_no_database_is_one_part(tmp_path: Path) -> None:
    text, damaged = tmp_path / "opencode.db", tmp_path / "opencode-2.db"
    text.write_text("no database")
    damaged.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)

    assert divide_sessions(text, 5) == divide_sessions(damaged, 5) == [EVERY]
    assert divide_sessions(tmp_path / "none.db", 5) == [EVERY]


def test_several_processes_make_the_same_store_of_one_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.history.importers.workers.WORTH_BYTES", 4096)
    path = database(tmp_path, 3, 0, 9, 1, 1, 4)
    damaged = tmp_path / "opencode-2.db"
    damaged.write_bytes(b"SQLite format 3\0" + b"\xff" * 50_000)
    reports = [imported(tmp_path / f"{n}", [path, damaged], n) for n in (1, 2, 3)]
    spools = [(tmp_path / f"{n}/spool/live.jsonl").read_bytes() for n in (1, 2, 3)]

    assert reports[0] == reports[1] == reports[2]
    assert spools[0] == spools[1] == spools[2]
    assert (reports[0].batches, reports[0].sessions) == (18, 6)
    assert (reports[0].files, reports[0].refused_files) == (2, 1)


def test_a_database_whose_message_table_is_damaged_is_refused_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.history.importers.workers.WORTH_BYTES", 4096)
    path = database(tmp_path, 3, 2, 4)
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("ALTER TABLE part RENAME TO parts")
    reports = [imported(tmp_path / f"{n}", [path], n) for n in (1, 2)]

    assert [(r.files, r.refused_files, r.batches) for r in reports] == [(1, 1, 0)] * 2
