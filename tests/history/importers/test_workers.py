import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.history.importers.claude_code.transcripts import Session, write
from toolkit.history import RecordStore
from toolkit.history.importers import (
    ImportReport,
    ImportSink,
    Source,
    SourceFile,
    open_source,
    run_import,
)


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.history.importers.workers.WORTH_BYTES", 1)


def logs(folder: Path, sessions: int = 7) -> Path:
    for number in range(sessions):
        made = Session(f"s{number % 5}")
        for call in range(1 + 40 * (number % 3)):
            made.call(5 * call, f"c{number % 5}{call}", message=f"m{call}")
            made.result(5 * call + 1, f"c{number % 5}{call}")
        write(folder / f"{number}" / f"s{number}.jsonl", made.lines)
    (folder / "torn.jsonl").write_bytes(b'{"type":\n')
    (folder / "empty.jsonl").touch()
    return folder


def imported(root: Path, source: Source, paths: Sequence[Path], n: int) -> ImportReport:
    root.mkdir()
    (root / "key").write_bytes(b"k" * 32)
    with RecordStore(root) as store:
        return run_import(source, paths, store, workers=n)


def test_several_processes_make_the_same_store(tmp_path: Path) -> None:
    folder, source = logs(tmp_path / "logs"), open_source("claude-code")
    reports = [
        imported(tmp_path / f"{n}", source, [folder / "3", folder], n)
        for n in (1, 2, 3)
    ]
    stores = [
        [
            (tmp_path / f"{n}" / place / "live.jsonl").read_bytes()
            for place in ("spool", "rejected")
        ]
        for n in (1, 2, 3)
    ]

    assert reports[0] == reports[1] == reports[2]
    assert stores[0] == stores[1] == stores[2]
    assert (reports[0].batches, reports[0].refused_files) == (245, 2)


def test_a_process_may_run_ahead_a_little_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.history.importers.workers.HELD_BYTES", 1)
    monkeypatch.setattr("toolkit.history.importers.workers.PIPE_BYTES", 4096)
    folder, source = logs(tmp_path / "logs"), open_source("claude-code")

    assert imported(tmp_path / "2", source, [folder], 2) == imported(
        tmp_path / "1", source, [folder], 1
    )


class Failing:
    """A source whose first file ends the process that reads it, or fails."""

    name = "claude-code"

    def __init__(self, how: str) -> None:
        self._how = how

    def files(self, paths: Sequence[Path]) -> Iterator[SourceFile]:
        for part, path in enumerate(paths):
            yield SourceFile(path, part)

    def read(self, path: Path, sink: ImportSink) -> None:
        if self._how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ZeroDivisionError(path.name)


@pytest.mark.parametrize(
    ("how", "error"), [("killed", ChildProcessError), ("fails", RuntimeError)]
)
def test_a_process_that_ends_early_is_not_taken_for_done(
    tmp_path: Path, how: str, error: type[Exception]
) -> None:
    folder = logs(tmp_path / "logs")
    files = [folder / "0" / "s0.jsonl", folder / "1" / "s1.jsonl"]

    with pytest.raises(error):
        imported(tmp_path / "store", Failing(how), files, 2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
